"""Several runs, or groups of seeds, on the same axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np

from models.metrics.comparison import Band
from pages.parts import spoken
from pages.parts.course import DASHES
from pages.parts.hues import DARK, LIGHT
from pages.parts.words import _
from state.columns import Column, thin

HEIGHT, LEGEND_HEIGHT = 280, 20
"""Of the picture, and of each name over it."""
MOST_POINTS = 300
MOST_LINES = 12


@dataclass(frozen=True)
class Line:
    """A curve with its label; with a band, the mean of several."""

    label: str
    steps: np.ndarray
    values: np.ndarray
    band: Band | None = None
    holes: Sequence[tuple[int, int]] = ()
    """First and last steps of what cannot be read any more: the line is broken there."""


def single(label: str, curve: Column, holes: Sequence[tuple[int, int]] = ()) -> Line:
    """A run's own curve, thinned so that no extreme is lost."""
    return Line(label, *thin(*curve, MOST_POINTS), holes=holes)


def chart(lines: Sequence[Line], title: str, log: bool, dark: bool) -> alt.LayerChart | alt.FacetChart:
    """A line each, and a band where several seeds give one; what is not finite, or not positive on a log axis, is
    left out."""
    hues = DARK if dark else LIGHT
    names = [line.label for line in lines]
    data = alt.Chart(alt.InlineData([row for line in lines for row in rows(line, log)]))
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False)
    hue = alt.Color(
        "label:N", title=None, sort=None,
        scale=alt.Scale(domain=names, range=[hues[place % len(hues)] for place in range(len(names))]),
        legend=alt.Legend(orient="top", columns=1, labelLimit=260, labelFontSize=13, symbolType="stroke",
                          symbolStrokeWidth=4, symbolOpacity=1),
    )  # fmt: skip
    dash = alt.StrokeDash(
        "label:N", title=None, sort=None,
        scale=alt.Scale(domain=names, range=[DASHES[place // len(hues) % len(DASHES)] for place in range(len(names))]),
    )  # fmt: skip
    x = alt.X("step:Q", title=_("step"), axis=alt.Axis(grid=False, tickCount=6))
    tips = [alt.Tooltip("label:N", title=" "), alt.Tooltip("step:Q", title=_("step"), format=",d"),
            alt.Tooltip("value:Q", title=title, format=".4~g")]  # fmt: skip
    layers = []
    if any(line.band is not None for line in lines):
        tips.append(alt.Tooltip("n:Q", title="n"))
        low = alt.Y("low:Q", title=title, scale=scale)
        layers.append(data.mark_area(opacity=0.16).encode(x=x, y=low, y2="high:Q", color=hue))
    # Straight from value to value: what lies between two recorded steps is not known.
    layers.append(
        data.mark_line(strokeWidth=2).encode(
            x=x, y=alt.Y("value:Q", title=title, scale=scale), color=hue, strokeDash=dash, tooltip=tips
        )
    )
    return alt.layer(*layers).properties(height=HEIGHT + LEGEND_HEIGHT * len(names))


def rows(line: Line, log: bool) -> list[dict[str, Any]]:
    """What is drawn of a line, a point each; without a value where the line is broken."""

    def fit(value: float) -> float | None:
        return value if math.isfinite(value) and (value > 0 or not log) else None

    points: list[dict[str, Any]] = []
    for place, (step, value) in enumerate(zip(line.steps.tolist(), line.values.tolist(), strict=True)):
        row = {"label": line.label, "step": step, "value": fit(value)}
        if line.band is not None:
            ends = {"low": fit(float(line.band.low[place])), "high": fit(float(line.band.high[place]))}
            whole = None not in ends.values()
            row |= {**(ends if whole else dict.fromkeys(ends)), "n": int(line.band.n[place])}
        points.append(row)
    return points + [{"label": line.label, "step": first, "value": None} for first, _last in line.holes]


def words(lines: Sequence[Line], title: str) -> str:
    """The chart for those who listen."""
    steps = [float(step) for line in lines for step in (line.steps[0], line.steps[-1])]
    return spoken.lines(title, _("step"), steps, {line.label: line.values.tolist() for line in lines})
