"""Pictures and evaluations that are computed by whoever looks at them first: the thread that records, not the loop.

The loop copies what they depend on, a few weights; a double of the rig, with weights of its own, takes them on and is
looked at while training goes on. The operations are those that the loop would have done, so every bit is the same.
Where the weights are not on the CPU or fill a megabyte, the loop looks at once: there a copy of them would cost more
than the picture, or wait in memory beside others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property, partial
from threading import Lock
from typing import Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from models.experiment import Snapshot
from models.layers.resumable import Capturable, Knobs

HEAVY_BYTES = 1_000_000
Rig = TypeVar("Rig")
Look = Callable[[Rig], Mapping[str, np.ndarray]]


class Later(Mapping[str, np.ndarray]):
    """Named arrays that are computed once, when the first of them is wanted."""

    def __init__(self, draw: Callable[[], Mapping[str, np.ndarray]]) -> None:
        self._draw: Callable[[], Mapping[str, np.ndarray]] | None = draw
        self._found: Mapping[str, np.ndarray] = {}
        self._lock = Lock()

    @property
    def _arrays(self) -> Mapping[str, np.ndarray]:
        with self._lock:
            if self._draw is not None:
                self._found, self._draw = self._draw(), None
            return self._found

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


class Pictured(Capturable[Knobs]):
    """A rig that is looked at later."""

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of a picture of now."""
        raise NotImplementedError

    def _seen(self) -> tuple[Tensor, ...]:
        """All tensors that change in training and that whoever looks at it reads."""
        raise NotImplementedError

    def _part(self, double: Self) -> None:
        """Give the double, which has everything in common with this rig, what `_seen` names as its own."""
        raise NotImplementedError

    def look_by(self, knobs: Knobs) -> None:
        """Be looked at as a rig with these knobs is."""
        self.knobs = knobs

    def snapshot(self, step: int) -> Snapshot:
        """The picture of now."""
        return Snapshot(step, self.later(type(self).arrays))

    def later(self, look: Look[Self]) -> Mapping[str, np.ndarray]:
        """What `look` tells of this rig as it is now; it may use chance of its own alone."""
        seen = self._seen()
        if self.where.type != "cpu" or sum(tensor.nbytes for tensor in seen) > HEAVY_BYTES:
            return look(self)
        double, lock = self._double
        held = [tensor.detach().clone() for tensor in seen]
        return Later(partial(double._as_seen, look, lock, self.knobs, held))

    @cached_property
    def _double(self) -> tuple[Self, Lock]:
        double = copy(self)
        self._part(double)
        return double, Lock()

    def _as_seen(self, look: Look[Self], lock: Lock, knobs: Knobs, held: Sequence[Tensor]) -> Mapping[str, np.ndarray]:
        with lock, torch.no_grad():
            for own, value in zip(self._seen(), held, strict=True):
                own.copy_(value)
            self.look_by(knobs)
            return look(self)
