"""The bench of methods: folds, ensembles and views, held against what they are by definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.experiment import Checkpoint, Snapshot
from models.layers.folding import FOLDS, Folded, Together
from models.layers.freezing import Race
from models.layers.stack import Features
from models.methods import METHODS, SLICES, WAYS, MethodsBench
from models.metrics.freezing import TESTED, answers
from models.transfer import FreezeLab

torch.set_num_threads(1)
LAB = FreezeLab(strategies="head_only", seeds=2, per_class=5, steps=20, pretraining=50)


@pytest.mark.parametrize("way", WAYS[1:])
def test_every_labelled_picture_is_judged_by_exactly_once(way: str) -> None:
    race = Folded(LAB, way)  # type: ignore[arg-type]
    for s in range(2):
        held = torch.cat(race.held[s * FOLDS : (s + 1) * FOLDS])
        assert sorted(held.tolist()) == sorted(Race.labelled(Race(LAB), s).tolist())


def test_stratified_folds_hold_every_class_and_plain_ones_need_not() -> None:
    assert Folded(LAB, "stratified_k_fold").absent == 0
    held = Folded(LAB, "stratified_k_fold").held[0]
    assert torch.bincount(LAB.recipe.data.target.labels_N[held]).tolist() == [1] * 10
    assert Folded(LAB, "k_fold").absent > 0


def test_an_ensemble_is_no_worse_in_log_likelihood_than_its_members_on_average() -> None:
    """Jensen: the logarithm of a mean is at least the mean of logarithms."""
    race = Together(LAB, 3)
    for step in range(20):
        race.iterate(step)
    pictures, labels_N = race.pictures(race.data.test, TESTED)
    p_VNK = answers(race.arms[0], Features(race.source.blocks, pictures)).softmax(-1)
    right_SGN = p_VNK.gather(-1, labels_N.expand(len(p_VNK), -1)[..., None]).view(2, 3, -1)
    assert bool((right_SGN.mean(1).log().mean(1) >= right_SGN.log().mean((1, 2))).all())
    assert torch.equal(race.labelled(0), race.labelled(2)) and not torch.equal(race.labelled(2), race.labelled(3))


def test_a_bench_that_was_cut_off_goes_on_as_if_nothing_had_happened() -> None:
    bench = MethodsBench(seeds=3, training=10, steps=2 * SLICES)
    whole = list(bench.train())
    middle = next(
        event for event in bench.but(steps=SLICES + 2).train() if isinstance(event, Checkpoint) and event.step > SLICES
    )
    last = [event for event in bench.train(middle) if isinstance(event, Snapshot)][-1]
    end = [event for event in whole if isinstance(event, Snapshot)][-1]
    for name, array in end.arrays.items():
        np.testing.assert_array_equal(array, last.arrays[name])
    assert np.isfinite(end.arrays["test_MS"][:2]).all() and len(METHODS) == len(end.arrays["test_MS"])
