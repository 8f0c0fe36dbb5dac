"""What the table of VAE against GAN measures: coverage, sharpness, the area under the ROC, intervals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.data.pictures import pictures
from models.metrics.rivals import Interval, coverage, rebuilding, roc, roughness, scatter


def test_real_pictures_cover_themselves_and_one_picture_covers_few() -> None:
    real = pictures("digits").train_NX[:300]
    assert coverage(real, real) == 1
    assert coverage(real[:1].expand(300, -1), real) < 0.1


def test_blur_is_less_rough() -> None:
    real = pictures("digits").train_NX[:50]
    blurred = torch.nn.functional.avg_pool2d(real.view(-1, 1, 8, 8), 3, 1, 1).flatten(1)
    assert roughness(blurred, 8) < 0.5 * roughness(real, 8)


def test_the_area_under_the_roc_is_the_chance_to_rank_rightly() -> None:
    random = np.random.default_rng(0)
    normal, odd = random.standard_normal(300), random.standard_normal(200) + 1
    chance = (odd[:, None] > normal).mean()
    false, true, area = roc(normal, odd)
    assert area == pytest.approx(chance) and area == pytest.approx(np.trapezoid(true, false), abs=1e-9)
    assert roc(normal, normal)[2] == pytest.approx(0.5)
    assert roc(np.zeros(5), np.ones(5))[2] == 1


def test_intervals_are_those_of_student() -> None:
    found = Interval.of([1.0, 2.0, 3.0])
    assert found.mean == 2 and found.half == pytest.approx(4.303 / 3**0.5, rel=1e-3)


def test_the_interval_of_a_scatter_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    found = [scatter(random.standard_normal(5)) for _ in range(1000)]
    assert 0.93 < np.mean([low < 1 < high for _mean, low, high in found]) < 0.97


def test_descent_finds_the_noise_behind_a_picture() -> None:
    turned = torch.linalg.qr(torch.randn(64, 8, generator=torch.Generator().manual_seed(0)))[0].T
    real = torch.randn(20, 8, generator=torch.Generator().manual_seed(1)) @ turned
    assert rebuilding(lambda z: z @ turned, 8, real, 0) < 0.02 * float(real.square().mean())
