"""Laws of the cures: penalties, spectral norm, packs, batch diversity, steps ahead, D* and the Dirac-GAN."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import Tensor

from models.data.drawing import encode
from models.data.plane import PLANE_NAMES, plane
from models.experiment import Checkpoint, Event, Snapshot
from models.gan import GanTraining
from models.layers.adversarial import discriminator_loss
from models.layers.critic import Critic
from models.layers.diversity import DiversityMlp
from models.layers.game import Game
from models.layers.mlp import Adam, Mlp, Sgd
from models.layers.penalties import gradient_penalty
from models.layers.spectral import Spectral
from models.layers.unrolled import unrolled_loss
from models.metrics.distances import energy_distance, w2
from models.metrics.optimal import grid_density, optimal
from models.metrics.quality import quality
from models.running import stream

EXTENT = (-3.0, 3.0, -3.0, 3.0)
SIDE = 48


def mlp(*sizes: int, kind: type[Mlp] = Mlp) -> Mlp:
    return kind(sizes, "tanh", stream(0, "weights"))


def signs(batch: int) -> Tensor:
    return torch.cat((torch.ones(batch), -torch.ones(batch)))


def ended(experiment: GanTraining) -> dict[str, np.ndarray]:
    """What the last checkpoint holds."""
    events: list[Event] = list(experiment.train())
    return dict(next(event for event in reversed(events) if isinstance(event, Checkpoint)).arrays)


def test_the_gradient_penalty_of_a_critic_of_slope_one_is_zero() -> None:
    direction_X = torch.nn.functional.normalize(torch.randn(2, dtype=torch.float64), dim=0)
    real_BX, fake_BX = torch.randn(2, 40, 2, dtype=torch.float64)
    share_B1 = torch.rand(40, 1, dtype=torch.float64)
    one = gradient_penalty(lambda x_BX: x_BX @ direction_X, real_BX, fake_BX, share_B1, 10.0)
    three = gradient_penalty(lambda x_BX: 3 * x_BX @ direction_X, real_BX, fake_BX, share_B1, 10.0)
    assert float(one) == pytest.approx(0, abs=1e-12) and float(three) == pytest.approx(40)


def test_the_spectral_norm_is_the_largest_singular_value() -> None:
    net = mlp(3, 7, 5, 1)
    spectral, raw_P = Spectral(net, stream(1, "spectral")), net.flat_P.clone()
    spectral.follow(raw_P, 500)
    wanted = [float(torch.linalg.matrix_norm(weight, 2)) for weight in spectral.weights(raw_P)]
    assert spectral.sigmas(raw_P) == pytest.approx(wanted, rel=1e-5)
    spectral.apply(raw_P)
    used = [float(torch.linalg.matrix_norm(weight, 2)) for weight in spectral.weights(net.flat_P)]
    assert used == pytest.approx([1] * 3, rel=1e-5)


def test_the_gradient_through_spectral_normalisation_is_autograd_s() -> None:
    net = mlp(3, 4, 1)
    spectral, raw_P = Spectral(net, stream(1, "spectral")), net.flat_P.clone()
    spectral.follow(raw_P, 500)
    spectral.apply(raw_P)
    x_BI = torch.randn(9, 3)
    trace = net.trace(x_BI)
    net.backpropagate(trace, torch.ones(9, 1))
    spectral.pull_back(raw_P, net.gradient_P)
    free_P = raw_P.clone().requires_grad_()
    parts = net.shaped(free_P)
    used = [part / torch.linalg.matrix_norm(part, 2) if part.dim() == 2 else part for part in parts]
    (wanted_P,) = torch.autograd.grad(net.run(used, x_BI).sum(), free_P)
    torch.testing.assert_close(net.gradient_P, wanted_P, rtol=1e-4, atol=1e-5)


def test_under_spectral_normalisation_no_slope_exceeds_one() -> None:
    critic = Critic(GanTraining(constraint="spectral_norm", width=16), 2, stream(0, "weights"), torch.device("cpu"))
    x_N2 = torch.randn(300, 2, requires_grad=True)
    (slope_N2,) = torch.autograd.grad(critic.net(x_N2).sum(), x_N2)
    assert float(slope_N2.norm(dim=1).max()) <= 1.001


def test_clipped_weights_stay_within_their_bound() -> None:
    held = ended(GanTraining(steps=60, loss="wasserstein", constraint="clip", clip=0.05))
    assert np.abs(held["d"]).max() <= np.float32(0.05)


def test_backpropagation_through_batch_diversity_equals_autograd() -> None:
    net = mlp(3, 5, 4, 1, kind=DiversityMlp)
    x_BI, d_B1 = torch.randn(12, 3, requires_grad=True), torch.randn(12, 1)
    trace = net.trace(x_BI.detach(), groups=2)
    inner = net.backpropagate(trace, d_B1, weights=False)
    net.backpropagate(trace, d_B1)
    out = torch.cat([net(half_BI) for half_BI in x_BI.chunk(2)])
    torch.testing.assert_close(out.detach(), trace[-1])
    wanted = torch.autograd.grad((out * d_B1).sum(), [x_BI, *net.weights])
    torch.testing.assert_close(inner, wanted[0], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(net.gradient_P, torch.cat([g.flatten() for g in wanted[1:]]), rtol=1e-4, atol=1e-6)


def test_a_pack_of_one_is_the_plain_gan() -> None:
    for name, array in ended(GanTraining(steps=40)).items():
        np.testing.assert_array_equal(ended(GanTraining(steps=40, pack=1))[name], array)


def test_a_pack_is_judged_as_one() -> None:
    game = GanTraining(pack=3, batch_size=30).game(0)
    assert isinstance(game, Game) and game.data().shape == (10, 6) and game.d.weights[0].shape == (6, 8)


@pytest.mark.parametrize("kind", [Sgd, Adam])
def test_no_step_ahead_is_the_plain_gan(kind: type) -> None:
    game = GanTraining().game(0)
    assert isinstance(game, Game)
    optimizer = Sgd(game.d.flat_P, 0.1) if kind is Sgd else Adam(game.d.flat_P, 0.1, 0.5)
    noise_BZ = torch.randn(150, 2)
    fake_BX = game.g(noise_BZ).tanh()
    loss = unrolled_loss(game.d, optimizer, "non_saturating", game.data(), fake_BX, game.sign_2B, 0)
    unrolled_P = game.g.differentiate(loss).clone()
    plain = game._update_generator(noise_BZ)
    torch.testing.assert_close(loss.detach(), plain)
    torch.testing.assert_close(game.g.gradient_P, unrolled_P)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_the_step_ahead_is_the_step_that_d_would_make(kind: str) -> None:
    game = GanTraining(optimizer=kind, lr_d=0.01).game(0)
    assert isinstance(game, Game)
    real_BX, fake_BX = game.data(), torch.randn(150, 2)
    ahead = unrolled_loss(game.d, game.critic.optimizer, "minimax", real_BX, fake_BX, game.sign_2B, 1)
    game.d.differentiate(discriminator_loss("minimax", game.d(torch.cat((real_BX, fake_BX)))[:, 0], game.sign_2B))
    game.critic.optimizer.step(game.d.gradient_P)
    after = -torch.nn.functional.softplus(game.d(fake_BX)).mean()
    torch.testing.assert_close(ahead, after, rtol=1e-4, atol=1e-5)


def test_smoothed_labels_move_the_optimum_of_d() -> None:
    """With p = q, the best logit is that of the mean target: log((1-ε)/(1+ε))."""
    for at, wanted in ((0.3, math.log(0.7 / 1.3)), (0.0, 0.0)):
        logits = torch.full((2,), wanted, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(discriminator_loss("non_saturating", logits, signs(1).double(), at), logits)
        assert float(slope.sum()) == pytest.approx(0, abs=1e-12)


def gaussian(n: int, mean: float, sigma: float, seed: int) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed)) * sigma + mean


def test_grid_densities_sum_to_one_inside_the_picture() -> None:
    inside = grid_density(gaussian(5000, 0.0, 0.3, 0), EXTENT, SIDE)
    half = grid_density(torch.cat((gaussian(500, 0.0, 0.3, 0), torch.full((500, 2), math.nan))), EXTENT, SIDE)
    assert float(inside.sum()) == pytest.approx(1) and float(half.sum()) == pytest.approx(0.5)
    assert float(inside.min()) >= 0


def test_the_optimal_discriminator_equals_its_closed_form() -> None:
    """p and q Gaussians, blurred by the protocol's kernel: D* = p/(p + q) with both variances grown by the blur's."""
    cell = 6 / (SIDE - 1)
    clouds = [gaussian(400_000, mean, 0.6, seed) for seed, mean in enumerate((-0.4, 0.4))]
    found = optimal(*(grid_density(cloud_N2, EXTENT, SIDE) for cloud_N2 in clouds))
    at = torch.linspace(-3, 3, SIDE, dtype=torch.float64)
    ys, xs = torch.meshgrid(at, at, indexing="ij")
    variance = 0.36 + (1.25 * cell) ** 2 + cell**2 / 12
    p, q = (torch.exp(-((xs - m) ** 2 + (ys - m) ** 2) / (2 * variance)) for m in (-0.4, 0.4))
    known = p + q > 0.1
    assert float((found - p / (p + q))[known].abs().max()) < 0.03


def test_of_a_perfect_generator_the_optimal_discriminator_cannot_tell() -> None:
    p, q = (grid_density(gaussian(400_000, 0.0, 0.6, seed), EXTENT, SIDE) for seed in (1, 2))
    assert float((optimal(p, q) - 0.5).abs()[p > 1e-4].max()) < 0.1
    assert float((optimal(p, p) - 0.5).abs().max()) == pytest.approx(0)


def test_equal_samples_are_at_distance_zero() -> None:
    x_N2 = gaussian(300, 0.0, 1.0, 0)
    assert energy_distance(x_N2, x_N2.clone()) == 0 and w2(x_N2, x_N2.flip(0)) == pytest.approx(0)


@pytest.mark.parametrize("seed", range(3))
def test_w2_equals_the_best_of_all_assignments(seed: int) -> None:
    x_N2, y_N2 = gaussian(6, 0.0, 1.0, seed), gaussian(6, 1.0, 2.0, seed + 9)
    squared = torch.cdist(x_N2.double(), y_N2.double()).square()
    best = min(float(squared[range(6), order].mean()) for order in itertools.permutations(range(6)))
    assert w2(x_N2, y_N2) == pytest.approx(math.sqrt(best))


@settings(max_examples=12, deadline=None)
@given(some.lists(some.tuples(some.integers(0, 1023), some.integers(1, 15)), min_size=1, max_size=40))
def test_no_drawing_gives_nan(cells: list[tuple[int, int]]) -> None:
    levels = np.zeros(1024, np.uint8)
    for cell, ink in cells:
        levels[cell] = ink
    run = GanTraining(data="drawing", drawing=encode(levels.reshape(32, 32)), steps=3)
    last = [event for event in run.train() if isinstance(event, Snapshot)][-1]
    assert all(np.isfinite(array).all() for array in last.arrays.values())
    assert all(math.isfinite(value) for value in run.measure(last).values())
    null = torch.full((500, 2), 0.5)
    assert all(math.isfinite(value) for value in quality("drawing", run.drawing, null).values())


@pytest.mark.parametrize("name", [name for name in PLANE_NAMES if name != "drawing"])
def test_pictures_hold_every_layer(name: str) -> None:
    first = next(event for event in GanTraining.of({"data": name, "steps": 1}).train() if isinstance(event, Snapshot))
    shapes = {layer: array.shape for layer, array in first.arrays.items()}
    assert shapes == {
        "samples": (2500, 2), "surface": (48, 48), "optimal": (48, 48), "net": (21, 21, 2), "arrows": (144, 4)
    }  # fmt: skip
    assert first.arrays["optimal"].min() >= 0 and first.arrays["optimal"].max() <= 1
    assert set(first.arrays) <= set(GanTraining.wire)
    assert plane(name).reach > 0


def test_arrows_point_where_the_loss_of_g_falls() -> None:
    game = GanTraining().game(0)
    assert isinstance(game, Game)
    arrows = torch.from_numpy(game.snapshot(0).arrays["arrows"])
    before, after = (game.judge((arrows[:, :2] + 1e-3 * moved * arrows[:, 2:]) / game.reach).mean() for moved in (0, 1))
    assert float(after) > float(before)


def spiral(**knobs: object) -> np.ndarray:
    """Distances from the equilibrium over the last steps of a Dirac-GAN."""
    run = GanTraining.of({"data": "dirac", "steps": 1500, "lr_d": 0.1, "lr_g": 0.1, "k_d": 1, **knobs})
    last = [event for event in run.train() if isinstance(event, Snapshot)][-1]
    return np.asarray(np.hypot(*last.arrays["path"].T))


def test_the_dirac_gan_circles_for_ever_and_r1_brings_it_home() -> None:
    """Zero-sum losses keep their distance from the equilibrium; the non-saturating one comes nearer, though slowly."""
    for loss in ("minimax", "wasserstein"):
        assert 0.7 < spiral(loss=loss).min() <= spiral(loss=loss).max() < 1.5, loss
    assert spiral(loss="minimax", r1_gamma=0.3).max() < 1e-3
