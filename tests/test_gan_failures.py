"""The detector on columns that are made up, the cures it offers, and the lens against closed forms."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
import torch

from models.experiment import Checkpoint
from models.gan import GanTraining
from models.layers.dirac import DiracGame
from models.layers.game import Game
from models.metrics import dynamics
from models.metrics.dynamics import spectrum
from models.metrics.failures import Columns, cure, diagnose
from models.museum import MUSEUM

STEPS = 900
RING = GanTraining(data="ring")


def columns(count: int = STEPS, **rows: float | np.ndarray) -> Columns:
    """A healthy run, but for the given rows."""
    noise = np.random.default_rng(0).standard_normal(count)
    healthy: dict[str, float | np.ndarray] = {
        "loss_d": 1.38, "loss_g": 0.7, "d_real": 0.52, "d_fake": 0.48 + 0.03 * noise, "gradient_d": 0.4,
        "gradient_g": 0.9, "spread": 1.0,
    }  # fmt: skip
    steps = np.arange(1, count + 1)
    return {name: (steps, np.broadcast_to(row, (count,)).astype(float)) for name, row in {**healthy, **rows}.items()}


def kind(told: Columns, experiment: GanTraining = RING, at: int | None = None) -> str:
    found = diagnose(told, experiment, at)
    return found.kind if found else ""


def test_a_healthy_run_is_named_nothing() -> None:
    assert kind(columns()) == "" and kind({}) == ""


def test_collapse_is_named_by_the_spread() -> None:
    falls = np.where(np.arange(STEPS) < 500, 1.0, 0.05)
    assert kind(columns(spread=falls)) == "collapse"
    assert kind(columns(spread=falls), at=500) == "" and kind(columns(spread=falls), at=560) == "collapse"


def test_collapse_is_named_by_modes_where_samples_are_good() -> None:
    measured = {name: (np.array([400, 800]), np.array([value] * 2)) for name, value in
                (("modes_covered", 3.0), ("high_quality", 0.9))}  # fmt: skip
    assert kind({**columns(), **measured}) == "collapse"
    poor = {**measured, "high_quality": (np.array([400, 800]), np.array([0.1, 0.1]))}
    assert kind({**columns(), **poor}) == ""


def test_vanishing_needs_a_sure_d_and_a_faint_gradient() -> None:
    sure = {"d_real": 0.999, "d_fake": 1e-4}
    assert kind(columns(**sure, gradient_g=1e-4)) == "vanishing"
    assert kind(columns(**sure)) == "" and kind(columns(gradient_g=1e-4)) == ""
    clipped = GanTraining(loss="wasserstein", constraint="clip")
    assert kind(columns(gradient_d=1e-4), clipped) == "capacity"


@pytest.mark.parametrize("value", [math.inf, math.nan, 1e4])
def test_divergence_is_named_at_any_step(value: float) -> None:
    assert kind(columns(20, gradient_g=np.where(np.arange(20) < 19, 1.0, value))) == (
        "" if value == 1e4 else "divergence"
    )
    assert kind(columns(gradient_g=np.where(np.arange(STEPS) < 500, 1.0, value))) == "divergence"


def test_oscillation_needs_a_period_and_lasting_swings() -> None:
    turn = np.sin(2 * np.pi * np.arange(STEPS) / 80)
    assert kind(columns(d_fake=0.5 + 0.1 * turn)) == "oscillation"
    assert kind(columns(d_fake=0.5 + 0.1 * turn * np.exp(-np.arange(STEPS) / 150))) == ""
    found = diagnose(columns(d_fake=0.5 + 0.1 * turn), RING)
    assert found is not None and found.other is not None and abs(found.other - 80) <= 2


def test_every_cure_can_be_laid_beside_and_changes_something() -> None:
    signs = [columns(spread=0.01), columns(d_real=1.0, d_fake=0.0, gradient_g=1e-5), columns(loss_d=math.inf)]
    for experiment in (story.experiment for story in GanTraining.stories() if story.shelf == MUSEUM):
        for finding in filter(None, (diagnose(told, experiment) for told in signs)):
            knob, value = cure(finding, experiment)
            assert GanTraining.knobs()[knob].live and getattr(experiment, knob) != value
            assert getattr(experiment.but(**{knob: value}), knob) == value


def test_each_exhibit_stands_beside_its_cure_and_forks_into_it() -> None:
    exhibits = [story for story in GanTraining.stories() if story.shelf == MUSEUM]
    assert len(exhibits) == 5
    for story in exhibits:
        assert story.beside is not None
        knob, values = story.beside
        assert story.experiment.fork(10, **{knob: values[0]}).at(10) == story.experiment.but(**{knob: values[0]}).at(0)


def dirac(**knobs: object) -> DiracGame:
    game = GanTraining.of({"data": "dirac", "lr_d": 0.1, "lr_g": 0.1, "k_d": 1, **knobs}).game(0)
    assert isinstance(game, DiracGame)
    return game


@pytest.mark.parametrize("loss", GanTraining.knobs()["loss"].options)
def test_the_dirac_field_is_the_gradient_of_its_losses(loss: str) -> None:
    game = dirac(loss=loss, r1_gamma=0.2, constraint="gradient_penalty", gp_weight=0.5)
    theta, psi = (torch.tensor([at], dtype=torch.float64, requires_grad=True) for at in (0.7, -0.4))
    loss_d, loss_g = game.losses(theta, psi)
    (d_psi,), (d_theta,) = torch.autograd.grad(loss_d, psi, retain_graph=True), torch.autograd.grad(loss_g, theta)
    with torch.no_grad():
        found = game.field(theta.detach(), psi.detach())
    torch.testing.assert_close(torch.cat(found), torch.cat((d_psi, d_theta)))


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 3.0])
def test_the_dirac_gan_has_the_eigenvalues_of_the_paper(gamma: float) -> None:
    """Mescheder et al. 2018, lemma 2.3 and theorem 4.1: of the field -γ/2 ± √(γ²/4 - f'(0)²), f'(0) = ½."""
    game = dirac(loss="minimax", r1_gamma=gamma)
    game.theta_1.zero_()
    game.psi_1.zero_()
    root = cmath.sqrt(gamma**2 / 4 - 0.25)
    wanted = sorted((1 + 0.1 * (-gamma / 2 + sign * root) for sign in (1, -1)), key=lambda v: (v.real, v.imag))
    found = sorted(map(complex, spectrum(game).eigenvalues_E), key=lambda v: (v.real, v.imag))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def revived(**knobs: object) -> Game:
    run = GanTraining.of({"steps": 40, **knobs})
    return run.revive(next(event for event in reversed(list(run.train())) if isinstance(event, Checkpoint)))


def test_arnoldi_finds_the_largest_of_all_eigenvalues(monkeypatch: pytest.MonkeyPatch) -> None:
    game = revived()
    whole = spectrum(game)
    monkeypatch.setattr(dynamics, "WHOLE", 10)
    some = spectrum(game)
    assert whole.whole and not some.whole and whole.weights == some.weights == 219
    np.testing.assert_allclose(np.abs(some.eigenvalues_E[:4] - 1), np.abs(whole.eigenvalues_E[:4] - 1), rtol=1e-3)


def test_the_lens_looks_through_every_cure() -> None:
    cures: list[dict[str, object]] = [
        {"constraint": "gradient_penalty", "loss": "wasserstein", "pack": 2},
        {"minibatch_std": True, "loss": "relativistic"},
        {"r1_gamma": 0.1, "r2_gamma": 0.1, "optimizer": "adam", "lr_d": 0.001}, {"constraint": "spectral_norm"},
    ]  # fmt: skip
    for knobs in cures:
        found = spectrum(revived(**knobs))
        assert np.isfinite(found.eigenvalues_E).all() and math.isfinite(found.rotation + found.contraction)
