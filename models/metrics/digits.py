"""How good are generated 8×8 digits: are all ten classes there, and how far are they from the real ones?

Dimensions: N generated digits, R = 1,797 real ones, 64 pixels in -1 … 1.

A digit's class is that of its nearest real digit in pixels. Asked of each real digit with that one left out, the
rule is right for 98.8 %, so that no class below its 1 % share of samples is there by misreading alone. Noise has a
nearest digit as well: the classes count coverage, and the energy distance counts quality.

"Perfect" draws from the 1,797 digits with replacement: this is the distribution a generator is trained on.
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

CLASSES = 10


@cache
def _to_real_digits() -> EnergyDistance:
    return EnergyDistance(digits()[0])


def nearest_digit(samples_N64: Tensor) -> Tensor:
    """(N,) int64 index of the nearest real digit. By a matrix product: real pixels are multiples of 1/8, so that its
    rounding decides only between digits equally far."""
    real_R64 = digits()[0]
    samples_N64 = samples_N64.detach().to("cpu", torch.float32)
    # |x - r|² without |x|², which is the same for all r.
    return (real_R64.square().sum(dim=1) - 2 * samples_N64 @ real_R64.T).argmin(dim=1)


def digit_classes(samples_N64: Tensor) -> Tensor:
    """(N,) int64 class 0 … 9 of the nearest real digit."""
    return digits()[1][nearest_digit(samples_N64)]


def digit_quality(samples_N64: Tensor) -> Mapping[str, float]:
    """`classes_covered`, 0 … 10, and `energy_distance` to the real digits; samples not finite belong to no class."""
    finite_N = samples_N64.isfinite().all(dim=1)
    counts = torch.bincount(digit_classes(samples_N64[finite_N]), minlength=CLASSES)
    return {
        "classes_covered": float((counts >= COVERED_SHARE * max(len(samples_N64), 1)).sum()),
        "energy_distance": _to_real_digits()(samples_N64),
    }
