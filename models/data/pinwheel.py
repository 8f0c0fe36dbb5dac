"""The pinwheel: five blobs, bent the more the farther out. Its density is a change of variables.

A blob point f = (r, a) with r ~ N(1, 0.3²) along and a ~ N(0, 0.1²) across is turned back by 2πk/5 + e^r / 4,
k = 0 … 4 at random, and doubled. Written in polar coordinates f = ρ(cos ψ, sin ψ), the point appears at radius 2ρ
and angle h(ψ) - 2πk/5 with h(ψ) = ψ - e^{ρ cos ψ} / 4. So the density is the sum over all ψ whose h(ψ) is the angle
asked for, modulo 2π/5, of the blob's density divided by |h'(ψ)| = |1 + a e^r / 4| (and by 5, and by 2²).

Dimensions: N points, J grid cells of ψ, R roots of all points together.

Where it stops being true: beyond `FOLDED` (mass below 1e-8) the bends lie closer than the grid, and the density is
its mean over the angle. On the caustics, where h' = 0 (their mass is below 1e-6), it is infinite; it is cut there.

Source: FFJORD's toy data, Grathwohl et al. 2018 (arXiv 1810.01367), after Johnson et al. 2016 (arXiv 1603.06277).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from models.data.density import PlaneData, log_sums

BLADES, RADIAL, TANGENTIAL, RATE, SCALE = 5, 0.3, 0.1, 0.25, 2.0
SECTOR = 2 * math.pi / BLADES

FOLDED = 2.8
"""Radius ρ up to which every root is found: six deviations beyond the blob's middle."""
CELLS = 256
"""Cells of ψ. At `FOLDED` the angle h moves by at most a quarter of a sector from one grid point to the next."""
BISECTIONS = 48


def _log_blob(r: Tensor, a: Tensor) -> Tensor:
    log_norm = math.log(2 * math.pi * RADIAL * TANGENTIAL)
    return -0.5 * (((r - 1) / RADIAL).square() + (a / TANGENTIAL).square()) - log_norm


def _sectors(psi: Tensor, rho: Tensor, angle: Tensor) -> Tensor:
    """How far h(ψ) is ahead of the angle asked for, in sectors: a root is where this is a whole number."""
    return (psi - RATE * (rho * psi.cos()).exp() - angle) / SECTOR


def _log_folded(rho_N: Tensor, angle_N: Tensor) -> Tensor:
    """(N,) log density of the undoubled points at ρ <= FOLDED, root by root."""
    edges_J = torch.linspace(-math.pi, math.pi, CELLS + 1, dtype=torch.float64)
    whole_NJ = _sectors(edges_J, rho_N[:, None], angle_N[:, None]).floor()
    point_R, cell_R = (whole_NJ[:, 1:] != whole_NJ[:, :-1]).nonzero(as_tuple=True)
    goal_R = torch.maximum(whole_NJ[point_R, cell_R], whole_NJ[point_R, cell_R + 1])
    rising_R = whole_NJ[point_R, cell_R + 1] > whole_NJ[point_R, cell_R]
    rho_R, angle_R = rho_N[point_R], angle_N[point_R]
    low_R, high_R = edges_J[cell_R], edges_J[cell_R + 1]
    for _ in range(BISECTIONS):
        middle_R = (low_R + high_R) / 2
        later_R = (_sectors(middle_R, rho_R, angle_R) < goal_R) == rising_R
        low_R, high_R = torch.where(later_R, middle_R, low_R), torch.where(later_R, high_R, middle_R)
    r_R, a_R = rho_R * low_R.cos(), rho_R * low_R.sin()
    slope_R = (1 + RATE * r_R.exp() * a_R).abs().clamp_min(1e-9)
    log_R = _log_blob(r_R, a_R) - slope_R.log() - math.log(BLADES)
    return log_sums(log_R, point_R, len(rho_N))


def _log_mean_over_angle(rho_N: Tensor) -> Tensor:
    """(N,) log of the density at radius ρ, averaged over the angle: the bend keeps radii."""
    z_J = torch.linspace(-12, 12, 97, dtype=torch.float64)
    psi_NJ = z_J * TANGENTIAL / rho_N[:, None]
    log_NJ = _log_blob(rho_N[:, None] * psi_NJ.cos(), rho_N[:, None] * psi_NJ.sin())
    step_N = (z_J[1] - z_J[0]) * TANGENTIAL / rho_N
    return log_NJ.logsumexp(dim=1) + (step_N / (2 * math.pi)).log()


@dataclass(frozen=True, eq=False)
class Pinwheel(PlaneData):
    """Five bent blades."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        device = generator.device
        r_N = 1 + RADIAL * torch.randn(n, generator=generator, device=device)
        a_N = TANGENTIAL * torch.randn(n, generator=generator, device=device)
        turn_N = SECTOR * torch.randint(BLADES, (n,), generator=generator, device=device) + RATE * r_N.exp()
        cos_N, sin_N = turn_N.cos(), turn_N.sin()
        return SCALE * torch.stack([r_N * cos_N + a_N * sin_N, a_N * cos_N - r_N * sin_N], dim=1)

    def _log_density(self, points_N2: Tensor) -> Tensor:
        x_N, y_N = (points_N2 / SCALE).unbind(dim=1)
        rho_N, angle_N = torch.hypot(x_N, y_N), torch.atan2(y_N, x_N)
        near_N = rho_N <= FOLDED
        log_density_N = torch.empty_like(rho_N)
        log_density_N[near_N] = _log_folded(rho_N[near_N], angle_N[near_N])
        log_density_N[~near_N] = _log_mean_over_angle(rho_N[~near_N])
        return log_density_N - 2 * math.log(SCALE)


def pinwheel() -> Pinwheel:
    """Five bent blades, each a Gaussian before it was bent."""
    return Pinwheel("pinwheel", (-4.0, 4.0, -4.0, 4.0), 3.0)
