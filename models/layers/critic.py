"""The discriminator with all that holds it in check: clipping, spectral normalisation, penalties on its slope.

Letters: B batch of packs, X numbers per pack, P parameters.

The plain losses, clipping and spectral normalisation run on the backpropagation written out in `mlp.py`: the fast path.
Penalties are themselves made of a gradient; these parts, and only these, are autograd's, on the same flat weights.

Source: clipping: Arjovsky et al. 2017, arXiv 1701.07875, Algorithm 1; the others in `spectral.py` and `penalties.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.layers.adversarial import SMOOTHED, discriminator_loss, discriminator_slope
from models.layers.diversity import DiversityMlp
from models.layers.mlp import Adam, Mlp, Sgd
from models.layers.penalties import gradient_penalty, r1_penalty
from models.layers.spectral import WARM_UP, Spectral
from models.running import stream

if TYPE_CHECKING:
    from models.gan import GanTraining

AT_THE_EDGE = 0.999
"""A weight counts as clipped from this share of the bound on."""


def optimizer_of(knobs: GanTraining, weights_P: Tensor, lr: float) -> Sgd | Adam:
    """The knobs' optimizer for one player."""
    return Sgd(weights_P, lr) if knobs.optimizer == "sgd" else Adam(weights_P, lr, knobs.beta1)


class Critic:
    """D, its optimizer, and one update of it."""

    def __init__(self, knobs: GanTraining, inputs: int, weights: torch.Generator, where: torch.device) -> None:
        self.knobs, self.where = knobs, where
        kind = DiversityMlp if knobs.minibatch_std else Mlp
        self.net = kind([inputs, *[knobs.width] * knobs.depth, 1], knobs.activation, weights, where)
        self.spectral = Spectral(self.net, stream(knobs.seed, "spectral"))
        self.trained_P = self.net.flat_P
        """The weights that are trained; those in use are the same, but for spectral normalisation."""
        if self.normed:
            self.spectral.follow(self.trained_P, WARM_UP)
        self.optimizer = optimizer_of(knobs, self.trained_P, knobs.lr_d)
        self.play_by(knobs)

    @property
    def normed(self) -> bool:
        return self.knobs.constraint == "spectral_norm"

    @property
    def penalised(self) -> bool:
        knobs = self.knobs
        return knobs.r1_gamma > 0 or knobs.r2_gamma > 0 or knobs.constraint == "gradient_penalty"

    @property
    def smoothing(self) -> float:
        """How much the target of data is lowered; 0 for losses that have none."""
        return self.knobs.label_smoothing if self.knobs.loss in SMOOTHED else 0.0

    def play_by(self, knobs: GanTraining) -> None:
        """Take over knobs; trained weights are a vector of their own exactly under spectral normalisation."""
        self.knobs = knobs
        apart = self.trained_P is not self.net.flat_P
        if self.normed:
            self.trained_P = self.trained_P if apart else self.net.flat_P.clone()
        elif apart:
            self.net.flat_P.copy_(self.trained_P)
            self.trained_P = self.net.flat_P
        self.settle()
        self.optimizer.weights_P, self.optimizer.lr = self.trained_P, knobs.lr_d

    def settle(self) -> None:
        """The weights in use, from the trained ones."""
        if self.normed:
            self.spectral.apply(self.trained_P)

    @torch.no_grad()
    def learn(
        self, real_BX: Tensor, fake_BX: Tensor, sign_2B: Tensor, random: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """One update on a batch of data and one of samples; tells loss and logits (2B,)."""
        knobs = self.knobs
        if self.normed:
            self.spectral.follow(self.trained_P)
            self.settle()
        trace = self.net.trace(torch.cat((real_BX, fake_BX)), groups=2)
        logits_2B = trace[-1][:, 0]
        slope_2B = discriminator_slope(knobs.loss, logits_2B, sign_2B, self.smoothing)
        self.net.backpropagate(trace, slope_2B[:, None])
        if self.penalised:
            own_P = self.net.gradient_P.clone()
            with torch.enable_grad():
                penalty = self.penalty(real_BX, fake_BX, random)
            self.net.differentiate(penalty).add_(own_P)
        if self.normed:
            self.spectral.pull_back(self.trained_P, self.net.gradient_P)
        self.optimizer.step(self.net.gradient_P)
        if knobs.constraint == "clip":
            self.trained_P.clamp_(-knobs.clip, knobs.clip)
        self.settle()
        return discriminator_loss(knobs.loss, logits_2B, sign_2B, self.smoothing), logits_2B

    def penalty(self, real_BX: Tensor, fake_BX: Tensor, random: torch.Generator) -> Tensor:
        """All penalties in force, added up; differentiable."""
        knobs, parts = self.knobs, []
        if knobs.r1_gamma > 0:
            parts.append(r1_penalty(self.net, real_BX, knobs.r1_gamma))
        if knobs.r2_gamma > 0:
            parts.append(r1_penalty(self.net, fake_BX, knobs.r2_gamma))
        if knobs.constraint == "gradient_penalty":
            share_B1 = torch.rand(len(real_BX), 1, generator=random, device=self.where)
            parts.append(gradient_penalty(self.net, real_BX, fake_BX, share_B1, knobs.gp_weight))
        return sum(parts[1:], parts[0])

    def clipped(self) -> Tensor:
        """The share of trained weights that lie at the bound."""
        return (self.trained_P.abs() >= AT_THE_EDGE * self.knobs.clip).float().mean()
