"""How many labels: accuracy over the number of labels, way by way, and where one overtakes another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import streamlit as st

from models.experiment import Snapshot
from models.label_budget import RIVALS, WAYS, LabelBudget
from models.metrics.comparison import FEWEST, band, crossover
from pages.parts import spoken
from pages.parts.controls import controls
from pages.parts.course import show as draw_chart
from pages.parts.freezing import forest, measuring
from pages.parts.freezing.names import LINES, fixed, named, pairs
from pages.parts.hues import DARK, LIGHT
from pages.parts.words import _, shown

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table

HEIGHT = 380


def draw(lab: Lab, table: Table) -> None:
    """The pair of tasks, the button, and the curves."""
    key = f"{lab.family}.labels"
    st.markdown(
        _("The notes say: below 1,000 labels train a new head on frozen features, above 10,000 fine-tune all layers. "
          "Where is that border for this net? Measured with 10 to 3,000 labels.")
    )  # fmt: skip
    left, right = st.columns([5, 2], gap="medium")
    with right:
        pair = st.selectbox(
            _("From which task to which"), list(pairs()), format_func=lambda name: pairs()[name], key=f"{key}.pair",
            filter_mode=None,
        )  # fmt: skip
        said = controls(key, LabelBudget(), ("updates",))
        count = measuring.seeds(key, 5)
        plain = LabelBudget.of({"pair": pair or "glyphs", **said})
        experiment = plain.but(steps=plain.round * count)
        run = measuring.button(lab, experiment, key)
    with left:
        if run is None:
            st.info(_("Nobody has measured this here yet: about 17 seconds of one processor core for each seed."),
                    icon=":material/science:")  # fmt: skip
        else:
            measuring.follow(experiment, run, lambda picture: show(experiment, picture))


def show(experiment: LabelBudget, picture: Snapshot) -> None:
    """The curves, where they cross, and every number."""
    arrays = picture.arrays
    x, curves = arrays["labels"].tolist(), {named(way): (100 * arrays[f"accuracy_{way}"]).tolist() for way in WAYS}
    words = spoken.lines(_("Test accuracy, %"), _("labels"), x, curves)
    draw_chart(chart(arrays, st.context.theme.type == "dark"), words)
    st.caption(
        _("Means and 95 % intervals over seeds (Student's t; none below three). Each point is at its own best of four "
          "learning rates, chosen on 500 validation pictures, and everybody has {updates} updates of 16 pictures.",
          updates=experiment.updates)
    )  # fmt: skip
    st.markdown("\n".join(f"- {sentence(arrays, late, early)}" for late, early in RIVALS))
    st.caption(
        _("These borders belong to this net of 43,000 weights, these tasks and this training. They are no test of "
          "the rule for large nets; they show that a border exists and that it moves.")
    )  # fmt: skip
    st.html(forest.style() + numbers(arrays))


def sentence(arrays: Mapping[str, np.ndarray], late: str, early: str) -> str:
    """Where the first overtakes the second, as far as the seeds that have every number of labels allow to say it."""
    test_ALS = arrays["test_ALS"].astype(float)
    late_LS, early_LS = (test_ALS[WAYS.index(way)] for way in (late, early))
    whole_S = np.isfinite(late_LS - early_LS).all(0)
    names = {"late": named(late), "early": named(early)}
    if whole_S.sum() < FEWEST:
        return _("{late} against {early}: a verdict needs three seeds.", **names)
    label_L = arrays["labels"].astype(float)
    found = crossover(label_L, early_LS[:, whole_S], late_LS[:, whole_S])
    n = int(whole_S.sum())
    if found.low == 0 and math.isinf(found.high):
        return _("{late} against {early}: at no number of labels is it shown for good which is ahead (n = {n}).", n=n,
                 **names)  # fmt: skip
    if found.at == 0 and found.high == 0:
        return _("{late} is ahead of {early} at every number of labels measured (n = {n}).", n=n, **names)
    if math.isinf(found.at):
        return _(
            "{late} does not overtake {early} within {most} labels (n = {n}).", n=n, most=int(label_L[-1]), **names
        )
    at = (
        _("from the first number of labels on")
        if found.at == 0
        else _("at about {count} labels", count=about(found.at))
    )
    low = _("fewer than {count}", count=int(label_L[0])) if found.low == 0 else shown(about(found.low))
    high = _("more than {count}", count=int(label_L[-1])) if math.isinf(found.high) else shown(about(found.high))
    return _("{late} overtakes {early} **{at}** (95 %: {low} … {high}, n = {n}).",
             at=at, low=low, high=high, n=n, **names)  # fmt: skip


def about(count: float) -> int:
    """A number of labels to two digits: more would pretend."""
    return int(float(f"{count:.2g}"))


def chart(arrays: Mapping[str, np.ndarray], dark: bool) -> alt.LayerChart | alt.FacetChart:
    """Accuracy over the number of labels on a logarithmic axis, a line and a band per way."""
    rows: list[dict[str, Any]] = []
    for way in WAYS:
        for place, labels in enumerate(arrays["labels"]):
            ends = {end: float(arrays[f"{end}_{way}"][place]) for end in ("accuracy", "low", "high")}
            kept = {end: 100 * value if math.isfinite(value) else None for end, value in ends.items()}
            rows.append({"way": named(way), "labels": float(labels), **kept})
    hues = DARK if dark else LIGHT
    scale = alt.Scale(domain=[named(way) for way in WAYS], range=[colour(way, hues) for way in WAYS])
    legend = alt.Legend(
        orient="top", columns=2, labelFontSize=13, symbolType="stroke", symbolStrokeWidth=4, symbolOpacity=1
    )
    said = _("Test accuracy, %")
    x = alt.X(
        "labels:Q", title=_("labels"), scale=alt.Scale(type="log", nice=False), axis=alt.Axis(grid=False, tickCount=4)
    )
    y = alt.Y("accuracy:Q", title=said, scale=alt.Scale(zero=False))
    hue = alt.Color("way:N", title=None, sort=None, scale=scale, legend=legend)
    data = alt.Chart(alt.InlineData(rows))
    low = alt.Y("low:Q", title=said, scale=alt.Scale(zero=False))
    area = data.mark_area(opacity=0.15).encode(x=x, y=low, y2="high:Q", color=hue)
    tips = [alt.Tooltip("way:N", title=" "), alt.Tooltip("labels:Q", title=_("labels")),
            alt.Tooltip("accuracy:Q", title=said, format=".1f")]  # fmt: skip
    line = data.mark_line(strokeWidth=2.5, point=True).encode(x=x, y=y, color=hue, tooltip=tips)
    return alt.layer(area, line).properties(height=HEIGHT)


def colour(way: str, hues: tuple[str, ...]) -> str:
    """The way's colour on the whole page; the top two layers share theirs with full tuning there, so not here."""
    return hues[2] if way == "top_two" else hues[LINES[way][0]]


