"""What a run tells when a number became NaN or infinite: which one, at which step, and the last state that was good.

The loop looks at its numbers only now and then. So the stretch that went wrong is trained once more from the state
before it, which is the same training bit for bit, up to the step before the first bad number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import numpy as np
from torch import Tensor

from models.experiment import Checkpoint, Event, Note, Scalars, Snapshot, Value
from models.layers.rows import Told

DIVERGED = "The run diverged: {tensor} became NaN or infinite at step {step}. Step {good} is the last good one."


class Rig(Protocol):
    """All that a training step touches: a game, a study, an autoencoder in training."""

    def restore(self, state: Mapping[str, Tensor]) -> None: ...

    def iterate(self, step: int) -> None: ...

    def told(self) -> Mapping[str, np.ndarray]: ...

    def snapshot(self, step: int) -> Snapshot: ...

    def checkpoint(self, step: int) -> Checkpoint: ...

    def non_finite(self) -> str | None: ...


def finite(columns: Mapping[str, np.ndarray]) -> bool:
    """Whether all numbers of a stretch are."""
    if isinstance(columns, Told):
        return columns.finite
    return all(bool(np.isfinite(column).all()) for column in columns.values())


def divergence(rig: Rig, good: Mapping[str, Tensor], begin: int, columns: Mapping[str, np.ndarray]) -> Iterator[Event]:
    """The events of a stretch that began at step `begin` in the state `good` and told the bad `columns`."""
    rig.restore(good)
    bad = int(np.flatnonzero(~np.all([np.isfinite(column) for column in columns.values()], axis=0))[0])
    for step in range(begin, begin + bad):
        rig.iterate(step)
    rig.told()
    last = begin + bad
    if bad:
        yield Scalars(last, begin + 1, {name: column[:bad] for name, column in columns.items()})
    yield rig.snapshot(last)
    yield rig.checkpoint(last)
    rig.iterate(last)
    lost = next(name for name, column in columns.items() if not np.isfinite(column[bad]))
    yield Scalars(last + 1, last + 1, {name: column[bad : bad + 1] for name, column in columns.items()})
    values: dict[str, Value] = {"tensor": rig.non_finite() or lost, "step": last + 1, "good": last}
    yield Note(last + 1, "diverged", DIVERGED, values)
