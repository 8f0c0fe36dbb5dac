"""How good are generated 8×8 digits: do they look like digits, are all ten classes there, how far are they from real?

Dimensions: N generated digits, R = 1,797 real ones, 64 pixels in -1 … 1.

A sample is of *high quality* when its nearest real digit is as near as 95 % of real digits are to their own nearest
neighbour. Copies of a real digit do not count as their own neighbour, so that fresh data reach 95 %, not 100 %; one
Gaussian with the data's mean and covariance reaches 5 %. A sample's class is that of its nearest real digit: asked of
each real digit with that one left out, the rule is right for 98.8 %. Only samples of high quality count for a class.

"Perfect" draws from the real digits with replacement: those that the generator is trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from models.data.images import digits
from models.metrics.distances import EnergyDistance, wide_distances

COVERED_SHARE = 0.01
"""A class counts from this share of the samples on."""
AS_NEAR = 0.95
COPY = 1e-3
"""Distance below which a sample is a copy: real digits are at least 0.6 apart, and distances rounded at 1e-6."""
CLASSES = 10


@cache
def _to_real_digits() -> EnergyDistance:
    return EnergyDistance(digits()[0])


def nearest_digit(distance_NR: Tensor) -> tuple[Tensor, Tensor]:
    """From the distances to all real digits: (N,) int64 index of the nearest, and (N,) that to the nearest no copy."""
    distance_N, nearest_N = distance_NR.min(dim=1)
    copies_N = distance_N < COPY
    others_CR = distance_NR[copies_N]
    distance_N[copies_N] = others_CR.masked_fill_(others_CR < COPY, torch.inf).amin(dim=1)
    return nearest_N, distance_N


def _distances(samples_N64: Tensor) -> Tensor:
    """(N, R) float64 distances to all real digits."""
    return wide_distances(samples_N64.detach().to("cpu", torch.float32), digits()[0])


@cache
def near() -> float:
    """How near is near: the distance within which 95 % of real digits have a neighbour."""
    return float(nearest_digit(_distances(digits()[0]))[1].quantile(AS_NEAR))


def digit_classes(samples_N64: Tensor) -> Tensor:
    """(N,) int64 class 0 … 9 of the nearest real digit."""
    return digits()[1][nearest_digit(_distances(samples_N64))[0]]


def digit_quality(samples_N64: Tensor) -> Mapping[str, float]:
    """`high_quality` (a share), `classes_covered` (0 … 10), `energy_distance`; samples not finite are of no quality."""
    finite_N64 = samples_N64[samples_N64.isfinite().all(dim=1)]
    distance_NR = _distances(finite_N64)
    across = float(distance_NR.mean())
    nearest_N, distance_N = nearest_digit(distance_NR)
    good_N = distance_N <= near()
    counts = torch.bincount(digits()[1][nearest_N[good_N]], minlength=CLASSES)
    return {
        "high_quality": int(good_N.sum()) / max(len(samples_N64), 1),
        "classes_covered": float((counts >= COVERED_SHARE * max(len(samples_N64), 1)).sum()),
        "energy_distance": _to_real_digits()(samples_N64, across),
    }
