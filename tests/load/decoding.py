"""Everything that makes something of a stranger's bytes or text, held to one rule: a result, or its own refusal.

The same functions that the pages call, without a server, so that a thousand files reach the decoders and their cost
can be seen: how long the slowest took, and how much memory was held at most.
"""

from __future__ import annotations

import gc
import os
import random
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from models.data import drawing
from models.data.photograph import photograph
from models.data.sequences import TASKS, task
from models.data.wordpiece import SPECIAL, WordPiece
from pages.parts.latent.own import drawn as drawn_for_a_code
from pages.parts.latent.own import fitted
from pages.parts.latent.uploaded import Unreadable, ink
from pages.parts.own.incoming import drawn
from pages.parts.plain import plain
from pages.parts.sentences.desk import MOST_LETTERS
from state import titles
from tests.load import forging
from tests.load.visiting import memory_bytes

Decoder = tuple[Callable[[Any], object], type[Exception] | tuple[()]]
"""What is called, and how it refuses."""
WORDS = WordPiece([*SPECIAL, *"abcdefghijklmnopqrstuvwxyz0123456789", "##a", "##e", "ế"])
FILES: dict[str, Decoder] = {
    "photograph": (photograph, ValueError),
    "ink": (lambda raw: fitted(ink(raw), 28, 1.0), Unreadable),
}
TEXTS: dict[str, Decoder] = {
    "drawing of a link": (drawing.decode, ValueError),
    "drawing of the brush": (lambda text: (drawn({"levels": text}), drawn_for_a_code({"levels": text}, 28, 1.0)), ()),
    "own pairs": (lambda text: task("own_pairs", own=text), ValueError),
    "own text": (lambda text: task("own_text", own=text), ValueError),
    **{f"prompt of {name}": (lambda text, name=name: task(name).read(text), ValueError) for name in TASKS},
    "sentence": (lambda text: WORDS(text[:MOST_LETTERS]), ()),
    "title": (titles.title_of, ()),
    "tags": (lambda text: titles.tags_of([text]), ()),
    "words of a visitor": (plain, ()),
}


@dataclass
class Report:
    """What came of it."""

    ends: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    """What was raised that is no refusal."""
    slowest_s: float = 0.0
    slowest: str = ""
    highest: int = 0
    """Bytes of memory beyond the beginning, at most."""
    left: int = 0
    """And in the end."""

    def __str__(self) -> str:
        return (
            f"{self.ends.total()} calls: {dict(self.ends)}; {len(self.faults)} faults; slowest {self.slowest_s:.2f} s "
            f"({self.slowest}); memory at most {self.highest / 1e6:+.0f} MB, in the end {self.left / 1e6:+.0f} MB"
        )

    def call(self, name: str, decoder: Decoder, given: bytes | str) -> None:
        """Call it once."""
        (function, refusal), began = decoder, time.perf_counter()
        try:
            function(given)
            self.ends["taken"] += 1
        except Exception as error:
            refused = isinstance(error, refusal) and not isinstance(error, UnicodeError)
            self.ends["refused" if refused else "fault"] += 1
            if not refused:
                self.faults.append(f"{name}: {given[:80]!r} ({len(given)}): {traceback.format_exc(limit=-3)}")
        spent = time.perf_counter() - began
        if spent > self.slowest_s:
            self.slowest_s, self.slowest = spent, f"{name}, {len(given)} long, {given[:12]!r}"


@contextmanager
def weighing(report: Report) -> Iterator[None]:
    """Watches the memory of this process while the body runs."""
    over, pid = threading.Event(), os.getpid()
    gc.collect()
    before = memory_bytes(pid)

    def watch() -> None:
        while not over.wait(0.005):
            report.highest = max(report.highest, memory_bytes(pid) - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        gc.collect()
        report.left = memory_bytes(pid) - before


def files(count: int, seed: int = 0, dear: bool = True) -> Report:
    """`count` forged files, each to every decoder of files; valid ones and those that were built come first."""
    chance, report = random.Random(seed), Report()
    given = [*map(forging.valid, forging.KINDS), *forging.built(), *(forging.dear() if dear else ())]
    for name, decoder in FILES.items():  # what a decoder keeps for good is there
        report.call(name, decoder, given[0])
    with weighing(report):
        for number in range(count):
            raw = given[number] if number < len(given) else forging.file(chance)
            for name, decoder in FILES.items():
                report.call(name, decoder, raw)
    return report


def texts(count: int, seed: int = 0) -> Report:
    """`count` odd texts, each to everything that reads one."""
    chance, report = random.Random(seed), Report()
    for name, decoder in TEXTS.items():
        report.call(name, decoder, "1 2 3")
    with weighing(report):
        for _ in range(count):
            said = forging.text(chance)
            for name, decoder in TEXTS.items():
                report.call(name, decoder, said)
    return report
