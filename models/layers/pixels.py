"""Convolutions that begin or end at a picture of one channel, as fast as a CPU does them.

A CPU's library for convolutions computes sixteen channels at a time: where the result is one channel, it throws fifteen
sixteenths away. That is so in the last layer of a generator, and in the gradient of a discriminator with respect to its
pictures. The same sums are one product and a fold: 4·4 numbers for each place of the map, added up where they overlap.

Letters: B pictures, X = S² pixels, K channels, P places of a map (H·V), T = 4·4 taps of the kernel.

Source: a transposed convolution is the gradient of a convolution: Dumoulin and Visin 2016, arXiv 1603.07285, chapter 4.
On other devices than a CPU both layers are PyTorch's own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNEL, STRIDE, PADDING = 4, 2, 1

Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


def maps(x_BX: Tensor, side: int) -> Tensor:
    """Pictures (B, X) as maps of one channel, (B, 1, S, S).

    On a CPU their strides say that the channels of a place stand side by side. For a single channel that is a matter of
    words, but all convolutions behind it follow suit, and are faster so.
    """
    if x_BX.device.type != "cpu":
        return x_BX.view(-1, 1, side, side)
    return x_BX.view(-1, side, side, 1).movedim(-1, 1)


class FromPicture(nn.Conv2d):
    """Maps of one channel (B, 1, S, S) to maps (B, K, S/2, S/2)."""

    def __init__(self, channels: int) -> None:
        super().__init__(1, channels, KERNEL, STRIDE, PADDING)

    def forward(self, picture_B1SS: Tensor) -> Tensor:
        if picture_B1SS.device.type != "cpu":
            return super().forward(picture_B1SS)
        found: Tensor = _Gathered.apply(picture_B1SS, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return found


class ToPicture(nn.ConvTranspose2d):
    """Maps (B, K, S/2, S/2) to pictures (B, X)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 1, KERNEL, STRIDE, PADDING)

    def forward(self, map_BKHV: Tensor) -> Tensor:  # type: ignore[override]
        if map_BKHV.device.type != "cpu":
            return super().forward(map_BKHV).flatten(1)
        found: Tensor = _Scattered.apply(map_BKHV, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return found.flatten(1)


class _Gathered(torch.autograd.Function):
    """A convolution; its gradient with respect to the picture by `scattered`."""

    @staticmethod
    def forward(ctx: Any, picture_B1SS: Tensor, weight_K1TT: Tensor, bias_K: Tensor) -> Tensor:
        ctx.save_for_backward(picture_B1SS, weight_K1TT)
        return F.conv2d(picture_B1SS, weight_K1TT, bias_K, STRIDE, PADDING)

    @staticmethod
    def backward(ctx: Any, d_BKHV: Tensor) -> Gradients:
        wanted, (_picture, weight_K1TT) = ctx.needs_input_grad, ctx.saved_tensors
        _none, d_weight, d_bias = _gradients(ctx, d_BKHV, False, (False, *wanted[1:]))
        return scattered(d_BKHV, weight_K1TT) if wanted[0] else None, d_weight, d_bias


class _Scattered(torch.autograd.Function):
    """A transposed convolution by `scattered`; its gradients are convolutions."""

    @staticmethod
    def forward(ctx: Any, map_BKHV: Tensor, weight_K1TT: Tensor, bias_1: Tensor) -> Tensor:
        ctx.save_for_backward(map_BKHV, weight_K1TT)
        return scattered(map_BKHV, weight_K1TT) + bias_1

    @staticmethod
    def backward(ctx: Any, d_B1SS: Tensor) -> Gradients:
        return _gradients(ctx, d_B1SS, True, ctx.needs_input_grad)


def _gradients(ctx: Any, d_out: Tensor, transposed: bool, wanted: tuple[bool, ...]) -> Gradients:
    """PyTorch's own gradients of a convolution with respect to input, weight and bias, as far as they are wanted."""
    found: Gradients = torch.ops.aten.convolution_backward(
        d_out, *ctx.saved_tensors, [ctx.saved_tensors[1].shape[transposed]], [STRIDE] * 2, [PADDING] * 2, [1, 1],
        transposed, [0, 0], 1, wanted,
    )  # fmt: skip
    return found


def scattered(map_BKHV: Tensor, weight_K1TT: Tensor) -> Tensor:
    """What a transposed convolution without bias makes of a map: (B, 1, S, S)."""
    weight_BTK = weight_K1TT.flatten(1).T.expand(len(map_BKHV), -1, -1)
    taps_BTP = torch.bmm(weight_BTK, map_BKHV.flatten(2))
    high, wide = (STRIDE * side for side in map_BKHV.shape[2:])
    return F.fold(taps_BTP, (high, wide), KERNEL, padding=PADDING, stride=STRIDE)
