"""Which code draws a given picture? An encoder guesses in one step; descending the decoder's error finds a better one.

Letters: B = 1 picture, X pixels, Z latent numbers, S steps.

Source: Zhu et al. 2016, "Generative visual manipulation on the natural image manifold", arXiv 1609.03552, section 3.2:
start from the encoder's guess, then follow the gradient; here the loss is the picture's cost under the model,
-log p(x|z) - weight·log p(z), by Adam, with the best code kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.layers.elbo import Likelihood, log_likelihood
from models.layers.latent_models import Continuous

STEPS, LR = 150, 0.05


@dataclass(frozen=True)
class Inversion:
    """The codes on the way (S + 1, Z), their losses, and the best of them."""

    codes_SZ: Tensor
    losses: tuple[float, ...]
    best: int


def invert(
    model: Continuous, likelihood: Likelihood, x_1X: Tensor, start_1Z: Tensor, label_1: Tensor | None = None,
    prior: float = 1.0, steps: int = STEPS,
) -> Inversion:  # fmt: skip
    """Descends from `start_1Z`; `prior` weighs the pull towards the middle, 0 for models that have no prior."""
    z_1Z = start_1Z.detach().clone().requires_grad_(True)
    optimizer = torch.optim.Adam([z_1Z], lr=LR)
    codes, losses = [], []
    for step in range(steps + 1):
        cost = -log_likelihood(likelihood, x_1X, model.decode(z_1Z, label_1), model.log_sigma.detach())
        loss = (cost + prior * 0.5 * z_1Z.square().sum(1)).sum()
        codes.append(z_1Z.detach()[0].clone())
        losses.append(float(loss.detach()))
        if step < steps:
            z_1Z.grad = torch.autograd.grad(loss, z_1Z)[0]
            optimizer.step()
    best = min(range(len(losses)), key=losses.__getitem__)
    return Inversion(torch.stack(codes), tuple(losses), best)
