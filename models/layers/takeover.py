"""How a compiled step takes over from plain operations in the middle of a run, without a pause and without trust.

A run begins at once with plain operations. One of its first steps is written down as a `Tape` while it runs, and, if
the run lasts, compiled by another process. When the package is there, steps are done twice for a while, compiled and
plainly, each from the same numbers and the same chance, and the plain result is kept. If all that the step writes
agrees but for rounding, and the compiled step was faster, it does the rest alone; if anything differs, it is never
used, and if it is no faster, that is remembered, so that nobody waits for a compiler again to learn as much.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.layers.compiling import Package, package_of
from models.layers.tape import Tape

PATIENCE_S = (0.1, 1.0)
"""When a step is written down, and when it is asked for: one that was compiled before is wanted soon, a new one only
for runs that last, not for each value of a slider that is being moved."""
LOOK_S = 0.1
PROOFS = 5
"""Steps over which a compiled step is compared with plain operations before it is trusted."""
WORTH = 1.1
"""A compiled step that is not so many times as fast as plain operations is not used."""
ROUNDING, MOVED = 1e-5, 1e-3
"""A tensor may differ by so much of its largest number, and by so much of the largest change that the step made."""
STRAYS = 1 / 500
"""Such a share of a tensor's numbers may differ by more, though by no more than twice the largest change. Adam divides
a gradient by its own size: where it is nothing but rounding, as a bias that both losses cancel, so is its direction."""

COMPILED = (
    "From step {step} on, training steps run compiled; over {count} steps they agreed with plain operations but for "
    "rounding."
)
UNEQUAL = (
    "The compiled training step did not agree with plain operations and was discarded; the run went on with these."
)
NOT_FASTER = "Compiled, this training step was tried and is not faster; it runs operation by operation."
UNCOMPILED = "The training step could not be compiled; it runs operation by operation instead."


@contextmanager
def at_once() -> Iterator[None]:
    """While it lasts, every step is asked for as soon as it is done for the first time."""
    global PATIENCE_S
    patience, PATIENCE_S = PATIENCE_S, (0.0, 0.0)
    try:
        yield
    finally:
        PATIENCE_S = patience


@dataclass
class News:
    """That steps are done another way, and how many were since."""

    text: str
    steps: int = 0


class Takeover:
    """`step`, until a compiled one has proved equal to it; from then on that. Calling it does one step."""

    def __init__(self, step: Callable[[], None], news: list[News]) -> None:
        self.step, self.news = step, news
        self.package: Package | None = None
        self.took: list[tuple[float, float]] = []
        """Processor time of this thread for each step that was done twice: compiled, plainly."""
        self._do = self._begin
        self._began = time.monotonic()
        self._next = self._began + PATIENCE_S[0]
        self._now = News(COMPILED)

    def __call__(self) -> None:
        self._do()

    def _begin(self) -> None:
        """Plain operations; one step of them is written down."""
        if time.monotonic() < self._next:
            return self.step()
        self.tape = Tape()
        with self.tape:
            self.step()
        self.package = package_of(self.tape) if self.tape.fault is None else None
        if self.package is None:
            return self._give_up(UNCOMPILED, self.tape.fault or "no place for packages")
        if self.package.slow:
            return self._give_up(NOT_FASTER, f"as {self.package.key} was before")
        self._do = self._wait
        return None

    def _wait(self) -> None:
        """Plain operations, until the compiled step is there."""
        self.step()
        if time.monotonic() < self._next:
            return None
        assert self.package is not None
        self._next = time.monotonic() + LOOK_S
        if not self.package.asked and self._next > self._began + PATIENCE_S[1]:
            self.package.ask(self.tape.text)
        if self.package.refused:
            return self._give_up(UNCOMPILED, "see the compiler's log")
        if self.package.there:
            try:
                self._compiled: Any = self.package.load()
            except RuntimeError as error:
                self.package.refuse(str(error))
                return self._give_up(UNCOMPILED, str(error))
            self.tape.close()
            self._do = self._prove
        return None

    @torch.no_grad()
    def _prove(self) -> None:
        """The same step twice, compiled and plainly; the plain result stays."""
        written = [self.tape.memory[place] for place in sorted(self.tape.written)]
        before = [each.clone() for each in written]
        chance = [generator.get_state() for generator in self.tape.generators]
        began = time.thread_time()
        self._run()
        compiled = time.thread_time() - began
        found = [each.clone() for each in written]
        for each, value in zip(written, before, strict=True):
            each.copy_(value)
        for generator, state in zip(self.tape.generators, chance, strict=True):
            generator.set_state(state)
        began = time.thread_time()
        with torch.enable_grad():
            self.step()
        self.took.append((compiled, time.thread_time() - began))
        if not all(_agree(*three) for three in zip(before, found, written, strict=True)):
            assert self.package is not None
            self.package.refuse("not equal to plain operations")
            return self._give_up(UNEQUAL, self.package.key)
        return self._judge() if len(self.took) == PROOFS else None

    def _judge(self) -> None:
        """Whether it was worth it, by the least that each way took: whatever else runs here only adds to that."""
        compiled, plain = (min(times) for times in zip(*self.took[1:], strict=True))
        if plain < WORTH * compiled:
            assert self.package is not None
            self.package.dismiss(f"{1e3 * compiled:.3f} ms, plain operations {1e3 * plain:.3f} ms")
            return self._give_up(NOT_FASTER, self.package.key)
        self.news.append(self._now)
        self._do = self._run
        return None

    def _run(self) -> None:
        self._compiled.boxed_run([*self.tape.memory, *[draw() for draw in self.tape.draws], *self.tape.numbers])
        self._now.steps += 1

    def _give_up(self, text: str, why: str) -> None:
        logging.getLogger(__name__).warning("A training step stays plain: %s", why)
        self.news.append(News(text))
        self._do = self.step


def _agree(before: Tensor, found: Tensor, expected: Tensor) -> bool:
    """Whether two results of one step differ by no more than rounding; places that hold no number must be the same."""
    if not expected.is_floating_point():
        return torch.equal(found, expected)
    number = expected.isfinite()
    if not torch.equal(number, found.isfinite()):
        return False
    if not bool(number.any()):
        return True
    moved = (expected - before)[number & before.isfinite()].abs()
    most = float(moved.max()) if moved.numel() else 0.0
    apart = (found - expected)[number].abs()
    strays = apart[apart > ROUNDING * expected[number].abs().max() + MOVED * most]
    return len(strays) <= STRAYS * len(apart) and bool((strays <= 2 * most).all())
