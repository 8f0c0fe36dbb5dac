"""The GAN race: a stack is its GANs, one by one, and a variant with its cure at zero is the plain GAN."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.experiment import BadExperiment, Checkpoint, Snapshot
from models.gan_race import GanRace
from models.layers import gan_racing
from models.layers.adversarial import discriminator_loss, generator_loss
from models.layers.gan_kinds import Variant
from models.layers.gan_racing import Race
from models.layers.gan_stack import Stack, StackedAdam, StackedSpectral, losses_of_d, losses_of_g, slopes
from models.layers.mlp import Adam
from models.layers.penalties import slope

torch.set_num_threads(1)
SMALL = GanRace(seeds=2, width=8, batch_size=16, steps=30)
LOSSES = ("minimax", "non_saturating", "least_squares", "hinge", "wasserstein", "relativistic")


def stack(nets: int = 3) -> Stack:
    made = Stack([2, 5, 1], [torch.Generator().manual_seed(s) for s in range(nets)], torch.device("cpu"))
    made.flat_VP = made.flat_VP.double()
    return made


def test_a_row_of_the_stack_answers_as_its_net_would_alone() -> None:
    made, x_VB2 = stack(), torch.randn(3, 7, 2).double()
    for net in range(3):
        alone = made(x_VB2[net : net + 1], made.flat_VP[net : net + 1])
        torch.testing.assert_close(made(x_VB2)[net], alone[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_a_stack_are_those_of_its_gans(loss: str) -> None:
    logits_V2B, sign_2B = torch.randn(3, 8).double(), torch.tensor([1.0] * 4 + [-1.0] * 4).double()
    found = losses_of_d(loss, logits_V2B, sign_2B, 0.1)
    assert found.tolist() == pytest.approx([float(discriminator_loss(loss, row, sign_2B, 0.1)) for row in logits_V2B])
    fake_VB, real_VB = logits_V2B[:, 4:], logits_V2B[:, :4]
    alone = [float(generator_loss(loss, fake, real)) for fake, real in zip(fake_VB, real_VB, strict=True)]
    assert losses_of_g(loss, fake_VB, real_VB).tolist() == pytest.approx(alone)


def test_stacked_adam_is_adam_row_by_row() -> None:
    start_VP, random = torch.randn(2, 4).double(), torch.Generator().manual_seed(0)
    both = start_VP.clone()
    stacked = StackedAdam(both, torch.tensor([0.1, 0.01]).double())
    rows = [start_VP[net].clone() for net in range(2)]
    alone = [Adam(row, lr, 0.5) for row, lr in zip(rows, (0.1, 0.01), strict=True)]
    for _step in range(20):
        gradient_VP = torch.randn(2, 4, generator=random).double()
        stacked.step(gradient_VP)
        for net, optimizer in enumerate(alone):
            optimizer.step(gradient_VP[net])
    torch.testing.assert_close(both, torch.stack(rows), rtol=0, atol=1e-6)  # the other counts steps in float32


def test_spectral_weights_have_largest_singular_value_one_in_the_chosen_rows_only() -> None:
    made = stack()
    spectral = StackedSpectral(made, torch.tensor([True, False, True]), torch.Generator().manual_seed(0))
    spectral.follow(200)
    parts = made.parts(spectral.used(made.flat_VP))
    for weight, raw in zip(parts[::2], made.parts(made.flat_VP)[::2], strict=True):
        norms = torch.linalg.matrix_norm(weight, 2)
        assert norms[[0, 2]].tolist() == pytest.approx([1.0, 1.0]) and torch.equal(weight[1], raw[1])


def test_slopes_of_a_stack_are_those_of_its_nets() -> None:
    made, x_VB2 = stack(), torch.randn(3, 7, 2).double()
    found = slopes(made, made.flat_VP, x_VB2)
    for net in range(3):
        row = made.flat_VP[net : net + 1]
        torch.testing.assert_close(found[net], slope(lambda x, row=row: made(x[None], row)[0], x_VB2[net]))  # type: ignore[misc]


def test_a_lane_does_not_notice_who_runs_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, crowded = Race(SMALL.but(variants="r1")), Race(SMALL.but(variants="wgan_clip,r1"))
    for step in range(5):
        alone.iterate(step)
        crowded.iterate(step)
    torch.testing.assert_close(alone.samples(), crowded.samples()[2:], rtol=0, atol=1e-5)
    monkeypatch.setitem(gan_racing.VARIANTS, "minimax", Variant())  # type: ignore[arg-type]
    twins = Race(SMALL.but(variants="minimax,non_saturating"))
    for step in range(5):
        twins.iterate(step)
    assert torch.equal(twins.samples()[:2], twins.samples()[2:])


def test_one_gan_that_is_lost_takes_nobody_with_it() -> None:
    race = Race(SMALL.but(variants="non_saturating,r1"))
    race.g.flat_VP[0] = torch.nan
    for step in range(3):
        race.iterate(step)
    fine = race.samples().isfinite().flatten(1).all(1)
    assert fine.tolist() == [False, True, True, True]
    _columns, notes = race.told(3)
    assert [note.values["count"] for note in notes] == [1]


def test_a_resumed_race_is_the_undisturbed_one() -> None:
    whole = list(SMALL.train())
    middle = next(event for event in whole if isinstance(event, Checkpoint) and event.step >= 10)
    rest = list(SMALL.train(middle))
    for mine, theirs in zip(rest[-2:], whole[-2:], strict=True):
        assert isinstance(mine, Snapshot | Checkpoint) and isinstance(theirs, Snapshot | Checkpoint)
        for name, array in mine.arrays.items():
            np.testing.assert_array_equal(array, theirs.arrays[name], err_msg=name)


def test_more_than_eight_kinds_or_unknown_ones_are_refused() -> None:
    for text in (",".join(gan_racing.VARIANTS), "nobody"):
        with pytest.raises(BadExperiment):
            GanRace.of({"variants": text})


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_r1_ends_nearer_to_the_data_than_a_clipped_critic_and_hinge_with_spectral_norm(seed: int) -> None:
    race = GanRace(seed=seed, variants="r1,wgan_clip,hinge_spectral")
    last = [event for event in race.train() if isinstance(event, Snapshot)][-1].arrays["energy_AS"].mean(1)
    distance = dict(zip(race.names, last, strict=True))
    assert distance["r1"] < min(distance["wgan_clip"], distance["hinge_spectral"])
