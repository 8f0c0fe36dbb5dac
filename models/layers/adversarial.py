"""What the two players of a GAN minimise, and the slopes of these losses written out.

Letters: B batch, X numbers per datum. `logits` are the discriminator's raw outputs.

Source: minimax and non-saturating: Goodfellow et al. 2014, arXiv 1406.2661, eq. 1 and section 3; least squares: Mao et
al. 2017, arXiv 1611.04076, eq. 2 with targets 0 and 1; hinge: Lim and Ye 2017, arXiv 1705.02894; R1: Mescheder et al.
2018, arXiv 1801.04406, eq. 9.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def discriminator_loss(loss: str, logits_2B: Tensor, sign_2B: Tensor) -> Tensor:
    """The loss of D for logits of B data, then of B samples: its mean over data plus its mean over samples.

    `sign_2B` is +1 for data and -1 for samples.
    """
    batch = len(logits_2B) // 2
    match loss:
        case "non_saturating" | "minimax":
            return F.softplus(-sign_2B * logits_2B).sum() / batch
        case "least_squares":
            # (D(x) - 1)² for data and D(x)² for samples: targets (sign + 1) / 2.
            return (logits_2B - (sign_2B + 1) / 2).square().sum() / (2 * batch)
        case "hinge":
            return F.relu(1 - sign_2B * logits_2B).sum() / batch
    raise ValueError(f"no such loss: {loss}")


def discriminator_slope(loss: str, logits_2B: Tensor, sign_2B: Tensor) -> Tensor:
    """∂`discriminator_loss`/∂logits (2B,)."""
    batch = len(logits_2B) // 2
    match loss:
        case "non_saturating" | "minimax":
            return torch.sigmoid(-sign_2B * logits_2B).mul_(sign_2B).div_(-batch)
        case "least_squares":
            return (logits_2B - (sign_2B + 1) / 2) / batch
        case "hinge":
            return -sign_2B * (sign_2B * logits_2B < 1) / batch
    raise ValueError(f"no such loss: {loss}")


def generator_loss(loss: str, logits_B: Tensor) -> Tensor:
    """The loss of G for the discriminator's logits of B samples."""
    match loss:
        case "non_saturating":
            return F.softplus(-logits_B).mean()
        case "minimax":
            return -F.softplus(logits_B).mean()
        case "least_squares":
            return (logits_B - 1).square().mean() / 2
        case "hinge":
            return -logits_B.mean()
    raise ValueError(f"no such loss: {loss}")


def generator_slope(loss: str, logits_B: Tensor) -> Tensor:
    """∂`generator_loss`/∂logits (B,)."""
    batch = len(logits_B)
    match loss:
        case "non_saturating":
            return torch.sigmoid(-logits_B).div_(-batch)
        case "minimax":
            return torch.sigmoid(logits_B).div_(-batch)
        case "least_squares":
            return (logits_B - 1) / batch
        case "hinge":
            return torch.full_like(logits_B, -1 / batch)
    raise ValueError(f"no such loss: {loss}")


def r1_penalty(discriminator: nn.Module, x_BX: Tensor, gamma: float) -> Tensor:
    """γ/2 · E‖∇ₓD(x)‖² over the data (Mescheder et al. 2018, eq. 9)."""
    x_BX = x_BX.detach().requires_grad_()
    (slope_BX,) = torch.autograd.grad(discriminator(x_BX).sum(), x_BX, create_graph=True)
    return gamma / 2 * slope_BX.square().sum(1).mean()
