"""Associative recall: pairs of a key and its value, then keys again, and each time the value is asked for.

Dimensions: B sequences, S = T + 1 tokens, q queries (predicting token q + 1) and j keys, both of T; V keys and values.

Source: Ba et al. 2016, "Using fast weights to attend to the recent past" (arXiv 1610.06258); with several queries as in
Arora et al. 2023, "Zoology" (arXiv 2312.04927).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from models.data.sequences.digits import LETTERS
from models.data.sequences.task import (
    FIRST,
    MAX_LENGTH,
    SYMBOLS,
    Sequences,
    SequenceTask,
    Unreadable,
    bounded,
    clean,
    vocabulary,
)

LEAST_LENGTH = 4
NO_RECALL = "Write keys with their values, then a key again, such as {example}"
TWO_VALUES = "“{symbol}” has two different values. Give each key one value."
TEMPLATES = (NO_RECALL, TWO_VALUES)


def followers(tokens_BT: Tensor) -> Tensor:
    """(B, T, T) bool: key j stands right behind an earlier place of the token at query q."""
    count, length = tokens_BT.shape
    needs_BTT = torch.zeros(count, length, length, dtype=torch.bool)
    needs_BTT[:, :, 1:] = tokens_BT[:, :, None] == tokens_BT[:, None, :-1]
    return needs_BTT.tril_()


@dataclass(frozen=True, eq=False)
class Recall(SequenceTask):
    """Half of the sequence are pairs of different keys, the other half asks for keys at random, some more than once.

    Scored, and learned from, are the values asked for. They need every earlier place of a value behind the same key:
    the pair's own, and, where a key was asked for before, that answer.
    """

    symbols: int = 10
    loss_on = "scored"

    @property
    def pairs(self) -> int:
        """Different keys of a sequence."""
        return min(self.symbols, (self.longest[0] + 1) // 4)

    def draw(self, count: int, random: torch.Generator) -> Sequences:
        shown, total = self.pairs, (self.longest[0] + 1) // 2
        key_BP = torch.rand(count, self.symbols, generator=random).argsort(dim=1)[:, :shown]
        value_BP = torch.randint(self.symbols, (count, shown), generator=random)
        asked_BQ = torch.randint(shown, (count, total - shown), generator=random)
        key_BK = FIRST + torch.cat([key_BP, key_BP.gather(1, asked_BQ)], dim=1)
        value_BK = FIRST + self.symbols + torch.cat([value_BP, value_BP.gather(1, asked_BQ)], dim=1)
        return self.of(torch.stack([key_BK, value_BK], dim=2).flatten(1))

    def of(self, tokens_BS: Tensor) -> Sequences:
        """Keys at even places, values behind them; what stands there is scored where the key came before."""
        needs_BTT = followers(tokens_BS[:, :-1])
        needs_BTT[:, 1::2] = False
        return Sequences(tokens_BS, needs_BTT.any(dim=2), needs_BTT)

    def longer(self, length: int) -> Recall:
        """Sequences of `length` tokens, rounded down to pairs."""
        tokens = bounded(length, LEAST_LENGTH, MAX_LENGTH) // 2 * 2
        return replace(self, longest=(tokens - 1, tokens - 1))

    def read(self, text: str) -> Sequences:
        """Keys and values in turn, such as "a3 b7 a"; the value of the last key may be left out."""
        found = re.findall(r"[A-Za-z]|[0-9]+|\S", clean(text).replace(",", " "))
        keys, values = self.vocabulary[FIRST : FIRST + self.symbols], self.vocabulary[FIRST + self.symbols :]
        asked, said = found[::2], found[1::2]
        if len({*asked}) == len(asked) or not {*asked} <= {*keys} or not {*said} <= {*values}:
            raise Unreadable(NO_RECALL, example="a1 b0 a")
        known: dict[str, str] = {}
        for key, value in zip(asked, said, strict=False):
            if known.setdefault(key, value) != value:
                raise Unreadable(TWO_VALUES, symbol=key)
        if len(asked) > len(said):
            if asked[-1] not in known:
                raise Unreadable(NO_RECALL, example="a1 b0 a")
            found.append(known[asked[-1]])
        ids = self.spell(found, "".join(keys), 1, self.longest[0] + 1)
        return self.padded(self.of(torch.tensor([ids])))

    @cached_property
    def chance(self) -> float:
        return 1 / self.symbols


def recall(length: int, symbols: int) -> Recall:
    """`symbols` keys (letters) and as many values (numbers); raises `Unreadable` for numbers out of bounds."""
    bounded(symbols, 2, len(LETTERS), SYMBOLS)
    values = [str(value) for value in range(symbols)]
    return Recall("recall", vocabulary(LETTERS[:symbols], values), (0, 0), symbols=symbols).longer(length)
