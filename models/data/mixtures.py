"""Mixtures of Gaussians (ring, grid, GAN Lab's blobs) and the checkerboard: densities in closed form.

Dimensions: N points, M components.

Source: ring and grid as in Lin et al. 2018, "PacGAN" (arXiv 1712.04086), section 4.1, after Srivastava et al. 2017,
"VEEGAN" (arXiv 1705.07761); `gaussians` is the default of GAN Lab, Kahng et al. 2018 (arXiv 1809.01587);
the checkerboard is that of FFJORD's toy data, Grathwohl et al. 2018 (arXiv 1810.01367).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.data.density import PlaneData, inside


@dataclass(frozen=True, eq=False)
class Mixture(PlaneData):
    """Equally likely Gaussians with axes along the coordinates."""

    means_M2: Tensor = field(default_factory=lambda: torch.zeros(1, 2))
    sigmas_M2: Tensor = field(default_factory=lambda: torch.ones(1, 2))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        device = generator.device
        component_N = torch.randint(len(self.means_M2), (n,), generator=generator, device=device)
        noise_N2 = torch.randn(n, 2, generator=generator, device=device)
        return self.means_M2.to(device)[component_N] + self.sigmas_M2.to(device)[component_N] * noise_N2

    def _log_density(self, points_N2: Tensor) -> Tensor:
        sigmas_M2 = self.sigmas_M2.double()
        z_NM2 = (points_N2[:, None] - self.means_M2.double()) / sigmas_M2
        log_norm_M = math.log(2 * math.pi * len(sigmas_M2)) + sigmas_M2.log().sum(dim=1)
        return (-0.5 * z_NM2.square().sum(dim=2) - log_norm_M).logsumexp(dim=1)


def _round_modes(name: str, half_width: float, reach: float, modes_M2: Tensor, sigma: float) -> Mixture:
    extent = (-half_width, half_width, -half_width, half_width)
    sigmas_M2 = torch.full_like(modes_M2, sigma)
    return Mixture(name, extent, reach, modes_M2, sigma, means_M2=modes_M2, sigmas_M2=sigmas_M2)


def ring() -> Mixture:
    """Eight modes on the unit circle, sigma 0.01: small targets, far apart."""
    angles_M = torch.arange(8, dtype=torch.float64) * (2 * math.pi / 8)
    return _round_modes("ring", 1.5, 1.0, torch.stack([angles_M.cos(), angles_M.sin()], dim=1).float(), 0.01)


def grid() -> Mixture:
    """Twenty-five modes at {-4, -2, 0, 2, 4}², sigma 0.05."""
    ticks_5 = torch.arange(-4.0, 5.0, 2.0)
    return _round_modes("grid", 5.0, 4.0, torch.cartesian_prod(ticks_5, ticks_5), 0.05)


def gaussians() -> Mixture:
    """Two overlapping blobs in the unit square, one round and one tall.

    `modes` stays None: a "high-quality sample" is defined by one common sigma, which these two do not have.
    """
    means_M2 = torch.tensor([[0.3, 0.7], [0.7, 0.4]])
    sigmas_M2 = torch.tensor([[0.1, 0.1], [0.05, 0.2]])
    return Mixture("gaussians", (0.0, 1.0, 0.0, 1.0), 1.0, means_M2=means_M2, sigmas_M2=sigmas_M2)


@dataclass(frozen=True, eq=False)
class Checkerboard(PlaneData):
    """Uniform on the 8 squares of side 2 in [-4, 4]² whose column and row number add up to an even number."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        column_N = torch.randint(-2, 2, (n,), generator=generator, device=generator.device)
        row_N = 2 * torch.randint(-1, 1, (n,), generator=generator, device=generator.device) + column_N % 2
        return 2 * (torch.stack([column_N, row_N], dim=1) + inside((n, 2), generator))

    def _log_density(self, points_N2: Tensor) -> Tensor:
        cells_N2 = (points_N2 / 2).floor()
        on_N = (cells_N2.sum(dim=1) % 2 == 0) & ((cells_N2 >= -2) & (cells_N2 < 2)).all(dim=1)
        return torch.where(on_N, -math.log(32.0), -math.inf).to(torch.float64)


def checkerboard() -> Checkerboard:
    """A support with hard edges and corners, which smooth maps cannot follow; its entropy is ln 32."""
    return Checkerboard("checkerboard", (-4.5, 4.5, -4.5, 4.5), 4.0)
