"""Tasks for attention by name, each with a known answer and a known right map, see `models.data.sequences.task`.

copy, reverse, sort   a word of random symbols, put in order
histogram             how often the symbol of each position occurs
addition              the sum of two numbers, from the left; addition_reversed from the right
recall                keys with their values, and then a key again
induction             a random block that repeats
markov                a chain whose transitions the sequence itself must teach
brackets              two kinds of brackets, properly nested
dates                 seven ways to write a date, and the ISO date
number_words          Vietnamese number words, and the number
own_pairs, own_text   what a visitor writes
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from models.data.sequences import arithmetic, brackets, chains, dates, number_words, own, pooled, recall, repeats
from models.data.sequences import digits as symbols_of
from models.data.sequences import task as words
from models.data.sequences.task import (
    BEGIN,
    BLANK,
    END,
    FIRST,
    PAD,
    SEPARATOR,
    SPECIALS,
    Pairs,
    PairTask,
    Sequences,
    SequenceTask,
    Task,
    Unreadable,
)

__all__ = [
    "BEGIN", "BLANK", "END", "FIRST", "PAD", "SEPARATOR", "SPECIALS", "TASKS", "TEMPLATES",
    "PairTask", "Pairs", "SequenceTask", "Sequences", "Task", "Unreadable", "task",
]  # fmt: skip

TEMPLATES: tuple[str, ...] = tuple(
    sentence
    for module in (words, arithmetic, recall, brackets, pooled, number_words, dates, own)
    for sentence in module.TEMPLATES
)
"""Every sentence that a text or a number can be refused with, to be translated."""

Maker = Callable[[int, int, int, str], Task]
"""From length, symbols, digits and own text."""

_MAKERS: Mapping[str, Maker] = {
    "copy": lambda length, symbols, _digits, _own: symbols_of.symbol_task("copy", length, symbols),
    "reverse": lambda length, symbols, _digits, _own: symbols_of.symbol_task("reverse", length, symbols),
    "sort": lambda length, symbols, _digits, _own: symbols_of.symbol_task("sort", length, symbols),
    "histogram": lambda length, symbols, _digits, _own: symbols_of.histogram(length, symbols),
    "addition": lambda _length, _symbols, digits, _own: arithmetic.addition(digits, backwards=False),
    "addition_reversed": lambda _length, _symbols, digits, _own: arithmetic.addition(digits, backwards=True),
    "recall": lambda length, symbols, _digits, _own: recall.recall(length, symbols),
    "induction": lambda length, symbols, _digits, _own: repeats.induction(length, symbols),
    "markov": lambda length, symbols, _digits, _own: chains.markov(length, symbols),
    "brackets": lambda length, _symbols, _digits, _own: brackets.brackets(length),
    "dates": lambda _length, _symbols, _digits, _own: dates.dates(),
    "number_words": lambda _length, _symbols, _digits, _own: number_words.number_words(),
    "own_pairs": lambda _length, _symbols, _digits, text: own.own_pairs(text),
    "own_text": lambda length, _symbols, _digits, text: own.own_text(text, length),
}

TASKS: tuple[str, ...] = tuple(_MAKERS)


def task(name: str, *, length: int = 16, symbols: int = 10, digits: int = 2, own: str = "") -> Task:
    """The task of that name, the same object for the same knobs; each task looks only at the knobs that it has.

    Raises `Unreadable` for a knob out of bounds or a text that cannot be used, `ValueError` for a name that is none.
    """
    if name not in _MAKERS:
        raise ValueError(f"{name!r} is not one of {', '.join(TASKS)}.")
    return _task(name, length, symbols, digits, own if name.startswith("own") else "")


@lru_cache(maxsize=64)  # Bounded: visitors write their own texts.
def _task(name: str, length: int, symbols: int, digits: int, own: str) -> Task:
    return _MAKERS[name](length, symbols, digits, own)
