"""The numbers shown beside a generator, by data set, with the range that a perfect generator stays in.

A number without its floor misleads: 98.9 % high quality is perfection (the data themselves fall outside 3σ that
often), and 99.5 % is a sign of collapse. So every number here comes with a `Reference` at the same sample size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from models.data.images import digits
from models.data.plane import plane
from models.experiment import Reference
from models.metrics.coverage import coverage
from models.metrics.digits import digit_quality
from models.metrics.distances import EnergyDistance, w2
from models.metrics.references import reference

COMPARED = 2000
"""Samples used for the energy distance: quadratic in their number, 4 ms. With half of them the Gaussian of the same
mean and covariance could not be told from spirals or moons."""
ASSIGNED = 150
"""Samples used for W2: cubic in their number. Its floor, for as many fresh points, is far from 0 and drawn as such."""


REPEATS = 60
MARGIN = 0.6
"""All of 100 fresh draws are to lie in the band: as measured, one left the extremes of 60 by half of their width."""


@lru_cache(maxsize=64)  # Bounded: visitors write drawings.
def _energy(name: str, drawing: str) -> EnergyDistance:
    data = plane(name, drawing).sample(COMPARED, torch.Generator().manual_seed(0))
    return EnergyDistance(data)


@lru_cache(maxsize=64)
def _assigned(name: str, drawing: str) -> Tensor:
    return plane(name, drawing).sample(ASSIGNED, torch.Generator().manual_seed(3))


def quality(name: str, drawing: str, samples_NX: Tensor) -> Mapping[str, float]:
    """Measured numbers of samples (N, X); which ones depends on what is known of the data."""
    if name == "digits":
        return digit_quality(samples_NX)
    data = plane(name, drawing)
    numbers = {
        "energy_distance": _energy(name, drawing)(samples_NX[:COMPARED]),
        "w2": w2(samples_NX[:ASSIGNED], _assigned(name, drawing)),
    }
    if data.modes is not None and data.mode_sigma is not None:
        found = coverage(samples_NX, data.modes, data.mode_sigma)
        numbers |= {
            "modes_covered": float(found.modes_covered),
            "high_quality": found.high_quality,
            "reverse_kl": found.reverse_kl,
        }
    return numbers


@lru_cache(maxsize=64)  # Bounded: visitors write drawings.
def quality_references(name: str, drawing: str, count: int) -> Mapping[str, Reference]:
    """What fresh data, and one Gaussian with their mean and covariance, score in `quality` with `count` samples."""
    many = torch.Generator().manual_seed(1)
    pool = digits()[0] if name == "digits" else plane(name, drawing).sample(20_000, many)
    mean_X, covariance_XX = pool.mean(0), torch.cov(pool.T)
    # Digits have constant corner pixels, hence the small ridge.
    root_XX = torch.linalg.cholesky(covariance_XX + 1e-6 * torch.eye(len(mean_X)))

    def perfect(seed: int) -> Tensor:
        random = torch.Generator().manual_seed(100 + seed)
        if name == "digits":
            return pool[torch.randint(len(pool), (count,), generator=random)]
        return plane(name, drawing).sample(count, random)

    def null(seed: int) -> Tensor:
        random = torch.Generator().manual_seed(500 + seed)
        return torch.addmm(mean_X, torch.randn(count, len(mean_X), generator=random), root_XX.T)

    found = reference(lambda samples: quality(name, drawing, samples), perfect, null, REPEATS, MARGIN)
    # No distance is below 0, no share beyond 1, and of modes there are as many as there are.
    return {key: replace(each, low=max(each.low, 0.0), high=min(each.high, _most(name, drawing, key)))
            for key, each in found.items()}  # fmt: skip


def _most(name: str, drawing: str, number: str) -> float:
    """The largest value that a number can take."""
    if number == "modes_covered":
        modes = plane(name, drawing).modes
        return math.inf if modes is None else float(len(modes))
    return {"high_quality": 1.0, "classes_covered": 10.0}.get(number, math.inf)
