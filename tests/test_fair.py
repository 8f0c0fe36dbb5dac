"""Fair between visitors: nobody starves, and nobody takes more than their share."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from state import reasons
from state.control import Control, DiskFull, QueueFull, TooLong
from state.disk import sweep
from state.fair import TURN_S, Line, makes_way, order, place
from state.home import PUBLIC, Limits, run_directory
from state.progress import Progress
from state.row import Row
from tests.toys import Expected, Toy, store, wait
from tests.waiting import until

NOW = 1e9
owners = some.lists(some.sampled_from(["", "ann", "ben", "cat"]), max_size=12)


def rows(names: list[str], state: str) -> list[Row]:
    return [
        Row(f"{state}{place}", "Toy", "{}", 5, state=state, queued=place, watched=NOW, owner=who)
        for place, who in enumerate(names)
    ]


@given(owners, owners)
def test_everybody_who_waits_is_in_the_first_round(waiting: list[str], training: list[str]) -> None:
    found = order(rows(waiting, "queued"), rows(training, "running"), {}, NOW)
    assert Counter(row.key for row in found) == Counter(row.key for row in rows(waiting, "queued"))
    idle = set(waiting) - set(training)
    assert {row.owner for row in found[: len(idle)]} == idle
    for who in set(waiting):  # one's own runs keep their order
        own = [row.queued for row in found if row.owner == who]
        assert own == sorted(own)


@given(owners)
def test_alone_it_is_first_come_first_served(waiting: list[str]) -> None:
    alone = rows(["ann" for _who in waiting], "queued")
    assert order(alone, [], {}, NOW) == alone


@pytest.mark.parametrize(("slots", "rivals"), [(1, 1), (1, 5), (2, 2), (2, 5), (4, 4), (4, 1)])
def test_a_newcomer_waits_at_most_one_turn_of_each_rival(slots: int, rivals: int) -> None:
    """The whole queue, played through: everybody else has asked for thirty runs before, and each ends in its turn."""
    queued = rows([f"rival {number % rivals}" for number in range(30 * rivals)], "queued")
    turns: dict[str, float] = {}
    training: list[Row] = []
    begun: list[str] = []
    clock = 1.0
    while "ben" not in begun:
        if len(training) == slots:
            training.pop(0)
            if all(row.owner != "ben" for row in queued):
                queued.append(Row("b" * 26, "Toy", "{}", 5, queued=clock, watched=NOW, owner="ben"))
                before = len(begun)
        row = order(queued, training, turns, NOW)[0]
        queued.remove(row)
        training.append(row)
        turns[row.owner] = clock = clock + 1
        begun.append(row.owner)
    assert len(begun) - 1 - before <= max(0, rivals - slots)


@given(owners, owners.filter(len), some.integers(0, 11))
def test_a_place_told_is_the_turn_that_comes(waiting: list[str], training: list[str], chosen: int) -> None:
    queued, active = rows(waiting, "queued"), rows(training, "running")
    moved = {row.key: Progress(step=number % 5, rate=1.0) for number, row in enumerate(active)}
    row = queued[chosen] if chosen < len(queued) else Row("x", "Toy", "{}", 5)
    number, wait_s = place(row.key, queued, active, moved, len(active), {}, NOW)
    if row not in queued:
        assert number is None
        return
    line, left = Line(queued, active, {}, NOW), {one.key: (5 - moved[one.key].step, one.owner) for one in active}
    for turn in range(1, len(queued) + 1):  # second by second, as the supervisor would see it
        ended = min(left, key=lambda key: left[key])
        at, owner = left.pop(ended)
        line.over(owner)
        taken = line.next()
        left[taken.key] = (at + 5, taken.owner)
        if taken is row:
            assert (number, wait_s) == (turn, at)
            return


def test_runs_that_nobody_watches_come_last() -> None:
    idle = Row("a" * 26, "Toy", "{}", 5, queued=1, watched=NOW - 1e4, owner="ann")
    seen = Row("b" * 26, "Toy", "{}", 5, queued=9, watched=NOW, owner="ann")
    assert order([idle, seen], [], {}, NOW) == [seen, idle]


def test_only_a_run_that_nobody_watches_makes_way_and_only_for_one_that_somebody_does() -> None:
    seen = Row("b" * 26, "Toy", "{}", 5, watched=NOW)
    old = {"state": "running", "started": NOW - 2 * TURN_S}
    idle, watched = Row("a" * 26, "Toy", "{}", 5, **old), Row("c" * 26, "Toy", "{}", 5, watched=NOW, **old)
    begun = replace(idle, started=NOW - 1)
    assert makes_way(seen, [watched, idle], NOW) == idle
    assert makes_way(replace(seen, watched=0.0), [idle], NOW) is None
    assert makes_way(seen, [watched, begun], NOW) is None
    assert makes_way(seen, [idle, replace(watched, desired="yield")], NOW) is None  # somebody does already


def test_a_run_that_makes_way_goes_on_from_there_and_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    with store(tmp_path, slots=1) as runs:
        first = runs.open(Toy(steps=3000, pace_us=1000), owner="ann")
        until(lambda: first.status().step > 50)
        runs._control.move(first.key, ("running",), lambda row: replace(row, watched=0.0, started=0.0))
        second = runs.open(Toy(steps=20, seed=1), owner="ben")
        wait(second)
        assert first.status().step < 3000 and not first.status().ended
        assert wait(first).state == "finished"
        assert reasons.YIELDED in [note.text for note in first.notes()]
        Expected.of(first.experiment).check(first)


def test_what_a_visitor_asks_for_within_a_day_is_bounded_and_deleting_buys_nothing_back(tmp_path: Path) -> None:
    limits = Limits(steps_each=12)
    with closing(Control(tmp_path)) as control:
        control.admit(Row("a" * 26, "Toy", "{}", 10, owner="ann"), limits)
        control.move("a" * 26, ("queued",), lambda row: replace(row, state="stopped"))
        assert control.forget("a" * 26, ("stopped",), lambda: None)
        with pytest.raises(TooLong, match="15 within a day"):
            control.admit(Row("b" * 26, "Toy", "{}", 5, owner="ann"), limits)
        control.admit(Row("c" * 26, "Toy", "{}", 2, owner="ann"), limits)
        control.admit(Row("d" * 26, "Toy", "{}", 10, owner="ben"), limits)
        control.admit(Row("e" * 26, "Toy", "{}", 90), limits)  # the operator's own


def test_a_visitor_beyond_their_share_of_the_disk_loses_their_own_oldest_run(tmp_path: Path) -> None:
    limits = Limits(disk_each=2500)
    with closing(Control(tmp_path)) as control:
        for number, owner in enumerate(["ben", "ann", "ann", "ann"]):
            key = "abcd"[number] * 26
            control.admit(Row(key, "Toy", "{}", 5, owner=owner), limits)
            control.move(key, ("queued",), lambda row: replace(row, state="finished", ended=row.queued, bytes=1000))
            run_directory(tmp_path, key).mkdir(parents=True)
            (run_directory(tmp_path, key) / "run.db").write_bytes(bytes(1000))
        sweep(tmp_path, control, limits)
        assert {row.key[0] for row in control.rows()} == set("acd")
        for key in ("c" * 26, "d" * 26):
            control.move(key, ("finished",), lambda row: replace(row, pinned=1, bytes=2000))
        with pytest.raises(DiskFull, match="pinned runs take"):
            control.admit(Row("e" * 26, "Toy", "{}", 5, owner="ann"), limits)


def test_a_quota_holds_when_many_ask_at_once(tmp_path: Path) -> None:
    limits = Limits(max_each=3)

    def ask(place: int) -> bool:
        try:
            control.admit(Row(f"{place:026d}", "Toy", "{}", 5, owner=f"visitor {place % 2}"), limits)
        except QueueFull:
            return False
        return True

    with closing(Control(tmp_path)) as control, ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(40))) == 6
        assert Counter(row.owner for row in control.rows("queued")) == {"visitor 0": 3, "visitor 1": 3}
        control.admit(Row("z" * 26, "Toy", "{}", 5), limits)  # the operator's own count against nobody


def test_who_asks_for_a_known_run_watches_it(tmp_path: Path) -> None:
    with store(tmp_path, max_each=1) as runs:
        run = runs.open(Toy(steps=5), owner="ann")
        assert runs.open(Toy(steps=5), owner="ben").key == run.key
        wait(run)
        assert runs.find(run.key).row.owner == "ann"  # type: ignore[union-attr]
        assert wait(runs.open(Toy(steps=6), owner="ben")).state == "finished"


def test_strangers_get_smaller_bounds_than_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Limits.read({}) == Limits()
    public = Limits.read({"TORCHLIGHT_PUBLIC": "1", "TORCHLIGHT_MAX_EACH": "9"})
    assert public.max_each == 9 and public.max_steps == PUBLIC["max_steps"] < Limits().max_steps
