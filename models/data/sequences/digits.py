"""Copy, reverse, sort and count a word of random symbols: one attention head can draw each answer's map.

Dimensions: B examples, N source and target positions (m of the target, n of the source).

Source: reverse is that of the UvA deep learning tutorial 6 (Lippe 2022); sort is minGPT's demonstration (Karpathy
2020); count is "histogram" of Weiss et al. 2021, "Thinking like Transformers" (arXiv 2106.06981).
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from models.data.sequences.task import (
    FIRST,
    MAX_LENGTH,
    SYMBOLS,
    Pairs,
    PairTask,
    bounded,
    clean,
    vocabulary,
)

ALPHABET = string.digits + string.ascii_lowercase
LETTERS = string.ascii_lowercase + string.ascii_uppercase[: len(ALPHABET) - 26]
"""What is counted are letters, so that a count never looks like a symbol."""


def copied(source_BN: Tensor) -> tuple[Tensor, Tensor]:
    """The source itself; each position needs the same position."""
    count, n = source_BN.shape
    return source_BN.clone(), torch.eye(n, dtype=torch.bool).expand(count, n, n)


def reversed_(source_BN: Tensor) -> tuple[Tensor, Tensor]:
    """The source from its end; position m needs N - 1 - m."""
    count, n = source_BN.shape
    return source_BN.flip(1), torch.eye(n, dtype=torch.bool).flip(1).expand(count, n, n)


def sorted_(source_BN: Tensor) -> tuple[Tensor, Tensor]:
    """The source in order; position m needs every place that holds the m-th smallest symbol.

    Equal symbols are interchangeable, so a head that spreads over all of them, or picks any one, is right.
    """
    target_BN = source_BN.sort(dim=1).values
    return target_BN, target_BN[:, :, None] == source_BN[:, None]


@dataclass(frozen=True, eq=False)
class SymbolTask(PairTask):
    """Symbols drawn independently; target and needs follow from the source by a rule."""

    symbols: int = 10
    equal: bool = True

    def answer(self, source_BN: Tensor) -> tuple[Tensor, Tensor]:
        """Target (B, N) and needs (B, N, N) of sources without padding."""
        return RULES[self.name](source_BN)

    def draw(self, count: int, random: torch.Generator) -> Pairs:
        source_BN = torch.randint(FIRST, FIRST + self.symbols, (count, self.longest[0]), generator=random)
        return Pairs(source_BN, *self.answer(source_BN))

    def longer(self, length: int) -> SymbolTask:
        return replace(self, longest=(bounded(length, 1, MAX_LENGTH),) * 2)

    def read(self, text: str) -> Pairs:
        """A word of the task's symbols; spaces and commas are overlooked."""
        allowed = "".join(self.vocabulary[FIRST : FIRST + self.symbols])
        letters = [letter for letter in clean(text) if not letter.isspace() and letter != ","]
        source_1N = torch.tensor([self.spell(letters, allowed, 1, self.longest[0])])
        return self.padded(Pairs(source_1N, *self.answer(source_1N)))

    @cached_property
    def chance(self) -> float:
        return 1 / self.symbols


RULES: Mapping[str, Callable[[Tensor], tuple[Tensor, Tensor]]] = {
    "copy": copied,
    "reverse": reversed_,
    "sort": sorted_,
}


class Histogram(SymbolTask):
    """At every position, how often its symbol occurs in the source; it needs all of these places."""

    def answer(self, source_BN: Tensor) -> tuple[Tensor, Tensor]:
        same_BNN = source_BN[:, :, None] == source_BN[:, None]
        return FIRST + self.symbols - 1 + same_BNN.sum(dim=2), same_BNN

    def longer(self, length: int) -> Histogram:
        """Shorter words only: there is no token for a greater count."""
        return replace(self, longest=(bounded(length, 1, len(self.vocabulary) - FIRST - self.symbols),) * 2)

    @cached_property
    def chance(self) -> float:
        """The likeliest count: one more than a binomial number of the N - 1 other places."""
        others, p = self.longest[0] - 1, 1 / self.symbols
        return max(math.comb(others, k) * p**k * (1 - p) ** (others - k) for k in range(others + 1))


def symbol_task(name: str, length: int, symbols: int) -> SymbolTask:
    """Copy, reverse or sort; raises `Unreadable` for a length or a number of symbols out of bounds."""
    bounded(length, 1, MAX_LENGTH)
    bounded(symbols, 2, len(ALPHABET), SYMBOLS)
    return SymbolTask(name, vocabulary(ALPHABET[:symbols]), (length, length), symbols=symbols)


def histogram(length: int, symbols: int) -> Histogram:
    """How often each letter occurs; raises `Unreadable` as `symbol_task` does."""
    bounded(length, 1, MAX_LENGTH)
    bounded(symbols, 2, len(LETTERS), SYMBOLS)
    counts = [str(count) for count in range(1, length + 1)]
    return Histogram("histogram", vocabulary(LETTERS[:symbols], counts), (length, length), symbols=symbols)
