"""What every task for attention can do: draw examples whose answer, and whose right attention map, is known.

Two kinds. A pair task turns a source into a target (a word into its reverse); a sequence task asks for the next token
at every position (a block that repeats). Beside the tokens each example says what it *needs*: the positions whose
tokens determine the answer, which is where a map that does the task should look.

Dimensions: B examples, N source tokens, M target tokens, S = T + 1 tokens of a sequence, T predictions.
Tokens are int64; 0 is padding; `vocabulary[id]` is the text on screen. Every vocabulary starts with `SPECIALS`.
"""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import pad

SPECIALS = ("·", "⊢", "→", "⏎", "?")
PAD, BEGIN, SEPARATOR, END, BLANK = range(len(SPECIALS))
FIRST = len(SPECIALS)
"""The id of the first token that is the task's own."""

SPACE, NEWLINE = "␣", "↵"
"""How a space and a new line look on screen, where they are tokens."""

MAX_TEXT = 6000
"""Characters of the longest text that a visitor may hand in."""
MAX_LENGTH = 512
"""Tokens of the longest example: its map of needs has 512² cells."""

TEXT_TOO_LONG = "The text has {count} characters; at most {most} can be read. Shorten it."
EMPTY = "There is too little to read. Write at least {least} of these symbols: `{allowed}`"
TOO_MANY = "Write at most {most} symbols; these are {count}."
UNKNOWN = "`{symbol}` is no symbol of this task. Write only these: `{allowed}`"
LENGTH = "The length must lie between {least} and {most}."
SYMBOLS = "The number of symbols must lie between {least} and {most}."
TEMPLATES = (TEXT_TOO_LONG, EMPTY, TOO_MANY, UNKNOWN, LENGTH, SYMBOLS)


