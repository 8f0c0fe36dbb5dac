"""Brackets of two kinds, properly nested: which kind must close now?

Words are uniform among all balanced ones: of a shuffled row of n + 1 opening and n closing brackets exactly one
rotation stays above zero, and without its first bracket it is balanced (the cycle lemma).

Dimensions: B words, S = T + 1 = 2 n brackets, q queries (predicting bracket q + 1) and j keys, both of T.

Source: Dyck-2 as in Hewitt et al. 2020, "RNNs can generate bounded hierarchical languages" (arXiv 2010.07515), here
without a bound on the depth; the cycle lemma is Dvoretzky and Motzkin 1947.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from models.data.sequences.task import (
    FIRST,
    MAX_LENGTH,
    Sequences,
    SequenceTask,
    Unreadable,
    bounded,
    clean,
    vocabulary,
)

OPENING, CLOSING = "([", ")]"
LEAST_LENGTH = 4
UNBALANCED = "Bracket {place} closes none that is open. Close the last open bracket first, as in `([])()`"
TEMPLATES = (UNBALANCED,)


def balanced(count: int, pairs: int, random: torch.Generator) -> Tensor:
    """(count, 2 · pairs) bool: which brackets open, uniform among the balanced words."""
    size = 2 * pairs + 1
    steps_BS = (torch.rand(count, size, generator=random).argsort(dim=1) <= pairs).long() * 2 - 1
    # The rotation that stays above zero starts behind the last place where the sum is lowest.
    sums_BS = steps_BS.cumsum(dim=1)
    last_B1 = size - 1 - sums_BS.flip(1).argmin(dim=1, keepdim=True)
    at_BS = (last_B1 + 2 + torch.arange(size - 1)) % size
    return steps_BS.gather(1, at_BS) > 0


@dataclass(frozen=True, eq=False)
class Brackets(SequenceTask):
    """Scored are predictions of a closing bracket: they need the place of the bracket that it closes."""

    def draw(self, count: int, random: torch.Generator) -> Sequences:
        pairs = (self.longest[0] + 1) // 2
        opens_BS = balanced(count, pairs, random)
        kind_BS = torch.randint(2, (count, 2 * pairs), generator=random)
        partner_BSS = partners(opens_BS)
        kind_BS = torch.where(opens_BS, kind_BS, (partner_BSS.long() @ kind_BS[:, :, None]).squeeze(2))
        return self.of(FIRST + kind_BS + 2 * (~opens_BS).long(), partner_BSS)

    def of(self, tokens_BS: Tensor, partner_BSS: Tensor) -> Sequences:
        """What is scored and needed in those words."""
        return Sequences(tokens_BS, tokens_BS[:, 1:] >= FIRST + 2, partner_BSS[:, 1:, :-1])

    def longer(self, length: int) -> Brackets:
        """Words of `length` brackets, rounded down to an even number."""
        tokens = bounded(length, LEAST_LENGTH, MAX_LENGTH) // 2 * 2
        return replace(self, longest=(tokens - 1, tokens - 1))

    def read(self, text: str) -> Sequences:
        """A word, or the beginning of one."""
        letters = [letter for letter in clean(text) if not letter.isspace()]
        ids = self.spell(letters, OPENING + CLOSING, 2, self.longest[0] + 1)
        open_: list[int] = []
        for place, token in enumerate(ids, start=1):
            if token < FIRST + 2:
                open_.append(token)
            elif not open_ or open_.pop() != token - 2:
                raise Unreadable(UNBALANCED, place=place)
        tokens_1S = torch.tensor([ids])
        return self.padded(self.of(tokens_1S, partners(tokens_1S < FIRST + 2)))

    @property
    def floor_nats(self) -> float:
        """Entropy of one of Catalan(n) · 2^n words, less the first bracket's kind, per prediction."""
        n = (self.longest[0] + 1) // 2
        catalan = math.comb(2 * n, n) // (n + 1)
        return (math.log(catalan) + (n - 1) * math.log(2)) / self.longest[0]

    @cached_property
    def chance(self) -> float:
        return 0.5


def partners(opens_BS: Tensor) -> Tensor:
    """(B, S, S) bool: the bracket of column j is the one that the closing bracket of row i closes."""
    depth_BS = (opens_BS.long() * 2 - 1).cumsum(dim=1)
    inside_BS = torch.where(opens_BS, depth_BS, depth_BS + 1)
    candidate_BSS = (inside_BS[:, :, None] == inside_BS[:, None]) & ~opens_BS[:, :, None] & opens_BS[:, None]
    place_S = torch.arange(1, opens_BS.shape[1] + 1)
    latest_BS1 = (candidate_BSS.tril() * place_S).amax(dim=2, keepdim=True)
    return (place_S == latest_BS1) & (latest_BS1 > 0)


def brackets(length: int) -> Brackets:
    """Words of `length` brackets; raises `Unreadable` for a length out of bounds."""
    return Brackets("brackets", vocabulary(OPENING, CLOSING), (0, 0)).longer(length)
