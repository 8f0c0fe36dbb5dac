"""A decoder that reads: no pixel sees itself or a later one, its probabilities sum to one, it draws as it says."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from models.autoencoder import LatentSpace
from models.layers.autoencoding import Autoencoding
from models.layers.earlier_pixels import EarlierPixels
from models.layers.elbo import log_likelihood
from models.layers.encoder_decoder import fresh
from models.layers.latent_models import Continuous
from models.metrics.bounds import decided_by_code


def reader(pixels: int, width: int = 12) -> EarlierPixels:
    """With weights large enough that every connection shows."""
    found = EarlierPixels(pixels, width, 3)
    fresh(found, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.mul_(4)
    return found.double()


def chance(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_no_pixel_sees_itself_or_a_later_one_and_the_last_sees_all() -> None:
    model, z = reader(9), chance(1, 3)
    slopes = torch.autograd.functional.jacobian(lambda x: model(x[None], z)[0], chance(9))  # type: ignore[no-untyped-call]
    assert float(slopes.triu().abs().max()) == 0
    assert bool((slopes[-1, :-1].abs() > 0).all())


def test_the_probabilities_of_all_pictures_sum_to_one() -> None:
    model, z = reader(6), chance(1, 3).expand(64, 3)
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=6)), dtype=torch.float64)
    said = log_likelihood("bernoulli", every, model(every, z), torch.zeros(1))
    torch.testing.assert_close(said.exp().sum(), torch.tensor(1.0, dtype=torch.float64))


def test_a_picture_is_drawn_with_the_very_probabilities_it_is_judged_by() -> None:
    model, z, base = reader(16), chance(5, 3), chance(5, 16, seed=2) - 0.5
    told, drawn = model.drawn(base, z, chance(5, 16, seed=3))
    torch.testing.assert_close(told, base + model(drawn, z))
    assert torch.equal(drawn, (chance(5, 16, seed=3) < told.sigmoid()).double())


def test_chance_decides_everything_where_the_code_is_not_read() -> None:
    study = Autoencoding(LatentSpace(decoder="autoregressive", latent_dim=3, width=32))
    assert isinstance(study.model, Continuous) and study.model.earlier is not None
    codes, draws = 3 * torch.randn(40, 3, generator=torch.Generator().manual_seed(0)), chance(30, 64).float()
    with torch.no_grad():
        for last in (study.model.earlier.code, list(study.model.decoder.modules())[-1]):
            last.weight.zero_()  # type: ignore[union-attr, operator]
    assert decided_by_code(study.model, codes, None, draws) < 0.01
    with torch.no_grad():
        study.model.earlier.code.weight.fill_(2.0)
        study.model.earlier.last.weight.normal_(generator=torch.Generator().manual_seed(0))
    assert decided_by_code(study.model, codes, None, draws) > 0.1


def test_only_small_binary_pictures_are_drawn_pixel_by_pixel() -> None:
    reads = LatentSpace(decoder="autoregressive")
    assert reads.is_autoregressive and reads.but(model="cvae").is_autoregressive
    others = ({"likelihood": "gaussian"}, {"model": "ae"}, {"data": "mnist"})
    assert not any(reads.but(**knobs).is_autoregressive for knobs in others)
