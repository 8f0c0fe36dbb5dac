"""The visitor's own data: pairs, one a line, or a text whose next character is asked for.

A pair's sides are parted by the first arrow of the line (→, ->, =>), tab or equals sign, in this order. A side's tokens
are characters; where any line has a space on that side, they are words, for all lines.

What a stranger writes is bounded, composed (NFC) and freed of control characters before anything is made of it, and
every refusal names the line and says what to do.

Dimensions: R pairs, N source and M target tokens, B examples, S = T + 1 characters of a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from models.data.sequences.example import PAIRS, TEXT
from models.data.sequences.pooled import PooledPairs, Row, tabulated
from models.data.sequences.task import (
    FIRST,
    MAX_LENGTH,
    NEWLINE,
    SPACE,
    Pairs,
    Sequences,
    SequenceTask,
    Unreadable,
    bounded,
    clean,
    vocabulary,
)

ARROWS = ("→", "->", "=>", "\t", "=")
LEAST_PAIRS, MOST_PAIRS, MOST_TOKENS, MOST_KINDS, MOST_LETTERS = 2, 400, 60, 120, 24
LEAST_TEXT = 200
EVERY = 10
"""Every tenth pair is held out, and the last tenth of a text."""

NO_ARROW = "Line {line} has no arrow. Write each pair on a line of its own, as: input → output"
EMPTY_SIDE = "Line {line} lacks its input or its output. Write both, as: input → output"
LONG_SIDE = "Line {line} has {count} tokens on one side of the arrow; at most {most} can be learned. Shorten it."
LONG_WORD = "Line {line} has a word of {count} letters; at most {most} can be shown. Shorten it."
MANY_KINDS = "Up to line {line} there are more than {most} different tokens. Use fewer words or characters."
MANY_PAIRS = "Line {line} is one pair too many: at most {most} can be learned. Leave out the rest."
FEW_PAIRS = "There are fewer than {least} different pairs. Write more, one a line, as: input → output"
OTHER_LENGTH = "Here an output is always as long as its input. Write as many tokens behind the arrow as before it."
SHORT_TEXT = "The text has {count} characters; for windows of this length at least {least} are needed. Write more."
MANY_CHARACTERS = "The text has {count} different characters; at most {most} can be learned. Use a plainer text."
TEMPLATES = (
    NO_ARROW, EMPTY_SIDE, LONG_SIDE, LONG_WORD, MANY_KINDS, MANY_PAIRS, FEW_PAIRS, OTHER_LENGTH, SHORT_TEXT,
    MANY_CHARACTERS,
)  # fmt: skip


def parted(line: str) -> tuple[str, str] | None:
    """Input and output of a line, their spaces made single; None where it has no arrow."""
    for arrow in ARROWS:
        before, found, after = line.partition(arrow)
        if found:
            return " ".join(before.split()), " ".join(after.split())
    return None


def lines_of(text: str) -> dict[tuple[str, str], int]:
    """Every different pair of a text, with the number of its first line; raises `Unreadable`."""
    pairs: dict[tuple[str, str], int] = {}
    for number, line in enumerate(clean(text).split("\n"), start=1):
        if not line.strip():
            continue
        pair = parted(line)
        if pair is None:
            raise Unreadable(NO_ARROW, line=number)
        if not all(pair):
            raise Unreadable(EMPTY_SIDE, line=number)
        pairs.setdefault(pair, number)
        if len(pairs) > MOST_PAIRS:
            raise Unreadable(MANY_PAIRS, line=number, most=MOST_PAIRS)
    if len(pairs) < LEAST_PAIRS:
        raise Unreadable(FEW_PAIRS, least=LEAST_PAIRS)
    return pairs


def tokens_of(side: str, words: bool) -> list[str]:
    """A side's words, or its characters."""
    return side.split() if words else list(side)


def kinds_of(rows: Sequence[tuple[list[str], list[str], int]]) -> list[str]:
    """The different tokens, in order of appearance; raises `Unreadable` for a line that goes beyond a bound."""
    kinds: dict[str, None] = {}
    for source, target, line in rows:
        for side in (source, target):
            if len(side) > MOST_TOKENS:
                raise Unreadable(LONG_SIDE, line=line, count=len(side), most=MOST_TOKENS)
            longest = max(map(len, side))
            if longest > MOST_LETTERS:
                raise Unreadable(LONG_WORD, line=line, count=longest, most=MOST_LETTERS)
            kinds.update(dict.fromkeys(side))
        if len(kinds) > MOST_KINDS:
            raise Unreadable(MANY_KINDS, line=line, most=MOST_KINDS)
    return list(kinds)


