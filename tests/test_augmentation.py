"""Laws of changed and mixed pictures: neutral elements change no bit, shares are pixels, mixed losses are losses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.data.augmentation import Draw, affine, coarsen, distort, resolution, views
from models.data.mixing import cutmix, mixup, partners, shares
from models.data.transfers import transfer
from models.layers.arms import Lesson, mixed_loss


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(nets: int = 3, size: int = 8) -> Tensor:
    return transfer("digits").target.images_N1SS[: nets * size, 0].reshape(nets, size, 16, 16)


def test_strength_zero_changes_no_bit_and_other_nets_do_not_matter() -> None:
    images, strength = batch(), torch.tensor([[0.0], [0.0], [1.0]])
    draw = Draw.of((8,), generator())
    changed = distort(images, draw, turn=strength, scale=strength, shift=strength, mirror=strength)
    assert torch.equal(changed[:2], images[:2]) and not torch.allclose(changed[2], images[2])
    alone = distort(images[2], draw, turn=1.0, scale=1.0, shift=1.0, mirror=1.0)
    assert torch.allclose(changed[2], alone, atol=1e-6)


def test_turns_are_turns_and_moves_are_moves() -> None:
    images = batch()
    quarter = torch.full((3, 1), torch.pi / 2)
    assert torch.allclose(affine(images, quarter), torch.rot90(images, 1, (2, 3)), atol=1e-4)
    right_2_down_1 = torch.tensor([2 * 2 / 16, 1 * 2 / 16])
    moved = affine(images, torch.zeros(1, 1), move_2=right_2_down_1)
    assert torch.allclose(moved[..., 1:, 2:], images[..., :-1, :-2], atol=1e-5) and moved[..., 0, :].abs().max() < 1e-5


def test_scaling_up_spreads_the_ink() -> None:
    images = batch()
    larger = affine(images, torch.zeros(3, 8), torch.full((3, 8), 1.2))
    assert float(larger.sum() / images.sum()) == pytest.approx(1.44, abs=0.1)


def test_a_mirror_is_exact_and_as_frequent_as_asked_for() -> None:
    images, draw = batch(1, 400)[0], Draw.of((400,), generator())
    mirrored = distort(images, draw, mirror=0.3)
    flipped = (mirrored != images).any(-1).any(-1)
    assert torch.equal(mirrored[flipped], images.flip(-1)[flipped]) and 0.24 < flipped.float().mean() < 0.36


def test_views_begin_with_the_picture_itself_and_are_always_the_same() -> None:
    images = batch(1)[0]
    first, again = (views(images, 4, generator(3)) for _repeat in range(2))
    assert first.shape == (4, 8, 16, 16) and torch.equal(first[0], images) and torch.equal(first, again)
    assert len({part.numpy().tobytes() for part in first}) == 4
    assert torch.equal(views(images, 1, generator())[0], images)


def test_coarse_pictures_keep_their_ink_and_whole_ones_every_bit() -> None:
    images = batch()
    half = coarsen(images, 0.5)
    assert torch.allclose(half.mean((-2, -1)), images.mean((-2, -1)), atol=1e-6)
    assert torch.equal(half[..., ::2, ::2], half[..., 1::2, 1::2])
    assert coarsen(images, 1.0) is images


def test_resolution_grows_from_half_to_whole() -> None:
    course = [resolution(step, 100) for step in range(101)]
    assert course == sorted(course) and set(course[:51]) == {0.5} and set(course[80:]) == {1.0}
    assert course[65] == pytest.approx(0.75)


def test_shares_follow_the_beta_distribution_and_zero_does_not_mix() -> None:
    chance = torch.rand(20_000, generator=generator())
    found = shares(torch.tensor([[0.0], [0.4], [1.0]]), chance)
    assert (found[0] == 1).all() and torch.allclose(found[2], chance, atol=1e-6)
    assert found[1].mean() == pytest.approx(0.5, abs=0.01)
    assert found[1].var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=0.003)


@pytest.mark.parametrize("shape", [(3, 1), (3, 8)])
def test_an_unmixed_share_changes_no_bit(shape: tuple[int, int]) -> None:
    images, other = batch(), torch.randint(8, (3, 8), generator=generator())
    share = torch.ones(shape)
    share[2] = 0.4
    centre = torch.rand(*shape, 2, generator=generator())
    pasted, counted = cutmix(images, other, share, centre)
    for mixed in (mixup(images, other, share), pasted):
        assert torch.equal(mixed[:2], images[:2]) and not torch.equal(mixed[2], images[2])
    assert counted.shape == shape and (counted[:2] == 1).all()


def test_the_share_of_a_pasted_picture_is_its_share_of_the_pixels() -> None:
    ones = torch.stack([torch.ones(16, 16), torch.zeros(16, 16)])[None].expand(500, 2, 16, 16)
    other = torch.tensor([[1, 0]]).expand(500, 2)
    share, centre = torch.rand(500, 2, generator=generator()), torch.rand(500, 2, 2, generator=generator(1))
    pasted, counted = cutmix(ones, other, share, centre)
    assert torch.allclose(pasted[:, 0].mean((1, 2)), counted[:, 0])
    assert torch.allclose(1 - pasted[:, 1].mean((1, 2)), counted[:, 1])
    assert (counted >= share - 1e-5).all()  # what leaves the picture, and odd pixels, stay with the first


def test_a_box_in_the_middle_is_as_large_as_asked_for() -> None:
    _pasted, counted = cutmix(
        batch(1), torch.zeros(1, 8, dtype=torch.int64), torch.tensor([[0.75]]), torch.full((1, 1, 2), 0.5)
    )
    assert float(counted) == 0.75


def test_a_mixed_loss_is_the_cross_entropy_with_the_mixed_label() -> None:
    logits = torch.randn(3, 8, 5, generator=generator(), dtype=torch.float64)
    labels = torch.randint(5, (3, 8), generator=generator(1))
    others = partners(labels, torch.randperm(8, generator=generator()).expand(3, 8))
    share = torch.tensor([[1.0], [0.3], [0.5]], dtype=torch.float64)
    mixed = share[..., None] * F.one_hot(labels, 5) + (1 - share[..., None]) * F.one_hot(others, 5)
    explicit = -(mixed * logits.log_softmax(-1)).sum(-1).mean(-1)
    lesson = Lesson(lambda _start: logits, labels, others, share)
    assert torch.allclose(mixed_loss(logits, lesson), explicit, atol=1e-12)
