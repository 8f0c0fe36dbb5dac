"""Tasks for attention by name, each with a known answer and a known right map, see `models.data.sequences.task`.

copy, reverse, sort   a word of random symbols, put in order
histogram             how often the symbol of each position occurs
induction             a random block that repeats
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from models.data.sequences import digits as symbols_of
from models.data.sequences import repeats
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

TEMPLATES: tuple[str, ...] = words.TEMPLATES
"""Every sentence that a text or a number can be refused with, to be translated."""

_MAKERS: Mapping[str, Callable[[int, int, int, str], Task]] = {
    "copy": lambda length, symbols, _digits, _own: symbols_of.symbol_task("copy", length, symbols),
    "reverse": lambda length, symbols, _digits, _own: symbols_of.symbol_task("reverse", length, symbols),
    "sort": lambda length, symbols, _digits, _own: symbols_of.symbol_task("sort", length, symbols),
    "histogram": lambda length, symbols, _digits, _own: symbols_of.histogram(length, symbols),
    "induction": lambda length, symbols, _digits, _own: repeats.induction(length, symbols),
}

TASKS: tuple[str, ...] = tuple(_MAKERS)


@lru_cache(maxsize=64)  # Bounded: visitors write their own texts.
def task(name: str, *, length: int = 16, symbols: int = 10, digits: int = 2, own: str = "") -> Task:
    """The task of that name, the same object for the same knobs; each task looks only at the knobs that it has.

    Raises `Unreadable` for a knob out of bounds or a text that cannot be used, `ValueError` for a name that is none.
    """
    if name not in _MAKERS:
        raise ValueError(f"{name!r} is not one of {', '.join(TASKS)}.")
    return _MAKERS[name](length, symbols, digits, own)
