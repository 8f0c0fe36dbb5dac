"""What kind of shift: what the map keeps, and the verdicts it may give."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.experiment import Checkpoint, Snapshot
from models.layers.pretrained import Recipe, pretrained
from models.layers.stack import HEAD
from models.layers.trials import Asked, Bench, pulled
from models.shift_map import KINDS, ORDER, PARTS, ROUND, ShiftMap
from pages.parts.freezing.shift import forecast, sentence

torch.set_num_threads(1)
QUICK = ShiftMap(updates=20, steps=9)


def last(experiment: ShiftMap, start: Checkpoint | None = None) -> Snapshot:
    return [event for event in experiment.train(start) if isinstance(event, Snapshot)][-1]


def test_every_cell_of_the_map_is_measured_once_a_seed() -> None:
    places = [ShiftMap.place(step) for step in range(2 * ROUND)]
    assert len(set(places)) == 2 * ROUND == 2 * len(KINDS) * len(PARTS) and sorted(ORDER) == sorted(PARTS)


def test_a_part_is_all_that_learns() -> None:
    for part, layers in PARTS.items():
        learns_L = ShiftMap().plan(part).max(0) > 0
        assert tuple(np.flatnonzero(learns_L)) == layers


def test_measurements_go_on_from_a_checkpoint_of_a_shorter_run() -> None:
    shorter = [event for event in QUICK.but(steps=5).train() if isinstance(event, Checkpoint)][-1]
    whole, resumed = last(QUICK), last(QUICK, shorter)
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(array, resumed.arrays[name], err_msg=name)


def test_exchanging_all_labels_makes_the_untouched_net_wrong() -> None:
    """Whatever it got right before is wrong now, so almost nothing is right."""
    found = last(QUICK.but(steps=3)).arrays["test_KPS"][:, 0, 0]
    assert found[KINDS.index("labels")] < 0.05 < found[KINDS.index("input")]


def test_the_gradient_of_a_layer_is_that_of_an_ordinary_backward_pass() -> None:
    source = pretrained(Recipe("glyphs"))
    data = ShiftMap().data("input")
    bench, labelled = Bench(source, data), Asked(source, data.target, 20)
    ratio_L = pulled(bench.begun(source.blocks[HEAD]), labelled)
    x_NF = labelled.features.before(HEAD)
    block = source.blocks[HEAD][0].clone().requires_grad_()
    logits_NK = x_NF @ block[:640].view(10, 64).T + block[640:]
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits_NK, labelled.labels_N), block)
    one = float(gradient.norm() / block.detach().norm())
    before = labelled.features.before(HEAD - 1).flatten(1)
    hidden = source.blocks[HEAD - 1][0].clone().requires_grad_()
    y_NF = torch.relu(before @ hidden[: 64 * 512].view(64, 512).T + hidden[64 * 512 :])
    logits_NK = y_NF @ block[:640].detach().view(10, 64).T + block[640:].detach()
    (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits_NK, labelled.labels_N), hidden)
    other = float(gradient.norm() / hidden.detach().norm())
    assert ratio_L.max() == 1 and ratio_L[HEAD] / ratio_L[HEAD - 1] == pytest.approx(one / other, rel=1e-4)


def test_a_winner_is_named_only_where_the_paired_test_allows_it() -> None:
    random = np.random.default_rng(0)
    test_PS = 0.5 + 0.01 * random.standard_normal((len(PARTS), 5))
    assert "not shown" in sentence("input", test_PS) or "highest mean" in sentence("input", test_PS)
    test_PS[list(PARTS).index("head")] += 0.3
    assert "tuning the head alone beats tuning everything" in sentence("labels", test_PS)
    assert "three seeds" in sentence("labels", test_PS[:, :2])


def test_a_forecast_is_right_only_where_the_winner_holds_the_layer() -> None:
    pulled_KLS = np.zeros((3, 6, 3))
    pulled_KLS[:, 0] = 1.0
    test_KPS = np.full((3, len(PARTS), 3), 0.1)
    for kind, part in enumerate(("conv1_2", "hidden", "all")):
        test_KPS[kind, list(PARTS).index(part)] = 0.9
    assert forecast(pulled_KLS, test_KPS).endswith("Right in 1 of 3.")
