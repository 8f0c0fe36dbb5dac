"""The laws of paths: ends stay, norms stay, geodesics are never longer, and straight where the decoder is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.autoencoder import LatentSpace
from models.layers.autoencoding import Autoencoding
from models.layers.paths import KINDS, energy, evenly, geodesic, linear, path, slerp, speed, spline


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def points(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 4, generator=chance(seed), dtype=torch.float64)


MATRIX = torch.randn(4, 9, generator=chance(7), dtype=torch.float64)


def straight(z_TZ: Tensor) -> Tensor:
    return z_TZ @ MATRIX


def bent(z_TZ: Tensor) -> Tensor:
    return torch.tanh(2 * z_TZ @ MATRIX)


@pytest.mark.parametrize("kind", KINDS)
def test_a_path_goes_through_its_points(kind: str) -> None:
    given = points(3)
    found = path(kind, given, bent, 49)  # type: ignore[arg-type]
    torch.testing.assert_close(found[[0, -1]], given[[0, -1]])
    assert float((found - given[1]).norm(dim=1).min()) < 0.15


def test_slerp_keeps_the_norm() -> None:
    one, other = points(2)
    other = other / other.norm() * one.norm()
    turned = slerp(one, other, torch.linspace(0, 1, 11, dtype=torch.float64))
    torch.testing.assert_close(turned.norm(dim=1), one.norm().expand(11))


def test_the_geodesic_of_a_linear_decoder_is_the_straight_line() -> None:
    """Wherever the search begins."""
    ends = points(2)
    line = linear(ends, 13)
    begin = line + torch.sin(torch.linspace(0, torch.pi, 13, dtype=torch.float64))[:, None]
    found = geodesic(ends, straight, begin, rounds=200)
    torch.testing.assert_close(found, line, atol=1e-4, rtol=0)


@pytest.mark.parametrize("seed", range(10))
def test_a_geodesic_s_energy_is_below_the_straight_line_s(seed: int) -> None:
    ends = points(2, seed)
    assert float(energy(geodesic(ends, bent), bent)) < float(energy(linear(ends, 13), bent))


def test_retimed_paths_change_the_picture_evenly() -> None:
    whole = linear(points(2), 400)
    before, after = speed(linear(points(2), 30), bent), speed(evenly(whole, bent, 30), bent)
    assert float(before.std() / before.mean()) > 0.2 > 0.05 > float(after.std() / after.mean())


def test_a_spline_through_a_line_is_the_line() -> None:
    ends = points(2)
    torch.testing.assert_close(spline(ends, 9), linear(ends, 9))


def test_geodesics_of_a_trained_decoder_save_energy_on_nearly_all_random_pairs() -> None:
    study = Autoencoding(LatentSpace(width=64), block=400)
    for step in range(400):
        study.iterate(step)

    def decode(z_TZ: Tensor) -> Tensor:
        return study.model.decode(z_TZ).sigmoid()

    random = chance(3)
    pairs = [torch.randn(2, 2, generator=random) for _ in range(20)]
    with torch.no_grad():
        before = [float(energy(linear(pair, 13), decode)) for pair in pairs]
        after = [float(energy(geodesic(pair, decode), decode)) for pair in pairs]
    assert sum(new < old for new, old in zip(after, before, strict=True)) >= 19
