"""The evidence lower bound, part by part: how well a picture is rebuilt, and what its code costs, in nats per picture.

Letters: B pictures, X pixels, Z latent dimensions, K importance samples.

    log p(x) ≥ E_q[log p(x|z)] - KL(q(z|x) ‖ p(z)),   q(z|x) = N(μ, diag σ²),  p(z) = N(0, 1)

Source: Kingma and Welling 2014, arXiv 1312.6114: the bound (eq. 3), reparameterization (section 2.4), the KL in closed
form (appendix B). Importance-weighted bound: Burda et al. 2016, arXiv 1509.00519, eq. 8. Free bits: Kingma et al. 2016,
arXiv 1606.04934, appendix C.8. The Gaussian's one variance, learned with the weights: Rybkin et al. 2021, arXiv
2006.13202. With Bernoulli pixels the numbers are probabilities of binary pictures; with Gaussian ones densities, which
may exceed 1: such nats can be negative, and the two cannot be compared.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Likelihood = Literal["bernoulli", "gaussian"]

WIDEST = 8.0
"""Log-variances of the posterior are kept within ± this: e⁸ is wide enough for anything, and exp cannot overflow."""
HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


def reparameterise(mean_BZ: Tensor, log_variance_BZ: Tensor, noise_BZ: Tensor) -> Tensor:
    """z = μ + σ·ε: chance comes from outside, so that gradients pass through μ and σ."""
    return mean_BZ + (0.5 * log_variance_BZ).exp() * noise_BZ


def kl_to_prior(mean_BZ: Tensor, log_variance_BZ: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) of every dimension, (B, Z), in nats."""
    return 0.5 * (mean_BZ.square() + log_variance_BZ.exp() - 1 - log_variance_BZ)


def with_free_bits(kl_Z: Tensor, free: float) -> Tensor:
    """The batch's mean KL per dimension (Z,) → what the loss counts: below `free` nats a dimension costs the same.

    So there is no gain in giving up a dimension that carries less.
    """
    return kl_Z.clamp(min=free).sum() if free > 0 else kl_Z.sum()


def log_likelihood(likelihood: Likelihood, x_BX: Tensor, logits_BX: Tensor, log_sigma: Tensor) -> Tensor:
    """log p(x|z) of every picture, (B,) nats; leading dimensions broadcast.

    Bernoulli: pixels are coins with the probabilities sigmoid(logits). Gaussian: means sigmoid(logits), one σ for all.
    """
    if likelihood == "bernoulli":
        x_BX = x_BX.expand_as(logits_BX)
        return -F.binary_cross_entropy_with_logits(logits_BX, x_BX, reduction="none").sum(-1)
    off_BX = (x_BX - logits_BX.sigmoid()) / log_sigma.exp()
    return -(0.5 * off_BX.square() + log_sigma + HALF_LOG_TAU).sum(-1)


def log_weights(
    log_likelihood_KB: Tensor, z_KBZ: Tensor, mean_BZ: Tensor, log_variance_BZ: Tensor, noise_KBZ: Tensor
) -> Tensor:
    """log p(x|z) + log p(z) - log q(z|x) of every sample, (K, B) nats."""
    log_prior_KB = -(0.5 * z_KBZ.square() + HALF_LOG_TAU).sum(-1)
    log_posterior_KB = -(0.5 * noise_KBZ.square() + 0.5 * log_variance_BZ + HALF_LOG_TAU).sum(-1)
    return log_likelihood_KB + log_prior_KB - log_posterior_KB


def importance_bound(log_weight_KB: Tensor) -> Tensor:
    """log 1/K Σ w: a lower bound on log p(x) that rises with K, (B,) nats; with K = 1 it is the ELBO's estimate."""
    return log_weight_KB.logsumexp(0) - math.log(len(log_weight_KB))


def active_units(mean_BZ: Tensor, threshold: float = 0.01) -> int:
    """Dimensions whose posterior mean varies by more than `threshold` (Burda et al. 2016, section 5.2)."""
    return int((torch.var(mean_BZ, 0) > threshold).sum())
