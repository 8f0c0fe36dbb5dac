"""Laws of the metrics: closed forms, agreement with SciPy and brute force, and what a perfect generator scores."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.data.images import digits
from models.data.plane import PLANE_NAMES, PlaneData, plane
from models.metrics.coverage import coverage
from models.metrics.digits import digit_classes, digit_quality
from models.metrics.distances import EnergyDistance, energy_distance, w2
from models.metrics.references import reference

seeds = st.integers(0, 2**31 - 1)


def draw(name: str, n: int, seed: int) -> Tensor:
    return plane(name).sample(n, torch.Generator().manual_seed(seed))


def normal(n: int, dimensions: int, seed: int) -> Tensor:
    return torch.randn(n, dimensions, generator=torch.Generator().manual_seed(seed))


def like_gaussian(data_ND: Tensor, n: int, seed: int) -> Tensor:
    """(n, D) points of the one Gaussian with the data's mean and covariance."""
    values_D, axes_DD = torch.linalg.eigh(torch.cov(data_ND.T))
    return data_ND.mean(dim=0) + normal(n, data_ND.shape[1], seed) * values_D.clamp_min(0).sqrt() @ axes_DD.T


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_the_data_reach_every_mode_and_the_three_sigma_ceiling(name: str) -> None:
    data = plane(name)
    found = coverage(draw(name, 50_000, 0), data.modes, data.mode_sigma)
    assert found.modes_covered == found.modes_strict == len(data.modes)
    assert found.high_quality == pytest.approx(1 - math.exp(-4.5), abs=4 * math.sqrt(0.989 * 0.011 / 50_000))
    # The floor of an even histogram, (M - 1) / 2n.
    assert found.reverse_kl < 3 * (len(data.modes) - 1) / (2 * 50_000)


@given(st.integers(1, 30), st.integers(1, 25))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_even_hits_have_no_divergence_and_k_modes_have_the_rest(each: int, hit: int) -> None:
    grid = plane("grid")
    found = coverage(grid.modes[:hit].repeat(each, 1), grid.modes, grid.mode_sigma)
    assert found.modes_covered == hit and found.modes_strict == (hit if each >= 20 else 0)
    assert found.high_quality == 1.0
    assert found.reverse_kl == pytest.approx(math.log(25 / hit), abs=1e-12)


def test_samples_that_are_nowhere_cover_nothing() -> None:
    ring = plane("ring")
    for nowhere in (
        torch.zeros(10, 2),
        torch.full((10, 2), math.nan),
        torch.full((10, 2), math.inf),
        torch.empty(0, 2),
    ):
        found = coverage(nowhere, ring.modes, ring.mode_sigma)
        assert (found.modes_covered, found.modes_strict, found.high_quality) == (0, 0, 0.0)
        assert found.reverse_kl == pytest.approx(math.log(8))
    half = torch.cat([ring.modes, torch.full((8, 2), math.nan)])
    assert coverage(half, ring.modes, ring.mode_sigma).high_quality == 0.5


@given(seeds, st.sampled_from([1, 2, 64]), st.integers(1, 60))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_sample_is_at_distance_zero_from_itself(seed: int, dimensions: int, n: int) -> None:
    sample = normal(n, dimensions, seed)
    assert energy_distance(sample, sample) == pytest.approx(0.0, abs=1e-6)
    assert energy_distance(sample, sample.flip(0)) == pytest.approx(0.0, abs=1e-6)
    assert w2(sample, sample.flip(0)) == 0.0


