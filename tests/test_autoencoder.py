"""The laws of the latent space: bounds that bound, gradients that agree, codes that count right."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from models.autoencoder import LatentSpace
from models.data.pictures import pictures
from models.data.sprites import SIZES, sprites
from models.experiment import Checkpoint, Scalars, Snapshot
from models.layers.autoencoding import Autoencoding
from models.layers.elbo import (
    active_units,
    importance_bound,
    kl_to_prior,
    log_likelihood,
    log_weights,
    reparameterise,
    with_free_bits,
)
from models.layers.inversion import invert
from models.layers.latent_models import Continuous
from models.layers.latent_picture import ACROSS, axes_of, plane_of
from models.layers.mmd import mmd
from models.layers.quantiser import Codebook, perplexity, straight_through
from models.metrics.bounds import importance

CPU = torch.device("cpu")
QUICK = LatentSpace(steps=12, width=32, batch_size=64)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_kl_is_the_closed_form_of_torch_distributions() -> None:
    mean = torch.randn(50, 7, generator=chance(), dtype=torch.float64)
    log_variance = torch.randn(50, 7, generator=chance(1), dtype=torch.float64)
    ours = kl_to_prior(mean, log_variance)
    theirs = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(ours, theirs)
    assert bool((ours >= 0).all()) and float(kl_to_prior(torch.zeros(1), torch.zeros(1))) == 0


def test_the_reparameterised_gradient_is_the_analytic_one() -> None:
    """E[z²] = μ² + σ² has the gradients 2μ and, for log σ², σ²."""
    mean = torch.tensor([[0.7]], dtype=torch.float64, requires_grad=True)
    log_variance = torch.tensor([[-0.4]], dtype=torch.float64, requires_grad=True)
    half = torch.randn(200_000, 1, generator=chance(), dtype=torch.float64)
    noise = torch.cat((half, -half))  # in pairs: the linear part of the error cancels
    value = reparameterise(mean, log_variance, noise).square().mean()
    value.backward()  # type: ignore[no-untyped-call]
    assert mean.grad is not None and log_variance.grad is not None
    assert float(mean.grad) == pytest.approx(1.4, rel=5e-3)
    assert float(log_variance.grad) == pytest.approx(float(np.exp(-0.4)), rel=5e-3)


def test_free_bits_take_no_gradient_from_a_dimension_that_carries_less() -> None:
    kl = torch.tensor([0.05, 2.0], requires_grad=True)
    with_free_bits(kl, 0.2).backward()  # type: ignore[no-untyped-call]
    assert kl.grad is not None and kl.grad.tolist() == [0.0, 1.0]
    assert float(with_free_bits(kl.detach(), 0.2)) == pytest.approx(2.2)


def linear_gaussian() -> tuple[torch.Tensor, ...]:
    """x = z + noise of σ 0.5: the evidence is known, and the posterior below is deliberately a little wrong."""
    x = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)[:, None]
    evidence = Normal(0.0, (1 + 0.25) ** 0.5).log_prob(x)[:, 0]
    return x, evidence, 0.7 * x, torch.full_like(x, -1.0)


@pytest.mark.parametrize("seed", range(3))
def test_elbo_is_below_the_importance_bound_below_the_evidence(seed: int) -> None:
    x, evidence, mean, log_variance = linear_gaussian()
    noise = torch.randn(100_000, 3, 1, generator=chance(seed), dtype=torch.float64)
    z = reparameterise(mean, log_variance, noise)
    likelihood = Normal(z, 0.5).log_prob(x).sum(-1)
    weights = log_weights(likelihood, z, mean, log_variance, noise)
    bounds = [importance_bound(weights.view(-1, k, 3).transpose(0, 1)).mean(0) for k in (1, 5, 50)]
    elbo = likelihood.mean(0) - kl_to_prior(mean, log_variance).sum(1)
    torch.testing.assert_close(bounds[0], elbo, atol=0.02, rtol=0)
    for lower, upper in ((bounds[0], bounds[1]), (bounds[1], bounds[2]), (bounds[2], evidence)):
        assert bool((lower <= upper + 0.005).all())
    torch.testing.assert_close(bounds[2], evidence, atol=0.03, rtol=0)


def test_more_importance_samples_tighten_the_bound_of_a_trained_model() -> None:
    study = Autoencoding(QUICK, block=150)
    for step in range(150):
        study.iterate(step)
    few, many = importance(study, 1, 200), importance(study, 30, 200)
    assert many.nats < few.nats and (many.samples, many.images) == (30, 200) and many.error > 0


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_likelihoods_are_those_of_torch_distributions(likelihood: str) -> None:
    logits = torch.randn(4, 6, generator=chance(), dtype=torch.float64)
    x = torch.bernoulli(torch.full((4, 6), 0.5, dtype=torch.float64), generator=chance(1))
    log_sigma = torch.tensor(-0.7, dtype=torch.float64)
    theirs = {
        "bernoulli": torch.distributions.Bernoulli(logits=logits),
        "gaussian": Normal(logits.sigmoid(), log_sigma.exp()),
    }[likelihood]
    ours = log_likelihood(likelihood, x, logits, log_sigma)  # type: ignore[arg-type]
    torch.testing.assert_close(ours, theirs.log_prob(x).sum(1))  # type: ignore[no-untyped-call]


def test_straight_through_passes_the_gradient_unchanged() -> None:
    encoded = torch.randn(5, 3, generator=chance(), requires_grad=True)
    quantised = torch.randn(5, 3, generator=chance(1))
    passed = straight_through(encoded, quantised)
    torch.testing.assert_close(passed, quantised)
    weight = torch.randn(5, 3, generator=chance(2))
    (passed * weight).sum().backward()  # type: ignore[no-untyped-call]
    assert encoded.grad is not None and torch.equal(encoded.grad, weight)


def test_the_perplexity_of_uniform_use_is_the_number_of_codes() -> None:
    assert perplexity(torch.full((64,), 7)) == pytest.approx(64)
    assert perplexity(torch.eye(64)[3]) == pytest.approx(1)


def test_dead_codes_restart_at_different_encodings_far_from_all_codes_and_living_ones_stay() -> None:
    book = Codebook(8, 2, chance(), CPU)
    near, far = book.codes_KD[3:].repeat(8, 1), torch.tensor([[50.0, 0.0], [0.0, 50.0], [-50.0, 0.0]])
    encoded = torch.cat((near, far))
    book.count_K[:3] = 0.01
    alive = book.codes_KD[3:].clone()
    book.revive(encoded, chance(2), torch.tensor(False))
    assert float(book.codes_KD.abs().max()) < 1
    book.revive(encoded, chance(2), torch.tensor(True))
    assert {tuple(code.tolist()) for code in book.codes_KD[:3]} == {tuple(code.tolist()) for code in far}
    assert torch.equal(book.codes_KD[3:], alive)


def test_mmd_of_equal_samples_is_about_zero_and_of_others_is_not() -> None:
    one, other = (torch.randn(500, 4, generator=chance(seed), dtype=torch.float64) for seed in (0, 1))
    assert abs(float(mmd(one, other))) < 0.01
    assert float(mmd(one, other + 1)) > 0.3


def test_a_dimension_that_never_moves_is_not_active() -> None:
    mean = torch.randn(100, 3, generator=chance())
    mean[:, 1] = 0.7
    assert active_units(mean) == 2


def test_the_map_s_plane_is_flat_orthonormal_and_holds_most_variance() -> None:
    turned = torch.linalg.qr(torch.randn(90, 90, generator=chance(), dtype=torch.float64))[0].float()
    codes = torch.randn(300, 90, generator=chance(1)) * torch.cat((torch.tensor([9.0, 6.0]), torch.ones(88)))
    plane = plane_of(codes @ turned)
    torch.testing.assert_close(plane[1:] @ plane[1:].T, torch.eye(2), atol=1e-5, rtol=0)
    assert float(((plane[1:] @ turned.T)[:, :2]).square().sum()) > 1.98
    assert torch.equal(plane_of(codes[:, :2]), torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))


def test_the_two_most_active_dimensions_are_those_that_carry_most() -> None:
    study = Autoencoding(QUICK.but(latent_dim=6))
    told = study.snapshot(0).arrays
    by_share = np.argsort(told["kl_per_dimension"])[-2:]
    assert sorted(by_share) == told["active"].tolist()
    code = study.model.encode(study.probe.x_MX, study.probe.label_M).mean_BZ.detach()
    np.testing.assert_array_equal(told["active_codes"], code[:, told["active"]].numpy())
    axes = axes_of(code, torch.from_numpy(told["active"]).long())
    torch.testing.assert_close((code - axes[0]) @ axes[1:].T, torch.from_numpy(told["active_codes"]))


def test_the_aggregated_posterior_and_the_prior_are_densities() -> None:
    told = Autoencoding(QUICK).snapshot(0).arrays["aggregate"]
    np.testing.assert_allclose(told.sum(1) * float(ACROSS[1] - ACROSS[0]), 1.0, atol=2e-3)


@pytest.mark.parametrize("model", ["vae", "ae", "wae_mmd", "vq_vae", "vae_gan", "cvae"])
def test_every_kind_learns_and_resumes_bit_for_bit(model: str) -> None:
    experiment = QUICK.but(model=model, revival=True, decoder="autoregressive")
    whole = list(experiment.train())
    middle = next(event for event in whole if isinstance(event, Checkpoint) and event.step >= 5)
    resumed = list(experiment.train(start=middle))
    last, again = whole[-1], resumed[-1]
    assert isinstance(last, Checkpoint) and isinstance(again, Checkpoint) and last.step == again.step == 12
    assert all(np.array_equal(array, again.arrays[name]) for name, array in last.arrays.items())
    losses = np.concatenate(
        [event.values["loss"] for event in whole if isinstance(event, Scalars) and "loss" in event.values]
    )
    assert losses[-1] < losses[0]


def test_effective_beta_says_what_the_reduction_hides() -> None:
    assert QUICK.beta_at(0, 64) == 1
    assert QUICK.but(reduction="mean").beta_at(0, 64) == 64
    assert QUICK.but(warm_up=100, beta=4.0).beta_at(49, 64) == 2
    again = QUICK.but(warm_up=100, cycle=200)
    assert [again.beta_at(step, 64) for step in (99, 199, 249)] == [1, 1, 0.5]


def test_twins_see_the_same_pictures() -> None:
    one, other = Autoencoding(QUICK), Autoencoding(QUICK.but(beta=7.0))
    for study in (one, other):
        study.prepare(25)
    assert torch.equal(one.batches, other.batches) and torch.equal(one.cursor, other.cursor)


def test_every_set_of_pictures_is_split_without_overlap() -> None:
    data = pictures("digits")
    assert len(data.train_NX) + len(data.test_MX) == 1797
    assert float(torch.cdist(data.train_NX, data.test_MX).min()) > 0
    assert float(data.train_NX.min()) == 0 and float(data.train_NX.max()) == 1


def test_every_sprite_is_a_picture_of_its_own() -> None:
    pixels, _factors = sprites()
    assert len(pixels) == int(np.prod(SIZES)) == len(pixels.unique(dim=0))


def test_pictures_stay_small_enough_for_the_wire() -> None:
    for data in ("digits", "mnist"):
        first = next(event for event in QUICK.but(data=data, steps=1).train() if isinstance(event, Snapshot))
        assert sum(array.nbytes for array in first.arrays.values()) < 300_000


def test_inversion_is_never_worse_than_the_encoder_s_guess_and_finds_decoded_pictures() -> None:
    study = Autoencoding(QUICK.but(likelihood="gaussian"), block=200)
    for step in range(200):
        study.iterate(step)
    assert isinstance(study.model, Continuous)
    with torch.no_grad():
        x = study.model.decode(torch.tensor([[0.8, -0.6]])).sigmoid()
    found = invert(study.model, "gaussian", x, torch.zeros(1, 2), prior=0.0)
    assert found.losses[found.best] <= found.losses[0]
    with torch.no_grad():
        again = study.model.decode(found.codes_SZ[found.best][None]).sigmoid()
    torch.testing.assert_close(again, x, atol=0.03, rtol=0)
