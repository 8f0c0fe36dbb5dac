"""Many copies of one small convolutional net, trained as one: each layer of all copies is a single tensor.

    picture 16×16 → conv1 8 → conv2 16, half as wide → conv3 16 → conv4 32, half as wide → hidden 64 → head K

A layer is the unit of freezing, so it is the unit of storage: `blocks[l]` (V, P_l) holds weights and biases of layer l
of all V nets. Convolutions run as one grouped convolution, the rest as one batched product; a net never sees another.

Letters: V nets, B pictures in a batch, C channels, H×W pixels, F features, K classes, P parameters, L = 6 layers.
Pictures and channels travel as (B, V·C, H, W), features as (V, B, F).

Source: the sizes are those of a pilot for this page; rectified units and initial weights He et al. 2015 (arXiv
1502.01852). No normalisation layers: what freezing does to their running statistics is a story of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

LAYERS = ("conv1", "conv2", "conv3", "conv4", "hidden", "head")
SIDE = 16
HEAD = len(LAYERS) - 1


@dataclass(frozen=True)
class Shape:
    """One layer of one net: the shape of its weights, and the stride of a convolution."""

    weight: tuple[int, ...]
    stride: int = 1
    pixels: int = 1
    """Places at which the weights are used, for the count of multiply-adds."""

    @property
    def outputs(self) -> int:
        return self.weight[0]

    @property
    def parameters(self) -> int:
        return math.prod(self.weight) + self.outputs

    @property
    def multiply_adds(self) -> int:
        """Per picture, forward."""
        return math.prod(self.weight) * self.pixels


TRUNK = (
    Shape((8, 1, 3, 3), 1, 256), Shape((16, 8, 3, 3), 2, 64), Shape((16, 16, 3, 3), 1, 64),
    Shape((32, 16, 3, 3), 2, 16), Shape((64, 512)),
)  # fmt: skip


def shapes(classes: int) -> tuple[Shape, ...]:
    """The six layers of a net for `classes` classes."""
    return (*TRUNK, Shape((classes, TRUNK[-1].outputs)))


def fresh(layer: int, classes: int, random: torch.Generator) -> Tensor:
    """Initial weights of one layer of one net, (P_l,): normal with variance 2 / fan_in (1 / fan_in for the head)."""
    shape = shapes(classes)[layer]
    fan_in = math.prod(shape.weight[1:])
    gain = 1.0 if layer == HEAD else 2.0
    weight = torch.randn(math.prod(shape.weight), generator=random) * math.sqrt(gain / fan_in)
    return torch.cat((weight, torch.zeros(shape.outputs)))


def parted(block_VP: Tensor, shape: Shape) -> tuple[Tensor, Tensor]:
    """Weights (V, *shape) and biases (V, outputs) of a layer, as views."""
    # One operation, whose gradient is one as well: of two slices each would be padded with zeros, and they added up.
    weight_VW, bias_VO = torch.split(block_VP, [shape.parameters - shape.outputs, shape.outputs], 1)
    return weight_VW.view(-1, *shape.weight), bias_VO


def layer(index: int, block_VP: Tensor, x: Tensor, classes: int) -> Tensor:
    """What layer `index` makes of `x`: pictures stay (B, V·C, H, W), from the hidden layer on it is (V, B, F)."""
    nets, shape = len(block_VP), shapes(classes)[index]
    weight, bias_VO = parted(block_VP, shape)
    if index < HEAD - 1:
        flat = weight.flatten(0, 1)
        if x.device.type == "cpu":  # a quarter faster where the channels of a place stand side by side
            x = x.contiguous(memory_format=torch.channels_last)
        return F.relu(F.conv2d(x, flat, bias_VO.flatten(), shape.stride, padding=1, groups=nets))
    if index == HEAD - 1:
        x = x.reshape(len(x), nets, -1).transpose(0, 1)
    y_VBO = torch.baddbmm(bias_VO[:, None], x, weight.transpose(1, 2))
    return y_VBO if index == HEAD else F.relu(y_VBO)


def forward(
    blocks: Sequence[Tensor], x: Tensor, *, start: int = 0, stop: int = HEAD + 1, keep_VF: Tensor | None = None
) -> Tensor:
    """Runs the layers from `start` until before `stop` over what comes out of the layer before `start`.

    From pictures (B, V, H, W) to logits (V, B, K) where nothing else is asked for. `keep_VF` (broadcast over
    (V, B, F), values 0 or 1 / keep) drops hidden units on their way to the head.
    """
    classes = blocks[HEAD].shape[1] // (TRUNK[-1].outputs + 1)
    for index in range(start, stop):
        if index == HEAD and keep_VF is not None:
            x = x * keep_VF
        x = layer(index, blocks[index], x, classes)
    return x


def spread(pictures_VBHW: Tensor) -> Tensor:
    """Pictures of one's own for each net, (V, B, H, W), as the first layer wants them: (B, V, H, W)."""
    return pictures_VBHW.transpose(0, 1)


def shared(pictures_BHW: Tensor, nets: int) -> Tensor:
    """The same pictures for all nets, (B, V, H, W), without a copy."""
    return pictures_BHW[:, None].expand(-1, nets, -1, -1)


class Features:
    """What the layers of one net make of a set of pictures: computed once, looked up ever after.

    Nets whose first layers are frozen, and never were anything but this net's, share them; then only the rest trains.
    """

    def __init__(self, blocks: Sequence[Tensor], pictures_NHW: Tensor, chunk: int = 512) -> None:
        self.blocks, self.pictures_NHW, self.chunk = blocks, pictures_NHW, chunk
        self._held: dict[int, Tensor] = {}

    @torch.no_grad()
    def before(self, start: int) -> Tensor:
        """The inputs of layer `start` for all pictures: (N, C, H, W), or (N, F) for the head."""
        if start == 0:
            return self.pictures_NHW[:, None]
        if start not in self._held:
            lower = self.before(start - 1)
            parts = [self._through(start - 1, part) for part in torch.split(lower, self.chunk)]
            self._held[start] = torch.cat(parts)
        return self._held[start]

    def _through(self, index: int, part: Tensor) -> Tensor:
        classes = self.blocks[HEAD].shape[1] // (TRUNK[-1].outputs + 1)
        y = layer(index, self.blocks[index], part[None] if index == HEAD else part, classes)
        return y[0] if index >= HEAD - 1 else y

    def drawn(self, start: int, index_VB: Tensor) -> Tensor:
        """The inputs of layer `start` for each net's own batch, as `forward` wants them."""
        picked = self.before(start)[index_VB]
        return picked if start == HEAD else picked.transpose(0, 1).flatten(1, 2)
