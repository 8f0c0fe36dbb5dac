"""Curves with noise (moons, swiss roll, spirals): the density is an integral along the curve, taken by quadrature.

p(x) = ∫ p(t) kernel(x - curve(t)) dt with Gauss-Legendre nodes, so many that twice as many change no density within
the picture by more than 1e-6 of itself (and by 1e-4 far outside, at densities below e^-1000).

Dimensions: N points, T nodes or samples along one arm, A arms, K = A·T nodes in all, R pairs of point and node.

Source: FFJORD's toy data, Grathwohl et al. 2018 (arXiv 1810.01367); moons and swiss roll after scikit-learn.
Those space the moons' parameter evenly and halve the points exactly among the arms; here every point is independent,
which is what a density speaks of.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from models.data.density import PlaneData, log_sums, uniform

NEGLIGIBLE_NATS = 36.0
"""Nodes that are e^36 times less likely than the likeliest one add less than 1e-10 to its density."""


@cache
def _legendre(nodes: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights of Gauss-Legendre quadrature on [0, 1], each (nodes,) float64."""
    at, weight = np.polynomial.legendre.leggauss(nodes)
    return torch.from_numpy((at + 1) / 2), torch.from_numpy(weight / 2)


@dataclass(frozen=True, eq=False)
class NoisyCurve(PlaneData):
    """Equally likely arms of a curve, blurred by a round Gaussian of deviation `sigma`."""

    sigma: ClassVar[float]
    ends: ClassVar[tuple[float, float]]
    nodes: ClassVar[int]

    @abstractmethod
    def arms(self, t_T: Tensor) -> Tensor:
        """(A, T, 2) points of each arm at the parameters `t_T`."""

    def parameter(self, u_T: Tensor) -> Tensor:
        """(T,) the parameter below which a share `u` of the points lies: evenly spread, unless said otherwise."""
        return self.ends[0] + (self.ends[1] - self.ends[0]) * u_T

    def parameter_density(self, t_T: Tensor) -> Tensor:
        """(T,) density of the parameter: the derivative of `parameter`'s inverse."""
        return torch.full_like(t_T, 1 / (self.ends[1] - self.ends[0]))

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        arms_AN2 = self.arms(self.parameter(uniform(n, generator)))
        arm_N = torch.randint(len(arms_AN2), (n,), generator=generator, device=generator.device)
        points_N2 = arms_AN2[arm_N, torch.arange(n, device=generator.device)]
        return points_N2 + self.sigma * torch.randn(n, 2, generator=generator, device=generator.device)

    def quadrature(self, nodes: int | None = None) -> tuple[Tensor, Tensor]:
        """Nodes (K, 2) on all arms and their weights (K,), which sum to 1."""
        at_T, weight_T = _legendre(nodes or self.nodes)
        width = self.ends[1] - self.ends[0]
        t_T = self.ends[0] + width * at_T
        arms_AT2 = self.arms(t_T)
        weight_T = weight_T * width * self.parameter_density(t_T) / len(arms_AT2)
        return arms_AT2.flatten(0, 1), weight_T.repeat(len(arms_AT2))

    def _log_density(self, points_N2: Tensor, nodes: int | None = None) -> Tensor:
        at_K2, weight_K = self.quadrature(nodes)
        variance = self.sigma**2
        squared_NK = (points_N2[:, :1] - at_K2[:, 0]).square() + (points_N2[:, 1:] - at_K2[:, 1]).square()
        log_weight_K = weight_K.log() - math.log(2 * math.pi * variance)
        return (log_weight_K - squared_NK / (2 * variance)).logsumexp(dim=1)


@dataclass(frozen=True, eq=False)
class Moons(NoisyCurve):
    """Two half circles of radius 2 that hook into each other."""

    sigma = 0.2
    ends = (0.0, math.pi)
    nodes = 200

    def arms(self, t_T: Tensor) -> Tensor:
        upper_T2 = torch.stack([2 * t_T.cos() - 1, 2 * t_T.sin() - 0.2], dim=1)
        lower_T2 = torch.stack([1 - 2 * t_T.cos(), 0.8 - 2 * t_T.sin()], dim=1)
        return torch.stack([upper_T2, lower_T2])


