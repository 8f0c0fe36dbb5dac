"""Longer than trained: five models that differ in their positions alone, and a chart of how far each reaches."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import streamlit as st

from models.attention import AttentionTraining
from models.experiment import Checkpoint
from models.metrics.extrapolation import SEQUENCES, Reached, extrapolate, lengths
from pages.parts import spoken
from pages.parts.course import show
from pages.parts.hues import DARK, LIGHT
from pages.parts.lanes import ACTIVE
from pages.parts.later import later
from pages.parts.visitor import visitor_id
from pages.parts.words import _, shown, told
from state.runs import Run, runs

SCHEMES = ("none", "sinusoidal", "learned", "rope", "alibi")
HUES = (4, 0, 3, 2, 1)
"""Which of the series' colours each scheme has."""
LOOK_S = 0.7
CONTEST = AttentionTraining(
    task="induction", architecture="decoder", length=24, symbols=16, num_layers=2, num_heads=4, d_model=64,
    feed_forward=0, lr=3e-3, steps=600,
)  # fmt: skip
"""Repeated blocks, for a decoder without feed-forward layers: to continue them, it must find the earlier copy."""


def names() -> dict[str, str]:
    """The schemes, in the order of the chart, by how a visitor reads them."""
    said = (_("no positions"), _("sinusoidal"), _("learned"), "RoPE", "ALiBi")
    return dict(zip(SCHEMES, said, strict=True))


def contestants(seed: int) -> dict[str, AttentionTraining]:
    """The five experiments, by scheme."""
    return {scheme: CONTEST.but(positions=scheme, seed=seed) for scheme in SCHEMES}


def draw() -> None:
    """The whole tab."""
    seed = int(st.session_state.get("positions.seed", 0))
    st.markdown(
        _("A block of random tokens repeats, with a new period in every sequence; the model has to find the earlier "
          "copy and say what comes next. Five decoders learn this on {length} tokens, from the same batches; they "
          "differ in their positions alone. Then they read up to {most} tokens.",
          length=CONTEST.length, most=lengths(CONTEST.length)[-1])
    )  # fmt: skip
    known = {scheme: runs().find(one.key) for scheme, one in contestants(seed).items()}
    states = {scheme: run.status().state for scheme, run in known.items() if run is not None}
    if any(state in ACTIVE for state in states.values()):
        watch({scheme: run for scheme, run in known.items() if run is not None})
    elif len(states) < len(known) or any(state != "finished" for state in states.values()):
        if st.button(_("Train all five"), key="positions.five", type="primary", icon=":material/play_arrow:"):
            train(seed)
    else:
        results(seed, known)


def train(seed: int) -> None:
    """Open all five runs; what stands in the way is said on the page."""
    try:
        for one in contestants(seed).values():
            runs().open(one, resume=True, owner=visitor_id())
    except (OSError, RuntimeError, ValueError, sqlite3.Error) as error:
        st.error(told(error), icon=":material/error:")
        return
    st.rerun()


def watch(known: Mapping[str, Run]) -> None:
    """How far the five are, until the last one has ended."""

    @st.fragment(run_every=LOOK_S)
    def look() -> None:
        for scheme, run in known.items():
            status = run.status()
            step = min(status.step, CONTEST.steps)
            said = _("{scheme}: step {step} of {steps}", scheme=names()[scheme], step=step, steps=CONTEST.steps)
            st.progress(step / CONTEST.steps, text=said)
        if all(run.status().ended for run in known.values()):
            st.rerun()

    look()


def results(seed: int, known: Mapping[str, Run | None]) -> None:
    """Verdict and chart, computed once from the last checkpoints, off the page's path."""
    last = {scheme: run.checkpoint(CONTEST.steps) for scheme, run in known.items() if run is not None}
    checkpoints = {scheme: checkpoint for scheme, checkpoint in last.items() if checkpoint is not None}
    found: dict[str, tuple[Reached, ...]] = later(("longer", seed), lambda: measured(seed, checkpoints), {})
    if not found:
        st.info(_("Reading longer and longer sequences …"), icon=":material/hourglass_empty:")
        return
    st.markdown(f"**{verdict(found)}**")
    curves = {names()[scheme]: [r.accuracy for r in row] for scheme, row in found.items()}
    x = [float(r.length) for r in next(iter(found.values()))]
    words = spoken.lines(_("right"), _("tokens in the sequence"), x, curves)
    show(chart(found, st.context.theme.type == "dark"), words)
    st.caption(
        _("Share of predictable tokens that are right, on {count} fresh sequences for each length, the same for all "
          "five; bands are 95 % intervals over sequences. The dashed line is the trained length.", count=SEQUENCES)
    )  # fmt: skip
    with st.expander(_("The numbers"), icon=":material/table:"):
        st.markdown(numbers(found))
    if st.button(_("Once more, seed {seed}", seed=seed + 1), key="positions.again", icon=":material/replay:"):
        st.session_state["positions.seed"] = seed + 1
        train(seed + 1)


