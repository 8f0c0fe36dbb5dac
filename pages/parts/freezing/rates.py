"""Learning rate against strategy: the winner changes with the rate, and the map shows where."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from models.experiment import Snapshot
from models.metrics.comparison import band
from pages.parts.freezing.forest import swatch
from pages.parts.freezing.names import fixed, named
from pages.parts.words import _, shown

if TYPE_CHECKING:
    from pages.parts.freezing.standings import Standings

DEEPEST = 45
"""Percent of colour in the best cell: its number must stay readable on it."""


def heat(found: Standings, picture: Snapshot) -> str:
    """Validation accuracy of every strategy at every rate, as a table; each row's best is framed."""
    experiment, arrays = found.experiment, picture.arrays
    accuracy_ARS = np.where(arrays["diverged_ARS"] > 0, np.nan, arrays["accuracy_ARS"])
    bands = band(accuracy_ARS)
    known = bands.mean[np.isfinite(bands.mean)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    lines = []
    for place, arm in enumerate(experiment.arms):
        cells = [f"<td>{swatch(arm)}{escape(named(arm))}</td>"]
        for rate in range(len(experiment.rates)):
            mean, end = float(bands.mean[place, rate]), float(bands.high[place, rate])
            if not np.isfinite(mean):
                cells.append(f"<td>{escape(_('diverged'))}</td>")
                continue
            share = DEEPEST * (mean - low) / (high - low or 1)
            best = ' class="tf-best"' if rate == int(arrays["best_A"][place]) else ""
            half = f" <small>± {fixed(100 * (end - mean))}</small>" if np.isfinite(end) else ""
            ground = f"background: color-mix(in srgb, var(--tf-heat) {share:.0f}%, transparent)"
            cells.append(f'<td{best} style="{ground}">{fixed(100 * mean)}{half}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    heads = [_("Validation accuracy, %"), *(shown(float(f"{rate:.2g}")) for rate in experiment.rates)]
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="tf-scroll"><table class="tf-table tf-heat"><tr>{head}</tr>{"".join(lines)}</table></div>'


def lesson(found: Standings, picture: Snapshot) -> str:
    """Who is first at each rate, in one sentence: where that changes, no single rate is a fair one."""
    experiment, arrays = found.experiment, picture.arrays
    accuracy_ARS = np.where(arrays["diverged_ARS"] > 0, np.nan, arrays["accuracy_ARS"])
    mean_AR = np.nan_to_num(band(accuracy_ARS).mean, nan=-1.0)
    first = [experiment.arms[int(place)] for place in mean_AR.argmax(0)]
    told = "; ".join(
        _("{rate}: {name}", rate=float(f"{rate:.2g}"), name=named(arm))
        for rate, arm in zip(experiment.rates, first, strict=True)
    )
    if len(set(first)) == 1:
        return _("The highest mean is the same at every rate tried: {name}.", name=named(first[0]))
    return _("Which mean is the highest changes with the rate. {told}.", told=told)
