"""A picture whose arrays are computed by whoever looks at it first: the thread that records, not the training loop.

The loop copies what the picture depends on, a few weights; a stand-in, a rig with weights of its own, takes them on and
is looked at while the game goes on. The operations are those that the loop would have done, so every bit is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock

import numpy as np
from torch import Tensor


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


class StandIn:
    """Looks at one moment of a rig at a time: `seen` are tensors of its own, `look` computes the arrays from them."""

    def __init__(self, seen: Sequence[Tensor], look: Callable[[], Mapping[str, np.ndarray]]) -> None:
        self.seen, self.look, self._lock = seen, look, Lock()

    def later(self, now: Sequence[Tensor], prepare: Callable[[], None]) -> Later:
        """The arrays of the moment at which the rig's own tensors are `now`; `prepare` sets what is no tensor."""
        held = [tensor.detach().clone() for tensor in now]

        def draw() -> Mapping[str, np.ndarray]:
            with self._lock:
                for own, value in zip(self.seen, held, strict=True):
                    own.detach().copy_(value)
                prepare()
                return self.look()

        return Later(draw)
