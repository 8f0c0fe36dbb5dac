"""Laws of the store: one experiment is one run, what is read is what was told, and no pause, stop or fork shows."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
import time
import timeit
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.experiment import Note, Scalars, Snapshot
from state import reasons, runs
from state.__main__ import main
from state.attempt import Attempt
from state.checkpoint import MOST_BYTES, kept
from state.columns import joined, thin
from state.control import Control
from state.history import Cursor, History
from state.home import Limits, run_directory
from state.record import Record
from state.recorder import EARLY, measured, regular
from state.row import LAYOUTS, Row
from state.runs import NewerStore, QueueFull, Runs, TooLong
from tests.toys import Expected, Toy, store, wait
from tests.waiting import until


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """One home for the tests of this file; each takes seeds of its own."""
    with store(tmp_path_factory.mktemp("home"), slots=2) as opened:
        yield opened


@st.composite
def streams(draw: st.DrawFn) -> list[Scalars | Snapshot | Note]:
    """Any stream of events that a training may yield: blocks of rows, in order, with anything a float can be."""
    events: list[Scalars | Snapshot | Note] = []
    step = 0
    for _ in range(draw(st.integers(1, 12))):
        first, step = step + 1, step + draw(st.integers(1, 40))
        names = draw(st.sampled_from([("loss",), ("loss", "norm"), ("accuracy",)]))
        values = arrays(np.float64, step - first + 1, elements=st.floats(width=64), fill=st.nothing())
        events.append(Scalars(step, first, {name: draw(values) for name in names}))
        if draw(st.booleans()):
            shape = draw(st.sampled_from([(0,), (3,), (2, 2)]))
            kind = draw(st.sampled_from([np.float32, np.uint8, np.int64]))
            events.append(Snapshot(step, {"picture": np.full(shape, step % 200, kind)}))
        if draw(st.booleans()):
            events.append(Note(step, "phase", "Phase {number}.", {"number": draw(st.integers(0, 3))}))
    return events


def add(record: Record, event: Scalars | Snapshot | Note) -> None:
    match event:
        case Scalars():
            record.add(event)
        case Snapshot():
            record.add_snapshot(event)
        case Note():
            record.add_note(event)


@settings(max_examples=40, deadline=None)
@given(streams(), st.sets(st.integers(0, 30)), st.integers(0, 30))
def test_what_is_read_is_what_was_told(events: list, commits: set[int], again: int) -> None:
    """However the commits fall, whoever reads along, and though a resume tells part of the stream twice."""
    with TemporaryDirectory() as place:
        record, history = Record(Path(place)), History(Path(place))
        cursor, heard = Cursor(), []
        for number, event in enumerate(events):
            add(record, event)
            if number in commits:
                record.commit()
                delta = history.since(cursor)
                cursor, heard = delta.cursor, heard + delta.scalars
        record.commit()
        record.close()
        record = Record(Path(place))
        for event in events[again:]:
            add(record, event)
        record.finish()
        heard += history.since(cursor).scalars
        assert record.differing == 0
        record.close()
        told = [event for event in events if isinstance(event, Scalars)]
        for name, column in history.columns().items():
            for source in (told, heard):
                np.testing.assert_array_equal(column, joined(source)[name])
        shown = {event.step: event for event in events if isinstance(event, Snapshot)}
        assert history.moments().tolist() == sorted(shown)
        for step, snapshot in shown.items():
            np.testing.assert_array_equal(history.snapshot(step).arrays["picture"], snapshot.arrays["picture"])
        assert history.notes() == [event for event in events if isinstance(event, Note)]
        assert not history.damage()


@given(st.lists(st.integers(0, 100_000), min_size=1, unique=True))
def test_thinning_keeps_the_ends_and_leaves_no_wide_gap(steps: list[int]) -> None:
    steps, keep = sorted({0, *steps}), set()
    for step in steps:  # as a run does: each new checkpoint, then thinning
        keep = kept({*keep, step})
    assert {0, *steps[-2:]} <= keep
    for low, high in pairwise(sorted(keep)):
        assert not [step for step in steps if low < step < high and step >= max(1.2 * low, low + 1)]


@given(st.lists(st.integers(0, 100_000), min_size=1, unique=True), st.integers(100_000, 12_000_000))
def test_checkpoints_of_a_large_model_stay_within_their_bound(steps: list[int], each_bytes: int) -> None:
    steps, keep = sorted({0, *steps}), set()
    for step in steps:
        keep = kept({*keep, step}, each_bytes)
        assert len(keep) * each_bytes <= MOST_BYTES and {0, step} <= keep
    assert {0, *steps[-2:]} <= keep


ANYTHING = st.one_of(st.floats(width=64), st.sampled_from([np.nan, np.inf, -np.inf]))


@given(arrays(np.float64, st.integers(1, 500), elements=ANYTHING, fill=ANYTHING), st.integers(4, 60))
def test_no_spike_is_lost_in_drawing(values: np.ndarray, most: int) -> None:
    steps, drawn = thin(np.arange(len(values)), values, most)
    assert len(steps) <= most
    assert steps[0] == 0 and steps[-1] == len(values) - 1
    assert (np.diff(steps) > 0).all()
    np.testing.assert_array_equal(values[steps], drawn)
    if not np.isnan(values).all():
        assert np.nanmin(drawn) == np.nanmin(values)
        assert np.nanmax(drawn) == np.nanmax(values)


@given(arrays(np.float64, st.integers(61, 500), elements=ANYTHING, fill=ANYTHING), st.integers(4, 60))
def test_drawing_says_of_each_stretch_what_it_says_of_all(values: np.ndarray, most: int) -> None:
    """Bucket by bucket against the definition: the extremes, infinite ones too, and a hole where nothing else is."""
    steps, _ = thin(np.arange(len(values)), values, most)
    length = -(-len(values) // (max(most - 2, 2) // 2))
    expected = {0, len(values) - 1}
    for low in range(0, len(values), length):
        bucket = range(low, min(low + length, len(values)))
        said = [at for at in bucket if not np.isnan(values[at])] or [low]
        expected |= {min(said, key=values.__getitem__), max(said, key=values.__getitem__)}
    assert set(steps.tolist()) == expected


def test_thinning_takes_no_loop_over_its_points() -> None:
    values = np.random.default_rng(0).normal(size=100_000)
    took = timeit.repeat(lambda: thin(np.arange(len(values)), values, 4000), number=1, repeat=5)
    assert min(took) < 0.02  # bucket by bucket it took 0.08 s


def test_few_columns_are_read_without_the_others(tmp_path: Path) -> None:
    record, history = Record(tmp_path), History(tmp_path)
    for step in range(1, 50):
        record.add(Scalars(step, step, {"loss": np.ones(1), "norm": np.ones(1)}))
        record.add(Scalars(step, step, {f"layer {number}": np.ones(1) for number in range(20)}))
        record.commit()
    record.close()
    wanted = ("loss", "layer 3", "unknown")
    every, few = history.columns(), history.columns(iter(wanted))
    assert few.keys() == {"loss", "layer 3"}
    for name, column in few.items():
        np.testing.assert_array_equal(column, every[name])
    assert len(list(history.scalars(["loss"]))) == 49
    assert list(history.scalars([])) == []


def test_a_seventh_more_training_is_measured_once() -> None:
    steps = [step for step in range(5001) if measured(step, 5000)]
    assert steps[0] == 0
    assert steps[-1] == 5000
    assert all(regular(step) for step in steps[:-1])
    assert all(high <= max((1.5 if low < EARLY else 1.22) * low, low + 3) for low, high in pairwise(steps[1:]))


def test_equal_experiments_are_one_training(opened: Runs) -> None:
    experiment = Toy(seed=1, steps=300)
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(opened.open(experiment).key)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run = opened.open(Toy(seed=1, steps=300))
    assert wait(run).attempt == 1
    assert {*keys, run.key} == {experiment.key}
    assert [one.key for one in opened.list()].count(experiment.key) == 1
    Expected.of(experiment).check(run)
    assert [file.name for file in run.directory.glob("run.db*")] == ["run.db"]


def test_pause_step_and_resume_leave_no_trace(opened: Runs) -> None:
    experiment = Toy(seed=2, steps=700, pace_us=1000)
    run = opened.open(experiment)
    wait(run, "running", step=100)
    run.pause()
    at = wait(run, "paused").step
    for number in (1, 2, 3):
        run.single_step()
        assert wait(run, "paused", step=at + number).step == at + number
        assert run.columns(["loss"])["loss"][0][-1] == at + number
        assert run.snapshot(at + number).step == at + number
    run.resume()
    assert wait(run).state == "finished"
    Expected.of(experiment).check(run)


def test_the_last_wish_counts(opened: Runs) -> None:
    """A pause that is taken back at any moment, before, while or after it happens, leaves the run training."""
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")
    chance = random.Random(seed)
    run = opened.open(Toy(seed=10, steps=100_000, pace_us=1000))
    wait(run, "running", step=20)
    for _ in range(40):
        run.pause()
        time.sleep(chance.uniform(0.0, 0.08))
        run.resume()
        at = run.status().step
        assert wait(run, "running", step=at + 5).attempt == 1
    run.stop()
    wait(run, "stopped")


def test_a_wish_is_heard_after_a_fault_of_the_database(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    experiment = Toy(seed=11)
    with store(tmp_path):
        control = Control(tmp_path)
        control.admit(Row(experiment.key, "Toy", "{}", experiment.steps, desired="stop"), Limits())
        attempt = Attempt(tmp_path, experiment.key, 0)
        attempt.directory.mkdir(parents=True)
        attempt.control.close()
        ticker = threading.Thread(target=attempt._tick)
        ticker.start()
        time.sleep(0.2)
        attempt.control = control
        until(lambda: attempt.wish == "stop")
        attempt.over.set()
        ticker.join()
        control.close()
    assert capfd.readouterr().err.count("ProgrammingError: ") == 1


def test_a_stopped_run_can_be_taken_up(opened: Runs) -> None:
    experiment = Toy(seed=3, steps=700, pace_us=1000)
    run = opened.open(experiment)
    wait(run, "running", step=100)
    run.stop()
    at = wait(run, "stopped").step
    assert opened.open(experiment).status().state == "stopped"
    assert wait(opened.open(experiment, resume=True)).state == "finished"
    Expected.of(experiment).check(run)
    (note,) = run.notes()
    assert note.kind == "resumed"
    assert dict(note.values) == {"step": at, "replayed": 0, "differing": 0}


def test_a_fork_starts_where_its_ancestor_was(opened: Runs) -> None:
    ancestor = Toy(seed=4, steps=600)
    wait(opened.open(ancestor))
    for descendant, least in ((ancestor.fork(300, lr=0.03), 200), (ancestor.but(steps=900), 600)):
        run = opened.open(descendant)
        assert wait(run).state == "finished"
        (note,) = run.notes()
        assert note.text == reasons.BRANCHED
        assert least <= note.step <= descendant.agrees_until(ancestor)
        expected = Expected.of(descendant)
        if descendant.steps > ancestor.steps:  # the end of the ancestor is one more point of its scores
            steps, scores = run.columns()["distance"]
            assert set(steps) == {*expected.columns["distance"][0], ancestor.steps}
            expected.columns["distance"] = steps, scores
        expected.check(run)


def test_a_paused_run_gives_its_place_to_others_and_comes_back(opened: Runs) -> None:
    paused = opened.open(Toy(seed=5, steps=400, pace_us=1000))
    wait(paused, "running", step=50)
    paused.pause()
    wait(paused, "paused")
    others = [opened.open(Toy(seed=seed, steps=50)) for seed in (6, 7, 8)]
    assert {wait(run).state for run in others} == {"finished"}
    assert paused.status().state == "paused"
    paused.resume()
    assert wait(paused).state == "finished"
    Expected.of(paused.experiment).check(paused)


def test_a_visitor_sees_the_place_in_the_queue(tmp_path: Path) -> None:
    with store(tmp_path, slots=1, max_queued=3, max_steps=10_000) as opened:
        waiting = [opened.open(Toy(seed=seed, steps=5000, pace_us=1000)) for seed in range(3)]
        assert [run.status().place for run in waiting] == [1, 2, 3]
        with pytest.raises(QueueFull, match="3 runs are waiting"):
            opened.open(Toy(seed=3))
        with pytest.raises(TooLong, match="20000 steps"):
            opened.open(Toy(steps=20_000))
        until(lambda: waiting[0].status().rate > 0)  # before, nobody can say how long it takes
        assert [run.status().place for run in waiting[1:]] == [1, 2]
        assert waiting[2].status().wait_s > waiting[1].status().wait_s
        waiting[1].stop()
        assert waiting[2].status().place == 1


@pytest.mark.parametrize("key", ["", "..", "../../etc/passwd", "a" * 25, "A" * 26, "a" * 26 + "\n", "a" * 25 + "/"])
def test_no_path_is_built_from_what_is_no_key(opened: Runs, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr("state.run.run_directory", lambda *_: pytest.fail("a path was built"))
    monkeypatch.setattr(runs, "delete", lambda *_: pytest.fail("a path was built"))
    assert opened.find(key) is None
    assert opened.delete(key) is False


OLDEST = """create table run (
key text primary key, name text, knobs text, steps int, state text, desired text, until int, attempt int, barren int,
step int, safe int, reason text, signature text, created real, queued real, started real, ended real, pinned int,
watched real, bytes int)"""


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "in any order"])
def test_an_older_store_is_kept(tmp_path: Path, backwards: bool) -> None:
    row = Row("a" * 26, "Toy", "{}", 5, state="failed", until=3, attempt=2, step=4, reason="why", ended=7.5, bytes=9)
    names = OLDEST[OLDEST.index("(") + 1 : -1].split(",")
    schema = "create table run (" + ",".join(names[:: -1 if backwards else 1]) + ")"
    columns = [name.split()[0] for name in names]
    with closing(sqlite3.connect(tmp_path / "control.db")) as database, database:
        database.execute(schema)
        marks = ", ".join(f":{name}" for name in columns)
        database.execute(f"insert into run ({', '.join(columns)}) values ({marks})", asdict(row))
    run_directory(tmp_path, row.key).mkdir(parents=True)
    with closing(Record(run_directory(tmp_path, row.key))) as record:  # the list knows more of the run than its record
        record.describe("Toy", json.dumps({"steps": 5}))
    for _ in range(2):
        with closing(Control(tmp_path)) as control:
            assert control.rows() == [row]
    with closing(sqlite3.connect(tmp_path / "control.db")) as database:
        assert database.execute("pragma user_version").fetchone() == (len(LAYOUTS),)


def test_a_newer_store_is_refused_untouched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(tmp_path / "control.db")) as database:
        database.execute("pragma user_version = 99")
    before = (tmp_path / "control.db").read_bytes()
    with pytest.raises(NewerStore, match="newer version"):
        Runs(tmp_path)
    assert main(["list", "--home", str(tmp_path)]) == 2
    assert "Update Torchlight" in capsys.readouterr().err
    assert (tmp_path / "control.db").read_bytes() == before
