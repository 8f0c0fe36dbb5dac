"""Where the contestants stand: what each answers, and its accuracy after equal steps and after equal seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
.tl-race td { font-variant-numeric: tabular-nums; }
.tl-race :is(th, td):nth-child(-n+2) { text-align: left; }
.tl-race td:first-child { font-weight: 600; }
.tl-token { display: inline-block; min-width: 1.25em; text-align: center; border-radius: 0.25em; margin-right: 2px; }
.tl-kept { background: rgba(49, 120, 198, 0.25); }
.tl-wrong { opacity: 0.55; text-decoration: line-through; }
.tl-silence { opacity: 0.65; letter-spacing: 0.05em; }
.tl-task { line-height: 1.9; }
.tl-scroll { overflow-x: auto; white-space: nowrap; }
</style>
"""


@dataclass(frozen=True)
class Standing:
    """One contestant so far: accuracy (n,) and training time (n,), seconds, after each of its n steps."""

    experiment: CopyMemory
    accuracy: np.ndarray
    seconds: np.ndarray
    run: Run

    @property
    def name(self) -> str:
        return option(self.experiment.model)

    def lately(self, step: int) -> float:
        """Mean accuracy over the last steps up to `step`."""
        return float(self.accuracy[max(0, step - LATELY) : step].mean())

    def answer(self, step: int) -> list[int]:
        """What it says at the slots of the shown sequence, after `step` steps."""
        picture = self.run.snapshot(step)
        said: list[int] = picture.arrays["predicted"][0, -self.experiment.length :].tolist() if picture else []
        return said

    def steps_by(self, seconds: float) -> int:
        """Steps that were done after so much training time."""
        return int(np.searchsorted(self.seconds, seconds, side="right"))

    def solved(self, step: int) -> int | None:
        """The first step, up to `step`, at which accuracy had been 99 % on average over the last steps."""
        mean = np.convolve(self.accuracy[:step], np.ones(LATELY) / LATELY, "valid")
        places = np.flatnonzero(mean >= SOLVED)
        return int(places[0]) + LATELY if len(places) else None


def standing(experiment: CopyMemory, run: Run) -> Standing | None:
    """What the run's own record says; None before its first step."""
    columns = run.columns(["accuracy", "milliseconds"])
    if len(columns) < 2:
        return None
    count = min(len(columns["accuracy"][1]), len(columns["milliseconds"][1]))
    seconds = np.cumsum(columns["milliseconds"][1][:count]) / 1000
    return Standing(experiment, columns["accuracy"][1][:count], seconds, run)


def known(table: Table) -> list[tuple[CopyMemory, Run]]:
    """The contestants that have a run, the shown one first."""
    beside = table.beside if table.twin is None else None
    return [
        (experiment, run)
        for experiment in lanes.together(table.shown, beside)
        if isinstance(experiment, CopyMemory) and (run := runs().find(experiment.key)) is not None
    ]


def renewed(table: Table, draw: Callable[[list[Standing]], None]) -> None:
    """Draws where everybody stands, again and again while anything trains."""
    runners = known(table)

    @st.fragment(run_every=lanes.LOOK_S if any(run.status().state in lanes.ACTIVE for _e, run in runners) else None)
    def stand() -> None:
        found = [one for experiment, run in runners if (one := standing(experiment, run))]
        if found:
            draw(found)

    stand()


def sentence(lab: Lab, table: Table) -> None:
    """Over the picture: who knows and who guesses; and who still waits for a place."""

    if isinstance(table.shown, CopyMemory):
        st.html(STYLE + task(table.shown))

    def draw(found: list[Standing]) -> None:
        st.markdown(verdict(found, table.at))
        wait = lanes.waiting([run for _e, run in known(table)], [option(one.model) for one, _run in known(table)])
        if wait:
            st.caption(wait)

    renewed(table, draw)


def table(lab: Lab, table: Table) -> None:
    """Under the picture: everybody's answer, and accuracy at equal steps and at equal seconds."""

    def draw(found: list[Standing]) -> None:
        st.html(STYLE + rows(found, table.at))
        st.caption(
            _("Accuracies here and above are means of the last {count} steps; the curves show each step.", count=LATELY)
        )

    renewed(table, draw)


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
        said.append(_("On the way, in the last {count} steps: {names}.", count=LATELY, names=told))
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
            escape(one.name), letters(one.answer(step), example), percent(one.lately(step)),
            _("{accuracy} ({steps} steps)", accuracy=percent(one.lately(max(by, 1))), steps=by),
            shown(float(f"{len(one.seconds) / one.seconds[-1]:.3g}")), shown(one.experiment.plan.parameters()),
        )  # fmt: skip
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="tl-scroll"><table class="tl-race"><tr>{head}</tr>{"".join(lines)}</table></div>'


def letters(given: Sequence[int], wanted: Sequence[int]) -> str:
    """The answer letter by letter; a wrong letter is struck out."""
    boxes = []
    for mine, right in zip(given, wanted, strict=False):
        kind = "tl-kept" if mine == right else "tl-wrong"
        boxes.append(f'<span class="tl-token {kind}">{chr(ord("A") + mine)}</span>')
    return "".join(boxes)


def task(experiment: CopyMemory) -> str:
    """The task on one line: the symbols, the silence, the sign, and what is to be said."""
    boxes = [f'<span class="tl-token tl-kept">{word}</span>' for word in tokens(experiment)[: experiment.length]]
    blanks, kept = escape(_("{delay} blanks", delay=experiment.delay)), "".join(boxes)
    then = escape(_("say again:"))
    silence = f'<span class="tl-silence">· · · · · {blanks} · · · · ·</span>'
    return f'<div class="tl-task">{kept} {silence} ▸ <b>{then}</b> {kept}</div>'


def percent(share: float) -> str:
    """A share as a percentage with one digit behind the point."""
    return f"{shown(round(100 * share, 1))}\u00a0%"
