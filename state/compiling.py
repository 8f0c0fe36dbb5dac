"""Steps compiled ahead of time, so that the first visitor's run is fast from its beginning."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

import torch

from models.experiment import Experiment
from models.layers import compiling
from models.layers.takeover import PROOFS, at_once

FEW = 2 * PROOFS + 2
"""Steps after which every kind of step that comes often has been asked for, or tried."""
POLL_S = 0.2


def compile_ahead(home: Path, wanted: Iterable[Experiment]) -> int:
    """Have the steps of these compiled as a worker would want them; returns how many are there in the end.

    Each is tried then, so that what is no faster is known before a visitor comes, and takes no room. Nothing happens
    where `TORCHLIGHT_COMPILE` does not ask for it. Leaves the process set up as a worker is.
    """
    os.environ.setdefault(compiling.PLACE, str(home / "compiled"))
    where = compiling.place()
    if where is None:
        return 0
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    experiments = tuple(wanted)
    _begin(experiments)
    left, since = compiling.wishes(where), time.monotonic()
    while left and time.monotonic() - since < compiling.LONGEST_S:
        time.sleep(POLL_S)
        if (now := compiling.wishes(where)) != left:
            left, since = now, time.monotonic()
    _begin(experiments)
    return len(list(where.glob("*.pt2")))


def _begin(experiments: Iterable[Experiment]) -> None:
    """Train each for as long as it takes to ask for its steps, and to try those that are there."""
    with at_once():
        for experiment in experiments:
            training = experiment.train()
            next(event for event in training if event.step >= min(FEW, experiment.steps))
            training.close()  # type: ignore[attr-defined]
