"""The visitor's own classes: heads that are judged on pictures they never saw, by eyes that see the same each time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from models import own_classes
from models.data import lite0
from models.layers.few_shot import HEADS, MOST, HeadName, coordinates, fit
from models.layers.pretrained import Recipe
from models.own_classes import FEWEST, Kind, Picture, beginning, features, labels, ready, seen


def blobs(classes: int = 3, each: int = 5, wide: int = 40, apart: float = 1.0) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(4)
    label_N = torch.arange(classes).repeat_interleave(each)
    middle_KF = apart * torch.randn(classes, wide, generator=random)
    return middle_KF[label_N] + torch.randn(classes * each, wide, generator=random), label_N


@pytest.mark.parametrize("name", ["nearest_mean", "linear", "linear_held_back"])
def test_a_left_out_picture_is_judged_by_a_head_that_never_saw_it(name: HeadName) -> None:
    feature_NF, label_N = blobs()
    judged = fit(name, feature_NF, label_N, 3).left_out_NK
    for left in (0, 7, 14):
        kept = torch.arange(15) != left
        alone = fit(name, feature_NF[kept], label_N[kept], 3).probabilities(feature_NF[left : left + 1])
        assert torch.allclose(judged[left], alone[0], atol=1e-3), left


@pytest.mark.parametrize("name", HEADS)
def test_a_left_out_label_changes_nothing_of_its_own_verdict(name: HeadName) -> None:
    feature_NF, label_N = blobs()
    other_N = label_N.clone()
    other_N[3] = 2
    first, second = (fit(name, feature_NF, each, 3).left_out_NK for each in (label_N, other_N))
    assert torch.allclose(first[3], second[3], atol=1e-5) and (first - second).abs().max() > 0.01


@pytest.mark.parametrize("name", HEADS)
def test_heads_learn_what_is_far_apart(name: HeadName) -> None:
    feature_NF, label_N = blobs(apart=3.0)
    head = fit(name, feature_NF, label_N, 3)
    assert (head.left_out_NK.argmax(-1) == label_N).all()
    assert (head.probabilities(feature_NF).argmax(-1) == label_N).all()
    assert torch.allclose(head.probabilities(feature_NF).sum(-1), torch.ones(15))
    if len(head.loss_T):
        assert head.loss_T[-1] < head.loss_T[0] == pytest.approx(np.log(3)) and head.right_T[-1] == 1


def test_the_nearest_mean_is_the_nearest_mean() -> None:
    feature_NF, label_N = blobs()
    head = fit("nearest_mean", feature_NF, label_N, 3)
    scaled = 5 * torch.nn.functional.normalize(feature_NF, dim=-1)
    mean_KF = torch.stack([scaled[label_N == label].mean(0) for label in range(3)])
    new = torch.randn(20, 40, generator=torch.Generator().manual_seed(1))
    nearest = torch.cdist(5 * torch.nn.functional.normalize(new, dim=-1), mean_KF).argmin(-1)
    assert torch.equal(head.probabilities(new).argmax(-1), nearest)


def test_coordinates_keep_every_distance() -> None:
    feature_NF, _labels = blobs()
    x_ND, basis_FD = coordinates(feature_NF)
    scaled = 5 * torch.nn.functional.normalize(feature_NF, dim=-1)
    assert x_ND.shape[1] <= 15 and torch.allclose(torch.cdist(x_ND, x_ND), torch.cdist(scaled, scaled), atol=1e-3)
    assert torch.allclose(scaled @ basis_FD, x_ND, atol=1e-4)


def test_parameters_are_counted_as_if_the_features_were_used_whole() -> None:
    feature_NF, label_N = blobs()
    counts = {name: fit(name, feature_NF, label_N, 3).parameters for name in HEADS}
    assert counts["linear"] == 41 * 3 and counts["hidden_16"] == 41 * 16 + 17 * 3


def test_too_few_or_too_many_pictures_get_a_sentence() -> None:
    feature_NF, label_N = blobs()
    for rows, classes in ((torch.arange(11), 3), (torch.arange(5), 1)):
        with pytest.raises(ValueError, match="two pictures each"):
            fit("linear", feature_NF[rows], label_N[rows], classes)
    with pytest.raises(ValueError, match=f"at most {MOST}"):
        fit("linear", torch.randn(MOST + 1, 8), torch.arange(MOST + 1) % 2, 2)


def test_the_beginnings_are_ready_and_a_class_of_one_is_not() -> None:
    for name in ("sketches", "clothes"):
        kinds = beginning(name)  # type: ignore[arg-type]
        assert ready(kinds) and labels(kinds).tolist() == [0] * 5 + [1] * 5 + [2] * 5
    short = (kinds[0], Kind("alone", kinds[1].pictures[: FEWEST - 1]))
    assert not ready(short) and not ready(kinds[:1]) and not ready(())


def test_a_picture_is_its_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 20, 30), dtype=np.uint8)
    picture = Picture.of(image)
    assert (picture.array == image).all() and picture == Picture.of(image.copy()) and hash(picture)
    assert picture.image.shape == (1, 3, 20, 30) and float(picture.image.max()) <= 1


def test_dark_on_light_is_seen_as_light_on_dark() -> None:
    picture = beginning("sketches")[0].pictures[0]
    paper = Picture.of(255 - picture.array)
    assert torch.allclose(seen("pixels", picture), seen("pixels", paper), atol=1e-6)
    assert seen("pixels", picture).shape == (256,)


def test_the_small_net_is_trained_where_it_is_first_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_classes, "HOUSE", Recipe("digits", steps=3, seed=77))
    seen.cache_clear()
    first, again = (features("sketches", beginning("clothes")) for _repeat in range(2))
    assert first.shape == (15, 64) and torch.equal(first, again) and not first.requires_grad and first.std() > 0
    seen.cache_clear()


def test_without_the_extra_the_eyes_are_those_of_this_house(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite0, "where", lambda: None)
    monkeypatch.setattr(own_classes, "_photographs", lite0.load)  # without the one that another test has loaded
    assert own_classes.eyes() == ("sketches", "pixels")
    feature_NF = features("pixels", beginning("clothes"))
    head = fit("linear", feature_NF, labels(beginning("clothes")), 3)
    assert (head.left_out_NK.argmax(-1) == labels(beginning("clothes"))).float().mean() > 0.8
