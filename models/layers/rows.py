"""The numbers of training steps, gathered on the device until somebody asks: a row for each step.

What is found only now and then stands in a row of its own step alone: beside the steps before it, it would fill rows
with "not taken" wherever the loop happened to stop, and a run would depend on who looked at it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from models.experiment import Scalars

WARM_UP = 3
"""Rows that the warm-up before a capture writes (`models.running.captured`)."""


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
        rows = self.table[: int(self.count)].cpu().numpy().astype(np.float64)
        self.count.zero_()
        return rows


def told(
    begin: int, step: int, columns: Mapping[str, np.ndarray], found: Mapping[str, float] | None = None
) -> Iterator[Scalars]:
    """The columns (step - begin,) of the steps after `begin` up to `step`, and what was `found` at `step`."""
    if found and step - begin > 1:
        yield Scalars(step - 1, begin + 1, {name: values[:-1] for name, values in columns.items()})
        begin, columns = step - 1, {name: values[-1:] for name, values in columns.items()}
    yield Scalars(step, begin + 1, {**columns, **{name: np.array([value]) for name, value in (found or {}).items()}})
