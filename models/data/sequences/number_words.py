"""Vietnamese number words, and the digits that they say: 0 to 9999.

One word in, one digit out, but not at the same place: "linh" is a zero among the tens, "mười" a one, "trăm" at the end
is two zeros; one, four and five are spoken differently behind "mươi" ("mốt", "tư", "lăm").

Where it stops being the whole language: "linh", "nghìn", "tư" and "lăm" are spoken here; "lẻ", "ngàn", "bốn" and
"nhăm", which are as good, are only read.

Dimensions: R numbers, N words, M digits and the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch

from models.data.sequences.pooled import PooledPairs, Row, split, tabulated
from models.data.sequences.task import Pairs, Unreadable, clean, vocabulary

UNITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
OTHERS = ("mười", "mươi", "mốt", "tư", "lăm", "linh", "trăm", "nghìn")
BEHIND_TENS = {1: "mốt", 4: "tư", 5: "lăm"}
SYNONYMS = {"lẻ": "linh", "ngàn": "nghìn", "nhăm": "lăm", "bẩy": "bảy"}
NUMBERS, HELD_OUT = 10_000, 1_000
MOST_WORDS, MOST_DIGITS = 7, 4

NO_NUMBER = "Write a number from 0 to 9999 in Vietnamese words, such as “{example}”."
TEMPLATES = (NO_NUMBER,)


def spoken(number: int) -> tuple[list[str], list[int]]:
    """The words of a number from 0 to 9999, and for each of its digits the place of the word that says it.

    Zeros at the end are passed over in silence: the last word says them too, in "hai trăm" both by "trăm".
    """
    words: list[str] = []
    said: list[int] = []
    for place, digit in zip(range(len(str(number)) - 1, -1, -1), map(int, str(number)), strict=True):
        if number and number % 10 ** (place + 1) == 0:
            said.append(len(words) - 1)
        else:
            said.append(len(words))
            words += _digit(digit, place, number)
    return words, said


def _digit(digit: int, place: int, number: int) -> list[str]:
    """The words of one digit with its place."""
    if place >= 2:
        return [UNITS[digit], "trăm" if place == 2 else "nghìn"]
    if place == 1:
        return {0: ["linh"], 1: ["mười"]}.get(digit, [UNITS[digit], "mươi"])
    tens = number // 10 % 10
    if tens > 1:
        return [BEHIND_TENS.get(digit, UNITS[digit])]
    return ["lăm" if tens == 1 and digit == 5 else UNITS[digit]]


@dataclass(frozen=True, eq=False)
class NumberWords(PooledPairs):
    """Every number once in the table, row = number; a tenth of them is held out."""

    def read(self, text: str) -> Pairs:
        """A number in words."""
        words = [SYNONYMS.get(word, word) for word in clean(text).lower().split()]
        number = readings().get(" ".join(words).replace("mươi bốn", "mươi tư"))
        if number is None:
            raise Unreadable(NO_NUMBER, example=" ".join(spoken(2025)[0]))
        return self.of(torch.tensor([number]))


@cache
def readings() -> dict[str, int]:
    """Each number by its words."""
    return {" ".join(spoken(number)[0]): number for number in range(NUMBERS)}


def number_words() -> NumberWords:
    """Numbers from 0 to 9999 in Vietnamese words."""
    empty = NumberWords("number_words", vocabulary([str(digit) for digit in range(10)], UNITS, OTHERS), (0, 0))
    table: list[Row] = []
    for number in range(NUMBERS):
        words, said = spoken(number)
        digits = [empty.ids[digit] for digit in str(number)]
        table.append(([empty.ids[word] for word in words], digits, [[place] for place in said]))
    size = (MOST_WORDS, MOST_DIGITS + 1)
    learned_X, held_out_X = split(NUMBERS, HELD_OUT, seed=0)
    pairs = tabulated(table, *size, end=True)
    return NumberWords(empty.name, empty.vocabulary, size, False, pairs, learned_X, held_out_X)
