"""What the measurements say: slopes with their errors, crossovers, and what each mechanism remembers."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np
import streamlit as st

from models.cost import KINDS, AttentionCost
from models.experiment import Snapshot
from models.layers.metering import crossover, power_law
from models.memory import CopyMemory
from pages.parts import lanes
from pages.parts.controls import option
from pages.parts.lab import Lab
from pages.parts.memory.standings import STYLE, percent, standing
from pages.parts.table import Table
from pages.parts.words import _, fixed, shown
from state import links
from state.runs import Run, runs

MEMORY = Path(__file__).parents[2] / "memory.py"
REMEMBERS = {"full": "transformer", "fused": "transformer"}
"""Which contestant of the memory page a mechanism is, where the name is another."""
CONTEST = CopyMemory.stories()[2]
DELAY = CopyMemory().delay
CHEAPER = (("full", "window"), ("full", "linear"), ("fused", "linear"))


def sentence(lab: Lab, table: Table) -> None:
    """Over the picture: from which length on the cheap mechanisms are cheaper."""
    _renewed(table, lambda run: _say(table, run))


def draw(lab: Lab, table: Table) -> None:
    """Under the picture: every mechanism's numbers, and the way to the contest that shows what each loses."""
    _renewed(table, lambda run: _tell(table, run))
    st.page_link(
        str(MEMORY), label=_("See what each loses: the contest over a long silence"),
        query_params=links.write(CONTEST.experiment, beside=CONTEST.beside), icon=":material/arrow_forward:",
    )  # fmt: skip


def _renewed(table: Table, draw: Callable[[Run], None]) -> None:
    run = runs().find(table.shown.key)
    if run is None:
        return

    @st.fragment(run_every=lanes.LOOK_S if run.status().state in lanes.ACTIVE else None)
    def look() -> None:
        draw(run)

    look()


def _picture(table: Table, run: Run) -> Snapshot | None:
    return run.snapshot(run.status().step if table.at is None else table.at)


def _say(table: Table, run: Run) -> None:
    picture = _picture(table, run)
    if picture is not None:
        st.markdown(" ".join(crossings(picture)))


def crossings(picture: Snapshot) -> list[str]:
    """One sentence per pair of mechanisms that both have been measured."""
    n, said = picture.arrays["n"], []
    for one, other in CHEAPER:
        mine, theirs = picture.arrays[f"ms_{one}"], picture.arrays[f"ms_{other}"]
        if not (np.isfinite(mine) & np.isfinite(theirs)).sum() >= 3:
            continue
        at = crossover(n, mine, theirs)
        names = {"one": named(one), "other": named(other)}
        if at is None:
            said.append(
                _("Up to {n} tokens, {other} is never faster than {one} attention here.", n=int(n[-1]), **names)
            )
        else:
            # Two digits: the curves are measured, and cross at a shallow angle.
            rounded = int(float(f"{at:.2g}"))
            said.append(_("From about {n} tokens on, {other} is faster than {one} attention here.", n=rounded, **names))
    return said


def _tell(table: Table, run: Run) -> None:
    picture = _picture(table, run)
    if picture is not None and isinstance(table.shown, AttentionCost):
        st.html(STYLE + rows(picture))
        st.caption(_(
            "Slopes are fitted to the longer half of the lengths, ± the standard error. Last column: what each "
            "remembers in the contest on the page “Long memory”."
        ))  # fmt: skip


def rows(picture: Snapshot) -> str:
    """The table: everything in it is computed from what this run measured, and from stored runs of the contest."""
    n = picture.arrays["n"]
    heads = (
        _("Mechanism"), _("Time at {n}", n=int(n[-1])), _("Slope of time"), _("Memory at {n}", n=int(n[-1])),
        _("Slope of memory"), _("Delay of {delay}, step {step}", delay=DELAY, step=CONTEST.experiment.steps),
    )  # fmt: skip
    lines = []
    for kind in KINDS:
        times, held = picture.arrays[f"ms_{kind}"], picture.arrays[f"bytes_{kind}"]
        cells = (
            escape(named(kind)), measured(float(times[-1]), "ms"), slope(n, times),
            measured(float(held[-1]) / 1e6, "MB"), slope(n, held), remembered(kind),
        )  # fmt: skip
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="tl-scroll"><table class="tl-race"><tr>{head}</tr>{"".join(lines)}</table></div>'


def named(kind: str) -> str:
    """A mechanism as visitors read it."""
    own = {"full": _("full"), "fused": _("fused")}
    return own.get(kind) or option(kind)


def measured(value: float, unit: str) -> str:
    """Three digits and the unit; a dash where nothing was measured."""
    return "–" if math.isnan(value) else f"{shown(float(f'{value:.3g}'))}\u00a0{unit}"


def slope(n: np.ndarray, values: np.ndarray) -> str:
    """The fitted power with its standard error."""
    power, error = power_law(n, values)
    return "–" if math.isnan(power) else f"{two_digits(power)}\u00a0±\u00a0{two_digits(error)}"


def two_digits(value: float) -> str:
    """With exactly two digits behind the point: 2.00 says more than 2."""
    return fixed(value, 2)


def remembered(kind: str) -> str:
    """Accuracy of this kind at the copy task, from a stored run of the contest; a dash where there is none."""
    model = REMEMBERS.get(kind, kind)
    steps = CONTEST.experiment.steps
    for experiment in (CopyMemory().but(steps=steps, model=model), CopyMemory().but(model=model)):
        run = runs().find(experiment.key)
        found = standing(experiment, run) if run is not None else None
        if found is not None and len(found.accuracy) >= steps:
            return percent(found.lately(steps))
    return "–"
