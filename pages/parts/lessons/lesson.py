"""What a lesson is: a question with a prediction to make, one press, and an answer measured on the very runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.experiment import Beside, Experiment

Column = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Evidence:
    """What one finished run recorded: its columns as (steps, values), and the arrays of its last picture."""

    experiment: Any
    columns: Mapping[str, Column]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def last(self, name: str) -> float:
        """The newest finite value of a column; NaN where it has none."""
        values = self.columns[name][1] if name in self.columns else np.zeros(0)
        finite = values[np.isfinite(values)]
        return float(finite[-1]) if finite.size else float("nan")

    def lowest(self, name: str) -> float:
        """The smallest finite value in the second half of training; NaN where there is none."""
        steps, values = self.columns.get(name, (np.zeros(0), np.zeros(0)))
        finite = values[np.isfinite(values) & (2 * steps > steps.max(initial=0))]
        return float(finite.min()) if finite.size else float("nan")

    def at(self, name: str, step: int) -> float:
        """The newest value not later than `step`; NaN where there is none."""
        steps, values = self.columns.get(name, (np.zeros(0), np.zeros(0)))
        known = values[(steps <= step) & np.isfinite(values)]
        return float(known[-1]) if known.size else float("nan")


class Share(float):
    """A number that is a share: said as a percentage."""


@dataclass(frozen=True)
class Found:
    """Which choice the runs speak for, empty where for none, and the numbers by which they do."""

    choice: str
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Way:
    """A way to go on: a setting to try on the page itself."""

    label: str
    experiment: Experiment
    beside: Beside | None = None


@dataclass(frozen=True)
class Lesson:
    """One guided experiment; every text is in the visitor's language already."""

    name: str
    """How a link calls it: letters alone."""
    page: str
    title: str
    question: str
    choices: Mapping[str, str]
    """What may be predicted, by what `measure` calls it."""
    experiment: Experiment
    beside: Beside | None
    panels: Callable[[Any], Sequence[Mapping[str, Any]]]
    measure: Callable[[Sequence[Evidence]], Found]
    """A pure function of what the runs recorded, in the order of the runs."""
    measured: str
    """The sentence with the numbers, a template over what was found."""
    why: str
    source: str
    ways: Sequence[Way] = ()

    def found(self, runs: Sequence[Evidence]) -> Found:
        """What the runs speak for: nothing, where one of the numbers is missing."""
        found = self.measure(runs)
        return found if all(np.isfinite(value) for value in found.values.values()) else Found("", found.values)


def decisive(panels: Sequence[Mapping[str, Any]], *columns: str) -> list[Mapping[str, Any]]:
    """The pictures among the panels, and those curves that show one of the columns: a lesson shows no more."""
    return [
        panel
        for panel in panels
        if panel["kind"] != "curves" or {column["name"] for column in panel["columns"]} & set(columns)
    ]
