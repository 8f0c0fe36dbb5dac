"""Every strategy's plan as a small picture: layers down, training time across, and how fast each learns."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from models.layers.stack import LAYERS
from models.transfer import FreezeLab
from pages.parts.freezing.forest import style, swatch
from pages.parts.freezing.names import LINES, explained, named
from pages.parts.words import _, shown

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table

PIECES = 60
DECADES = 3
LOOK = """
<style>
.tf-plans { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 1.1rem 1.4rem; }
.tf-plan p { margin: 0 0 0.3rem; font-size: 0.88rem; }
.tf-plan small { display: block; opacity: 0.75; min-height: 2.4em; line-height: 1.2; }
.tf-row { display: grid; grid-template-columns: 3.6em minmax(0, 1fr); gap: 0.4rem; }
.tf-row { align-items: center; font-size: 0.72rem; }
.tf-row span { text-align: right; opacity: 0.8; }
.tf-row i { height: 13px; margin: 1px 0; border-radius: 3px; box-shadow: inset 0 0 0 1px rgba(128, 128, 128, 0.35); }
.tf-row u { display: flex; justify-content: space-between; opacity: 0.8; text-decoration: none; }
</style>
"""


def draw(lab: Lab, table: Table) -> None:
    """All plans of the shown run."""
    experiment = table.shown
    if not isinstance(experiment, FreezeLab):
        return
    st.caption(
        _("Layers down, with the head on top; training time across. Full colour is the full learning rate, half of it "
          "about a thirtieth, nothing is frozen. The schedule is in it.")
    )  # fmt: skip
    said = explained()
    pictures = [
        f'<div class="tf-plan"><p>{swatch(arm)}<b>{escape(named(arm))}</b><small>{escape(said[arm])}</small></p>'
        f"{picture(experiment, arm)}</div>"
        for arm in experiment.arms
    ]
    st.html(style() + LOOK + f'<div class="tf-plans">{"".join(pictures)}</div>')


def picture(experiment: FreezeLab, arm: str) -> str:
    """One plan: a bar for each layer, the head on top; its label says it in words."""
    plan_TL = followed(experiment, arm)
    moments = np.linspace(0, len(plan_TL) - 1, min(PIECES, len(plan_TL))).astype(int)
    bars = [(LAYERS[layer], bar(plan_TL[moments, layer])) for layer in reversed(range(len(LAYERS)))]
    hue = f"tf-hue-{LINES[arm][0]}"
    rows = [
        f'<div class="tf-row"><span>{name}</span><i class="{hue}" style="background: {drawn}"></i></div>'
        for name, drawn in bars
    ]
    axis = f'<div class="tf-row"><span></span><u><b>0</b><b>{shown(experiment.steps)}</b></u></div>'
    label = escape(spoken(plan_TL), quote=True)
    return f'<div role="img" aria-label="{label}">{"".join(rows)}{axis}</div>'


def followed(experiment: FreezeLab, arm: str) -> np.ndarray:
    """The plan (T, L) as it is really followed: what changed during training acts from its step on."""
    plan_TL = experiment.plan_of(arm).copy()
    for step, name, _value in experiment.changes:
        if name == "own_plan":
            plan_TL[step:] = experiment.at(step).plan_of(arm)[step:]
    return plan_TL


def bar(pace_P: np.ndarray) -> str:
    """A layer's rate over time as a gradient with hard edges; the depth of colour follows the logarithm of the rate."""
    depth_P = np.where(pace_P > 0, np.clip(1 + np.log10(np.maximum(pace_P, 1e-9)) / DECADES, 0.08, 1), 0).round(2)
    starts = [0, *(np.flatnonzero(np.diff(depth_P)) + 1).tolist()]
    stops = []
    for start, stop in zip(starts, [*starts[1:], len(depth_P)], strict=True):
        colour = f"color-mix(in srgb, currentColor {100 * depth_P[start]:.0f}%, transparent)"
        stops.append(f"{colour} {100 * start / len(depth_P):.1f}% {100 * stop / len(depth_P):.1f}%")
    return f"linear-gradient(to right, {', '.join(stops)})"


def spoken(plan_TL: np.ndarray) -> str:
    """How much of the training each layer learns."""
    shares = (plan_TL > 0).mean(0)
    return "; ".join(
        _("{layer} learns in {share} % of the steps", layer=name, share=round(100 * float(share)))
        for name, share in zip(LAYERS, shares, strict=True)
    )
