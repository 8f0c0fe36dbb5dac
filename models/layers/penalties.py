"""What holds a discriminator back from becoming steep: penalties on its slope at data, at samples, and in between.

A slope is itself a gradient, so these need autograd where the plain losses have their backpropagation written out.

Letters: B batch, X numbers per datum.

Source: R1: Mescheder et al. 2018, arXiv 1801.04406, eq. 9; R2 (the same at samples): eq. 10; WGAN-GP: Gulrajani et al.
2017, arXiv 1704.00028, eq. 3 (one coefficient per pair, the norm over all coordinates of one datum).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Discriminator = Callable[[Tensor], Tensor]


def slope(discriminator: Discriminator, x_BX: Tensor) -> Tensor:
    """∂D/∂x (B, X), itself differentiable."""
    x_BX = x_BX.detach().requires_grad_()
    (slope_BX,) = torch.autograd.grad(discriminator(x_BX).sum(), x_BX, create_graph=True)
    return slope_BX


def r1_penalty(discriminator: Discriminator, x_BX: Tensor, gamma: float) -> Tensor:
    """γ/2 · E‖∇ₓD(x)‖²: R1 where x are data, R2 where they are samples."""
    return gamma / 2 * slope(discriminator, x_BX).square().sum(1).mean()


def gradient_penalty(
    discriminator: Discriminator, real_BX: Tensor, fake_BX: Tensor, share_B1: Tensor, weight: float
) -> Tensor:
    """λ · E(‖∇ₓD(x)‖ - 1)² at points on the lines from samples to data; `share_B1` in 0 … 1 says where on each line."""
    between_BX = fake_BX.lerp(real_BX, share_B1)
    # A root has no slope at 0: a discriminator that is flat somewhere must not make NaN.
    norm_B = (slope(discriminator, between_BX).square().sum(1) + 1e-12).sqrt()
    return weight * (norm_B - 1).square().mean()
