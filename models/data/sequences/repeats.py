"""Induction: a random block repeats, and what followed the last time follows again.

The period is drawn anew for each sequence: with one fixed period a network would only learn to look that far back, and
need no induction. From the second token of the second block on, the next token is known to whoever finds the earlier
place of the current one.

Dimensions: B sequences, S = T + 1 tokens, q queries (predicting token q + 1) and j keys, both of T; V symbols.

Source: the repeated random tokens of Olsson et al. 2022, "In-context learning and induction heads" (arXiv 2209.11895),
with random periods. Where it stops being exact: `floor_nats` takes it that a whole sequence betrays its period, which
fails when the blocks are so short, or the symbols so few, that a block repeats within itself by accident.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from models.data.sequences.digits import ALPHABET
from models.data.sequences.task import (
    FIRST,
    MAX_LENGTH,
    SYMBOLS,
    TOO_MANY,
    Sequences,
    SequenceTask,
    Unreadable,
    bounded,
    clean,
    vocabulary,
)

LEAST_LENGTH = 6


def smallest_period(block: list[int]) -> int:
    """The smallest period that a block shows at least twice; its own length where it shows none."""
    for period in range(1, len(block) // 2 + 1):
        if block[period:] == block[:-period]:
            return period
    return len(block)


@dataclass(frozen=True, eq=False)
class Induction(SequenceTask):
    """A block of `low` to `high` random symbols, repeated to the end.

    Scored are the queries q >= p: at q = p - 1 nobody can know that the block is over. They need the keys
    j = q + 1 - p, q + 1 - 2p …, which hold the next token and follow the current one. (Key 0 follows nothing.)
    """

    symbols: int = 32
    low: int = 8
    high: int = 24

    def draw(self, count: int, random: torch.Generator) -> Sequences:
        period_B = torch.randint(self.low, self.high + 1, (count,), generator=random)
        block_BP = torch.randint(FIRST, FIRST + self.symbols, (count, self.high), generator=random)
        return self.tiled(block_BP, period_B)

    def tiled(self, block_BP: Tensor, period_B: Tensor) -> Sequences:
        """The sequences that repeat the first `period_B` tokens of each block."""
        length = self.longest[0]
        place_BS = torch.arange(length + 1) % period_B[:, None]
        query_T = torch.arange(length)
        ahead_TT = query_T[:, None] + 1 - query_T
        copies_BTT = (ahead_TT % period_B[:, None, None] == 0) & ((ahead_TT > 0) & (query_T > 0))
        return Sequences(block_BP.gather(1, place_BS), query_T >= period_B[:, None], copies_BTT)

    def longer(self, length: int) -> Induction:
        """Sequences of another length, with periods of T/6 to T/2 of it."""
        bounded(length, LEAST_LENGTH, MAX_LENGTH)
        return replace(self, longest=(length, length), low=max(2, length // 6), high=length // 2)

    def with_periods(self, low: int, high: int) -> Induction:
        """The same sequences with other periods, to be judged by; raises `Unreadable` where nothing would repeat."""
        most = self.longest[0] - 1
        return replace(self, low=bounded(low, 1, most), high=bounded(high, low, most))

    def read(self, text: str) -> Sequences:
        """A block, which is then repeated; a text that already repeats itself counts from its own period."""
        letters = [letter for letter in clean(text) if not letter.isspace() and letter != ","]
        block = self.spell(letters, "".join(self.vocabulary[FIRST:]), 1, self.longest[0] + 1)
        period = smallest_period(block)
        if period >= self.longest[0]:
            raise Unreadable(TOO_MANY, most=self.longest[0] - 1, count=period)
        return self.tiled(torch.tensor([block]), torch.tensor([period]))

    @property
    def floor_nats(self) -> float:
        """Entropy of block and period, less the first token, which is never predicted, per prediction.

        A rule that only copies pays ln V for each of a block's p predictions, ln V · E[p] / T: a little more, as it
        never expects a block's end.
        """
        unknown = (self.low + self.high) / 2 - 1
        return (unknown * math.log(self.symbols) + math.log(self.high - self.low + 1)) / self.longest[0]

    @cached_property
    def chance(self) -> float:
        return 1 / self.symbols


def induction(length: int, symbols: int) -> Induction:
    """Periods of T/6 to T/2; raises `Unreadable` for a length or a number of symbols out of bounds."""
    bounded(length, LEAST_LENGTH, MAX_LENGTH)
    bounded(symbols, 2, len(ALPHABET), SYMBOLS)
    empty = Induction("induction", vocabulary(ALPHABET[:symbols]), (length, length), symbols=symbols)
    return empty.longer(length)
