"""Optimizers for stacks of nets in which a frozen layer is frozen: neither momentum nor weight decay moves it.

Masking the gradient is not enough. With momentum 0.9 and weight decay, a layer whose gradient became zero moves on for
many steps; so do Adam's averages. Here a layer that does not train is not touched at all: its weights, its averages
and its own count of steps stay, bit for bit, until it trains again.

Letters: V nets, P parameters of a layer. Learning rates are (V,): every net of a stack can have its own.

Source: SGD with momentum as `torch.optim.SGD` (Sutskever et al. 2013 without the dampening); Adam, Kingma and Ba 2014
(arXiv 1412.6980), with decoupled decay, Loshchilov and Hutter 2017 (arXiv 1711.05101), as `torch.optim.AdamW`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["sgd", "adamw"]
MOMENTUM = 0.9
BETAS, EPSILON = (0.9, 0.999), 1e-8


class Masked:
    """One optimizer for all layers of a stack: what `update` is not called for stays as it is."""

    def __init__(self, kind: Kind, weight_decay: float = 0.0) -> None:
        self.kind, self.weight_decay = kind, weight_decay
        self.averages: dict[int, list[Tensor]] = {}
        self.counts: dict[int, int] = {}

    @torch.no_grad()
    def update(self, layer: int, block_VP: Tensor, gradient_VP: Tensor, lr_V: Tensor) -> None:
        """One step of one layer, in place."""
        self.begin(layer, block_VP)
        self.counts[layer] += 1
        lr_V1 = lr_V[:, None]
        if self.kind == "sgd":
            self._sgd(block_VP, gradient_VP, lr_V1, self.averages[layer][0])
        else:
            self._adamw(block_VP, gradient_VP, lr_V1, self.averages[layer], self.counts[layer])

    def begin(self, layer: int, block_VP: Tensor) -> None:
        """Averages of zeros for a layer that never trained before."""
        if layer not in self.averages:
            self.averages[layer] = [torch.zeros_like(block_VP) for _ in range(1 if self.kind == "sgd" else 2)]
            self.counts[layer] = 0

    def _sgd(self, block_VP: Tensor, gradient_VP: Tensor, lr_V1: Tensor, velocity_VP: Tensor) -> None:
        if self.weight_decay:
            gradient_VP = gradient_VP.add(block_VP, alpha=self.weight_decay)
        velocity_VP.mul_(MOMENTUM).add_(gradient_VP)
        block_VP.addcmul_(velocity_VP, lr_V1, value=-1)

    def _adamw(self, block_VP: Tensor, gradient_VP: Tensor, lr_V1: Tensor, averages: list[Tensor], count: int) -> None:
        (one, two), (mean_VP, square_VP) = BETAS, averages
        block_VP.mul_(1 - lr_V1 * self.weight_decay)
        mean_VP.lerp_(gradient_VP, 1 - one)
        square_VP.mul_(two).addcmul_(gradient_VP, gradient_VP, value=1 - two)
        root_VP = square_VP.sqrt().div_((1 - two**count) ** 0.5).add_(EPSILON)
        block_VP.addcmul_(mean_VP / root_VP, lr_V1 / (1 - one**count), value=-1)

    def state(self) -> dict[str, Tensor]:
        """Averages and counts of the layers that ever trained, by name."""
        held = {f"{layer}.{place}": part for layer, parts in self.averages.items() for place, part in enumerate(parts)}
        return {**held, **{f"{layer}.count": torch.tensor(count) for layer, count in self.counts.items()}}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        layers = sorted({int(name.split(".")[0]) for name in state})
        self.counts = {layer: int(state[f"{layer}.count"]) for layer in layers}
        parts = 1 if self.kind == "sgd" else 2
        self.averages = {layer: [state[f"{layer}.{part}"].clone() for part in range(parts)] for layer in layers}


@torch.no_grad()
def pull(block_VP: Tensor, towards_VP: Tensor, strength_VP: Tensor, lr_V: Tensor) -> None:
    """A proximal step on ½ Σ strength (w − w₀)², in place: however strong the pull, it never overshoots.

    L2-SP has one strength for all weights (Li et al. 2018, arXiv 1802.01483); EWC the Fisher information of each
    (Kirkpatrick et al. 2017, arXiv 1612.00796), where a plain gradient step diverges at large strengths.
    """
    weight_VP = strength_VP * lr_V[:, None]
    block_VP.add_(weight_VP * towards_VP).div_(1 + weight_VP)
