"""Curves as pairs (steps, values): put together from recorded chunks, and thinned for drawing.

Thinning loses nothing that a viewer could see: each bucket keeps its extremes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from models.experiment import Scalars

Column = tuple[np.ndarray, np.ndarray]


def joined(chunks: Iterable[Scalars]) -> dict[str, Column]:
    """Chunks, in their order, as one pair per column: its steps (int64) and values (float64)."""
    parts: dict[str, tuple[list[np.ndarray], list[np.ndarray]]] = {}
    for chunk in chunks:
        steps = np.arange(chunk.first, chunk.step + 1, dtype=np.int64)
        for name, values in chunk.values.items():
            column = parts.setdefault(name, ([], []))
            column[0].append(steps)
            column[1].append(values)
    return {name: (np.concatenate(steps), np.concatenate(values)) for name, (steps, values) in parts.items()}


def thin_columns(columns: Mapping[str, Column], most: int) -> dict[str, Column]:
    """Every column thinned to at most `most` points."""
    return {name: thin(*column, most) for name, column in columns.items()}


def thin(steps: np.ndarray, values: np.ndarray, most: int) -> Column:
    """At most `most` points (at least 4): first and last, and per bucket of equal length its first minimum and maximum.

    Infinite values are extremes like others and stay; NaN goes, except in a bucket that has nothing else.
    """
    if len(steps) <= max(most, 4):
        return steps, values
    length = -(-len(values) // (max(most - 2, 2) // 2))
    count = -(-len(values) // length)
    buckets = np.pad(values, (0, count * length - len(values)), constant_values=np.nan).reshape(count, length)
    holes = np.isnan(buckets)
    extremes = np.stack([np.where(holes, np.inf, buckets).argmin(1), np.where(holes, -np.inf, buckets).argmax(1)])
    chosen = (extremes + np.arange(0, count * length, length)).ravel()
    # Beside nothing but infinities a hole ties with them: it stays only where its bucket has nothing else.
    chosen = chosen[~np.isnan(values[chosen]) | np.tile(holes.all(1), 2)]
    chosen = np.unique(np.concatenate(([0, len(values) - 1], chosen)))
    return steps[chosen], values[chosen]
