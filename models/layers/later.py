"""Pictures and evaluations that are computed by whoever looks at them first: whoever records, not the loop.

The loop copies what they depend on, a few weights: a `Pose`. A double of the rig, with weights of its own, takes them
on and is looked at while training goes on, in another thread or, as a pose can travel, in another process. The
operations are those that the loop would have done, so every bit is the same. Where the weights are not on the CPU or
fill a megabyte, the loop looks at once: there a copy of them would cost more than the picture, or wait in memory beside
others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property, partial
from threading import Lock
from typing import Any, Generic, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from models.experiment import Snapshot
from models.layers.deferred import Deferred
from models.layers.resumable import Capturable, Knobs

HEAVY_BYTES = 1_000_000
Rig = TypeVar("Rig")
Look = Callable[[Rig], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Pose(Generic[Knobs]):
    """A rig as it was at one moment, and what of it is looked at. It can be pickled."""

    knobs: Knobs
    held: tuple[np.ndarray, ...]
    look: Look[Any]


class Later(Deferred):
    """What a look at `pose` tells."""

    def __init__(self, pose: Pose[Any], draw: Callable[[], Mapping[str, np.ndarray]] | None = None) -> None:
        self.pose = pose
        self._draw = draw
        self._found: Mapping[str, np.ndarray] = {}
        self._lock = Lock()

    def __reduce__(self) -> tuple[type[Later], tuple[Pose[Any]]]:
        return Later, (self.pose,)

    def taken_by(self, sitter: Pictured[Any]) -> None:
        """Have the pose, which came from elsewhere, taken by a rig that is here."""
        self._draw = partial(sitter.posed, self.pose)

    @property
    def _arrays(self) -> Mapping[str, np.ndarray]:
        with self._lock:
            if self._draw is not None:
                self._found, self._draw = self._draw(), None
            return self._found


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
        held = tuple(tensor.detach().clone().numpy() for tensor in seen)
        pose = Pose(self.knobs, held, look)
        return Later(pose, partial(double._alone, lock, pose))

    @cached_property
    def _double(self) -> tuple[Self, Lock]:
        double = copy(self)
        self._part(double)
        return double, Lock()

    def _alone(self, lock: Lock, pose: Pose[Knobs]) -> Mapping[str, np.ndarray]:
        with lock:
            return self.posed(pose)

    @torch.no_grad()
    def posed(self, pose: Pose[Knobs]) -> Mapping[str, np.ndarray]:
        """Take the pose, for good, and be looked at."""
        for own, value in zip(self._seen(), pose.held, strict=True):
            own.copy_(torch.from_numpy(value))
        self.look_by(pose.knobs)
        return pose.look(self)
