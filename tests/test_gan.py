"""Laws of the GAN: gradients, losses and optimizers against autograd and torch; runs that repeat, resume and fork."""

import numpy as np
import pytest
import torch
from torch import Tensor

from models.experiment import Checkpoint, Event, Note, Scalars, Snapshot, Value
from models.gan import GanTraining
from models.layers.adversarial import (
    discriminator_loss,
    discriminator_slope,
    generator_loss,
    generator_slope,
)
from models.layers.mlp import ACTIVATIONS, Adam, Mlp, Sgd
from models.layers.penalties import r1_penalty
from models.running import Moments, stream

LOSSES = GanTraining.knobs()["loss"].options


def mlp(*sizes: int, activation: str = "relu") -> Mlp:
    return Mlp(sizes, activation, stream(0, "weights"))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_backpropagation_equals_autograd(activation: str) -> None:
    net = mlp(3, 5, 4, 2, activation=activation)
    x_BI, d_BO = torch.randn(7, 3, requires_grad=True), torch.randn(7, 2)
    trace = net.trace(x_BI.detach())
    inner = net.backpropagate(trace, d_BO, weights=False)
    net.backpropagate(trace, d_BO)
    wanted = torch.autograd.grad((net(x_BI) * d_BO).sum(), [x_BI, *net.weights])
    torch.testing.assert_close(inner, wanted[0])
    torch.testing.assert_close(net.gradient_P, torch.cat([g.flatten() for g in wanted[1:]]))


@pytest.mark.parametrize("loss", LOSSES)
def test_slopes_are_the_derivatives_of_the_losses(loss: str) -> None:
    logits_2B = torch.randn(12, dtype=torch.float64, requires_grad=True)
    sign_2B = torch.cat((torch.ones(6), -torch.ones(6))).double()
    (wanted,) = torch.autograd.grad(discriminator_loss(loss, logits_2B, sign_2B), logits_2B)
    torch.testing.assert_close(discriminator_slope(loss, logits_2B.detach(), sign_2B), wanted)
    real_2B = torch.randn(12, dtype=torch.float64)
    (wanted,) = torch.autograd.grad(generator_loss(loss, logits_2B, real_2B), logits_2B)
    torch.testing.assert_close(generator_slope(loss, logits_2B.detach(), real_2B), wanted)


def test_the_logistic_losses_are_those_of_the_paper() -> None:
    real_B, fake_B = torch.randn(50), torch.randn(50)
    sign = torch.cat((torch.ones(50), -torch.ones(50)))
    value = torch.log(torch.sigmoid(real_B)).mean() + torch.log(1 - torch.sigmoid(fake_B)).mean()
    torch.testing.assert_close(discriminator_loss("minimax", torch.cat((real_B, fake_B)), sign), -value)
    torch.testing.assert_close(generator_loss("minimax", fake_B), torch.log(1 - torch.sigmoid(fake_B)).mean())
    torch.testing.assert_close(generator_loss("non_saturating", fake_B), -torch.log(torch.sigmoid(fake_B)).mean())


def test_r1_of_a_linear_discriminator_is_its_squared_slope() -> None:
    net = mlp(2, 1)
    (weight_IO, _bias) = net.layers[0]
    penalty = r1_penalty(net, torch.randn(9, 2), gamma=3.0)
    torch.testing.assert_close(penalty, 1.5 * weight_IO.square().sum())


@pytest.mark.parametrize(("own", "theirs"), [
    (lambda w: Sgd(w, 0.1), lambda p: torch.optim.SGD([p], lr=0.1)),
    (lambda w: Adam(w, 0.01, 0.5), lambda p: torch.optim.Adam([p], lr=0.01, betas=(0.5, 0.999))),
])  # fmt: skip
def test_optimizers_equal_torchs(own: object, theirs: object) -> None:
    start = torch.randn(20, dtype=torch.float64)
    weights_P, parameter = start.clone(), torch.nn.Parameter(start.clone())
    mine, reference = own(weights_P), theirs(parameter)  # type: ignore[operator]
    for step in range(40):
        gradient_P: Tensor = torch.sin(weights_P * (step + 1))
        parameter.grad = torch.sin(parameter.detach() * (step + 1))
        mine.step(gradient_P)
        reference.step()
    torch.testing.assert_close(weights_P, parameter.detach(), rtol=1e-12, atol=1e-12)


def last(events: list[Event], kind: type) -> Event:
    return [event for event in events if isinstance(event, kind)][-1]


def assert_same_arrays(one: Event, other: Event) -> None:
    assert isinstance(one, Checkpoint | Snapshot) and isinstance(other, Checkpoint | Snapshot)
    assert one.step == other.step
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)


VARIANTS = [
    GanTraining(steps=120),
    GanTraining(steps=120, loss="relativistic", r1_gamma=0.1, r2_gamma=0.2, pack=2, instance_noise=0.1, unroll=1),
    GanTraining(steps=120, constraint="spectral_norm", minibatch_std=True, optimizer="adam", loss="hinge"),
    GanTraining(steps=120, constraint="gradient_penalty", loss="wasserstein", k_d=3),
    GanTraining(steps=120, data="dirac", constraint="clip", optimizer="adam"),
    GanTraining(steps=120, optimizer="adam", lr_d=0.003, lr_g=0.003, ema_decay=0.99, r1_gamma=0.1, loss="hinge"),
    GanTraining(steps=120, data="digits", noise_dim=8, width=16, loss="least_squares", batch_size=32),
]
NAMES = ["plane", "r3gan", "spectral", "gradient penalty", "dirac", "cures", "digits"]


