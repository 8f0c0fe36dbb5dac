"""A generator that thinks ahead: its gradient runs through k steps that the discriminator would make in answer.

G then no longer rushes to the one place where D is wrong now, since D as it would be k steps later is not wrong there.

Letters: B batch, X numbers per datum, P parameters of D.

Source: Metz et al. 2017, arXiv 1611.02163, eq. 4 to 6. The steps ahead are taken on the same data and samples, as
there; D's own optimizer continues from its present state, with Adam's second moment taken as a constant, since the
slope of its root is infinite at 0. With k = 0 this is the plain gradient.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from models.layers.adversarial import discriminator_loss, generator_loss
from models.layers.mlp import Adam, Mlp, Sgd


def unrolled_loss(
    d: Mlp, optimizer: Sgd | Adam, loss: str, real_BX: Tensor, fake_BX: Tensor, sign_2B: Tensor, k: int,
    smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """The loss of G against D as it would be `k` of its own updates later; differentiable through all of them."""
    weights_P = d.flat_P.detach().clone().requires_grad_()
    memory: Mapping[str, Tensor] = {name: value.clone() for name, value in optimizer.state().items()}
    for _ in range(k):
        weights = d.shaped(weights_P)
        logits_2B = torch.cat([d.run(weights, x_BX)[:, 0] for x_BX in (real_BX, fake_BX)])
        value = discriminator_loss(loss, logits_2B, sign_2B, smoothing)
        (gradient_P,) = torch.autograd.grad(value, weights_P, create_graph=True)
        step_P, memory = _direction(optimizer, gradient_P, memory)
        weights_P = weights_P - optimizer.lr * step_P
    weights = d.shaped(weights_P)
    return generator_loss(loss, d.run(weights, fake_BX)[:, 0], d.run(weights, real_BX)[:, 0])


def _direction(
    optimizer: Sgd | Adam, gradient_P: Tensor, memory: Mapping[str, Tensor]
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """How the optimizer would answer a gradient, and its memory after that."""
    if isinstance(optimizer, Sgd):
        return gradient_P, memory
    beta1, beta2 = optimizer.beta1, optimizer.beta2
    t = memory["t"] + 1
    m_P = beta1 * memory["m"] + (1 - beta1) * gradient_P
    v_P = beta2 * memory["v"] + (1 - beta2) * gradient_P.detach().square()
    root_P = (v_P / (1 - torch.pow(beta2, t)).to(v_P.dtype)).sqrt()
    step_P = m_P / (1 - torch.pow(beta1, t)).to(v_P.dtype) / (root_P + optimizer.eps)
    return step_P, {"m": m_P, "v": v_P, "t": t}
