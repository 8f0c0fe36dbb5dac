"""What the freeze lab's stories say, held against ten seeds each: every seed is another source net and other labels."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from models.experiment import Snapshot
from models.transfer import FreezeLab

torch.set_num_threads(1)
SEEDS = range(10)
STORIES = {story.name: story.experiment for story in FreezeLab.stories()}

pytestmark = pytest.mark.slow


@cache
def told(name: str, seed: int, strategies: str) -> tuple[dict[str, float], dict[str, float]]:
    """Mean test accuracy, and mean accuracy on the source task, of the strategies that the sentence names."""
    story = STORIES[name]
    assert isinstance(story, FreezeLab) and set(strategies.split(",")) <= set(story.arms)
    lab = story.but(seed=seed, strategies=strategies)
    last = [event for event in lab.train() if isinstance(event, Snapshot)][-1].arrays
    test_A, kept_A = (last[array][:, 0].mean(1) for array in ("test_ARS", "source_ARS"))
    return dict(zip(lab.arms, test_A, strict=True)), dict(zip(lab.arms, kept_A, strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hundred_labels_want_the_two_top_layers(seed: int) -> None:
    test, _kept = told("A hundred labels", seed, "scratch,head_only,full,top_two")
    assert test["scratch"] + 0.05 < test["head_only"] < test["top_two"] > test["full"]


@pytest.mark.parametrize("seed", SEEDS)
def test_one_fast_rate_for_all_layers_wrecks_the_net(seed: int) -> None:
    test, kept = told("One rate for all", seed, "head_only,full,discriminative")
    assert test["full"] < test["head_only"] < test["discriminative"]
    assert kept["full"] < 0.5 < 0.6 < kept["discriminative"]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_shift_of_the_input_cannot_be_mended_by_the_head(seed: int) -> None:
    test, _kept = told("Grey on grey", seed, "head_only,full")
    assert test["full"] > test["head_only"] + 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_shift_of_the_output_wants_the_head_alone(seed: int) -> None:
    test, _kept = told("Names exchanged", seed, "scratch,head_only,full,gradual,discriminative")
    assert max(test, key=lambda arm: test[arm]) == "head_only"


@pytest.mark.parametrize("seed", SEEDS)
def test_frozen_digits_are_no_features_for_clothes(seed: int) -> None:
    test, _kept = told("Nothing to carry over", seed, "scratch,head_only")
    assert test["scratch"] > test["head_only"] + 0.06
