"""EfficientNet-Lite0, written out: the small network that saw ImageNet, and now looks at anybody's pictures.

A stem, sixteen inverted residuals, a head. An inverted residual widens its input six times (1×1), looks at each channel
alone (3×3 or 5×5, "depthwise"), and narrows it again (1×1, without activation); where shape allows, its input is added.
Activations are cut off at 6 (ReLU6). Batch normalisation is folded into the convolutions: for looking, not training.

Letters: B pictures, C channels, H×W pixels, F = 1280 features, K = 1000 classes.

Source: Tan and Le 2019 (arXiv 1905.11946, table 1); the Lite variant, Liu 2020 (TensorFlow blog): no squeezing,
ReLU6 for swish, stem and head of fixed width; inverted residuals, Sandler et al. 2018 (arXiv 1801.04381). Padding is
TensorFlow's "same", uneven where a stride leaves a remainder. Names of weights are those of lukemelas's PyTorch port.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

EPSILON = 1e-3
STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)  # fmt: skip
"""Repeats, kernel, stride of the first one, widening, channels that come out."""
FEATURES, CLASSES = 1280, 1000
MEAN, DEVIATION = 127 / 255, 128 / 255
"""Pixels in 0 … 1 were centred so when it was trained."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with the normalisation behind it folded in, and the activation if there is one."""

    weight: Tensor
    bias: Tensor
    stride: int = 1
    active: bool = True

    def __call__(self, x_BCHW: Tensor) -> Tensor:
        _outputs, inputs, kernel, _kernel = self.weight.shape
        x_BCHW = _padded(x_BCHW, kernel, self.stride)
        groups = x_BCHW.shape[1] // inputs
        y_BCHW = F.conv2d(x_BCHW, self.weight, self.bias, self.stride, groups=groups)
        return F.relu6(y_BCHW) if self.active else y_BCHW


def _padded(x_BCHW: Tensor, kernel: int, stride: int) -> Tensor:
    """Zeros around, so that ⌈side / stride⌉ pixels come out; the odd one lies right and below."""
    sides = []
    for side in (x_BCHW.shape[3], x_BCHW.shape[2]):
        missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        sides += [missing // 2, missing - missing // 2]
    return F.pad(x_BCHW, sides) if any(sides) else x_BCHW


@dataclass(frozen=True)
class Lite0:
    """The whole network; look with `features` or `logits`."""

    stem: Convolution
    blocks: tuple[tuple[Convolution, ...], ...]
    """Of each inverted residual: widen (the first one does not), look, narrow."""
    head: Convolution
    weight_KF: Tensor
    bias_K: Tensor

    @torch.inference_mode()
    def features(self, images_B3HW: Tensor) -> Tensor:
        """What it sees in pictures of any size (B, 3, H, W) in 0 … 1: (B, 1280), means over places, none negative."""
        x_BCHW = self.stem((images_B3HW - MEAN) / DEVIATION)
        for block in self.blocks:
            y_BCHW = x_BCHW
            for convolution in block:
                y_BCHW = convolution(y_BCHW)
            x_BCHW = x_BCHW + y_BCHW if x_BCHW.shape == y_BCHW.shape else y_BCHW
        return self.head(x_BCHW).mean((2, 3))

    @torch.inference_mode()
    def logits(self, images_B3HW: Tensor) -> Tensor:
        """Scores (B, 1000) of ImageNet's classes."""
        return self.features(images_B3HW) @ self.weight_KF.T + self.bias_K


def lite0(weights: Mapping[str, Tensor]) -> Lite0:
    """The network with these weights; raises ValueError where one is missing or has another shape."""

    def folded(convolution: str, norm: str, *shape: int, stride: int = 1, active: bool = True) -> Convolution:
        weight = _taken(weights, f"{convolution}.weight", *shape)
        scale, shift, mean, variance = (
            _taken(weights, f"{norm}.{part}", shape[0]) for part in ("weight", "bias", "running_mean", "running_var")
        )
        gain = scale / (variance + EPSILON).sqrt()
        return Convolution(weight * gain[:, None, None, None], shift - mean * gain, stride, active)

    blocks: list[tuple[Convolution, ...]] = []
    inputs = 32
    for repeats, kernel, first_stride, widening, outputs in STAGES:
        for repeat in range(repeats):
            name, wide = f"_blocks.{len(blocks)}.", inputs * widening
            stride = first_stride if repeat == 0 else 1
            widen = [folded(f"{name}_expand_conv", f"{name}_bn0", wide, inputs, 1, 1)] if widening > 1 else []
            look = folded(f"{name}_depthwise_conv", f"{name}_bn1", wide, 1, kernel, kernel, stride=stride)
            narrow = folded(f"{name}_project_conv", f"{name}_bn2", outputs, wide, 1, 1, active=False)
            blocks.append((*widen, look, narrow))
            inputs = outputs
    return Lite0(
        folded("_conv_stem", "_bn0", 32, 3, 3, 3, stride=2),
        tuple(blocks),
        folded("_conv_head", "_bn1", FEATURES, inputs, 1, 1),
        _taken(weights, "_fc.weight", CLASSES, FEATURES),
        _taken(weights, "_fc.bias", CLASSES),
    )


def _taken(weights: Mapping[str, Tensor], name: str, *shape: int) -> Tensor:
    found = weights.get(name)
    if found is None or found.shape != shape:
        raise ValueError(f"The weights have no {name} of shape {shape}.")
    return found
