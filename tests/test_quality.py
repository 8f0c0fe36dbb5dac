"""The numbers beside the curves: a perfect generator stays inside the drawn band, a null one is told apart."""

from __future__ import annotations

import pytest
import torch

from models.data.images import digits
from models.data.plane import PLANE_NAMES, plane
from models.gan import GanTraining
from models.layers.game import IMAGES, SAMPLES
from models.metrics.quality import quality, quality_references

FRESH = range(20)


@pytest.mark.parametrize("name", PLANE_NAMES)
def test_a_perfect_generator_stays_in_the_band(name: str) -> None:
    """95 % of draws lie in the band; of twenty fresh ones more than five outside would be one in 3,000 sets."""
    bands = quality_references(name, "", SAMPLES)
    draws = [quality(name, "", plane(name).sample(SAMPLES, torch.Generator().manual_seed(9000 + s))) for s in FRESH]
    for number, band in bands.items():
        outside = sum(not band.low <= draw[number] <= band.high for draw in draws)
        assert outside <= 5, f"{number}: {outside} of {len(draws)} outside {band}"


@pytest.mark.parametrize("name", PLANE_NAMES)
def test_a_null_generator_is_told_apart_by_its_energy_distance(name: str) -> None:
    band = quality_references(name, "", SAMPLES)["energy_distance"]
    assert band.null > band.high > band.perfect > 0


@pytest.mark.parametrize(("name", "modes"), [("ring", 8), ("grid", 25)])
def test_coverage_references_are_those_of_the_protocol(name: str, modes: int) -> None:
    """98.9 % of a plane Gaussian lies within three sigma: 1 - exp(-9/2)."""
    bands = quality_references(name, "", SAMPLES)
    assert bands["modes_covered"].perfect == modes
    assert bands["high_quality"].perfect == pytest.approx(0.9889, abs=0.002)
    assert bands["high_quality"].null < 0.1
    assert bands["reverse_kl"].perfect < 0.01 < bands["reverse_kl"].null


def test_a_gaussian_makes_no_digits() -> None:
    bands = quality_references("digits", "", IMAGES)
    assert bands["high_quality"].perfect == pytest.approx(0.95, abs=0.01)
    assert bands["high_quality"].null < 0.1
    assert bands["classes_covered"].perfect == 10 > bands["classes_covered"].null


def test_digits_are_told_apart_by_their_energy_distance() -> None:
    band = quality_references("digits", "", IMAGES)["energy_distance"]
    fresh = digits()[0][torch.randperm(1797, generator=torch.Generator().manual_seed(5))[:IMAGES]]
    assert quality("digits", "", fresh)["energy_distance"] <= band.high < band.null


def test_a_drawing_changes_nothing_where_it_is_not_the_data() -> None:
    assert GanTraining(data="ring").references() is GanTraining(data="ring", drawing="").references()
