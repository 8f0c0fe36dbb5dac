"""Where the contestants stand: what each answers, and its accuracy after equal steps and after equal seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st

from models.memory import CopyMemory
from pages.parts import lanes
from pages.parts.controls import option
from pages.parts.lab import Lab
from pages.parts.memory.panels import tokens
from pages.parts.table import Table
from pages.parts.words import _, shown
from state.runs import Run, runs

LATELY = 10
"""Steps over which accuracy is averaged before it is told."""
SOLVED = 0.99
STYLE = """
<style>
.tl-race { width: 100%; border-collapse: collapse; font-size: 0.9rem; }
.tl-race th { text-align: right; font-weight: 500; opacity: 0.75; padding: 0.25rem 0.6rem; vertical-align: bottom; }
.tl-race td { text-align: right; padding: 0.3rem 0.6rem; border-top: 1px solid rgba(128, 128, 128, 0.3); }
.tl-race td, .tl-task { font-variant-numeric: tabular-nums; }
.tl-race :is(th, td):nth-child(-n+2) { text-align: left; }
.tl-race td:first-child { font-weight: 600; }
.tl-token { display: inline-block; min-width: 1.25em; text-align: center; border-radius: 0.25em; margin-right: 2px; }
.tl-kept { background: rgba(49, 120, 198, 0.25); }
.tl-wrong { opacity: 0.55; text-decoration: line-through; }
.tl-task, .tl-scroll { overflow-x: auto; white-space: nowrap; }
</style>
"""


@dataclass(frozen=True)
class Standing:
    """One contestant so far: accuracy (n,) and training time (n,), seconds, after each of its n steps."""

    experiment: CopyMemory
    accuracy: np.ndarray
    seconds: np.ndarray
    answer: tuple[int, ...]
    step: int

    @property
    def name(self) -> str:
        return option(self.experiment.model)

    def lately(self, step: int) -> float:
        """Mean accuracy over the last steps up to `step`."""
        return float(self.accuracy[max(0, step - LATELY) : step].mean())

    def steps_by(self, seconds: float) -> int:
        """Steps that were done after so much training time."""
        return int(np.searchsorted(self.seconds, seconds, side="right"))

    def solved(self, step: int) -> int | None:
        """The first step, up to `step`, at which accuracy had been 99 % on average over the last steps."""
        mean = np.convolve(self.accuracy[:step], np.ones(LATELY) / LATELY, "valid")
        places = np.flatnonzero(mean >= SOLVED)
        return int(places[0]) + LATELY if len(places) else None


def standing(experiment: CopyMemory, run: Run, at: int | None) -> Standing | None:
    """What the run's own record says; None before its first step."""
    columns = run.columns(["accuracy", "milliseconds"])
    if len(columns) < 2:
        return None
    count = min(len(columns["accuracy"][1]), len(columns["milliseconds"][1]))
    seconds = np.cumsum(columns["milliseconds"][1][:count]) / 1000
    picture = run.snapshot(count if at is None else at)
    answer = picture.arrays["predicted"][0, -experiment.length :].tolist() if picture else []
    return Standing(experiment, columns["accuracy"][1][:count], seconds, tuple(answer), picture.step if picture else 0)


def draw(lab: Lab, table: Table) -> None:
    """The task, the sentence and the table under the picture; renewed while anything trains."""
    known = [
        (experiment, run)
        for experiment in lanes.together(table.shown, table.beside if table.twin is None else None)
        if isinstance(experiment, CopyMemory) and (run := runs().find(experiment.key)) is not None
    ]
    if not known:
        return
    busy = any(run.status().state in lanes.ACTIVE for _e, run in known)

    @st.fragment(run_every=lanes.LOOK_S if busy else None)
    def stand() -> None:
        wait = lanes.waiting(known, [option(experiment.model) for experiment, _run in known])
        if wait:
            st.caption(wait)
        found = [one for experiment, run in known if (one := standing(experiment, run, table.at))]
        if found:
            st.markdown(verdict(found, table.at))
            st.html(STYLE + rows(found, table.at))

    stand()


def verdict(found: Sequence[Standing], at: int | None) -> str:
    """Who has solved the task, who is on the way, who only guesses: by the numbers at a step that all have reached."""
    step = common_step(found, at)
    experiment = found[0].experiment
    chance = 1 / experiment.symbols
    # Three standard errors of guessing over the slots that the mean is taken of.
    slots = min(step, LATELY) * experiment.batch_size * experiment.length
    lucky = chance + 3 * (chance * (1 - chance) / slots) ** 0.5
    solved = [one for one in found if one.lately(step) >= SOLVED]
    guessing = [one for one in found if one.lately(step) <= lucky]
    others = [one for one in found if one not in solved and one not in guessing]
    said = [_("At step {step}:", step=step)]
    if solved:
        since = [(one.name, one.solved(step) or step) for one in solved]
        told = ", ".join(_("**{name}** (since step {step})", name=name, step=first) for name, first in since)
        said.append(_("right 99 times in 100 or more: {names}.", names=told))
    if others:
        told = ", ".join(f"**{one.name}** ({percent(one.lately(step))})" for one in others)
        said.append(_("On the way: {names}.", names=told))
    if guessing:
        told = ", ".join(f"**{one.name}**" for one in guessing)
        said.append(_("No better than guessing ({chance}): {names}.", chance=percent(chance), names=told))
    return " ".join(said)


def common_step(found: Sequence[Standing], at: int | None) -> int:
    """The last step that all have reached, not later than the one looked at."""
    last = min(len(one.accuracy) for one in found)
    return max(1, last if at is None else min(last, at))


def rows(found: Sequence[Standing], at: int | None) -> str:
    """The table: everything in it is computed from the runs' own columns."""
    step, seconds = common_step(found, at), min(float(one.seconds[-1]) for one in found)
    example = found[0].experiment.example()[1]
    heads = (
        _("Model"), _("Its answer"), _("Right after {steps} steps", steps=step),
        _("Right after {seconds} s", seconds=round(seconds, 1)), _("Steps/s"), _("Parameters"),
    )  # fmt: skip
    lines = []
    for one in found:
        by = one.steps_by(seconds)
        cells = (
            escape(one.name), answer(one.answer, example), percent(one.lately(step)),
            _("{accuracy} ({steps} steps)", accuracy=percent(one.lately(max(by, 1))), steps=by),
            shown(float(f"{len(one.seconds) / one.seconds[-1]:.3g}")), shown(one.experiment.plan.parameters()),
        )  # fmt: skip
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="tl-scroll"><table class="tl-race"><tr>{head}</tr>{"".join(lines)}</table></div>'


def answer(given: Sequence[int], wanted: Sequence[int]) -> str:
    """The answer letter by letter; a wrong letter is struck out."""
    letters = []
    for mine, right in zip(given, wanted, strict=False):
        kind = "tl-kept" if mine == right else "tl-wrong"
        letters.append(f'<span class="tl-token {kind}">{chr(ord("A") + mine)}</span>')
    return "".join(letters)


def task(experiment: CopyMemory) -> str:
    """The task on one line: the symbols, the silence, the sign, the slots and what belongs there."""
    words, length = tokens(experiment), experiment.length
    kept = "".join(f'<span class="tl-token tl-kept">{word}</span>' for word in words[:length])
    blanks = _("{delay} blanks", delay=experiment.delay)
    return f'{STYLE}<div class="tl-task">{kept} ····· {escape(blanks)} ····· ▸ → {kept}</div>'


def percent(share: float) -> str:
    """A share as a percentage with one digit behind the point."""
    return f"{shown(round(100 * share, 1))}\u00a0%"
