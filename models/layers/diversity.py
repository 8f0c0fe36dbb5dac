"""A discriminator that sees how varied a whole batch is: samples that are all alike give themselves away.

The standard deviation over the batch of every neuron of the last hidden layer, averaged over neurons, is one more
input of the last layer, the same for all data of the batch.

Letters: B batch (of G groups of equal size, each a batch of its own), I inputs, H hidden neurons, O outputs.

Source: minibatch standard deviation: Karras et al. 2018, arXiv 1710.10196, section 3; it simplifies the minibatch
discrimination of Salimans et al. 2016, arXiv 1606.03498. There it stands in a convolutional network before the last
block; here before the last layer. Where D is drawn as a surface, a point is judged as if in a batch as varied as data.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.layers.mlp import Mlp

TINY = 1e-8


class DiversityMlp(Mlp):
    """`Mlp` whose last layer also reads the batch's standard deviation."""

    def __init__(
        self, sizes: Sequence[int], activation: str, random: torch.Generator, where: torch.device | str = "cpu"
    ) -> None:
        super().__init__(sizes, activation, random, where, more=1)
        self.groups = 1

    def run(self, weights: Sequence[Tensor], x_BI: Tensor) -> Tensor:
        h_BH = self._hidden(weights, x_BI)
        return torch.addmm(weights[-1], _widened(h_BH, spread(h_BH, 1)), weights[-2])

    def _hidden(self, weights: Sequence[Tensor], h_BH: Tensor) -> Tensor:
        for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            h_BH = self.activation(torch.addmm(bias, h_BH, weight))
        return h_BH

    def among(self, x_BI: Tensor, batch_BI: Tensor) -> Tensor:
        seen = spread(self._hidden(self.weights, batch_BI), 1)[:1].expand(len(x_BI), 1)
        h_BH = self._hidden(self.weights, x_BI)
        return torch.addmm(self.weights[-1], _widened(h_BH, seen), self.weights[-2])

    @torch.no_grad()
    def trace(self, x_BI: Tensor, groups: int = 1) -> list[Tensor]:
        self.groups = groups
        trace = [x_BI]
        *hidden, (weight_IO, bias_O) = self.layers
        for weight, bias in hidden:
            trace.append(self.activation(torch.addmm(bias, trace[-1], weight)))
        trace[-1] = _widened(trace[-1], spread(trace[-1], groups))
        trace.append(torch.addmm(bias_O, trace[-1], weight_IO))
        return trace

    @torch.no_grad()
    def backpropagate(self, trace: list[Tensor], d_BO: Tensor, weights: bool = True) -> Tensor:
        for layer in range(len(self.layers) - 1, -1, -1):
            if weights:
                torch.mm(trace[layer].t(), d_BO, out=self.gradients[2 * layer])
                torch.sum(d_BO, 0, out=self.gradients[2 * layer + 1])
            if layer == 0 and weights:
                break
            d_BO = torch.mm(d_BO, self.layers[layer][0].t())
            if layer == len(self.layers) - 1:
                d_BO = self._narrowed(trace[layer][:, :-1], d_BO)
                d_BO = d_BO.mul_(self.slope(trace[layer][:, :-1]))
            elif layer:
                d_BO = d_BO.mul_(self.slope(trace[layer]))
        return d_BO

    def _narrowed(self, h_BH: Tensor, d_BW: Tensor) -> Tensor:
        """∂h (B, H) from ∂(h, spread): each h of a group moves its spread by (h - mean)/(B·H·deviation)."""
        h_GBH = h_BH.reshape(self.groups, -1, h_BH.shape[1])
        group, hidden = h_GBH.shape[1:]
        centred_GBH = h_GBH - h_GBH.mean(1, keepdim=True)
        deviation_G1H = (centred_GBH.square().mean(1, keepdim=True) + TINY).sqrt()
        d_G11 = d_BW[:, -1].reshape(self.groups, -1).sum(1)[:, None, None]
        return d_BW[:, :-1] + (d_G11 * centred_GBH / (deviation_G1H * (group * hidden))).reshape(h_BH.shape)


def spread(h_BH: Tensor, groups: int) -> Tensor:
    """(B, 1) the standard deviation over its group, averaged over neurons, for every datum."""
    h_GBH = h_BH.reshape(groups, -1, h_BH.shape[1])
    centred_GBH = h_GBH - h_GBH.mean(1, keepdim=True)
    deviation_GH = (centred_GBH.square().mean(1) + TINY).sqrt()
    return deviation_GH.mean(1)[:, None].expand(groups, h_GBH.shape[1]).reshape(-1, 1)


def _widened(h_BH: Tensor, spread_B1: Tensor) -> Tensor:
    return torch.cat((h_BH, spread_B1), 1)
