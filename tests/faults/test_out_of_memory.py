"""Memory that ran out comes back: a training process ends with its run, and a page keeps nothing of what failed."""

from __future__ import annotations

import os
import weakref
from concurrent.futures import wait as await_all
from pathlib import Path

import pytest
import torch

from pages.parts.later import Later
from state import reasons
from state.lease import holder
from tests.toys import Expected, Toy, store, wait
from tests.waiting import until


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.skipif(not hasattr(os, "kill"), reason="asks for processes by their number")
def test_the_process_of_a_run_without_memory_is_gone_and_the_next_run_trains(tmp_path: Path) -> None:
    with store(tmp_path, slots=1) as opened:
        run = opened.open(Toy(steps=400, fault="no_memory", fault_at=300, pace_us=2000))
        wait(run, "running", step=50)
        process = holder(run.directory / "lease")
        assert process is not None
        status = wait(run)
        assert (status.state, status.reason.text) == ("failed", reasons.OUT_OF_MEMORY)
        until(lambda: gone(process))
        after = opened.open(Toy(steps=50, seed=1))
        assert wait(after).state == "finished"
        Expected.of(after.experiment).check(after)


def test_an_answer_that_found_no_memory_leaves_nothing_behind() -> None:
    kept: list[weakref.ref[torch.Tensor]] = []

    def compute() -> float:
        large = torch.zeros(1000)
        kept.append(weakref.ref(large))
        raise torch.OutOfMemoryError("CUDA out of memory")

    later = Later()
    for _ in range(2):
        future = later.ask("study", compute)
        await_all([future], timeout=30)
        assert isinstance(future.exception(), torch.OutOfMemoryError)
        later.forget("study")
        del future
    later.ask("study", lambda: 1.0).result(timeout=30)  # the thread has let go of the work before
    assert len(kept) == 2 and [one() for one in kept] == [None, None]