class Unreadable(ValueError):  # noqa: N818  (an answer to a visitor)
    """A visitor's text or number that a task cannot use; the sentence, a template over `values`, says what to do."""

    def __init__(self, template: str, **values: int | str) -> None:
        self.template, self.values = template, values
        super().__init__(template.format_map(values))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Sources (B, N) with targets (B, M), padded right; `needs_BMN` marks the source tokens that a target depends on.

    Targets of various lengths end with `END`, unless the task is `equal`. An empty row of needs demands nothing.
    A target of padding alone is not known (a visitor's own input).
    """

    source_BN: Tensor
    target_BM: Tensor
    needs_BMN: Tensor


@dataclass(frozen=True, eq=False)
class Sequences:
    """Tokens (B, T + 1), padded right; the prediction at q is of token q + 1, `needs_BTT[b, q]` marks its keys.

    `scored_BT` marks the predictions that can be known and so count for the accuracy.
    """

    tokens_BS: Tensor
    scored_BT: Tensor
    needs_BTT: Tensor


@dataclass(frozen=True, eq=False)
class Task(ABC):
    """A source of examples. The generator must live on the CPU, and alone decides what is drawn."""

    name: str
    vocabulary: tuple[str, ...]
    longest: tuple[int, int]
    """(N, M) of pairs, (T, T) of sequences: every example is padded to it."""
    equal: bool = False
    """Pairs whose target always has the source's length, position by position."""

    kind: ClassVar[Literal["pairs", "sequences"]]
    loss_on: ClassVar[Literal["all", "scored"]] = "all"
    """Which predictions of a sequence are learned from; the targets of pairs all are."""

    @abstractmethod
    def draw(self, count: int, random: torch.Generator) -> Pairs | Sequences:
        """`count` examples to learn from."""

    def held_out(self, count: int, random: torch.Generator) -> Pairs | Sequences:
        """`count` examples to be judged by: never drawn to learn from where there are few, fresh ones elsewhere."""
        return self.draw(count, random)

    @abstractmethod
    def longer(self, length: int) -> Task:
        """The same rule and vocabulary at another length; raises `Unreadable` where there is none."""

    @abstractmethod
    def read(self, text: str) -> Pairs | Sequences:
        """One example (B = 1) from a visitor's text; raises `Unreadable`, whose sentence says what is expected."""

    @property
    def floor_nats(self) -> float | None:
        """The lowest mean loss that any model can reach, where it is known in closed form."""
        return 0.0

    @cached_property
    def chance(self) -> float:
        """Accuracy of a model that knows how frequent each scored token is, and nothing else; here measured."""
        drawn = self.draw(2048, torch.Generator().manual_seed(0))
        scored = drawn.target_BM if isinstance(drawn, Pairs) else drawn.tokens_BS[:, 1:][drawn.scored_BT]
        scored = scored[scored != PAD]
        return int(scored.bincount().max()) / scored.numel()

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of every token that is the task's own."""
        return {token: FIRST + i for i, token in enumerate(self.vocabulary[FIRST:])}

    def say(self, ids: Iterable[int]) -> str:
        """The text of tokens up to the first `END`, without padding; words and numbers are set apart by spaces."""
        texts: list[str] = []
        for token in map(int, ids):
            if token == END:
                break
            if token not in (PAD, BEGIN):
                texts.append(self.vocabulary[token])
        joint = " " if any(len(text) > 1 for text in texts) else ""
        return joint.join(texts).replace(SPACE, " ").replace(NEWLINE, "\n")

    def spell(self, symbols: Iterable[str], allowed: str, least: int, most: int) -> list[int]:
        """Ids of `symbols`; raises `Unreadable` for one that is unknown, and for too few or too many."""
        # What a stranger wrote stands between backticks, so that it cannot become markup.
        ids, allowed = [], allowed.replace("`", "ˋ")
        for symbol in symbols:
            if symbol not in self.ids:
                raise Unreadable(UNKNOWN, symbol=symbol[:12].replace("`", "ˋ"), allowed=allowed)
            ids.append(self.ids[symbol])
        if len(ids) < least:
            raise Unreadable(EMPTY, least=least, allowed=allowed)
        if len(ids) > most:
            raise Unreadable(TOO_MANY, most=most, count=len(ids))
        return ids


class PairTask(Task):
    """A source and its target."""

    kind = "pairs"

    @abstractmethod
    def draw(self, count: int, random: torch.Generator) -> Pairs: ...

    def held_out(self, count: int, random: torch.Generator) -> Pairs:
        return self.draw(count, random)

    @abstractmethod
    def longer(self, length: int) -> PairTask: ...

    @abstractmethod
    def read(self, text: str) -> Pairs: ...

    def padded(self, pairs: Pairs) -> Pairs:
        """The pairs at the task's own sizes."""
        n, m = (size - had for size, had in zip(self.longest, pairs.needs_BMN.shape[:0:-1], strict=True))
        return Pairs(pad(pairs.source_BN, (0, n)), pad(pairs.target_BM, (0, m)), pad(pairs.needs_BMN, (0, n, 0, m)))


class SequenceTask(Task):
    """The next token at every position."""

    kind = "sequences"

    @abstractmethod
    def draw(self, count: int, random: torch.Generator) -> Sequences: ...

    def held_out(self, count: int, random: torch.Generator) -> Sequences:
        return self.draw(count, random)

    @abstractmethod
    def longer(self, length: int) -> SequenceTask: ...

    @abstractmethod
    def read(self, text: str) -> Sequences: ...

    def padded(self, drawn: Sequences) -> Sequences:
        """The sequences at the task's own size."""
        t = self.longest[0] - drawn.scored_BT.shape[1]
        needs_BTT = pad(drawn.needs_BTT, (0, t, 0, t))
        return Sequences(pad(drawn.tokens_BS, (0, t)), pad(drawn.scored_BT, (0, t)), needs_BTT)


def vocabulary(*tokens: Sequence[str]) -> tuple[str, ...]:
    """The special tokens, then the task's own."""
    return (*SPECIALS, *(token for group in tokens for token in group))


def bounded(value: int, least: int, most: int, template: str = LENGTH) -> int:
    """`value`, if it lies within the bounds; raises `Unreadable` otherwise."""
    if not least <= value <= most:
        raise Unreadable(template, least=least, most=most)
    return value


def clean(text: str) -> str:
    """A visitor's text, composed (NFC), with plain spaces and new lines and without any control character.

    What steers the display (bidirectional marks, joiners, lone surrogates) goes as well. Raises `Unreadable` where the
    text is longer than `MAX_TEXT`.
    """
    if len(text) > MAX_TEXT:
        raise Unreadable(TEXT_TOO_LONG, count=len(text), most=MAX_TEXT)
    lines = unicodedata.normalize("NFC", "\n".join(text.splitlines()))
    kept = []
    for letter in lines:
        category = unicodedata.category(letter)
        if letter in "\n\t" or category[0] != "C":
            kept.append(" " if category == "Zs" else letter)
    return "".join(kept)


def rows(size: int, count: int, random: torch.Generator) -> Tensor:
    """(count,) rows of a table of `size`, in random order, none twice before all were taken."""
    return torch.randperm(size, generator=random)[torch.arange(count) % size]