@dataclass(frozen=True, eq=False)
class OwnPairs(PooledPairs):
    """A visitor's pairs. From 20 on, every tenth is held out; of fewer, none: then all are judged by."""

    words: tuple[bool, bool] = (False, False)
    """Whether the tokens of inputs and of outputs are words."""
    known: dict[tuple[int, ...], int] = field(default_factory=dict)
    """The first row of every input."""
    consistent: bool = True
    """No input has two outputs."""

    def read(self, text: str) -> Pairs:
        """An input, or a pair. An input of the visitor's pairs has its known output; for others there is none."""
        line = " ".join(clean(text).split()) if "\t" not in text else clean(text).strip()
        pair = None if all(token in self.ids for token in tokens_of(line, self.words[0])) else parted(line)
        source = self._spelled(pair[0] if pair else line, 0)
        if pair is None and tuple(source) in self.known:
            return self.of(torch.tensor([self.known[tuple(source)]]))
        target = self._spelled(pair[1], 1) if pair else []
        if pair and self.equal and len(target) != len(source):
            raise Unreadable(OTHER_LENGTH)
        return tabulated([(source, target, [])], *self.longest, end=bool(pair) and not self.equal)

    def _spelled(self, side: str, which: int) -> list[int]:
        most = self.longest[which] - (which == 1 and not self.equal)
        kinds = self.vocabulary[FIRST:]
        allowed = (" " if any(self.words) else "").join(kinds[:MOST_TOKENS]) + "…" * (len(kinds) > MOST_TOKENS)
        return self.spell(tokens_of(side, self.words[which]), allowed, 1, most)

    @property
    def floor_nats(self) -> float | None:
        return 0.0 if self.consistent else None


def own_pairs(text: str) -> OwnPairs:
    """A task of a visitor's pairs; the empty text is the example. Raises `Unreadable`."""
    pairs = lines_of(text or PAIRS)
    words = (any(" " in source for source, _target in pairs), any(" " in target for _source, target in pairs))
    spelled = [(tokens_of(s, words[0]), tokens_of(t, words[1]), line) for (s, t), line in pairs.items()]
    kinds = kinds_of(spelled)
    ids = {token: FIRST + i for i, token in enumerate(kinds)}
    rows: list[Row] = [([ids[token] for token in s], [ids[token] for token in t], []) for s, t, _line in spelled]
    equal = all(len(source) == len(target) for source, target, _needs in rows)
    longest = (max(len(s) for s, _t, _n in rows), max(len(t) for _s, t, _n in rows) + (not equal))
    row_R = torch.arange(len(rows))
    held_R = row_R % EVERY == EVERY - 1 if len(rows) >= 2 * EVERY else torch.zeros_like(row_R, dtype=torch.bool)
    known: dict[tuple[int, ...], int] = {}
    for row, (source, _target, _needs) in enumerate(rows):
        known.setdefault(tuple(source), row)
    return OwnPairs(
        "own_pairs", vocabulary(kinds), longest, equal,
        pairs=tabulated(rows, *longest, end=not equal),
        learned_X=row_R[~held_R], held_out_X=row_R[held_R] if held_R.any() else row_R,
        words=words, known=known, consistent=len(known) == len(rows),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class OwnText(SequenceTask):
    """Windows of a visitor's text; its last tenth (at least one window) is held out. No map is demanded."""

    text_L: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))

    @property
    def learned(self) -> int:
        """Characters to learn from."""
        return len(self.text_L) - max(len(self.text_L) // EVERY, self.longest[0] + 1)

    def windows(self, first: int, last: int, count: int, random: torch.Generator) -> Sequences:
        """Windows that lie within the characters from `first` up to `last`."""
        size = self.longest[0] + 1
        start_B = torch.randint(first, last - size + 1, (count,), generator=random)
        return self.of(self.text_L[start_B[:, None] + torch.arange(size)])

    def of(self, tokens_BS: Tensor) -> Sequences:
        """Those tokens, every prediction scored."""
        count, length = tokens_BS.shape[0], tokens_BS.shape[1] - 1
        scored_BT = torch.ones(count, length, dtype=torch.bool)
        return Sequences(tokens_BS, scored_BT, torch.zeros(count, length, length, dtype=torch.bool))

    def draw(self, count: int, random: torch.Generator) -> Sequences:
        return self.windows(0, self.learned, count, random)

    def held_out(self, count: int, random: torch.Generator) -> Sequences:
        return self.windows(self.learned, len(self.text_L), count, random)

    def longer(self, length: int) -> OwnText:
        """Windows of another length; raises `Unreadable` where the text is too short for them."""
        bounded(length, 1, MAX_LENGTH)
        least = max(LEAST_TEXT, 2 * (length + 1))
        if len(self.text_L) < least:
            raise Unreadable(SHORT_TEXT, count=len(self.text_L), least=least)
        return replace(self, longest=(length, length))

    def read(self, text: str) -> Sequences:
        """The beginning of a text in characters of the visitor's own."""
        letters = clean(text).replace("\t", " ").replace(" ", SPACE).replace("\n", NEWLINE)
        ids = self.spell(letters, "".join(self.vocabulary[FIRST:]), 2, self.longest[0] + 1)
        return self.padded(self.of(torch.tensor([ids])))

    @property
    def floor_nats(self) -> None:
        """A text's entropy is not known."""
        return


def own_text(text: str, length: int) -> OwnText:
    """A task of a visitor's text; the empty text is the example. Raises `Unreadable`."""
    letters = clean(text or TEXT).strip().replace("\t", " ").replace(" ", SPACE).replace("\n", NEWLINE)
    kinds = sorted(set(letters))
    if len(kinds) > MOST_KINDS:
        raise Unreadable(MANY_CHARACTERS, count=len(kinds), most=MOST_KINDS)
    ids = {letter: FIRST + i for i, letter in enumerate(kinds)}
    text_L = torch.tensor([ids[letter] for letter in letters], dtype=torch.long)
    return OwnText("own_text", vocabulary(kinds), (0, 0), text_L=text_L).longer(length)
