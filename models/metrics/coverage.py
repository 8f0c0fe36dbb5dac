"""Which modes does a generator reach, how many of its samples are good, and how evenly are they spread?

Dimensions: N samples, M modes.

Source: the counts as in Srivastava et al. 2017, "VEEGAN" (arXiv 1705.07761), section 5.1, and Lin et al. 2018,
"PacGAN" (arXiv 1712.04086), section 4.1: a sample is of high quality within 3 sigma (Euclidean) of its nearest mode.
A perfect generator scores 1 - e^-4.5 = 98.9 %, not 100 %: more means samples that are too tame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

STRICT = 20
"""High-quality samples from which on a mode counts as covered strictly, not just hit by chance."""


@dataclass(frozen=True)
class Coverage:
    """How samples lie around the modes."""

    modes_covered: int
    """Modes with at least one high-quality sample."""
    modes_strict: int
    """Modes with at least 20."""
    high_quality: float
    """Share of the samples that are of high quality, 0 … 1."""
    reverse_kl: float
    """Nats from the high-quality samples' histogram over the modes to the uniform one: 0 … ln M, where 0 is even."""


def coverage(samples_N2: Tensor, modes_M2: Tensor, sigma: float) -> Coverage:
    """Coverage of `modes_M2` by samples; samples that are not finite are of no quality.

    With no high-quality sample the divergence takes its worst value, ln M.
    """
    counts_M = high_quality_counts(samples_N2, modes_M2, sigma)
    total = int(counts_M.sum())
    share_M = counts_M[counts_M > 0] / max(total, 1)
    log_modes = math.log(len(modes_M2))
    # Σ p ln(p M), with 0 ln 0 = 0; rounding may leave -1e-17, and no divergence is negative.
    reverse_kl = max(0.0, log_modes + float((share_M * share_M.log()).sum())) if total else log_modes
    return Coverage(
        modes_covered=int((counts_M > 0).sum()),
        modes_strict=int((counts_M >= STRICT).sum()),
        high_quality=total / max(len(samples_N2), 1),
        reverse_kl=reverse_kl,
    )


def high_quality_counts(samples_N2: Tensor, modes_M2: Tensor, sigma: float) -> Tensor:
    """(M,) float64 numbers of high-quality samples nearest to each mode."""
    samples_N2, modes_M2 = samples_N2.detach().to("cpu", torch.float64), modes_M2.to("cpu", torch.float64)
    samples_N2 = samples_N2[samples_N2.isfinite().all(dim=1)]
    # Differences, not the expanded square: at sigma 0.01 the latter's rounding would decide.
    # A row to each mode: along the samples memory runs on, and that is five times as fast.
    across_MN, along_MN = (modes_M2[:, d, None] - samples_N2[:, d].contiguous() for d in range(2))
    nearest_N, mode_N = across_MN.square_().add_(along_MN.square_()).sqrt_().min(dim=0)
    return torch.bincount(mode_N[nearest_N < 3 * sigma], minlength=len(modes_M2)).double()
