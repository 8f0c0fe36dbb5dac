"""What a repeated paper consists of: what it measures, how, which picture is drawn of it, and what it claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.layers.studies.repetition import Repetition, Work
from models.metrics.claims import Claim

Values = Mapping[str, np.ndarray]
"""Each row's values (S,), NaN where a seed is not there yet."""


@dataclass(frozen=True)
class Curve:
    """One line of a picture: a row of the study at each place, and what the paper published there."""

    name: str
    rows: tuple[str, ...]
    published: tuple[float, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """One picture: curves over places that are numbers or names."""

    title: str
    places: tuple[str, ...]
    curves: tuple[Curve, ...]
    base: str = ""
    """The row to which ours are put in relation; the published ones to `published_base`."""
    published_base: float = 1.0
    across: str = ""
    up: str = "accuracy"
    ordered: bool = False
    """Whether the places are numbers, so that lines may join them."""


@dataclass(frozen=True)
class Study:
    """One paper."""

    source: str
    """Authors, year, where."""
    setting: str
    """What is done here, in a sentence."""
    rows: tuple[str, ...]
    together: int
    """Seeds that are trained as one stack."""
    ticks: int
    """Training steps of one such repetition, in all."""
    run: Callable[[Repetition], Work[None]]
    claims: Callable[[Values], Sequence[Claim]]
    sheets: tuple[Sheet, ...]


def apart(values: Values, one: str, other: str) -> np.ndarray:
    """One row minus the other, seed by seed."""
    return np.asarray(values[one] - values[other])
