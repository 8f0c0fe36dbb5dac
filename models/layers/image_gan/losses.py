"""What the two players of an image GAN minimise, and the penalty that keeps the discriminator flat where data lie.

Letters: B batch, X pixels. `real_B` and `fake_B` are the discriminator's raw outputs on pictures and on forgeries.

Source: non-saturating: Goodfellow et al. 2014, arXiv 1406.2661, section 3; hinge: Lim and Ye 2017, arXiv 1705.02894;
relativistic pairing with R1 and R2: Huang et al. 2024 (R3GAN), arXiv 2501.05441, eq. 2 and 5; R1: Mescheder et al.
2018, arXiv 1801.04406, eq. 9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Loss = Literal["non_saturating", "hinge", "relativistic"]


def critic_loss(loss: Loss, real_B: Tensor, fake_B: Tensor) -> Tensor:
    """The loss of D, a mean over the batch."""
    match loss:
        case "non_saturating":
            return F.softplus(-real_B).mean() + F.softplus(fake_B).mean()
        case "hinge":
            return F.relu(1 - real_B).mean() + F.relu(1 + fake_B).mean()
    return F.softplus(fake_B - real_B).mean()


def forger_loss(loss: Loss, real_B: Tensor | None, fake_B: Tensor) -> Tensor:
    """The loss of G, a mean over the batch; only the relativistic one looks at real pictures."""
    match loss:
        case "non_saturating":
            return F.softplus(-fake_B).mean()
        case "hinge":
            return -fake_B.mean()
    assert real_B is not None
    return F.softplus(real_B - fake_B).mean()


def steepness(judge: Callable[[Tensor], Tensor], x_BX: Tensor) -> Tensor:
    """E‖∇ₓD(x)‖² over the pictures: what R1 takes at real ones and R2 at forged ones."""
    x_BX = x_BX.detach().requires_grad_()
    (slope_BX,) = torch.autograd.grad(judge(x_BX).sum(), x_BX, create_graph=True)
    return slope_BX.square().sum(1).mean()
