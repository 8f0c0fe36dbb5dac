"""A run is trained by a process that does nothing else, and that nobody misses when it dies."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.attention import AttentionTraining
from models.autoencoder import LatentSpace
from models.experiment import Checkpoint, Experiment, Note, Scalars, Snapshot
from models.gan import GanTraining
from state import line
from state.attempt import Attempt
from state.control import Control
from state.home import ROOT, Limits
from state.lease import holder
from state.line import End, Gone, Line, Shelf
from state.row import Row
from state.runs import Run
from state.trainer import Orders, trained
from tests.processes import children
from tests.toys import Expected, Toy, store, wait
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process is forked for training on Linux alone")


def trainer(run: Run) -> int:
    """The process that trains the run, whose worker holds the lease."""
    found: list[int] = []
    until(lambda: bool(found.extend(children(holder(run.directory / "lease") or 0)) or found))
    return found[0]


@pytest.mark.parametrize(
    "experiment",
    [
        GanTraining(data="ring", steps=60),
        GanTraining(data="dirac", steps=30),
        AttentionTraining(steps=30),
        LatentSpace(steps=30),
    ],
    ids=lambda experiment: type(experiment).__name__,
)
def test_what_a_worker_records_is_what_the_loop_tells(tmp_path: Path, experiment: Experiment) -> None:
    with store(tmp_path) as opened:
        run = opened.open(experiment)
        assert wait(run).state == "finished"
        Expected.of(experiment).check(run)


@pytest.mark.parametrize("pausing", [False, True], ids=["training", "pausing"])
def test_a_run_whose_trainer_was_killed_goes_on_as_if_nothing_had_been(tmp_path: Path, pausing: bool) -> None:
    experiment = Toy(steps=600, pace_us=1000)
    with store(tmp_path) as opened:
        run = opened.open(experiment)
        wait(run, "running", step=100)
        if pausing:
            run.pause()
            wait(run, "paused")
        os.kill(trainer(run), signal.SIGKILL)
        if pausing:
            run.resume()
        assert wait(run).state == "finished" and run.status().attempt == 2
        Expected.of(experiment).check(run)


def test_a_trainer_dies_with_its_worker(tmp_path: Path) -> None:
    with store(tmp_path) as opened:
        run = opened.open(Toy(steps=50_000, pace_us=1000))
        wait(run, "running", step=20)
        process, worker = trainer(run), holder(run.directory / "lease")
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{process}").exists())
        run.stop()


def test_where_none_can_be_forked_the_worker_trains_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on other systems and GPUs: here another thread forbids it. The run pauses at a step and is taken up again."""
    code = """
import json, sys, threading
from state import trainer, worker
threading.Thread(target=threading.Event().wait, daemon=True).start()
worker.warm()
assert not trainer._forkable()
worker.take(json.loads(sys.argv[1]))
"""
    experiment = GanTraining(data="ring", steps=60)
    monkeypatch.setenv("TORCHLIGHT_LINGER_S", "0")
    with contextlib.closing(Control(tmp_path)) as control:
        knobs = json.dumps(experiment.model_dump(mode="json"))
        control.admit(Row(experiment.key, "GanTraining", knobs, experiment.steps, until=20), Limits())
        for state in ("paused", "finished"):
            claimed = control.claim(experiment.key, 1, "starting")
            assert claimed is not None
            order = json.dumps({"home": str(tmp_path), "key": claimed.key, "attempt": claimed.attempt})
            subprocess.run([sys.executable, "-c", code, order], cwd=ROOT, check=True)
            row = control.row(experiment.key)
            assert row is not None and row.state == state and row.step == (20 if state == "paused" else 60)
            control.move(row.key, ("paused",), lambda row: replace(row, state="queued", desired="run"))
    with store(tmp_path) as opened:
        Expected.of(experiment).check(opened.open(experiment))


def test_training_holds_at_a_checkpoint_until_it_shall_go_on() -> None:
    orders = Orders(until=3)
    stream = trained(Toy(steps=10), None, orders)
    told = list(iter(stream.__next__, None))
    assert isinstance(told[-1], Checkpoint) and told[-1].step == 3
    orders.until = None
    assert [event for event in stream if event is not None][-1].step == 10