@pytest.mark.parametrize("experiment", VARIANTS, ids=NAMES)
def test_a_run_resumed_from_any_checkpoint_ends_bit_identically(experiment: GanTraining) -> None:
    whole = list(experiment.train())
    for start in [event for event in whole if isinstance(event, Checkpoint)][:-1:5]:
        rest = list(experiment.train(start))
        assert_same_arrays(last(rest, Checkpoint), last(whole, Checkpoint))
        assert_same_arrays(last(rest, Snapshot), last(whole, Snapshot))


@pytest.mark.parametrize("experiment", VARIANTS, ids=NAMES)
def test_recording_changes_nothing(experiment: GanTraining) -> None:
    often, seldom = Moments(), Moments(dense=1, ratio=100.0, checkpoint_ratio=1e9)
    assert_same_arrays(
        last(list(experiment.train(moments=often)), Checkpoint),
        last(list(experiment.train(moments=seldom)), Checkpoint),
    )


@pytest.mark.parametrize(("before", "after"), [
    ({}, {"lr_d": 0.01, "loss": "least_squares"}),
    ({}, {"constraint": "spectral_norm"}),
    ({"constraint": "spectral_norm"}, {"constraint": "clip", "instance_noise": 0.1}),
    ({}, {"unroll": 2, "r2_gamma": 0.1}),
], ids=["loss", "normed", "no longer normed", "unrolled"])  # fmt: skip
def test_a_fork_from_a_checkpoint_equals_the_fork_trained_from_the_beginning(
    before: dict[str, Value], after: dict[str, Value]
) -> None:
    base = GanTraining.of({"steps": 200, **before})
    start = next(e for e in base.train() if isinstance(e, Checkpoint) and e.step >= 60)
    fork = base.fork(start.step, steps=150, **after)
    assert_same_arrays(last(list(fork.train(start)), Checkpoint), last(list(fork.train()), Checkpoint))


def test_every_step_tells_its_numbers_once_and_in_order() -> None:
    told = [event for event in GanTraining(steps=300).train() if isinstance(event, Scalars)]
    steps = np.concatenate([np.arange(event.first, event.step + 1) for event in told])
    np.testing.assert_array_equal(steps, np.arange(1, 301))
    assert all(len(column) == event.step - event.first + 1 for event in told for column in event.values.values())


def test_a_diverging_run_names_step_and_tensor_and_hands_over_the_last_good_state() -> None:
    wild = GanTraining(
        steps=3000, loss="least_squares", output="linear", lr_d=1.0, lr_g=1.0, data="grid", depth=4, width=64
    )
    events = list(wild.train())
    note = events[-1]
    assert isinstance(note, Note) and note.kind == "diverged"
    good = last(events, Checkpoint)
    assert isinstance(good, Checkpoint) and good.step == note.step - 1 == note.values["good"]
    assert all(np.isfinite(array).all() for array in good.arrays.values())
    lost = last(events, Scalars)
    assert isinstance(lost, Scalars) and lost.step == note.step
    assert str(note.values["tensor"]) in str(note)


def test_the_first_losses_of_the_default_run_stay_what_they_are() -> None:
    """Golden: whoever changes these numbers changes what old links show, and must raise `GanTraining.version`."""
    told = next(e for e in GanTraining(steps=1).train() if isinstance(e, Scalars))
    assert told.values["loss_d"][0] == pytest.approx(GOLDEN["loss_d"], rel=1e-5)
    assert told.values["loss_g"][0] == pytest.approx(GOLDEN["loss_g"], rel=1e-5)


GOLDEN = {"loss_d": 1.2508714199066162, "loss_g": 0.7154074907302856}


def test_gan_lab_s_work_is_gan_lab_s_work() -> None:
    """The default is the setting of Kahng et al. 2019: sizes, learning rates, batches and updates."""
    run = GanTraining()
    game = run.revive(next(e for e in run.train() if isinstance(e, Checkpoint)))
    assert [tuple(w.shape) for w in game.g.weights] == [(2, 8), (8,), (8, 8), (8,), (8, 2), (2,)]
    assert [tuple(w.shape) for w in game.d.weights] == [(2, 8), (8,), (8, 8), (8,), (8, 1), (1,)]
    assert game.batches.shape == (80, 150, 2)
    assert (run.lr_d, run.lr_g, run.k_d, run.k_g, run.optimizer) == (0.1, 0.03, 2, 1, "sgd")
    assert game.reach == 1.0 and float(game.generate(torch.full((1, 2), 1e3)).abs().max()) <= 1.0


def test_pictures_are_dense_at_first_and_never_far_apart() -> None:
    moments, step, steps = Moments(block=10**9), 0, [0]
    while step < 60_000:
        step = moments.after(step)
        steps.append(step)
    gaps = np.diff(steps)
    assert (gaps[:50] == 1).all() and gaps.max() <= 400 and len(steps) < 500
    assert [s for s in range(60_001) if moments.due(s).snapshot] == [s for s in steps if s <= 60_000]
