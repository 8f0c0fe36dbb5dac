"""Named arrays that are made when the first of them is wanted, by whoever wants it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np


class Deferred(Mapping[str, np.ndarray]):
    """A mapping like any other to who reads it."""

    @property
    def _arrays(self) -> Mapping[str, np.ndarray]:
        """The arrays, made once."""
        raise NotImplementedError

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)
