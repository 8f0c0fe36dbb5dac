"""The smallest GAN there is: data at 0, samples at θ, and D(x) = ψx. Two numbers, and still it turns in circles.

θ is the generator, ψ the discriminator's slope; the only equilibrium is θ = ψ = 0. Losses, penalties, optimizers and
numbers of updates are those of every other game here, so the same controls show why a cure cures.

Letters: T remembered steps, A arrows.

Source: Mescheder, Geiger and Nowozin 2018, arXiv 1801.04406: the Dirac-GAN, definition 2.1; simultaneous and
alternating gradient descent do not converge, section 3; with R1 they do, section 4.1. Clipping bounds ψ, and spectral
normalisation makes it ±1; packs, batch diversity, averages, widths and batches mean nothing here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.experiment import Snapshot
from models.layers.adversarial import (
    LOGISTIC,
    SMOOTHED,
    discriminator_loss,
    discriminator_slope,
    generator_loss,
    generator_slope,
)
from models.layers.critic import optimizer_of
from models.layers.resumable import Resumable

if TYPE_CHECKING:
    from models.gan import GanTraining

REACH = 2.0
"""The picture shows θ and ψ from -REACH to REACH."""
KEPT = 512
ARROWS = 15
COLUMNS = ("loss_d", "loss_g", "d_real", "d_fake", "gradient_d", "gradient_g")


class DiracGame(Resumable["GanTraining"]):
    """θ, ψ, their optimizers, and the path of the last steps."""

    def __init__(self, knobs: GanTraining, block: int = 1) -> None:
        self.knobs, self.where = knobs, torch.device("cpu")
        angle = 2 * math.pi * (knobs.seed % 12) / 12
        self.theta_1 = torch.tensor([math.cos(angle)], dtype=torch.float64)
        self.psi_1 = torch.tensor([math.sin(angle)], dtype=torch.float64)
        rates = {"d": (self.psi_1, knobs.lr_d), "g": (self.theta_1, knobs.lr_g)}
        self.optimizers = {name: optimizer_of(knobs, number, lr) for name, (number, lr) in rates.items()}
        self.path_T2 = torch.cat((self.theta_1, self.psi_1)).repeat(KEPT, 1)
        self.sign_2B = torch.tensor([1.0, -1.0], dtype=torch.float64)
        self.told_rows: list[list[float]] = []

    def play_by(self, knobs: GanTraining) -> None:
        """Take over knobs that changed during training."""
        self.knobs = knobs
        self.optimizers["d"].lr, self.optimizers["g"].lr = knobs.lr_d, knobs.lr_g

    def field(self, theta_A: Tensor, psi_A: Tensor) -> tuple[Tensor, Tensor]:
        """∂(loss of D)/∂ψ and ∂(loss of G)/∂θ, each (A,), at each (θ, ψ), penalties included."""
        knobs, count, logits_A = self.knobs, len(theta_A), psi_A * theta_A
        logits_2A = torch.cat((0 * logits_A, logits_A))
        sign_2A = self.sign_2B.repeat_interleave(count)
        # The losses are means over the batch: times its size, each place is a game of its own.
        slope_A = count * discriminator_slope(knobs.loss, logits_2A, sign_2A, self._smoothing)[count:]
        # A slope of ψ everywhere: at data, at samples, and between them.
        d_psi_A = slope_A * theta_A + (knobs.r1_gamma + knobs.r2_gamma) * psi_A
        if knobs.constraint == "gradient_penalty":
            d_psi_A = d_psi_A + 2 * knobs.gp_weight * (psi_A.abs() - 1) * psi_A.sign()
        return d_psi_A, count * generator_slope(knobs.loss, logits_A, 0 * logits_A) * psi_A

    def losses(self, theta_1: Tensor, psi_1: Tensor) -> tuple[Tensor, Tensor]:
        """The losses, penalties included, whose gradients `field` is; differentiable."""
        knobs, logits_1 = self.knobs, psi_1 * theta_1
        loss_d = discriminator_loss(knobs.loss, torch.cat((0 * logits_1, logits_1)), self.sign_2B, self._smoothing)
        loss_d = loss_d + (knobs.r1_gamma + knobs.r2_gamma) / 2 * psi_1.square().sum()
        if knobs.constraint == "gradient_penalty":
            loss_d = loss_d + knobs.gp_weight * (psi_1.abs() - 1).square().sum()
        return loss_d, generator_loss(knobs.loss, logits_1, 0 * logits_1)

    @property
    def _smoothing(self) -> float:
        return self.knobs.label_smoothing if self.knobs.loss in SMOOTHED else 0.0

    def _bound(self) -> None:
        match self.knobs.constraint:
            case "clip":
                self.psi_1.clamp_(-self.knobs.clip, self.knobs.clip)
            case "spectral_norm":
                self.psi_1.copy_(torch.where(self.psi_1 < 0, -1.0, 1.0))

    @torch.no_grad()
    def iterate(self, step: int) -> None:
        """k_d updates of ψ, then k_g of θ, as in `Game`."""
        knobs = self.knobs
        for _ in range(knobs.k_d):
            logits_2B = torch.cat((0 * self.theta_1, self.psi_1 * self.theta_1))
            loss_d = discriminator_loss(knobs.loss, logits_2B, self.sign_2B, self._smoothing)
            gradient_d = self.field(self.theta_1, self.psi_1)[0]
            self.optimizers["d"].step(gradient_d)
            self._bound()
        for _ in range(knobs.k_g):
            logits_B = self.psi_1 * self.theta_1
            loss_g = generator_loss(knobs.loss, logits_B, 0 * logits_B)
            gradient_g = self.field(self.theta_1, self.psi_1)[1]
            self.optimizers["g"].step(gradient_g)
        self.path_T2.copy_(torch.cat((self.path_T2[1:], torch.cat((self.theta_1, self.psi_1))[None])))
        believed = torch.sigmoid(logits_2B) if knobs.loss in LOGISTIC else logits_2B
        values = (loss_d, loss_g, *believed, gradient_d.abs()[0], gradient_g.abs()[0])
        self.told_rows.append([float(value) for value in values])

    def told(self) -> dict[str, np.ndarray]:
        """The numbers of the steps since the last call, column by column."""
        rows = np.array(self.told_rows, np.float64).reshape(-1, len(COLUMNS))
        self.told_rows = []
        return {name: rows[:, column].copy() for column, name in enumerate(COLUMNS)}

    def snapshot(self, step: int) -> Snapshot:
        """`path` (T, 2): the last steps in the plane of θ and ψ; `arrows` (A, 4): where both would move from there."""
        at = torch.linspace(-REACH, REACH, ARROWS, dtype=torch.float64)
        theta_A, psi_A = (axis.flatten() for axis in torch.meshgrid(at, at, indexing="xy"))
        d_psi_A, d_theta_A = self.field(theta_A, psi_A)
        arrows_A4 = torch.stack((theta_A, psi_A, -self.knobs.lr_g * d_theta_A, -self.knobs.lr_d * d_psi_A), 1)
        # Only directions and relative lengths are drawn; both players move at their own learning rates.
        scale = arrows_A4[:, 2:].square().sum(1).sqrt().max().clamp_min(1e-12)
        arrows_A4[:, 2:] /= scale
        return Snapshot(step, {"path": self.path_T2.float().numpy().copy(), "arrows": arrows_A4.float().numpy()})

    def non_finite(self) -> str | None:
        """Which of the two numbers is not finite."""
        found = {"G: θ": self.theta_1, "D: ψ": self.psi_1}
        return next((name for name, value in found.items() if not bool(torch.isfinite(value).all())), None)

    def _tensors(self) -> dict[str, Tensor]:
        own = {"g": self.theta_1, "d": self.psi_1, "path": self.path_T2}
        for name, optimizer in self.optimizers.items():
            own.update({f"{name}.{part}": tensor for part, tensor in optimizer.state().items()})
        return own


def distance(path_T2: np.ndarray) -> float:
    """How far from the equilibrium (0, 0) the path ends."""
    return float(np.hypot(*path_T2[-1].astype(np.float64)))
