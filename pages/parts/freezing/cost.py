"""What every strategy costs, measured here and now, and accuracy against it with intervals on both axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import streamlit as st

from models.metrics.transfer_cost import REPEATS, Cost, cost_ledger
from models.transfer import FreezeLab
from pages.parts import spoken
from pages.parts.course import show
from pages.parts.freezing import forest
from pages.parts.freezing.names import LINES, fixed, named
from pages.parts.freezing.standings import Standings, newest, standings
from pages.parts.freezing.view import View
from pages.parts.hues import DARK, LIGHT
from pages.parts.later import later
from pages.parts.words import _, language, shown

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table


def draw(lab: Lab, table: Table) -> None:
    """The bill of every strategy, and the picture of what it buys."""
    experiment = table.shown
    if not isinstance(experiment, FreezeLab):
        return
    # A plan that changed during training is billed as it stood at the end.
    final = experiment.at(experiment.steps)
    ledger: list[Cost] = later(("freezing.cost", experiment.key), lambda: cost_ledger(final), [])
    if not ledger:
        st.info(_("Measuring steps of every strategy, with the prefix really frozen …"), icon=":material/timer:")
        return
    known = newest(table)
    found = standings(experiment, known[1], View.read(table.view, experiment)) if known else None
    st.caption(
        _("One net, one picture, averaged over the plan. Layers below the lowest that ever learned are looked up, "
          "not computed: that is what the clock shows. Milliseconds were read here, now; quartiles of {count} repeats.",
          count=REPEATS)
    )  # fmt: skip
    st.html(forest.style() + rows(ledger))
    if found is not None:
        axis = st.segmented_control(
            _("Accuracy against"), list(axes()), default="time", format_func=lambda name: axes()[name],
            key=f"{lab.family}.cost.axis.{language()}",
        )  # fmt: skip
        points = dots(found, ledger, axis or "time")
        placed = {str(point["name"]): (point["x"], point["y"]) for point in points}
        words = spoken.points(_("What it costs, what it brings"), axes()[axis or "time"], accuracy_of(found), placed)
        show(chart(found, points, axis or "time", st.context.theme.type == "dark"), words)


def rows(ledger: Sequence[Cost]) -> str:
    """The ledger as a table."""
    heads = (
        _("Strategy"), _("Weights that learn"), _("on average"), _("Multiply-adds forward"), _("backward"),
        _("Time of a step, ms"), _("Activations kept"), _("To store"),
    )  # fmt: skip
    lines = []
    for one in ledger:
        middle, low, high = one.step_ms
        cells = (
            forest.swatch(one.arm) + escape(named(one.arm)), shown(one.trainable_parameters),
            shown(round(one.mean_parameters)), millions(one.forward_macs), millions(one.backward_macs),
            f"{fixed(middle, 2)} <small>({fixed(low, 2)} – {fixed(high, 2)})</small>",
            kilobytes(one.activation_bytes), kilobytes(one.checkpoint_bytes),
        )  # fmt: skip
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="tf-scroll"><table class="tf-table"><tr>{head}</tr>{"".join(lines)}</table></div>'


def millions(count: float) -> str:
    return escape(_("{count} million", count=float(f"{count / 1e6:.3g}")))


def kilobytes(count: int) -> str:
    return f"{shown(float(f'{count / 1024:.3g}'))} KiB"


def axes() -> Mapping[str, str]:
    """What accuracy can be held against."""
    return {"time": _("time of a step"), "macs": _("multiply-adds"), "weights": _("weights that learn")}


def accuracy_of(found: Standings) -> str:
    """Which accuracy the standings know."""
    return _("test accuracy, %") if found.tested else _("validation accuracy, %")


def dots(found: Standings, ledger: Sequence[Cost], axis: str) -> list[dict[str, Any]]:
    """A point per strategy that has an accuracy: cost with its quartiles, accuracy with its interval."""
    place = {arm: index for index, arm in enumerate(found.experiment.arms)}
    points: list[dict[str, Any]] = []
    for one in ledger:
        at = place[one.arm]
        middle, low, high = {
            "time": one.step_ms,
            "macs": (one.forward_macs + one.backward_macs,) * 3,
            "weights": (one.mean_parameters,) * 3,
        }[axis]
        accuracy = [100 * float(part[at]) for part in (found.band.mean, found.band.low, found.band.high)]
        bounds = [value if np.isfinite(value) else accuracy[0] for value in accuracy]
        if np.isfinite(accuracy[0]):
            points.append({"name": named(one.arm), "arm": one.arm, "x": middle, "x0": low, "x1": high,
                           "y": bounds[0], "y0": bounds[1], "y1": bounds[2]})  # fmt: skip
    return points


def chart(
    found: Standings, points: Sequence[Mapping[str, Any]], axis: str, dark: bool
) -> alt.LayerChart | alt.FacetChart:
    """A dot per strategy; whiskers are the interval over seeds and, for time, the quartiles of the clock."""
    hues = DARK if dark else LIGHT
    scale = alt.Scale(domain=[p["name"] for p in points], range=[hues[LINES[p["arm"]][0]] for p in points])
    colour = alt.Color("name:N", scale=scale, legend=None)
    data = alt.Chart(alt.InlineData(list(points)))
    x = alt.X(
        "x:Q",
        title=axes()[axis] + (", ms" if axis == "time" else ""),
        scale=alt.Scale(type="log", nice=True, padding=30),
    )
    title = accuracy_of(found)
    y = alt.Y("y:Q", title=title, scale=alt.Scale(zero=False, padding=20))
    tips = [alt.Tooltip("name:N", title=" "), alt.Tooltip("x:Q", title=axes()[axis], format=".3s"),
            alt.Tooltip("y:Q", title=title, format=".1f")]  # fmt: skip
    down = data.mark_rule(opacity=0.6).encode(x=x, y="y0:Q", y2="y1:Q", color=colour)
    across = data.mark_rule(opacity=0.6).encode(x="x0:Q", x2="x1:Q", y=y, color=colour)
    dots = data.mark_circle(size=90, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips)
    words = data.mark_text(align="left", dx=8, dy=-8, fontSize=12).encode(x=x, y=y, text="name:N", color=colour)
    return alt.layer(down, across, dots, words).properties(height=380)
