"""Paired differences as a drawing inside the table: a dot and its interval, on one scale around the baseline's zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from models.metrics.comparison import Difference
from pages.parts.freezing.names import LINES
from pages.parts.hues import DARK as DARK
from pages.parts.hues import LIGHT as LIGHT

EDGE = 0.04
"""Share of the scale's width that stays free at either end."""
DASHES = ("solid", "dashed", "dotted")
STYLE = """
<style>
.tf-scroll { overflow-x: auto; white-space: nowrap; }
.tf-table { width: 100%; border-collapse: collapse; font-size: 0.88rem; }
.tf-table th { text-align: right; font-weight: 500; opacity: 0.75; padding: 0.25rem 0.5rem; vertical-align: bottom; }
.tf-table th { white-space: normal; }
.tf-table td { text-align: right; padding: 0.2rem 0.5rem; border-top: 1px solid rgba(128, 128, 128, 0.3); }
.tf-table td { font-variant-numeric: tabular-nums; }
.tf-table :is(th, td):first-child { text-align: left; }
.tf-table small { opacity: 0.7; }
.tf-base td { background: rgba(128, 128, 128, 0.1); }
.tf-line { display: inline-block; width: 20px; margin-right: 8px; vertical-align: middle; border-top: 2.5px solid; }
.tf-dashed { border-top-style: dashed; }
.tf-dotted { border-top-style: dotted; }
.tf-whisker { position: relative; display: inline-block; width: 150px; height: 20px; vertical-align: middle; }
.tf-whisker i { position: absolute; box-sizing: border-box; }
.tf-zero { top: 0; bottom: 0; left: 50%; border-left: 1px solid; opacity: 0.35; }
.tf-reach { top: 6px; height: 8px; border: solid; border-width: 0 1.5px; }
.tf-reach::before { position: absolute; top: 3px; left: 0; right: 0; border-top: 1.5px solid; content: ""; }
.tf-dot { top: 6px; width: 8px; height: 8px; margin-left: -4px; border-radius: 50%; background: currentColor; }
.tf-heat :is(th, td):not(:first-child) { text-align: center; min-width: 4.5rem; }
.tf-heat td.tf-best { outline: 2px solid currentColor; outline-offset: -2px; font-weight: 700; }
</style>
"""


def style() -> str:
    """The tables' looks, with the strategies' colours on this visitor's paper."""
    hues = DARK if st.context.theme.type == "dark" else LIGHT
    heat = f".tf-heat {{ --tf-heat: {hues[0]}; }}"
    lines = [heat, *(f".tf-hue-{hue} {{ color: {colour}; }}" for hue, colour in enumerate(hues))]
    return f"{STYLE}<style>{' '.join(lines)}</style>"


def swatch(arm: str) -> str:
    """A short piece of the strategy's line."""
    return drawn(*LINES[arm])


def drawn(hue: int, dash: int) -> str:
    """A short piece of a line of that colour and kind."""
    return f'<span class="tf-line tf-{DASHES[dash]} tf-hue-{hue}"></span>'


def reach(compared: Sequence[Difference]) -> float:
    """How far the scale goes to both sides: as far as any interval, or mean where there is none."""
    ends = [abs(end) for one in compared for end in (one.mean, one.low, one.high) if np.isfinite(end)]
    return max([*ends, 0.01])


def whisker(one: Difference, reach: float, arm: str = "", hue: int | None = None) -> str:
    """The dot and its interval, in a strategy's or any other colour; the baseline, without one, has only its zero."""
    hue = LINES[arm][0] if arm else hue

    def place(value: float) -> float:
        return round(100 * (0.5 + (0.5 - EDGE) * value / reach), 2)

    parts = ['<i class="tf-zero"></i>']
    if hue is not None and np.isfinite(one.mean):
        if np.isfinite(one.low):
            low, high = place(one.low), place(one.high)
            parts.append(f'<i class="tf-reach" style="left: {low}%; width: {high - low:.2f}%"></i>')
        parts.append(f'<i class="tf-dot" style="left: {place(one.mean)}%"></i>')
    colour = "" if hue is None else f" tf-hue-{hue}"
    return f'<span class="tf-whisker{colour}" aria-hidden="true">{"".join(parts)}</span>'
