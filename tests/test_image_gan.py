"""The laws of image GANs: penalties, styles, truncation, projection, distances, and a resume that changes no bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.nn import functional

from models.data.pictures import pictures
from models.experiment import Checkpoint, Experiment, Scalars
from models.image_gan import ImageGan
from models.layers.image_gan.augmentation import shifted, shifts
from models.layers.image_gan.discriminators import MlpDiscriminator, one_hot
from models.layers.image_gan.duel import Duel
from models.layers.image_gan.generators import (
    COARSE,
    LAYERS,
    DcGenerator,
    StyleGenerator,
    adain,
    everywhere,
    generator,
    settle,
)
from models.layers.image_gan.losses import critic_loss, forger_loss, steepness
from models.layers.pixels import FromPicture, ToPicture, maps
from models.metrics.image_quality import floors, image_quality
from models.metrics.judge import certainty, frechet, judge

QUICK = ImageGan(steps=12, width=32, batch_size=16)
CPU = torch.device("cpu")


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=chance(seed), dtype=torch.float64)


def test_the_penalty_of_a_linear_critic_is_the_norm_of_its_weights() -> None:
    weight, x = normal(7), normal(5, 7, seed=1)
    torch.testing.assert_close(steepness(lambda x_BX: x_BX @ weight + 3, x), weight.square().sum())
    quadratic = steepness(lambda x_BX: 0.5 * x_BX.square().sum(1), x)
    torch.testing.assert_close(quadratic, x.square().sum(1).mean())


def test_at_equal_opinions_every_loss_is_at_its_equilibrium() -> None:
    same = torch.zeros(4, dtype=torch.float64)
    assert float(critic_loss("non_saturating", same, same)) == pytest.approx(2 * np.log(2))
    assert float(critic_loss("relativistic", same, same)) == pytest.approx(np.log(2))
    assert float(critic_loss("hinge", same, same)) == 2 and float(forger_loss("hinge", None, same)) == 0
    one, other = normal(4), normal(4, seed=1)
    assert float(forger_loss("relativistic", one, other)) == pytest.approx(
        float(critic_loss("relativistic", other, one))
    )


def test_adain_gives_every_channel_the_mean_and_deviation_of_its_style() -> None:
    scale, shift = normal(3, 5, seed=1).abs() + 0.5, normal(3, 5, seed=2)
    found = adain(4 + 3 * normal(3, 5, 6, 6), scale, shift)
    torch.testing.assert_close(found.mean((2, 3)), shift)
    torch.testing.assert_close(found.std((2, 3), correction=0), scale, atol=1e-5, rtol=1e-5)


def test_without_truncation_a_style_stays_and_at_zero_every_noise_is_the_mean_picture() -> None:
    made = StyleGenerator(8, 0, 4, 6)
    made.awaken(chance())
    made.mean_W.copy_(torch.randn(made.mean_W.shape, generator=chance(1)))
    w_BW = made.style(torch.randn(5, 6, generator=chance(2)), None)
    torch.testing.assert_close(made.truncated(w_BW, 1.0), w_BW)
    zero = made.paint(everywhere(made.truncated(w_BW, 0.0)))
    mean = made.paint(everywhere(made.mean_W[None]))
    assert torch.equal(zero, zero[:1].expand_as(zero))
    torch.testing.assert_close(zero[:1], mean)


@pytest.mark.parametrize("cut", [0, 2, LAYERS])
def test_mixed_styles_are_one_before_the_cut_and_the_other_after_it(cut: int) -> None:
    made = StyleGenerator(8, 0, 4, 6)
    made.awaken(chance())
    one, other = (made.style(torch.randn(3, 6, generator=chance(seed)), None) for seed in (1, 2))
    mixed = made.mixed(one, other, torch.tensor(cut), chance(3))
    by_hand = torch.stack([one] * cut + [other] * (LAYERS - cut), 1)
    torch.testing.assert_close(mixed, made.paint(by_hand, chance(3)).sigmoid())


def test_layers_at_a_picture_are_the_convolutions_that_they_stand_for_and_so_are_their_gradients() -> None:
    into, out = FromPicture(3).double(), ToPicture(3).double()
    x_BX, map_BKHV = normal(2, 64), normal(2, 3, 4, 4, seed=1).requires_grad_()
    picture_B1SS = maps(x_BX, 8).requires_grad_()
    torch.testing.assert_close(into(picture_B1SS), functional.conv2d(x_BX.view(2, 1, 8, 8), *into.parameters(), 2, 1))
    found = functional.conv_transpose2d(map_BKHV, *out.parameters(), 2, 1).flatten(1)
    torch.testing.assert_close(out(map_BKHV), found)
    for layer, given in ((into, picture_B1SS), (out, map_BKHV)):
        weight, bias = (parameter.detach().requires_grad_() for parameter in layer.parameters())

        def run(*inputs: torch.Tensor, layer: torch.nn.Module = layer) -> torch.Tensor:
            return functional_call(layer, dict(zip(("weight", "bias"), inputs[1:], strict=True)), inputs[0])  # type: ignore[no-any-return]

        assert torch.autograd.gradcheck(run, (given, weight, bias))
        assert torch.autograd.gradgradcheck(run, (given, weight, bias))


def test_the_class_adds_the_inner_product_of_features_and_embedding() -> None:
    critic = MlpDiscriminator(8, 10, 16).double()
    x, label = normal(6, 64).sigmoid(), torch.tensor([0, 3, 3, 9, 1, 2])
    told = one_hot(label, 10)
    assert told is not None and critic.embedding is not None
    features, rows = critic.features(2 * x - 1), critic.embedding.weight.T[label]
    plain = critic(x)
    torch.testing.assert_close(critic(x, told.double()) - plain, (features * rows).sum(1))


def test_settled_pictures_do_not_depend_on_their_neighbours() -> None:
    made = generator("dcgan", 8, 0, 32, 6)
    assert isinstance(made, DcGenerator)
    noise = torch.randn(20, 6, generator=chance())
    settle(made, noise, None)
    torch.testing.assert_close(made(noise, None)[:3], made(noise[:3], None))
    made.train()
    torch.testing.assert_close(made(noise, None), made(noise, None))


def test_a_shift_moves_real_and_forged_pictures_alike_and_lets_gradients_pass() -> None:
    x = normal(4, 64).requires_grad_()
    still, moved = torch.tensor([[1, 1]] * 4), torch.tensor([[2, 0]] * 4)
    assert torch.equal(shifted(x, still, 8), x)
    there = shifted(x, moved, 8).view(4, 8, 8)
    torch.testing.assert_close(there[:, :-1, 1:], x.view(4, 8, 8)[:, 1:, :-1])
    (gradient,) = torch.autograd.grad(there.sum(), x)
    assert float(gradient.sum()) == 4 * 7 * 7
    drawn = shifts(1000, 8, chance(), CPU)
    assert drawn.min() == 0 and drawn.max() == 2


def test_the_frechet_distance_of_equal_sets_is_zero_and_of_gaussians_its_closed_form() -> None:
    real = pictures("digits").test_MX
    assert frechet("digits", real, real) == pytest.approx(0, abs=1e-3)
    feature = judge("digits")(real)[0].double().detach()
    half, rest = real[:250], real[250:]
    mean = feature[:250].mean(0) - feature[250:].mean(0)
    one, other = (torch.cov(part.T) for part in (feature[:250], feature[250:]))
    root = torch.linalg.eigh(one)
    square = root.eigenvectors * root.eigenvalues.clamp(min=0).sqrt() @ root.eigenvectors.T
    cross = torch.linalg.eigvalsh(square @ other @ square).clamp(min=0).sqrt().sum()
    expected = mean.square().sum() + one.trace() + other.trace() - 2 * cross
    assert frechet("digits", half, rest) == pytest.approx(float(expected), rel=1e-3)


def test_real_pictures_lie_in_the_band_and_noise_far_above_it() -> None:
    known = floors("digits", True)
    real, data = pictures("digits").train_NX[:1000], pictures("digits")
    numbers = image_quality("digits", real, data.train_label_N[:1000])
    assert numbers["frechet"] < known["frechet"].null and numbers["obeyed"] > 0.98
    noise = image_quality("digits", torch.rand(1000, 64, generator=chance()))
    assert noise["frechet"] > 5 * known["frechet"].null and known["obeyed"].null == 0.1


@pytest.mark.parametrize("architecture", ["mlp", "dcgan", "style"])
@pytest.mark.parametrize("conditional", [False, True], ids=["free", "told"])
def test_every_kind_resumes_bit_for_bit(architecture: str, conditional: bool) -> None:
    experiment = QUICK.but(architecture=architecture, conditional=conditional, augment=conditional)
    whole = list(experiment.train())
    middle = next(event for event in whole if isinstance(event, Checkpoint) and event.step >= 5)
    resumed = list(experiment.train(start=middle))
    last, again = whole[-1], resumed[-1]
    assert isinstance(last, Checkpoint) and isinstance(again, Checkpoint) and last.step == again.step == 12
    assert all(np.array_equal(array, again.arrays[name]) for name, array in last.arrays.items())


def test_the_average_follows_slowly_and_the_penalty_reaches_the_discriminator() -> None:
    calm, wild = (Duel(QUICK.but(ema_decay=decay, r1_gamma=gamma)) for decay, gamma in ((0.9999, 20.0), (0.0, 0.0)))
    for duel in (calm, wild):
        duel.iterate(0)
        duel.told()
    assert torch.equal(wild.average_flat.weights_P, wild.g_flat.weights_P)
    assert not torch.equal(calm.average_flat.weights_P, calm.g_flat.weights_P)
    assert not torch.equal(calm.d_flat.weights_P, wild.d_flat.weights_P)


def ending(experiment: Experiment) -> dict[str, float]:
    """The last value of every number."""
    numbers: dict[str, float] = {}
    for event in experiment.train():
        if isinstance(event, Scalars):
            numbers |= {name: float(values[-1]) for name, values in event.values.items()}
    return numbers


NOISE, TOLD, CONVOLVED, STYLED = ImageGan.stories()


def check_noise(seed: int) -> None:
    numbers = ending(NOISE.experiment.but(seed=seed))
    assert numbers["classes_covered"] == 10 and numbers["frechet"] < floors("digits", False)["frechet"].null / 2


def check_told(seed: int) -> None:
    numbers = ending(TOLD.experiment.but(seed=seed))
    assert numbers["classes_covered"] == 10 and numbers["obeyed"] > 0.9


def check_convolved(seed: int) -> None:
    numbers = ending(CONVOLVED.experiment.but(seed=seed))
    assert numbers["classes_covered"] == 10 and numbers["obeyed"] > 0.9


def check_styled(seed: int) -> None:
    """Styles of two classes mixed: the classifier sees the coarse one's class."""
    experiment = STYLED.experiment.but(seed=seed)
    last = list(experiment.train())[-1]
    assert isinstance(last, Checkpoint) and isinstance(experiment, ImageGan)
    made = experiment.revive(last).average
    assert isinstance(made, StyleGenerator)
    noise = torch.randn(2, 500, made.latent, generator=chance())
    label = torch.randint(10, (2, 500), generator=chance(1))
    with torch.no_grad():
        one, other = (made.style(noise[part], one_hot(label[part], 10)) for part in (0, 1))
        mixed = made.mixed(one, other, torch.tensor(COARSE), chance(2))
        said = certainty("digits", mixed).argmax(1)
    apart = label[0] != label[1]
    coarse, fine = (float((said == label[part])[apart].float().mean()) for part in (0, 1))
    print("follows the coarse style's class", coarse, "the fine one's", fine)
    assert coarse > 2 * fine


CHECKS: dict[str, Callable[[int], None]] = {
    "noise": check_noise, "told": check_told, "convolved": check_convolved, "styled": check_styled,
}  # fmt: skip


@pytest.mark.parametrize("name", ["noise", "told"])
def test_a_story_does_what_it_says(name: str) -> None:
    CHECKS[name](4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", CHECKS)
def test_a_story_does_what_it_says_on_every_seed(name: str, seed: int) -> None:
    CHECKS[name](seed)