def numbers(arrays: Mapping[str, np.ndarray]) -> str:
    """Numbers of labels down, ways across; then the paired difference of full tuning, and what it kept."""
    test_ALS = arrays["test_ALS"].astype(float)
    found, gain = band(test_ALS), band(test_ALS[WAYS.index("full")] - test_ALS[WAYS.index("head_only")])
    heads = [_("Labels"), *(named(way) for way in WAYS), _("Full minus head only, points"),
             *(_("Source kept: {way}, %", way=named(way)) for way in ("full", "head_only"))]  # fmt: skip
    lines = []
    for place, labels in enumerate(arrays["labels"]):
        cells = [shown(int(labels))]
        cells += [share(float(found.mean[way, place]), float(found.high[way, place])) for way in range(len(WAYS))]
        cells.append(share(float(gain.mean[place]), float(gain.high[place])))
        cells += [share(float(arrays[f"kept_{way}"][place]), math.nan) for way in ("full", "head_only")]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="tf-scroll"><table class="tf-table"><tr>{head}</tr>{"".join(lines)}</table></div>'


def share(mean: float, high: float) -> str:
    """A mean in percent or points with half of its interval."""
    if not math.isfinite(mean):
        return "·"
    return fixed(100 * mean) + (f" <small>± {fixed(100 * (high - mean))}</small>" if math.isfinite(high) else "")