@given(seeds, st.integers(1, 50), st.integers(1, 50), st.floats(-3, 3))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_energy_distance_is_the_square_of_scipys(seed: int, n: int, m: int, shift: float) -> None:
    x_N1, y_M1 = normal(n, 1, seed), normal(m, 1, seed + 1) + shift
    theirs = scipy.stats.energy_distance(x_N1[:, 0].double(), y_M1[:, 0].double()) ** 2
    assert energy_distance(x_N1, y_M1) == pytest.approx(theirs, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("dimensions", [2, 64])
def test_fast_distances_equal_slow_ones(dimensions: int) -> None:
    x_ND, y_MD = normal(300, dimensions, 0).double(), normal(200, dimensions, 1).double() + 0.2

    def mean(a: Tensor, b: Tensor) -> float:
        return float((a[:, None] - b).square().sum(dim=2).sqrt().mean())

    slow = 2 * mean(x_ND, y_MD) - mean(x_ND, x_ND) - mean(y_MD, y_MD)
    assert EnergyDistance(y_MD)(x_ND) == pytest.approx(slow, abs=1e-6)


@given(seeds, st.integers(1, 6), st.integers(1, 3))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_w2_is_the_best_of_all_pairings(seed: int, n: int, dimensions: int) -> None:
    x_ND, y_ND = normal(n, dimensions, seed).double(), normal(n, dimensions, seed + 1).double()
    costs = [float((x_ND - y_ND[list(order)]).square().sum(dim=1).mean()) for order in permutations(range(n))]
    assert w2(x_ND, y_ND) == pytest.approx(math.sqrt(min(costs)), abs=1e-12)


def test_w2_of_a_shift_is_its_length_and_needs_equal_numbers() -> None:
    sample = draw("moons", 200, 0)
    assert w2(sample, sample + torch.tensor([3.0, 4.0])) == pytest.approx(5.0, rel=1e-6)
    with pytest.raises(ValueError, match="equally many"):
        w2(sample, sample[1:])


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 1e30])
def test_diverged_samples_are_infinitely_far(wrong: float) -> None:
    sample = draw("moons", 50, 0)
    broken = sample.clone()
    broken[3, 1] = wrong
    assert energy_distance(broken, sample) == math.inf
    assert w2(broken, sample) > 1e28


def energy_references(data: PlaneData, n: int = 1000) -> tuple[EnergyDistance, dict]:
    distance = EnergyDistance(data.sample(n, torch.Generator().manual_seed(10_000)))
    pool = data.sample(20_000, torch.Generator().manual_seed(20_000))
    found = reference(
        lambda samples: {"energy": distance(samples)},
        perfect=lambda seed: data.sample(n, torch.Generator().manual_seed(seed)),
        null=lambda seed: like_gaussian(pool, n, seed),
    )
    return distance, found


@pytest.mark.parametrize("name", PLANE_NAMES)
def test_fresh_data_lie_in_the_band_and_one_gaussian_does_not(name: str) -> None:
    distance, found = energy_references(plane(name))
    band = found["energy"]
    # 60 fresh generators: of a 95 % band estimated from 40 draws, chance rarely leaves more than 14 outside.
    within = sum(band.low <= distance(draw(name, 1000, 500 + seed)) <= band.high for seed in range(60))
    assert within >= 46
    assert band.low <= band.perfect <= band.high
    assert band.null > band.high
    assert energy_references(plane(name))[1] == found


def test_real_digits_are_told_by_their_neighbours() -> None:
    pixels_N64, labels_N = (tensor.clone() for tensor in digits())
    distance_NN = torch.cdist(pixels_N64.double(), pixels_N64.double()).fill_diagonal_(math.inf)
    left_out = float((labels_N[distance_NN.argmin(dim=1)] == labels_N).double().mean())
    assert left_out == pytest.approx(0.988, abs=0.001)
    assert torch.equal(digit_classes(pixels_N64), labels_N)


def test_missing_classes_of_digits_are_counted() -> None:
    pixels_N64, labels_N = digits()
    whole = digit_quality(pixels_N64)
    assert whole["classes_covered"] == 10.0
    assert whole["high_quality"] == pytest.approx(0.95, abs=0.001)
    assert whole["energy_distance"] == pytest.approx(0.0, abs=1e-6)
    few = digit_quality(pixels_N64[labels_N < 3])
    assert few["classes_covered"] == 3.0 and few["energy_distance"] > 0.1
    broken = digit_quality(torch.full((100, 64), math.nan))
    assert broken == {"high_quality": 0.0, "classes_covered": 0.0, "energy_distance": math.inf}
