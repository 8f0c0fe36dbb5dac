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
from models.metrics.distances import EnergyDistance

COVERED_SHARE = 0.01
"""A class counts from this share of the samples on."""
AS_NEAR = 0.95
COPY = 1e-3
"""Distance below which a sample is a copy: real digits are at least 0.6 apart, float32 rounds at 1e-5."""
CLASSES = 10


@cache
def _to_real_digits() -> EnergyDistance:
    return EnergyDistance(digits()[0])


def nearest_digit(samples_N64: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) int64 index of the nearest real digit, and (N,) the distance to the nearest one that is no copy."""
    samples_N64 = samples_N64.detach().to("cpu", torch.float32)
    distances_NR = torch.cdist(samples_N64, digits()[0], compute_mode="donot_use_mm_for_euclid_dist")
    nearest_N = distances_NR.argmin(dim=1)
    return nearest_N, distances_NR.masked_fill_(distances_NR < COPY, torch.inf).amin(dim=1)


@cache
def near() -> float:
    """How near is near: the distance within which 95 % of real digits have a neighbour."""
    return float(nearest_digit(digits()[0])[1].quantile(AS_NEAR))


def digit_classes(samples_N64: Tensor) -> Tensor:
    """(N,) int64 class 0 … 9 of the nearest real digit."""
    return digits()[1][nearest_digit(samples_N64)[0]]


def digit_quality(samples_N64: Tensor) -> Mapping[str, float]:
    """`high_quality` (a share), `classes_covered` (0 … 10), `energy_distance`; samples not finite are of no quality."""
    finite_N64 = samples_N64[samples_N64.isfinite().all(dim=1)]
    nearest_N, distance_N = nearest_digit(finite_N64)
    good_N = distance_N <= near()
    counts = torch.bincount(digits()[1][nearest_N[good_N]], minlength=CLASSES)
    return {
        "high_quality": int(good_N.sum()) / max(len(samples_N64), 1),
        "classes_covered": float((counts >= COVERED_SHARE * max(len(samples_N64), 1)).sum()),
        "energy_distance": _to_real_digits()(samples_N64),
    }
