"""Fair between visitors: nobody starves, and nobody takes more than their share."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from state.control import Control, QueueFull, Row
from state.fair import order
from state.home import PUBLIC, Limits
from tests.toys import Toy, store, wait

owners = some.lists(some.sampled_from(["", "ann", "ben", "cat"]), max_size=12)


def rows(names: list[str], state: str) -> list[Row]:
    return [
        Row(f"{state}{place}", "Toy", "{}", 5, state=state, queued=place, owner=who) for place, who in enumerate(names)
    ]


@given(owners, owners)
def test_everybody_who_waits_is_in_the_first_round(waiting: list[str], training: list[str]) -> None:
    found = order(rows(waiting, "queued"), rows(training, "running"))
    assert Counter(row.key for row in found) == Counter(row.key for row in rows(waiting, "queued"))
    idle = set(waiting) - set(training)
    assert {row.owner for row in found[: len(idle)]} == idle
    for who in set(waiting):  # one's own runs keep their order
        own = [row.queued for row in found if row.owner == who]
        assert own == sorted(own)


@given(owners)
def test_alone_it_is_first_come_first_served(waiting: list[str]) -> None:
    alone = rows(["ann" for _who in waiting], "queued")
    assert order(alone, []) == alone


def test_one_run_does_not_wait_behind_thirty_of_another() -> None:
    found = order(rows(["ann"] * 30 + ["ben"], "queued"), rows(["ann"], "running"))
    assert found[0].owner == "ben"


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