def test_words_arrive_in_their_order_however_large_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some stay in the pipe, some go by the shelf, and some find no room on it."""
    monkeypatch.setattr(line, "SHELF_BYTES", 100_000)
    sizes = [3, 20_000, 24_000, 1_500_000, 5, 20_000]
    said = [Snapshot(step, {"x": np.full(size, step, np.float32)}) for step, size in enumerate(sizes)]
    both = Line()

    def speak() -> None:
        speaker = line.Speaker(both._tell, both._ring, both._shelf, both._room)
        for word in said:
            speaker.say(word)
        speaker.say(Scalars(9, 9, {"loss": np.ones(1)}))
        speaker.say(End())

    speaking = threading.Thread(target=speak)
    speaking.start()
    heard = []
    for word in both._heard():
        heard.append(word)
        if isinstance(word, End):
            break
    speaking.join()
    assert [type(word) for word in heard] == [Snapshot] * len(said) + [Scalars, End]
    for word, expected in zip(heard, said, strict=False):
        assert isinstance(word, Snapshot) and word.step == expected.step
        np.testing.assert_array_equal(word.arrays["x"], expected.arrays["x"])


def test_words_of_slow_steps_are_not_kept_back(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Line()
    speaker = line.Speaker(both._tell, both._ring, both._shelf, both._room)
    clock = [100.0]
    monkeypatch.setattr(line.time, "monotonic", lambda: clock[0])
    for step in range(4):
        clock[0] += 1.0
        for word in (Scalars(step, step, {"loss": np.ones(1)}), Snapshot(step, {"x": np.ones(1)})):
            speaker.say(word)
            assert both._told.poll()
            both._told.recv_bytes()


def test_what_was_said_last_is_heard_though_the_speaker_is_gone() -> None:
    both = Line()
    speaker = line.Speaker(both._tell, both._ring, both._shelf, both._room)
    speaker.say(Scalars(1, 1, {"loss": np.ones(1)}))
    both._ring.close()
    words = both.words()
    assert isinstance(next(words), Scalars)
    with pytest.raises(Gone):
        next(words)


def test_a_speaker_that_dies_in_the_middle_of_a_word_is_gone() -> None:
    both = Line()
    os.write(both._tell.fileno(), struct.pack("!i", 1000) + b"half a word")
    with pytest.raises(Gone):
        next(both.words())


def test_a_word_that_cannot_be_packed_is_not_in_the_way_of_the_last() -> None:
    both = Line()
    speaker = line.Speaker(both._tell, both._ring, both._shelf, both._room)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        speaker.say(Note(1, "phase", "odd", {"odd": lambda: None}))  # type: ignore[dict-item]
    speaker.say(End(Note(1, "engine", "why")))
    assert next(both.words()) == End(Note(1, "engine", "why"))


def test_an_interrupt_is_not_taken_back(tmp_path: Path) -> None:
    """Whatever the row says, and wherever the worker is when the signal comes."""
    attempt = Attempt(tmp_path, Toy().key, 0)
    attempt.interrupted = True
    attempt.wish = "run"
    assert attempt.wish == "interrupt" and attempt.orders.hold
    attempt.control.close()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.lists(st.integers(0, 400), min_size=1, max_size=4), st.integers(0, 3)), max_size=30))
def test_a_shelf_gives_back_what_was_laid_on_it(turns: list[tuple[list[int], int]]) -> None:
    """Whoever takes may lag behind; nothing is overwritten before it is taken."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line, "SHELF_BYTES", 1000)
        shelf, waiting = Shelf(), list[tuple[tuple[list[slice], int], list[bytes]]]()
        for number, (sizes, takes) in enumerate(turns):
            arrays = [bytes([(number + place) % 256]) * size for place, size in enumerate(sizes)]
            laid = shelf.lay([memoryview(array) for array in arrays])
            if laid is None:
                assert sum(sizes) + sum(len(one) for _, held in waiting for one in held) + max(sizes) > 1000 // 2
            else:
                waiting.append((laid, arrays))
            for _ in range(min(takes, len(waiting))):
                (places, end), expected = waiting.pop(0)
                assert shelf.take(places, end) == expected
