"""Runs as groups that differ in nothing but the seed: aligned by step, their mean and Student's interval around it.

Letters: T steps, S seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.experiment import Experiment
from models.metrics.comparison import Band, band
from state.columns import Column
from state.shelf import Entry


@dataclass(frozen=True)
class Group:
    """Runs of equal knobs; `experiment` has them, with seed 0."""

    experiment: Experiment
    members: tuple[Entry, ...]


def groups(entries: Iterable[Entry]) -> list[Group]:
    """The runs by all knobs but the seed, in order of first appearance."""
    found: dict[Experiment, list[Entry]] = {}
    for entry in entries:
        if entry.experiment is not None:
            found.setdefault(entry.experiment.model_copy(update={"seed": 0}), []).append(entry)
    return [Group(experiment, tuple(members)) for experiment, members in found.items()]


def aligned(curves: Sequence[Column], most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Steps (T,) at which any of the curves has a value, and the values (T, S), NaN where one has none there.

    Nothing is moved or interpolated. With `most`, at most so many of the steps, the first and the last among them.
    """
    step_T = np.unique(np.concatenate([steps for steps, _ in curves]))
    if most is not None and len(step_T) > most:
        step_T = step_T[np.unique(np.linspace(0, len(step_T) - 1, most).round().astype(int))]
    value_TS = np.full((len(step_T), len(curves)), np.nan)
    for seed, (steps, values) in enumerate(curves):
        _, here, there = np.intersect1d(step_T, steps, assume_unique=True, return_indices=True)
        value_TS[here, seed] = values[there]
    return step_T, value_TS


def mean(group: Group, column: str, most: int) -> tuple[np.ndarray, Band] | None:
    """Steps and mean of a column over the group's seeds, with the interval; None where no run has recorded it."""
    curves = [curve for entry in group.members if (curve := entry.curve(column)) is not None and len(curve[0])]
    if not curves:
        return None
    step_T, value_TS = aligned(curves, most)
    return step_T, band(value_TS)
