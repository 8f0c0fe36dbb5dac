"""Scores of known factors: one on a perfect code, about zero on noise; and directions that do not leak."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from models.data.sprites import sprites
from models.metrics.attributes import METHODS, attributes, directions, leakage
from models.metrics.factors import disentanglement

random = np.random.default_rng(0)
FACTORS = np.stack([random.integers(0, size, 3000) for size in (3, 4, 8, 8)], 1)


def test_scores_are_one_on_a_perfect_code() -> None:
    code = np.concatenate((FACTORS.astype(float), np.zeros((3000, 1))), 1)
    found = disentanglement(code, FACTORS)
    scores = (found.mig, found.sap, found.disentanglement, found.completeness, found.informativeness)
    assert all(score == pytest.approx(1, abs=0.02) for score in scores), scores


def test_scores_are_about_zero_on_noise() -> None:
    found = disentanglement(random.standard_normal((3000, 5)), FACTORS)
    scores = (found.mig, found.sap, found.disentanglement, found.completeness, found.informativeness)
    assert all(score < 0.05 for score in scores), scores


def test_a_turned_code_tells_everything_and_separates_nothing() -> None:
    turn = np.linalg.qr(random.standard_normal((4, 4)))[0]
    found = disentanglement((FACTORS - FACTORS.mean(0)) / FACTORS.std(0) @ turn, FACTORS)
    assert found.mig < 0.3 and found.informativeness > 0.3


def test_attributes_read_what_is_drawn() -> None:
    image = torch.zeros(3, 16, 16)
    image[0, 4:12, 7:9] = 1  # upright
    image[1, 7:9, 4:12] = 1  # lying
    for row in range(4, 12):
        image[2, row, 13 - row] = image[2, row, 14 - row] = 1  # leaning to the right at the top
    ink, width, height, slant = attributes(image.flatten(1), 16).T
    assert torch.equal(ink, torch.full((3,), 16 / 256))
    assert width[1] > 3 * width[0] and height[0] > 3 * height[1]
    assert abs(float(slant[0])) < 1e-4 and 0.8 < float(slant[2]) < 1.2


def test_a_square_turned_sprite_has_the_factor_it_was_made_with() -> None:
    pixels, factors = sprites()
    ink = attributes(pixels, 16)[:, 0]
    means = [float(ink[factors[:, 1] == scale].mean()) for scale in range(4)]
    assert means == sorted(means)


@pytest.mark.parametrize("method", [method for method in METHODS if method != "principal"])
def test_directions_of_a_perfect_code_do_not_leak(method: str) -> None:
    """Codes that are the attributes themselves, and a decoder that draws boxes of that width and height."""
    size = torch.rand(400, 2, generator=torch.Generator().manual_seed(0)) * 3 + 2

    def decode(z_N2: Tensor) -> Tensor:
        place = torch.arange(24.0) - 11.5
        across = torch.sigmoid(4 * (z_N2[:, :1] - place.abs()))
        down = torch.sigmoid(4 * (z_N2[:, 1:] - place.abs()))
        return (down[:, :, None] * across[:, None, :]).flatten(1)

    measured = attributes(decode(size), 24)
    wide, high = directions(method, size, measured)[1:3]  # type: ignore[arg-type]
    table = leakage(torch.stack((wide, high)), size, measured, decode, 24)[:, 1:3]
    assert float(table.diagonal().min()) > 0.7
    assert abs(float(table[0, 1])) < 0.2 and abs(float(table[1, 0])) < 0.2
