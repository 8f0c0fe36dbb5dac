"""Addition of two numbers with a fixed number of digits, the sum written from the left, or reversed, from the right.

Written from the right, each digit follows from its own column and the carry before it; written from the left, the first
digit may already depend on all of them. That is why the reversed sum is learned sooner.

Dimensions: B sums, D digits of a number, X sums held out, N = 2 D + 2 source tokens ("0", "7", "+", "1", "5", "="),
M = D + 1 digits of the sum.

Source: reversed sums, Lee et al. 2023, "Teaching arithmetic to small transformers" (arXiv 2307.03381).
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from models.data.sequences.task import FIRST, Pairs, PairTask, Unreadable, bounded, clean, rows, vocabulary

MOST_DIGITS = 8
HELD_OUT = 500
"""Pairs of operands that are never drawn to learn from, or a tenth of all where that is less."""

DIGITS = "The number of digits must lie between {least} and {most}."
NO_SUM = "Write a sum of two whole numbers of at most {digits} digits each, such as {example}"
TEMPLATES = (DIGITS, NO_SUM)


@dataclass(frozen=True, eq=False)
class Addition(PairTask):
    """a + b = sum. The digit of a place needs both operands' digits of that place.

    The carry comes from the places to the right, mostly from the next one; it is not marked. The leading digit is
    nothing but a carry, and needs the operands' leading digits.
    """

    digits: int = 2
    backwards: bool = False
    """The sum's digits from the right."""

    @cached_property
    def reserved(self) -> Tensor:
        """(X,) sorted numbers a · 10^D + b of the pairs held out; with a + b always b + a, which is the same sum."""
        base = 10**self.digits
        half = min(HELD_OUT, base * base // 10) // 2
        random = torch.Generator().manual_seed(self.digits)
        a_C, b_C = torch.randint(base, (2, 8 * half), generator=random)
        low_C, high_C = torch.minimum(a_C, b_C), torch.maximum(a_C, b_C)
        unequal_C = (low_C * base + high_C)[low_C != high_C].unique()
        chosen = unequal_C[torch.randperm(len(unequal_C), generator=random)[:half]]
        return torch.cat([chosen, chosen % base * base + chosen // base]).sort().values

    def draw(self, count: int, random: torch.Generator) -> Pairs:
        base, held_X = 10**self.digits, self.reserved
        free_B = torch.randint(base * base - len(held_X), (count,), generator=random)
        # So many free numbers lie below each held out one: a number steps over all those that it reaches.
        before_X = held_X - torch.arange(len(held_X))
        number_B = free_B + torch.searchsorted(before_X, free_B, right=True)
        return self.of(number_B // base, number_B % base)

    def held_out(self, count: int, random: torch.Generator) -> Pairs:
        number_B = self.reserved[rows(len(self.reserved), count, random)]
        return self.of(number_B // 10**self.digits, number_B % 10**self.digits)

    def of(self, a_B: Tensor, b_B: Tensor) -> Pairs:
        """The sums of those numbers."""
        d = self.digits
        plus_B1 = torch.full((len(a_B), 1), self.ids["+"])
        source_BN = torch.cat([places(a_B, d), plus_B1, places(b_B, d), plus_B1 + 1], dim=1)
        target_BM = places(a_B + b_B, d + 1)
        column_M = torch.arange(-1, d).clamp_min(0)
        at_N = torch.arange(2 * d + 2)
        needs_MN = (at_N == column_M[:, None]) | (at_N == column_M[:, None] + d + 1)
        if self.backwards:
            target_BM, needs_MN = target_BM.flip(1), needs_MN.flip(0)
        return Pairs(source_BN, target_BM, needs_MN.expand(len(a_B), *needs_MN.shape))

    def longer(self, length: int) -> Addition:
        """Numbers of `length` digits."""
        bounded(length, 1, MOST_DIGITS, DIGITS)
        return replace(self, digits=length, longest=(2 * length + 2, length + 1))

    def read(self, text: str) -> Pairs:
        """A sum such as 7+15, whose numbers are filled up with zeros."""
        number = f"0*([0-9]{{1,{self.digits}}})"
        found = re.fullmatch(rf"{number}\+{number}=?", re.sub(r"\s", "", clean(text)))
        if not found:
            raise Unreadable(NO_SUM, digits=self.digits, example=f"{'7' * self.digits}+{'5' * self.digits}")
        return self.of(*torch.tensor([int(digits) for digits in found.groups()])[:, None])


def places(number_B: Tensor, digits: int) -> Tensor:
    """(B, digits) ids of a number's digits, filled up with zeros."""
    power_D = 10 ** torch.arange(digits - 1, -1, -1)
    return FIRST + number_B[:, None] // power_D % 10


def addition(digits: int, backwards: bool) -> Addition:
    """Sums of numbers with that many digits; raises `Unreadable` where there are too few or too many."""
    name = "addition_reversed" if backwards else "addition"
    empty = Addition(name, vocabulary(string.digits, "+="), (0, 0), backwards=backwards)
    return empty.longer(digits)
