"""Many small GANs as one: players of the same shape stacked, so that a step of all of them is a step of one.

Letters: V = A·S GANs (variants × seeds, seeds fastest), B batch, I inputs and O outputs of a layer, P parameters, Z
noise numbers; points are (V, B, 2). A GAN never sees another: losses are summed over V, means are taken inside a GAN.

Source: Adam: Kingma and Ba 2015, arXiv 1412.6980, Algorithm 1. Losses, penalties and spectral normalisation are
those of `adversarial.py`, `penalties.py` and `spectral.py`, for stacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor
from torch.func import vmap
from torch.nn import functional as F

from models.layers.adversarial import discriminator_loss, generator_loss

WARM_UP = 20
"""Power iterations at the very first, so that already the first update knows σ."""


class Stack:
    """V perceptrons of the same sizes; `flat_VP` holds all weights, one net a row."""

    def __init__(self, sizes: Sequence[int], randoms: Sequence[torch.Generator], where: torch.device) -> None:
        self.shapes = [shape for i, o in pairwise(sizes) for shape in ((i, o), (1, o))]
        # Standard deviation 1/√fan_in, biases 0, as in `mlp.py`; drawn on the CPU so that every device starts alike.
        nets = [
            torch.cat([torch.randn(i * o, generator=random) / i**0.5 if i > 1 or place % 2 == 0 else torch.zeros(o)
                       for place, (i, o) in enumerate(self.shapes)])
            for random in randoms
        ]  # fmt: skip
        self.flat_VP = torch.stack(nets).to(where)

    def parts(self, flat_VP: Tensor) -> list[Tensor]:
        """Weights (V, I, O) and biases (V, 1, O) of each layer in turn, as views."""
        parts = torch.split(flat_VP, [i * o for i, o in self.shapes], dim=1)
        return [part.view(-1, *shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def __call__(self, x_VBI: Tensor, flat_VP: Tensor | None = None) -> Tensor:
        """The outputs (V, B, O), with other weights in place of the nets' own where given."""
        parts = self.parts(self.flat_VP if flat_VP is None else flat_VP)
        for weight, bias in zip(parts[:-2:2], parts[1:-2:2], strict=True):
            x_VBI = F.leaky_relu(torch.baddbmm(bias, x_VBI, weight))
        return torch.baddbmm(parts[-1], x_VBI, parts[-2])


class StackedAdam:
    """Adam for all rows of a stack at once; every row has its own learning rate."""

    def __init__(self, flat_VP: Tensor, lr_V: Tensor, beta1: float = 0.5, beta2: float = 0.999) -> None:
        self.flat_VP, self.lr_V1, self.betas = flat_VP, lr_V[:, None], (beta1, beta2)
        self.mean_VP, self.square_VP = torch.zeros_like(flat_VP), torch.zeros_like(flat_VP)
        self.count = torch.zeros((), dtype=flat_VP.dtype, device=flat_VP.device)

    @torch.no_grad()
    def step(self, gradient_VP: Tensor) -> None:
        one, two = self.betas
        self.count += 1
        self.mean_VP.lerp_(gradient_VP, 1 - one)
        self.square_VP.mul_(two).addcmul_(gradient_VP, gradient_VP, value=1 - two)
        root_VP = self.square_VP.div(1 - two**self.count).sqrt_().add_(1e-8)
        self.flat_VP.sub_(self.lr_V1 * self.mean_VP / (1 - one**self.count) / root_VP)

    def state(self) -> dict[str, Tensor]:
        return {"mean": self.mean_VP, "square": self.square_VP, "count": self.count}


class StackedSpectral:
    """Each layer's weights of the chosen rows divided by their largest singular value, which is followed."""

    def __init__(self, stack: Stack, rows_V: Tensor, random: torch.Generator) -> None:
        self.stack, self.rows_V = stack, rows_V
        nets = len(stack.flat_VP)
        widths = [i for i, _o in stack.shapes[::2]]
        self.u_VI = torch.randn(nets, sum(widths), generator=random).to(stack.flat_VP)
        self.us = torch.split(self.u_VI, widths, dim=1)
        self.follow(WARM_UP)

    @torch.no_grad()
    def follow(self, times: int = 1) -> None:
        """Steps of power iteration, u ← Wv/‖Wv‖ with v = Wᵀu/‖Wᵀu‖."""
        for _ in range(times):
            for u_VI, weight in zip(self.us, self.stack.parts(self.stack.flat_VP)[::2], strict=True):
                v_VO = F.normalize(torch.einsum("vio,vi->vo", weight, u_VI), dim=1)
                u_VI.copy_(F.normalize(torch.einsum("vio,vo->vi", weight, v_VO), dim=1))

    def used(self, flat_VP: Tensor) -> Tensor:
        """The weights that the nets use, differentiable: the chosen rows' matrices over their σ."""
        parts = []
        for place, part in enumerate(self.stack.parts(flat_VP)):
            if place % 2 == 0:
                u_VI = self.us[place // 2]
                v_VO = F.normalize(torch.einsum("vio,vi->vo", part.detach(), u_VI), dim=1)
                sigma_V = torch.einsum("vi,vio,vo->v", u_VI, part, v_VO)
                part = part / torch.where(self.rows_V, sigma_V, 1.0)[:, None, None]
            parts.append(part.flatten(1))
        return torch.cat(parts, 1)


def losses_of_d(loss: str, logits_V2B: Tensor, sign_2B: Tensor, smoothing: float) -> Tensor:
    """The loss of D of each GAN (V,)."""
    return vmap(partial(_d, loss, smoothing), in_dims=(0, None))(logits_V2B, sign_2B)


def _d(loss: str, smoothing: float, logits_2B: Tensor, sign_2B: Tensor) -> Tensor:
    return discriminator_loss(loss, logits_2B, sign_2B, smoothing)


def losses_of_g(loss: str, fake_VB: Tensor, real_VB: Tensor) -> Tensor:
    """The loss of G of each GAN (V,)."""
    return vmap(partial(generator_loss, loss))(fake_VB, real_VB)


def slopes(stack: Stack, flat_VP: Tensor, x_VB2: Tensor) -> Tensor:
    """∂D/∂x (V, B, 2) of each GAN, itself differentiable."""
    x_VB2 = x_VB2.detach().requires_grad_()
    (slope_VB2,) = torch.autograd.grad(stack(x_VB2, flat_VP).sum(), x_VB2, create_graph=True)
    return slope_VB2


def load(tensors: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    """Puts a state back in place."""
    for name, tensor in tensors.items():
        tensor.copy_(state[name])
