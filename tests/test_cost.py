"""Laws of the cost lab: memory counted exactly, slopes and crossovers of known curves, its stories."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.cost import KINDS, AttentionCost
from models.experiment import Checkpoint, Note, Snapshot
from models.layers.metering import crossover, peak_bytes, power_law

SQUARE, SHORT = AttentionCost.stories()
N = np.array([64.0, 128, 256, 512, 1024, 2048, 4096])


def last(experiment: AttentionCost) -> Snapshot:
    return [event for event in experiment.train() if isinstance(event, Snapshot)][-1]


def test_memory_is_what_lives_at_the_fullest_moment() -> None:
    given = torch.ones(1000)

    def compute() -> torch.Tensor:
        large = given.repeat(10) + 1  # the repeated tensor and its sum live together: 2 × 40 kB
        del_me = large[:1000] * 2
        del large
        return del_me + given

    assert peak_bytes(compute) == 80_000


def test_a_power_law_is_found_with_its_error() -> None:
    assert power_law(N, 3 * N**1.7) == pytest.approx((1.7, 0.0), abs=1e-9)
    noisy = 3 * N**2 * np.exp(np.array([0, 0, 0, 0.1, -0.1, 0.1, -0.1]))
    x, z = np.log(N[3:]), np.log(noisy[3:])
    (slope, _), covariance = np.polyfit(x, z, 1, cov=True)
    assert power_law(N, noisy) == pytest.approx((slope, covariance[0, 0] ** 0.5), rel=1e-6)
    assert np.isnan(power_law(N, np.full(7, np.nan))).all()


def test_curves_cross_where_they_are_equal() -> None:
    assert crossover(N, 0.001 * N**2, 0.5 * N) == pytest.approx(500, rel=1e-9)
    assert crossover(N, N, 2 * N) is None and crossover(N, 2 * N, N) == pytest.approx(64)


def test_scores_take_the_square_and_linear_attention_does_not() -> None:
    picture = last(AttentionCost(longest=1024, steps=30))
    slopes = {kind: power_law(picture.arrays["n"], picture.arrays[f"bytes_{kind}"])[0] for kind in KINDS}
    assert slopes["full"] == pytest.approx(2.0, abs=0.005)
    assert all(slopes[kind] == pytest.approx(1.0, abs=0.1) for kind in ("fused", "window", "dilated", "linear", "lstm"))


def test_the_score_tensor_of_the_facts_is_found_twice() -> None:
    """Four heads, 1,024 tokens: 16.8 MB of scores, as much of weights, and the mask."""
    held = peak_bytes(AttentionCost().mechanism("full", 1024))
    assert held == (2 * 4 * 4 + 1) * 1024**2


def test_what_costs_too_much_is_left_out_and_said() -> None:
    wide = AttentionCost(heads=8, head_width=8, steps=42)
    events = list(wide.train())
    notes = [event for event in events if isinstance(event, Note)]
    assert [note.values for note in notes] == [{"kind": "full", "n": 4096}]
    picture = [event for event in events if isinstance(event, Snapshot)][-1]
    assert np.isnan(picture.arrays["ms_full"][-1]) and np.isfinite(picture.arrays["ms_full"][:-1]).all()


def test_measurements_go_on_from_a_checkpoint() -> None:
    experiment = AttentionCost(longest=256, steps=40)
    whole = [event for event in experiment.train() if isinstance(event, Checkpoint)]
    rest = [event for event in experiment.train(whole[5]) if isinstance(event, Checkpoint)][-1]
    kept = np.isfinite(whole[5].arrays["times_RKS"])
    np.testing.assert_array_equal(rest.arrays["times_RKS"][kept], whole[5].arrays["times_RKS"][kept])
    assert np.isfinite(rest.arrays["times_RKS"]).sum() == 40


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_the_price_of_a_square_on_every_seed(seed: int) -> None:
    arrays = last(SQUARE.experiment.but(seed=seed)).arrays
    slopes = {kind: power_law(arrays["n"], arrays[f"ms_{kind}"])[0] for kind in KINDS}
    assert round(power_law(arrays["n"], arrays["bytes_full"])[0], 2) == 2.0
    assert abs(slopes["linear"] - 1) <= 0.2 and slopes["full"] > 1.6, slopes


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_short_is_different_on_every_seed(seed: int) -> None:
    arrays = last(SHORT.experiment.but(seed=seed)).arrays
    assert arrays["ms_full"][0] < arrays["ms_window"][0]
