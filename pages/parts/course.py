"""Lines over one axis, drawn and said: each with a colour of its own, and past six with a dash of its own as well."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import altair as alt
import streamlit as st

from pages.parts import spoken
from pages.parts.hues import DARK, LIGHT

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
        x=alt.X("x:Q", title=across, axis=alt.Axis(grid=False)),
        y=alt.Y("y:Q", title=up or None),
        color=alt.Color("name:N", title=None, sort=None, scale=colours, legend=legend),
        strokeDash=alt.StrokeDash("name:N", title=None, sort=None, scale=dashes, legend=legend),
        tooltip=[alt.Tooltip("name:N", title=" "), alt.Tooltip("x:Q", title=across), alt.Tooltip("y:Q", title=title)],
    )
    st.altair_chart(drawn, width="stretch", alt=spoken.lines(title, across, x, curves))
