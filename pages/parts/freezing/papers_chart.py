"""The picture of a repeated paper: ours with Student's bands over the published figures, as lines or as dots."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import streamlit as st

from models.layers.studies.study import Sheet, Values
from models.metrics.comparison import band
from pages.parts import spoken
from pages.parts.course import show
from pages.parts.hues import DARK, LIGHT
from pages.parts.words import _, shown

Row = Mapping[str, Any]
HEIGHT = 420


def draw(sheet: Sheet, values: Values) -> None:
    """The chart, and its numbers as a table."""
    rows = measured(sheet, values)
    if not any(math.isfinite(row["mean"]) for row in rows):
        st.caption(_("Waiting for the first numbers …"))
        return
    st.markdown(f"**{_(sheet.title)}**")
    groups: dict[str, dict[str, float]] = {}
    for row in rows:
        groups.setdefault(row["curve"], {})[row["place"]] = row["mean"]
    words = spoken.values(_(sheet.title), groups)
    show(chart(sheet, rows, st.context.theme.type == "dark"), words)
    said = _("Means and 95 % intervals over seeds (Student's t; none below three).")
    if any(curve.published for curve in sheet.curves):
        said += " " + _("Dashed lines and open diamonds: the paper's own figures, from other data and other nets.")
    if sheet.base:
        said += " " + _("Both are put in relation to their own net from scratch.")
    st.caption(said)
    with st.expander(_("The numbers"), icon=":material/table:"):
        st.markdown(numbers(sheet, rows))


def measured(sheet: Sheet, values: Values) -> list[dict[str, Any]]:
    """One row per curve and place: mean, interval, the published figure."""
    rows = []
    for curve in sheet.curves:
        for number, (place, name) in enumerate(zip(sheet.places, curve.rows, strict=True)):
            value_S = values[name] / values[sheet.base] if sheet.base else values[name]
            found = band(np.asarray(value_S))
            theirs = curve.published[number] if curve.published else math.nan
            rows.append({
                "curve": _(curve.name), "place": place if sheet.ordered else _(place), "number": number,
                "mean": float(found.mean), "low": float(found.low), "high": float(found.high), "theirs": theirs,
            })  # fmt: skip
    return rows


def chart(sheet: Sheet, rows: list[dict[str, Any]], dark: bool) -> alt.LayerChart | alt.FacetChart:
    """Lines and bands over numbers, dots and whiskers over names."""
    names = list(dict.fromkeys(row["curve"] for row in rows))
    scale = alt.Scale(domain=names, range=list(DARK if dark else LIGHT)[: len(names)])
    legend = alt.Legend(
        orient="top",
        columns=1 if len(names) > 3 else 2,
        labelFontSize=13,
        labelLimit=320,
        symbolType="stroke",
        symbolStrokeWidth=4,
        symbolOpacity=1,
    )
    colour = alt.Color("curve:N", title=None, sort=None, scale=scale, legend=legend)
    places = list(dict.fromkeys(row["place"] for row in rows))
    tilt = 0 if sheet.ordered else -35
    axis = alt.Axis(labelAngle=tilt, labelFontSize=12, labelLimit=170, grid=False)
    x = alt.X("place:N", sort=places, title=_(sheet.across) or None, axis=axis)
    kept = [{**row, **{end: None for end in ("mean", "low", "high", "theirs") if not math.isfinite(row[end])}}
            for row in rows]  # fmt: skip
    data = alt.Chart(alt.InlineData(kept))
    y = alt.Y("mean:Q", title=_(sheet.up), scale=alt.Scale(zero=False))
    tips = [alt.Tooltip("curve:N", title=" "), alt.Tooltip("place:N", title=_(sheet.across) or " "),
            alt.Tooltip("mean:Q", title=_("here"), format=".3f"), alt.Tooltip("low:Q", title=_("from"), format=".3f"),
            alt.Tooltip("high:Q", title=_("to"), format=".3f"),
            alt.Tooltip("theirs:Q", title=_("in the paper"), format=".3f")]  # fmt: skip
    aside = {} if sheet.ordered else {"xOffset": alt.XOffset("curve:N", sort=names)}
    theirs = alt.Y("theirs:Q", title=_(sheet.up), scale=alt.Scale(zero=False))
    open_ = data.mark_point(shape="diamond", filled=False, size=70, strokeWidth=1.6).encode(
        x=x, y=theirs, color=colour, tooltip=tips, **aside
    )
    low = alt.Y("low:Q", title=_(sheet.up), scale=alt.Scale(zero=False))
    dots = data.mark_point(filled=True, size=65, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips, **aside)
    if not sheet.ordered:
        whiskers = data.mark_rule(strokeWidth=2).encode(x=x, y=low, y2="high:Q", color=colour, **aside)
        return alt.layer(whiskers, open_, dots).properties(height=HEIGHT + 40)
    area = data.mark_area(opacity=0.16).encode(x=x, y=low, y2="high:Q", color=colour)
    line = data.mark_line(strokeWidth=2.5).encode(x=x, y=y, color=colour)
    paper = data.mark_line(strokeWidth=1.5, strokeDash=[5, 4], opacity=0.8).encode(x=x, y=theirs, color=colour)
    return alt.layer(area, paper, line, open_, dots).properties(height=HEIGHT)


def numbers(sheet: Sheet, rows: list[dict[str, Any]]) -> str:
    """The chart as a table: mean, interval, and the paper's figure in brackets."""
    places = list(dict.fromkeys(row["place"] for row in rows))
    lines = [" | ".join([_(sheet.across) or " ", *places]), " | ".join("---" for _cell in range(len(places) + 1))]
    for name in dict.fromkeys(row["curve"] for row in rows):
        cells = [cell(row) for row in rows if row["curve"] == name]
        lines.append(" | ".join([name, *cells]))
    return "\n".join(f"| {line} |" for line in lines)


def cell(row: Row) -> str:
    """One number with half its interval, and the published one."""
    if not math.isfinite(row["mean"]):
        return "–"
    said = shown(round(row["mean"], 3))
    if math.isfinite(row["high"]):
        said += f" ± {shown(round(row['high'] - row['mean'], 3))}"
    return said + (f" ({shown(round(row['theirs'], 3))})" if math.isfinite(row["theirs"]) else "")
