"""A column's numbers in one run: the best, the last, and the one at a step that the visitor names."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from pages.parts.twins import value_at
from state.shelf import Entry

RISING = re.compile(
    r"accura|exact|quality|kept|covered|agreement|induction|previous|obeyed|used|active|passed|entropy_of_classes"
)
"""What is better when it is higher, as far as a column's name tells; the visitor can say otherwise."""


@dataclass(frozen=True)
class Values:
    """NaN where there is no such value."""

    best: float
    best_at: int
    last: float
    at: float


def values(entry: Entry, column: str, high: bool, step: int) -> Values | None:
    """None where the run has never recorded the column. A run that has not come to `step` has no value there."""
    curve = entry.curve(column)
    if curve is None or not len(curve[0]):
        return None
    steps, found = curve
    place = int(np.argmax(found) if high else np.argmin(found))
    at = value_at(curve, step) if entry.step >= step else None
    return Values(float(found[place]), int(steps[place]), float(found[-1]), math.nan if at is None else at)


def rises(column: str) -> bool:
    """Whether higher is better, as far as the name tells."""
    return RISING.search(column) is not None
