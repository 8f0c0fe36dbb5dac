"""Spectral normalisation: every layer of D is divided by its largest singular value, so that D cannot be steep.

The weights that are trained (`raw_P`) are turned into those that are used (the network's own) and a gradient with
respect to the used ones into one with respect to the trained ones. All else need not know.

Letters: P parameters, I inputs and O outputs of a layer; W = weight (I, O), σ its largest singular value, u and v the
singular vectors, σ = ‖Wᵀu‖ = uᵀWv.

Source: Miyato et al. 2018, arXiv 1802.05957, Algorithm 1 (one step of power iteration per update) and eq. 11 (the
gradient: (G - ⟨G, W/σ⟩ uvᵀ)/σ). Biases are left alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.layers.mlp import Mlp

WARM_UP = 20
"""Power iterations at the very first, so that already the first update knows σ."""


class Spectral:
    """The largest singular value of every layer of `net`, followed while the weights move."""

    def __init__(self, net: Mlp, random: torch.Generator) -> None:
        self.net = net
        shapes = [weight.shape for weight, _bias in net.layers]
        start = torch.randn(sum(shape[0] for shape in shapes), generator=random)
        self.u_S = start.to(net.flat_P.device)
        """All vectors u, one after the other."""
        self.us = torch.split(self.u_S, [shape[0] for shape in shapes])

    def weights(self, flat_P: Tensor) -> list[Tensor]:
        """The weight matrices (I, O) inside a vector of all parameters, as views."""
        found, start = [], 0
        for weight, bias in self.net.layers:
            found.append(flat_P[start : start + weight.numel()].view(weight.shape))
            start += weight.numel() + bias.numel()
        return found

    @torch.no_grad()
    def follow(self, raw_P: Tensor, times: int = 1) -> None:
        """Steps of power iteration: u ← Wv/‖Wv‖ with v = Wᵀu/‖Wᵀu‖."""
        for _ in range(times):
            for u_I, weight_IO in zip(self.us, self.weights(raw_P), strict=True):
                u_I.copy_(_unit(weight_IO @ _unit(weight_IO.t() @ u_I)))

    @torch.no_grad()
    def apply(self, raw_P: Tensor) -> None:
        """The network's own weights from the trained ones: W/σ."""
        self.net.flat_P.copy_(raw_P)
        for u_I, raw_IO, used_IO in zip(self.us, self.weights(raw_P), self.weights(self.net.flat_P), strict=True):
            used_IO.div_(torch.linalg.vector_norm(raw_IO.t() @ u_I) + 1e-12)

    @torch.no_grad()
    def pull_back(self, raw_P: Tensor, gradient_P: Tensor) -> None:
        """∂loss/∂(W/σ) becomes ∂loss/∂W, in place; the weights in use must be those of `apply`."""
        parts = (self.us, self.weights(raw_P), self.weights(self.net.flat_P), self.weights(gradient_P))
        for u_I, raw_IO, used_IO, gradient_IO in zip(*parts, strict=True):
            product_O = raw_IO.t() @ u_I
            sigma = torch.linalg.vector_norm(product_O) + 1e-12
            along = (gradient_IO * used_IO).sum()
            gradient_IO.sub_(along * torch.outer(u_I, product_O / sigma)).div_(sigma)

    @torch.no_grad()
    def sigmas(self, raw_P: Tensor) -> list[float]:
        """The largest singular value of each layer, as known now."""
        found = zip(self.us, self.weights(raw_P), strict=True)
        return [float(torch.linalg.vector_norm(weight_IO.t() @ u_I)) for u_I, weight_IO in found]


def _unit(vector: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(vector)
    return vector / (norm + 1e-12)