@dataclass(frozen=True, eq=False)
class SwissRoll(NoisyCurve):
    """One and a half turns of a spiral whose radius is its angle / 5, evenly spread over the angle."""

    sigma = 0.2
    ends = (1.5 * math.pi, 4.5 * math.pi)
    nodes = 300

    def arms(self, t_T: Tensor) -> Tensor:
        return (t_T / 5 * torch.stack([t_T.cos(), t_T.sin()])).T[None]


@dataclass(frozen=True, eq=False)
class Spirals(NoisyCurve):
    """Two spirals, one the other's half turn, of radius angle / 3, evenly spread over the squared angle.

    Besides the Gaussian, points of the first are shifted by up to `box` to the right and up, and those of the second
    by as much to the left and down. The kernel of a coordinate is then (Φ(z) - Φ(z - box/sigma)) / box, z in sigmas.
    """

    sigma = 0.1
    box: ClassVar[float] = 1 / 6
    ends = (0.0, 3 * math.pi)
    nodes = 400

    def arms(self, t_T: Tensor) -> Tensor:
        first_T2 = (t_T / 3 * torch.stack([-t_T.cos(), t_T.sin()])).T
        return torch.stack([first_T2, -first_T2])

    def parameter(self, u_T: Tensor) -> Tensor:
        return self.ends[1] * u_T.sqrt()

    def parameter_density(self, t_T: Tensor) -> Tensor:
        return 2 * t_T / self.ends[1] ** 2

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        device = generator.device
        first_N2 = self.arms(self.parameter(uniform(n, generator)))[0]
        first_N2 = first_N2 + self.box * torch.rand(n, 2, generator=generator, device=device)
        sign_N1 = 2.0 * torch.randint(2, (n, 1), generator=generator, device=device) - 1
        return sign_N1 * first_N2 + self.sigma * torch.randn(n, 2, generator=generator, device=device)

    def _log_density(self, points_N2: Tensor, nodes: int | None = None) -> Tensor:
        at_K2, weight_K = self.quadrature(nodes)
        half = len(at_K2) // 2
        both_2N2 = torch.stack([points_N2, -points_N2])
        return torch.stack([self._log_first(arm_N2, at_K2[:half], weight_K[:half]) for arm_N2 in both_2N2]).logsumexp(0)

    def _log_first(self, points_N2: Tensor, at_T2: Tensor, weight_T: Tensor) -> Tensor:
        """(N,) log density of the first spiral's points.

        Logarithms of Φ are slow. So they are taken only of the R pairs of point and node that matter: their exponent,
        the squared distance of the point from the node's box, is within `NEGLIGIBLE_NATS` of the point's best.
        """
        middle_NT2 = (points_N2[:, None] - at_T2 - self.box / 2).abs()
        exponent_NT = (middle_NT2 - self.box / 2).clamp_min(0).square().sum(dim=2) / (2 * self.sigma**2)
        point_R, node_R = (exponent_NT <= exponent_NT.amin(1, keepdim=True) + NEGLIGIBLE_NATS).nonzero(as_tuple=True)
        # The kernel is symmetric about the middle of the box: on its left side both Φ are small and exact.
        middle_R2 = middle_NT2[point_R, node_R]
        upper_R2 = torch.special.log_ndtr((self.box / 2 - middle_R2) / self.sigma)
        lower_R2 = torch.special.log_ndtr((-self.box / 2 - middle_R2) / self.sigma)
        log_R2 = upper_R2 + torch.log1p(-(lower_R2 - upper_R2).exp()) - math.log(self.box)
        return log_sums(weight_T.log()[node_R] + log_R2.sum(dim=1), point_R, len(points_N2))


def moons() -> Moons:
    """Two half circles, noise 0.2."""
    return Moons("moons", (-4.0, 4.0, -4.0, 4.0), 3.0)


def swiss_roll() -> SwissRoll:
    """A rolled sheet seen from the side, noise 0.2."""
    return SwissRoll("swiss_roll", (-4.0, 4.0, -4.0, 4.0), 3.0)


def spirals() -> Spirals:
    """Two thin spirals, noise 0.1."""
    return Spirals("spirals", (-4.0, 4.0, -4.0, 4.0), 3.0)
