"""Pictures in words: what a chart or a strip of pictures shows, said from its own numbers, to be listened to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from pages.parts.words import _, percent, shown

MOST = 12
"""Things named one by one: more would be a table, and nobody listens to a table."""


def lines(title: str, across: str, x: Sequence[float], curves: Mapping[str, Sequence[float]]) -> str:
    """Lines over one axis: where each begins and ends, and its extremes."""
    said = [_line(name, list(curve)) for name, curve in list(curves.items())[:MOST]]
    start = _("{title}. {across}: {low} to {high}.", title=title, across=across, low=min(x), high=max(x))
    return " ".join([start, *said])


def _line(name: str, curve: list[float]) -> str:
    known = [value for value in curve if math.isfinite(value)]
    if not known:
        return _("{name}: no numbers yet.", name=name)
    return _(
        "{name}: begins at {first}, ends at {last}; lowest {low}, highest {high}.",
        name=name, first=known[0], last=known[-1], low=min(known), high=max(known),
    )  # fmt: skip


def values(title: str, groups: Mapping[str, Mapping[str, float]]) -> str:
    """Bars or dots over names: every value, group by group."""
    told = [
        f"{group}: " + "; ".join(f"{name} {shown(float(value))}" for name, value in list(found.items())[:MOST]) + "."
        for group, found in groups.items()
    ]
    return " ".join([f"{title}.", *told])


def points(title: str, across: str, up: str, placed: Mapping[str, tuple[float, float]]) -> str:
    """Named points on a plane, the highest first."""
    ordered = sorted(placed.items(), key=lambda item: -item[1][1])[:MOST]
    said = "; ".join(f"{name} ({shown(float(x))}, {shown(float(y))})" for name, (x, y) in ordered)
    return _(
        "{title}. Points as ({across}, {up}), the highest first: {said}.", title=title, across=across, up=up, said=said
    )


def pictures(what: str, picture_NX: np.ndarray, seen: Sequence[str] = ()) -> str:
    """A row of grey pictures, ink from 0 to 1: how many, how much ink, and what a classifier takes them for."""
    ink_N = np.asarray(picture_NX, float).reshape(len(picture_NX), -1).mean(1)
    said = _(
        "{what} {count} pictures; ink covers {low} to {high} of them.",
        what=what, count=len(ink_N), low=percent(float(ink_N.min())), high=percent(float(ink_N.max())),
    )  # fmt: skip
    return f"{said} " + _("Taken for: {seen}.", seen=", ".join(seen)) if seen else said
