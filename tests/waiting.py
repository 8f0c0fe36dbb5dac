"""Waiting for a run, with an end to the patience."""

from __future__ import annotations

import time
from collections.abc import Callable

from state.runs import Run

PATIENCE_S = 180.0
"""What is trained or started here is there within seconds, on a machine that does nothing else."""


def until(condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Returns as soon as the condition holds; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def until_ended(run: Run, seconds: float = PATIENCE_S) -> Run:
    """The run, once it has finished, failed or stopped."""
    until(lambda: run.status().state in ("finished", "failed", "stopped"), seconds)
    return run
