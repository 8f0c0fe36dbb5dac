"""The recorder by itself: nothing that was handed over is lost, and whoever hands over waits where it must."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from models.experiment import Checkpoint, Scalars
from state.history import History
from state.record import Record
from state.recorder import Recorder
from tests.toys import Toy
from tests.waiting import until


def test_the_loop_waits_for_a_disk_that_cannot_keep_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("state.recorder.QUEUE_EVENTS", 4)
    stuck, handed = threading.Event(), []
    monkeypatch.setattr(Record, "add", lambda self, scalars: stuck.wait())
    record = Record(tmp_path)
    recorder = Recorder(Toy(steps=200), record)

    def hand_over() -> None:
        for step in range(1, 11):
            recorder.put(Scalars(step, step, {"loss": np.array([1.0])}))
            handed.append(step)

    loop = threading.Thread(target=hand_over)
    loop.start()
    try:
        until(lambda: len(handed) >= 4 + 1)  # one is being written
        loop.join(0.1)
        assert len(handed) == 4 + 1
    finally:
        stuck.set()
    loop.join()
    recorder.close()
    record.close()


def test_what_waited_when_a_run_raised_is_still_written(tmp_path: Path) -> None:
    record = Record(tmp_path)
    recorder = Recorder(Toy(steps=200), record)
    for step in range(1, 61):
        recorder.put(Scalars(step, step, {"loss": np.array([1.0])}))
        recorder.put(Checkpoint(step, {"weight": np.zeros(3)}))
    recorder.close()
    recorder.flush()  # nobody takes anything any more, and there is nothing to wait for
    record.close()
    assert len(History(tmp_path).columns()["loss"][0]) == 60
    assert History(tmp_path).checkpoints()[-1].step == 60
