"""How good is an autoencoder on pictures it never saw: bounds, active units, codes in use, codes against the prior.

Letters: M held-out pictures, X pixels, Z latent numbers, K importance samples, B pictures at once.

Every number names what it is: `held_out_bound` is -ELBO with one sample per picture, an upper bound on -log p(x);
`importance` tightens it with K samples (Burda et al. 2016, arXiv 1509.00519) and comes with the standard error over
pictures. Binary pictures are drawn once from the grey ones and stay the same, so that moments can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.layers.elbo import (
    active_units,
    importance_bound,
    kl_to_prior,
    log_likelihood,
    log_weights,
    reparameterise,
)
from models.layers.latent_models import Continuous, Discrete
from models.layers.mmd import mmd
from models.layers.quantiser import perplexity
from models.running import stream

if TYPE_CHECKING:
    from models.layers.autoencoding import Autoencoding

JUDGED = 500
"""Held-out pictures of an evaluation during training."""
CHUNK_NUMBERS = 4_000_000
"""Numbers in the decoder's output at once: bounds the memory that many importance samples take."""


def held_out(study: Autoencoding, count: int = JUDGED) -> tuple[Tensor, Tensor]:
    """Held-out pictures (M, X), binary where training pictures are, and their labels."""
    x_MX, label_M = study.data.test_MX[:count], study.data.test_label_M[:count]
    if study.knobs.binary:
        x_MX = torch.bernoulli(x_MX, generator=stream(study.knobs.seed, "coins"))
    return x_MX.to(study.where), label_M.to(study.where)


@torch.no_grad()
def evaluate(study: Autoencoding) -> dict[str, np.ndarray]:
    """The numbers of one moment, each of shape (1,), by the names of `LatentSpace.columns`."""
    model, knobs = study.model, study.knobs
    x_MX, label_M = held_out(study)
    code = model.encode(x_MX, label_M)
    random = stream(knobs.seed, "evaluation", study.where)
    z_MZ, found = code.mean_BZ, dict[str, float]()
    if code.log_variance_BZ is not None:
        noise_MZ = torch.randn(z_MZ.shape, generator=random, device=study.where)
        z_MZ = reparameterise(z_MZ, code.log_variance_BZ, noise_MZ)
    logits_MX = model.logits(z_MZ, x_MX, label_M)
    log_likelihood_M = log_likelihood(knobs.likelihood, x_MX, logits_MX, model.log_sigma)
    found["held_out_reconstruction"] = -float(log_likelihood_M.mean())
    if code.log_variance_BZ is not None:
        kl = float(kl_to_prior(code.mean_BZ, code.log_variance_BZ).sum(1).mean())
        found |= {"held_out_kl": kl}
        if knobs.binary or knobs.likelihood == "gaussian":
            found["held_out_bound"] = found["held_out_reconstruction"] + kl
    if isinstance(model, Discrete):
        chosen_N = model.book.nearest(model.places(x_MX))
        usage_K = torch.bincount(chosen_N, minlength=len(model.book.codes_KD))
        found |= {"perplexity": perplexity(usage_K), "used_codes": float((usage_K > 0).sum())}
    else:
        found["active_units"] = float(active_units(code.mean_BZ))
    if knobs.has_prior:
        found["prior_mmd"] = float(mmd(z_MZ, torch.randn(z_MZ.shape, generator=random, device=study.where)))
    return {name: np.array([value], np.float64) for name, value in found.items()}


@torch.no_grad()
def decided_by_code(model: Continuous, code_CZ: Tensor, label_C: Tensor | None, chance_KX: Tensor) -> float:
    """Of a decoder that draws: which share of its pictures' variance the code decides; the rest is chance.

    Every code is drawn with every chance; the variance of the codes' means is freed of what chance alone gives it.
    """
    codes, draws = len(code_CZ), len(chance_KX)
    labels = None if label_C is None else label_C.repeat_interleave(draws)
    drawn_NX = model.decode(code_CZ.repeat_interleave(draws, 0), labels, chance_KX.repeat(codes, 1)).sigmoid()
    picture_CKX = drawn_NX.view(codes, draws, -1).double()
    within = picture_CKX.var(1).mean(0).sum()
    between = (picture_CKX.mean(1).var(0).sum() - within / draws).clamp(min=0)
    return float(between / (between + within).clamp(min=1e-12))


@dataclass(frozen=True)
class Importance:
    """-log p(x) as estimated with K samples per picture: mean over pictures, its standard error, and what it is."""

    nats: float
    error: float
    samples: int
    images: int


@torch.no_grad()
def importance(study: Autoencoding, samples: int, images: int) -> Importance:
    """An upper bound on the held-out pictures' -log p(x) in nats; tighter with more samples.

    Raises `ValueError` for models without a posterior.
    """
    model = study.model
    x_MX, label_M = held_out(study, images)
    code = model.encode(x_MX, label_M)
    if code.log_variance_BZ is None or not isinstance(model, Continuous):
        raise ValueError("This model has no posterior to sample from.")
    random = stream(study.knobs.seed, "importance", study.where)
    at_once = max(1, CHUNK_NUMBERS // (samples * x_MX.shape[1]))
    bounds = []
    for rows in torch.split(torch.arange(len(x_MX), device=study.where), at_once):
        mean_BZ, log_variance_BZ = code.mean_BZ[rows], code.log_variance_BZ[rows]
        noise_KBZ = torch.randn(samples, *mean_BZ.shape, generator=random, device=study.where)
        z_KBZ = reparameterise(mean_BZ, log_variance_BZ, noise_KBZ)
        z_NZ, x_NX = z_KBZ.flatten(0, 1), x_MX[rows].repeat(samples, 1)
        logits = model.logits(z_NZ, x_NX, label_M[rows].repeat(samples)).view(samples, len(rows), -1)
        likelihood_KB = log_likelihood(study.knobs.likelihood, x_MX[rows], logits, model.log_sigma)
        bounds.append(importance_bound(log_weights(likelihood_KB, z_KBZ, mean_BZ, log_variance_BZ, noise_KBZ)))
    nats_M = -torch.cat(bounds).double()
    return Importance(float(nats_M.mean()), float(nats_M.std() / len(nats_M) ** 0.5), samples, len(nats_M))
