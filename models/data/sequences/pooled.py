"""Pairs that are all known beforehand: a table of them, some of its rows never drawn to learn from.

Dimensions: R rows of the table, B examples drawn, N source and M target tokens, X rows of a split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from models.data.sequences.task import END, PAD, Pairs, PairTask, Unreadable, rows

ONE_LENGTH = "This task has examples of its own length only."
TEMPLATES = (ONE_LENGTH,)

Row = tuple[list[int], list[int], list[list[int]]]
"""Source ids, target ids (without `END`), and for each target token the source positions that it needs."""


def _nothing() -> Tensor:
    return torch.empty(0, dtype=torch.long)


@dataclass(frozen=True, eq=False)
class PooledPairs(PairTask):
    """A table of pairs: (R, N), (R, M), (R, M, N), and the rows to learn from and to be judged by."""

    pairs: Pairs = field(default_factory=lambda: tabulated([([], [], [])], 0, 0, end=False))
    learned_X: Tensor = field(default_factory=_nothing)
    held_out_X: Tensor = field(default_factory=_nothing)

    def of(self, row_B: Tensor) -> Pairs:
        """Those rows."""
        pairs = self.pairs
        return Pairs(pairs.source_BN[row_B], pairs.target_BM[row_B], pairs.needs_BMN[row_B])

    def draw(self, count: int, random: torch.Generator) -> Pairs:
        return self.of(self.learned_X[torch.randint(len(self.learned_X), (count,), generator=random)])

    def held_out(self, count: int, random: torch.Generator) -> Pairs:
        return self.of(self.held_out_X[rows(len(self.held_out_X), count, random)])

    def longer(self, length: int) -> PooledPairs:
        raise Unreadable(ONE_LENGTH)


def tabulated(table: Sequence[Row], n: int, m: int, *, end: bool) -> Pairs:
    """The rows as tensors (R, n), (R, m), (R, m, n); with `end`, each target is followed by `END`."""
    last = [END] if end else []
    sources = [[*source, *[PAD] * (n - len(source))] for source, _target, _needs in table]
    targets = [[*target, *last, *[PAD] * (m - len(target) - len(last))] for _source, target, _needs in table]
    needs_RMN = np.zeros((len(table), m, n), dtype=bool)
    for row, (_source, _target, needs) in enumerate(table):
        for at, places in enumerate(needs):
            needs_RMN[row, at, places] = True
    source_RN, target_RM = (torch.from_numpy(np.array(ids, dtype=np.int64)) for ids in (sources, targets))
    return Pairs(source_RN, target_RM, torch.from_numpy(needs_RMN))


def split(size: int, held_out: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows to learn from and rows to be judged by: the same for the same seed."""
    row_R = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    return row_R[held_out:], row_R[:held_out]
