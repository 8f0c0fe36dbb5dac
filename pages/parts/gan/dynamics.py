"""A lens on the game itself: how one joint step of both players turns, shrinks and grows near the present weights."""

from __future__ import annotations

import math

import altair as alt
import streamlit as st

from models.experiment import Checkpoint
from models.gan import GanTraining
from models.metrics.dynamics import Spectrum, spectrum
from pages.parts.attention.weights import computed
from pages.parts.course import show
from pages.parts.hues import DARK, LIGHT
from pages.parts.lab import Lab
from pages.parts.table import Table
from pages.parts.words import _
from state.runs import runs

INK = {False: (*LIGHT[:2], "#9aa0a8"), True: (*DARK[:2], "#8b919b")}
"""What shrinks, what grows, and the circle, on light and dark paper: the living picture's own hues."""
SIDE_PX = 420


def draw(lab: Lab, table: Table) -> None:
    """Eigenvalues in the complex plane at the checkpoint nearest to the step that is looked at, and what they say."""
    st.caption(
        _(
            "One training step moves all weights of both players at once. Close to where they are, it is a matrix; "
            "each of its eigenvalues is a direction: inside the unit circle it shrinks, outside it grows, off the real "
            "line it turns. A single network that minimises only shrinks or grows. A game turns."
        )
    )
    experiment, run = table.shown, runs().find(table.shown.key)
    checkpoint = run.checkpoint(run.status().step if table.at is None else table.at) if run else None
    if checkpoint is None or not isinstance(experiment, GanTraining):
        st.info(_("Train first: this works on a trained model."), icon=":material/play_circle:")
        return
    key = (run.key if run else "", checkpoint.step)
    found: Spectrum | None = computed(lab, "dynamics", key, lambda: of(experiment, checkpoint), key[0])
    if found is None:
        return
    left, right = st.columns([5, 4], gap="large")
    with left:
        show(chart(found, st.context.theme.type == "dark"), spoken_of(found), width="content")
    with right:
        st.markdown(verdict(found))
        st.caption(_("The weights as they were at step {step}, the checkpoint nearest to what you look at.",
                     step=checkpoint.step))  # fmt: skip
        st.caption(scope(found))


def of(experiment: GanTraining, checkpoint: Checkpoint) -> Spectrum:
    """The eigenvalues at a checkpoint."""
    game = experiment.game(checkpoint.step)
    game.load(checkpoint)
    return spectrum(game)


def spoken_of(found: Spectrum) -> str:
    """The picture in words: how many eigenvalues lie where, and how large they are."""
    size = [abs(complex(value)) for value in found.moving] or [0.0]
    return _(
        "Eigenvalues on the complex plane with the unit circle: {count}, of which {growing} lie outside and {turning} "
        "off the real line; the smallest has size {low}, the largest {high}.",
        count=len(found.moving), growing=found.growing, turning=found.turning, low=min(size), high=max(size),
    )  # fmt: skip


def verdict(found: Spectrum) -> str:
    """Rotation against contraction in one sentence, then the pair that turns fastest."""
    if not len(found.moving):
        return _("Nothing moves here: every gradient is zero.")
    turns, shrinks = math.degrees(found.rotation), found.contraction
    counts = {"moving": len(found.moving), "turning": found.turning, "growing": found.growing}
    told = _(
        "Of {moving} directions that move, **{turning} turn** and **{growing} grow**. On average a step turns them by "
        "{degrees}° and shrinks them by {share} ‰.",
        **counts, degrees=round(turns, 3), share=round(1000 * shrinks, 2),
    )  # fmt: skip
    # A turn by φ against a shrinking by s: on the way round once, what is left is (1 - s)^(2π/φ).
    if found.rotation > max(shrinks, 0.0):
        told += " " + _("The game turns faster than it settles.")
    else:
        told += " " + _("The game settles faster than it turns.")
    return told + fastest(found)


def fastest(found: Spectrum) -> str:
    """The pair that turns fastest: its period, and what is left of a swing after one turn."""
    pair = found.fastest
    if pair is None:
        return ""
    angle = math.atan2(pair.imag, pair.real)
    period = 2 * math.pi / angle
    left = min(abs(pair) ** period, 1e6)
    return "\n\n" + _(
        "The pair that turns fastest comes round once in **{period} steps**; of a swing **{left} %** is left by then.",
        period=round(period, 1), left=round(100 * left, 1),
    )  # fmt: skip


def scope(found: Spectrum) -> str:
    """How many eigenvalues these are, and what the matrix leaves out."""
    which = (
        _("All eigenvalues of {count} weights.", count=found.weights)
        if found.whole
        else _("The {shown} eigenvalues that move most, of {count} weights (Arnoldi's iteration).",
               shown=len(found.eigenvalues_E), count=found.weights)
    )  # fmt: skip
    return (
        which
        + " "
        + _("Over one fixed batch, both players at once; Adam as its present scaling of each weight, without momentum.")
    )


def chart(found: Spectrum, dark: bool) -> alt.LayerChart:
    """The unit circle, and the eigenvalues on it, in it and outside."""
    shrinks, grows, circle = INK[dark]
    reach = min(3.0, max(1.15, 1.1 * farthest(found)))
    dots = [told(complex(value), reach) for value in found.moving]
    angles = [2 * math.pi * step / 120 for step in range(121)]
    line = [{"re": math.cos(angle), "im": math.sin(angle), "order": order} for order, angle in enumerate(angles)]
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    axis = alt.Axis(grid=False, tickCount=5)
    across = alt.X("re:Q", scale=scale, title=_("real part"), axis=axis)
    up = alt.Y("im:Q", scale=scale, title=_("imaginary part"), axis=axis)
    colours = alt.Color(
        "kind:N", title=None, scale=alt.Scale(domain=[_("shrinks"), _("grows")], range=[shrinks, grows]),
        legend=alt.Legend(orient="top"),
    )  # fmt: skip
    tips = [alt.Tooltip("size:Q", title=_("size")), alt.Tooltip("degrees:Q", title=_("degrees per step"))]
    ring = alt.Chart(alt.InlineData(values=line)).mark_line(color=circle, strokeDash=[4, 3])
    marks = alt.Chart(alt.InlineData(values=dots)).mark_circle(size=55, opacity=0.75)
    drawn = ring.encode(x=across, y=up, order="order:O"), marks.encode(x=across, y=up, color=colours, tooltip=tips)
    return alt.LayerChart(layer=drawn).properties(width=SIDE_PX, height=SIDE_PX)


def told(value: complex, reach: float) -> dict[str, float | str]:
    """One eigenvalue as the chart shows it; what lies outside of it is drawn at its edge."""
    return {
        "re": max(-reach, min(reach, value.real)), "im": max(-reach, min(reach, value.imag)),
        "kind": _("grows") if abs(value) > 1 else _("shrinks"), "size": round(abs(value), 5),
        "degrees": round(math.degrees(math.atan2(value.imag, value.real)), 3),
    }  # fmt: skip


def farthest(found: Spectrum) -> float:
    """The largest coordinate, 0 where there is none."""
    return max((max(abs(value.real), abs(value.imag)) for value in map(complex, found.moving)), default=0.0)