def measured(seed: int, checkpoints: Mapping[str, Checkpoint]) -> dict[str, tuple[Reached, ...]]:
    """Accuracy at every length, scheme by scheme."""
    experiments = contestants(seed)
    return {
        scheme: extrapolate(experiments[scheme].revive(checkpoint), lengths(CONTEST.length))
        for scheme, checkpoint in checkpoints.items()
    }


def percent(share: float) -> str:
    return _("{share} %", share=round(100 * share)).replace(" ", "\u00a0")


def verdict(found: Mapping[str, Sequence[Reached]]) -> str:
    """Who reaches farthest, who falls most, and whether the first is really ahead."""
    at_home = {scheme: next(r for r in row if r.length == CONTEST.length) for scheme, row in found.items()}
    far = {scheme: row[-1] for scheme, row in found.items()}
    first, second = sorted(far, key=lambda scheme: -far[scheme].accuracy)[:2]
    fallen = max(far, key=lambda scheme: at_home[scheme].accuracy - far[scheme].accuracy)
    said = _(
        "On {far} tokens, {times} times the trained length, {first} is right in {best} of cases ({home} at the trained "
        "length), {second} in {next}. The deepest fall is that of “{fallen}”: from {before} to {after}.",
        far=far[first].length, times=far[first].length / CONTEST.length, first=names()[first],
        best=percent(far[first].accuracy), home=percent(at_home[first].accuracy), second=names()[second],
        next=percent(far[second].accuracy), fallen=names()[fallen], before=percent(at_home[fallen].accuracy),
        after=percent(far[fallen].accuracy),
    )  # fmt: skip
    if far[first].low <= far[second].high:
        said += " " + _("The intervals of the first two overlap: these runs do not tell which is ahead.")
    return said


def chart(found: Mapping[str, Sequence[Reached]], dark: bool) -> alt.LayerChart | alt.FacetChart:
    """Accuracy against length, a line and a band per scheme."""
    label = names()
    rows: list[dict[str, Any]] = [
        {"scheme": label[scheme], "length": r.length, "accuracy": r.accuracy, "low": r.low, "high": r.high}
        for scheme, row in found.items()
        for r in row
    ]
    scale = alt.Scale(domain=list(label.values()), range=[(DARK if dark else LIGHT)[hue] for hue in HUES])
    legend = alt.Legend(
        orient="top", columns=3, symbolType="stroke", symbolStrokeWidth=4, symbolOpacity=1, labelFontSize=13
    )
    colour = alt.Color("scheme:N", title=None, sort=None, scale=scale, legend=legend)
    ticks = [r.length for r in next(iter(found.values()))]
    x = alt.X("length:Q", title=_("tokens in the sequence"), axis=alt.Axis(values=ticks, grid=False))
    percents = alt.Axis(labelExpr="round(datum.value * 100) + ' %'", tickCount=5)
    y = alt.Y("accuracy:Q", title=_("right"), scale=alt.Scale(domain=[0, 1]), axis=percents)
    data = alt.Chart(alt.InlineData(rows))
    tips = [
        alt.Tooltip("scheme:N", title=" "),
        alt.Tooltip("length:Q", title=_("tokens in the sequence")),
        alt.Tooltip("accuracy:Q", title=_("right"), format=".1%"),
    ]
    band = data.mark_area(opacity=0.16).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour)
    line = data.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=55)).encode(
        x=x, y=y, color=colour, tooltip=tips
    )
    trained = alt.Chart(alt.InlineData([{"at": CONTEST.length, "said": _("trained length")}]))
    ink = "#ecebf5" if dark else "#1d1b2e"
    rule = trained.mark_rule(strokeDash=[5, 4], opacity=0.7, color=ink).encode(x="at:Q")
    words = trained.mark_text(align="left", dx=6, dy=-4, baseline="bottom", color=ink, fontSize=12).encode(
        x="at:Q", y=alt.value("height"), text="said:N"
    )
    return alt.layer(band, rule, words, line).properties(height=340)


def numbers(found: Mapping[str, Sequence[Reached]]) -> str:
    """The chart as a table, for those who cannot see it and those who want it exactly."""
    head = [_("tokens in the sequence"), *(str(r.length) for r in next(iter(found.values())))]
    lines = [" | ".join(head), " | ".join("---" for _cell in head)]
    for scheme, row in found.items():
        cells = [f"{percent(r.accuracy)} ({shown(round(100 * r.low))}–{shown(round(100 * r.high))})" for r in row]
        lines.append(" | ".join([names()[scheme], *cells]))
    return "\n".join(f"| {line} |" for line in lines)
