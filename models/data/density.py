"""What every set on the plane can do: draw fresh points, and say how dense the truth is at any point.

Dimensions: N points, M modes, 2 coordinates. Densities are natural logarithms (nats) of probability per unit area.
Points are float32, as networks want them; densities are float64, as integrals want them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK = 4096
"""Points per block of a density: a block times 400 quadrature nodes is 13 MB, which stays near the cache."""

FARTHEST = 1e100
"""Coordinates are cut here before they are squared: beyond, every density is 0 in any number format."""

DYADIC_BITS = 17
"""Bits of a uniform offset inside a cell: few enough that cell number plus offset is exact in float32."""


@dataclass(frozen=True, eq=False)
class PlaneData(ABC):
    """A distribution on the plane: endless samples and an exact density."""

    name: str
    extent: tuple[float, float, float, float]
    """(x0, x1, y0, y1): the square that a picture shows."""
    reach: float
    """Networks divide coordinates by this, so that most data lies within -1 … 1."""
    modes: Tensor | None = None
    """(M, 2) centres, only where every mode is the same round Gaussian: what mode coverage needs."""
    mode_sigma: float | None = None

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """(n, 2) float32 independent points, on the generator's device."""

    @abstractmethod
    def _log_density(self, points_N2: Tensor) -> Tensor:
        """(N,) log density of finite float64 points."""

    def log_density(self, points_N2: Tensor) -> Tensor:
        """(N,) float64 log density in nats, on the CPU; -inf outside the support and at points that are not finite."""
        points_N2 = points_N2.detach().to("cpu", torch.float64)
        finite_N = points_N2.isfinite().all(dim=1)
        blocks = torch.split(points_N2.nan_to_num().clamp(-FARTHEST, FARTHEST), CHUNK)
        log_density_N = torch.cat([self._log_density(block_N2) for block_N2 in blocks])
        return log_density_N.where(finite_N, -torch.inf)


def uniform(n: int, generator: torch.Generator) -> Tensor:
    """(n,) float32 numbers, uniform on [0, 1)."""
    return torch.rand(n, generator=generator, device=generator.device)


def inside(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Float32 numbers uniform inside (0, 1), on a grid so coarse that `cell + offset` never rounds into the next cell.

    Without it one point in some millions would land on a border of the support, where the density is 0.
    """
    steps = torch.randint(2**DYADIC_BITS, shape, generator=generator, device=generator.device)
    return steps.float().add(0.5).div(2**DYADIC_BITS)


def log_sums(log_R: Tensor, point_R: Tensor, n: int) -> Tensor:
    """(n,) log of the sum of exp(log_R) over each point's terms, `point_R` saying whose they are; -inf where none is.

    Astronomically far terms are -inf or no number at all (infinity - infinity); both count as nothing.
    """
    log_R = log_R.nan_to_num(nan=-torch.inf, posinf=-torch.inf, neginf=-torch.inf)
    # From the largest term on, since scatter has no logsumexp; a largest term of -inf would make -inf - -inf.
    peak_N = torch.full((n,), -torch.inf, dtype=log_R.dtype).scatter_reduce(0, point_R, log_R, "amax")
    finite_N = peak_N.nan_to_num(neginf=0.0)
    return finite_N + torch.zeros_like(peak_N).index_add(0, point_R, (log_R - finite_N[point_R]).exp()).log()
