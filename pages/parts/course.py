"""Lines over one axis, drawn and said: each with a colour of its own, and past six with a dash of its own as well."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import streamlit as st

from pages.parts import spoken
from pages.parts.hues import DARK, LIGHT
from pages.parts.words import language

DASHES = ([1, 0], [7, 3], [2, 2.5])


def course(
    title: str,
    across: str,
    x: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    *,
    up: str = "",
    height: int = 240,
) -> None:
    """Draw the `curves` by their names over `x`; a shorter one ends early."""
    rows = [
        {"x": float(at), "y": float(value), "name": name}
        for name, curve in curves.items()
        for at, value in zip(x, curve, strict=False)
        if math.isfinite(value)
    ]
    names, hues = list(curves), DARK if st.context.theme.type == "dark" else LIGHT
    colours = alt.Scale(domain=names, range=[hues[place % len(hues)] for place in range(len(names))])
    dashes = alt.Scale(domain=names, range=[DASHES[place // len(hues) % len(DASHES)] for place in range(len(names))])
    # Two columns: beside a small picture a longer row of names would be cut off.
    legend = alt.Legend(orient="bottom", columns=2, symbolStrokeWidth=3) if len(names) > 1 else None
    chart = alt.Chart(alt.InlineData(values=rows), height=height).mark_line(strokeWidth=2)
    drawn = chart.encode(
        x=alt.X("x:Q", title=across, axis=alt.Axis(grid=False, tickCount=6)),
        y=alt.Y("y:Q", title=up or None),
        color=alt.Color("name:N", title=None, sort=None, scale=colours, legend=legend),
        strokeDash=alt.StrokeDash("name:N", title=None, sort=None, scale=dashes, legend=legend),
        tooltip=[alt.Tooltip("name:N", title=" "), alt.Tooltip("x:Q", title=across), alt.Tooltip("y:Q", title=title)],
    )
    show(drawn, spoken.lines(title, across, x, curves))


def bars(title: str, across: str, groups: Mapping[str, Mapping[str, float]], *, height: int = 300) -> None:
    """Bars beside each other: one for every group at every place, in the order given."""
    rows = [
        {"place": place, "y": float(value), "name": name}
        for name, values in groups.items()
        for place, value in values.items()
    ]
    names, hues = list(groups), DARK if st.context.theme.type == "dark" else LIGHT
    colours = alt.Scale(domain=names, range=list(hues[: len(names)]))
    chart = alt.Chart(alt.InlineData(values=rows), height=height).mark_bar()
    drawn = chart.encode(
        x=alt.X("place:N", title=across, sort=None, axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("name:N", sort=None),
        y=alt.Y("y:Q", title=title),
        color=alt.Color("name:N", title=None, sort=None, scale=colours, legend=alt.Legend(orient="bottom")),
        tooltip=[
            alt.Tooltip("name:N", title=" "),
            alt.Tooltip("place:N", title=across),
            alt.Tooltip("y:Q", title=title),
        ],
    )
    show(drawn, spoken.values(title, groups))


def dots(title: str, across: str, up: str, placed: Mapping[str, tuple[float, float]], *, height: int = 320) -> None:
    """Points on a plane, each with its name beside it."""
    rows = [{"x": float(x), "y": float(y), "name": name} for name, (x, y) in placed.items()]
    hue = (DARK if st.context.theme.type == "dark" else LIGHT)[0]
    x = alt.X("x:Q", title=across, scale=alt.Scale(zero=False, padding=20))
    y = alt.Y("y:Q", title=up, scale=alt.Scale(zero=False, padding=20))
    data = alt.Chart(alt.InlineData(values=rows), height=height).encode(x=x, y=y)
    tips = [alt.Tooltip("name:N", title=" "), alt.Tooltip("x:Q", title=across), alt.Tooltip("y:Q", title=up)]
    marks = data.mark_circle(size=80, color=hue, opacity=1).encode(tooltip=tips)
    names = data.mark_text(align="left", dx=8, dy=-6, fontSize=12, color=hue).encode(text="name:N")
    show(alt.layer(marks, names), spoken.points(title, across, up, placed))


def show(chart: Any, words: str, width: Literal["stretch", "content"] = "stretch") -> None:
    """A chart with the numbers of the visitor's language, said in one piece instead of mark by mark."""
    decimal, thousands = (",", ".") if language() == "vi" else (".", ",")
    numbers = alt.NumberLocale(decimal=decimal, thousands=thousands, grouping=[3], currency=["", ""])
    chart = chart.configure(locale=alt.Locale(number=numbers))
    # As SVG every mark would be an element that says its raw numbers, half of it in English.
    chart.usermeta = {"embedOptions": {"renderer": "canvas"}}
    st.altair_chart(chart, width=width, alt=words)
