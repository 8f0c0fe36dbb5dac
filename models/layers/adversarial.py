"""What the two players of a GAN minimise, and the slopes of these losses written out.

Letters: B batch. `logits` are the discriminator's raw outputs; for a pair of data and samples they come as one vector
(2B,), data first, with `sign_2B` +1 for data and -1 for samples.

Source: minimax and non-saturating: Goodfellow et al. 2014, arXiv 1406.2661, eq. 1 and section 3; least squares: Mao et
al. 2017, arXiv 1611.04076, eq. 2 with targets 0 and 1; hinge: Lim and Ye 2017, arXiv 1705.02894; Wasserstein: Arjovsky
et al. 2017, arXiv 1701.07875, eq. 2; relativistic pairing: Jolicoeur-Martineau 2018, arXiv 1807.00734, as paired by
Huang et al. 2024 (R3GAN), arXiv 2501.05441, eq. 2; one-sided label smoothing: Salimans et al. 2016, arXiv 1606.03498,
section 3.4. Penalties on the slope of D are in `models/layers/penalties.py`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LOGISTIC = ("non_saturating", "minimax")
SMOOTHED = (*LOGISTIC, "least_squares")
"""Losses that have a target for data, which label smoothing can lower."""
PAIRED = ("relativistic",)
"""Losses in which G as well looks at data: it wants samples to look more real than they do."""


def discriminator_loss(loss: str, logits_2B: Tensor, sign_2B: Tensor, smoothing: float = 0.0) -> Tensor:
    """The loss of D: its mean over data plus its mean over samples, or over pairs; `smoothing` lowers data's target."""
    batch = len(logits_2B) // 2
    match loss:
        case "non_saturating" | "minimax":
            value = F.softplus(-sign_2B * logits_2B).sum() / batch
            # (1-ε) log σ(l) + ε log(1-σ(l)) differs from log σ(l) by εl.
            return value + smoothing * logits_2B[:batch].mean() if smoothing else value
        case "least_squares":
            # (D(x) - 1)² for data and D(x)² for samples: targets (sign + 1) / 2.
            return (logits_2B - _targets(sign_2B, smoothing)).square().sum() / (2 * batch)
        case "hinge":
            return F.relu(1 - sign_2B * logits_2B).sum() / batch
        case "wasserstein":
            return -(sign_2B * logits_2B).sum() / batch
        case "relativistic":
            return F.softplus(logits_2B[batch:] - logits_2B[:batch]).mean()
    raise ValueError(f"no such loss: {loss}")


def discriminator_slope(loss: str, logits_2B: Tensor, sign_2B: Tensor, smoothing: float = 0.0) -> Tensor:
    """∂`discriminator_loss`/∂logits (2B,)."""
    batch = len(logits_2B) // 2
    match loss:
        case "non_saturating" | "minimax":
            slope_2B = torch.sigmoid(-sign_2B * logits_2B).mul_(sign_2B).div_(-batch)
            if smoothing:
                slope_2B[:batch].add_(smoothing / batch)
            return slope_2B
        case "least_squares":
            return (logits_2B - _targets(sign_2B, smoothing)) / batch
        case "hinge":
            return -sign_2B * (sign_2B * logits_2B < 1) / batch
        case "wasserstein":
            return sign_2B / -batch
        case "relativistic":
            slope_B = torch.sigmoid(logits_2B[batch:] - logits_2B[:batch]).div_(batch)
            return torch.cat((-slope_B, slope_B))
    raise ValueError(f"no such loss: {loss}")


def _targets(sign_2B: Tensor, smoothing: float) -> Tensor:
    """1 - smoothing for data, 0 for samples."""
    targets_2B = (sign_2B + 1) / 2
    return targets_2B * (1 - smoothing) if smoothing else targets_2B


def generator_loss(loss: str, logits_B: Tensor, real_B: Tensor | None = None) -> Tensor:
    """The loss of G for the discriminator's logits of B samples; paired losses also need those of B data."""
    match loss:
        case "non_saturating":
            return F.softplus(-logits_B).mean()
        case "minimax":
            return -F.softplus(logits_B).mean()
        case "least_squares":
            return (logits_B - 1).square().mean() / 2
        case "hinge" | "wasserstein":
            return -logits_B.mean()
        case "relativistic" if real_B is not None:
            return F.softplus(real_B - logits_B).mean()
    raise ValueError(f"no such loss: {loss}")


def generator_slope(loss: str, logits_B: Tensor, real_B: Tensor | None = None) -> Tensor:
    """∂`generator_loss`/∂logits (B,)."""
    batch = len(logits_B)
    match loss:
        case "non_saturating":
            return torch.sigmoid(-logits_B).div_(-batch)
        case "minimax":
            return torch.sigmoid(logits_B).div_(-batch)
        case "least_squares":
            return (logits_B - 1) / batch
        case "hinge" | "wasserstein":
            return torch.full_like(logits_B, -1 / batch)
        case "relativistic" if real_B is not None:
            return torch.sigmoid(real_B - logits_B).div_(-batch)
    raise ValueError(f"no such loss: {loss}")
