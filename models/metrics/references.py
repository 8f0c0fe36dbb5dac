"""What a measured number can mean: the value a perfect generator gets, its spread, and the value of knowing nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from torch import Tensor

from models.experiment import Reference

BAND = (2.5, 97.5)
"""Percentiles between which a perfect generator's value lies 19 times out of 20."""


def reference(
    measure: Callable[[Tensor], Mapping[str, float]],
    perfect: Callable[[int], Tensor],
    null: Callable[[int], Tensor],
    repeats: int = 40,
    margin: float | None = None,
) -> dict[str, Reference]:
    """The `Reference` of every number that `measure` returns.

    With `margin` the band holds all perfect draws, and reaches that share of its width beyond them on both sides:
    where a generator is measured again and again, 19 times out of 20 would leave the band soon.

    `perfect(seed)` draws fresh data, as many as are measured beside training; `null(seed)` draws as many from one
    Gaussian with the data's mean and covariance. The null value is a mean over a fifth as many draws: it only marks
    the other end of the scale. A pure function of its arguments; keep the result, it costs some 50 measurements.
    """
    perfects = [measure(perfect(seed)) for seed in range(repeats)]
    nulls = [measure(null(seed)) for seed in range(max(1, repeats // 5))]
    return {
        name: _reference([numbers[name] for numbers in perfects], [numbers[name] for numbers in nulls], margin)
        for name in perfects[0]
    }


def _reference(perfects: list[float], nulls: list[float], margin: float | None) -> Reference:
    low, high = np.percentile(perfects, BAND if margin is None else (0, 100))
    if margin is not None:
        low, high = low - margin * (high - low), high + margin * (high - low)
    return Reference(perfect=float(np.mean(perfects)), low=float(low), high=float(high), null=float(np.mean(nulls)))
