"""The numbers of training steps, gathered on the device until somebody asks: a row for each step.

Letters: S steps, C numbers of each.

What is found only now and then stands in a row of its own step alone: beside the steps before it, it would fill rows
with "not taken" wherever the loop happened to stop, and a run would depend on who looked at it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from models.experiment import Scalars
from models.layers.deferred import Deferred

WARM_UP = 3
"""Rows that the warm-up before a capture writes (`models.running.captured`)."""


class Told(Deferred):
    """Numbers of some steps as they were gathered; they become columns for whoever records them, not in the loop."""

    def __init__(self, rows_SC: np.ndarray, split: Callable[[np.ndarray], dict[str, np.ndarray]]) -> None:
        """`split` makes named columns (S,) of rows in float64. It can be pickled."""
        self.rows_SC, self.split = rows_SC, split

    def __reduce__(self) -> tuple[type[Told], tuple[np.ndarray, Callable[[np.ndarray], dict[str, np.ndarray]]]]:
        return Told, (self.rows_SC, self.split)

    @property
    def finite(self) -> bool:
        """Whether all numbers are. The sum tells: no sum of these leaves the range of float64."""
        return math.isfinite(torch.from_numpy(self.rows_SC).double().sum())

    @cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        return self.split(self.rows_SC.astype(np.float64))


class Rows:
    """Room for `block` rows; the place of the next is a tensor too, so that writing can be captured in a CUDA graph."""

    def __init__(self, block: int, *shape: int, where: torch.device) -> None:
        self.table = torch.zeros(max(block, WARM_UP + 1), *shape, device=where)
        self.count = torch.zeros(1, dtype=torch.int64, device=where)

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        """What writing changes."""
        return self.table, self.count

    def write(self, row: Tensor) -> None:
        """Take in the numbers of one more step."""
        self.table.index_copy_(0, self.count, row[None])
        self.count.add_(1)

    def read(self) -> np.ndarray:
        """All rows since the last call, (steps, …), float64; afterwards there are none."""
        return self._taken().astype(np.float64)

    def told(self, split: Callable[[np.ndarray], dict[str, np.ndarray]]) -> Told:
        """All rows (S, C) since the last call, to be split into columns later; afterwards there are none."""
        return Told(self._taken(), split)

    def _taken(self) -> np.ndarray:
        rows = self.table[: int(self.count)].to("cpu", copy=True)
        self.count.zero_()
        return rows.numpy()


def named(names: tuple[str, ...], rows_SC: np.ndarray) -> dict[str, np.ndarray]:
    """The first columns (S,) of rows, by these names."""
    return dict(zip(names, np.ascontiguousarray(rows_SC.T), strict=False))


def told(
    begin: int, step: int, columns: Mapping[str, np.ndarray], found: Mapping[str, float] | None = None
) -> Iterator[Scalars]:
    """The columns (step - begin,) of the steps after `begin` up to `step`, and what was `found` at `step`."""
    if found and step - begin > 1:
        yield Scalars(step - 1, begin + 1, {name: values[:-1] for name, values in columns.items()})
        begin, columns = step - 1, {name: values[-1:] for name, values in columns.items()}
    yield Scalars(step, begin + 1, {**columns, **{name: np.array([value]) for name, value in (found or {}).items()}})
