"""The numbers of training steps, gathered on the device until somebody asks: a row for each step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

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
        rows: np.ndarray = self.table[: int(self.count)].cpu().double().numpy()
        self.count.zero_()
        return rows
