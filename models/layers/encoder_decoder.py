"""Encoder and decoder: from a picture to the numbers that describe its code, and from a code back to a picture.

Letters: B pictures, X pixels, Z latent numbers, C classes (0 without conditions), W channels, S side of a picture.
The decoder ends in logits; their sigmoid is the picture. A condition is a one-hot class, appended to what each reads.

Source: two perceptrons, Kingma and Welling 2014, arXiv 1312.6114, appendix C; convolutions by stride and transposed
convolutions of kernel 4 (so that every pixel is touched equally often: Odena et al. 2016, "Deconvolution and
checkerboard artifacts"). Small on purpose: a browser can run the decoder thirty times a second.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.layers.pixels import ToPicture, maps


def perceptron(sizes: Sequence[int], last: bool) -> nn.Sequential:
    """Linear layers with ReLU between them, and after the last one where `last`."""
    layers: list[nn.Module] = []
    for i, o in itertools.pairwise(sizes):
        layers += [nn.Linear(i, o), nn.ReLU()]
    return nn.Sequential(*(layers if last else layers[:-1]))


class MlpEncoder(nn.Module):
    """(B, X), (B, C) → (B, outputs)."""

    def __init__(self, side: int, classes: int, width: int, depth: int, outputs: int) -> None:
        super().__init__()
        self.layers = perceptron([side * side + classes, *[width] * depth, outputs], last=False)

    def forward(self, x_BX: Tensor, one_hot_BC: Tensor | None = None) -> Tensor:
        found: Tensor = self.layers(x_BX if one_hot_BC is None else torch.cat((x_BX, one_hot_BC), 1))
        return found


class MlpDecoder(nn.Module):
    """(B, Z), (B, C) → logits (B, X)."""

    def __init__(self, side: int, classes: int, width: int, depth: int, latent: int) -> None:
        super().__init__()
        self.layers = perceptron([latent + classes, *[width] * depth, side * side], last=False)

    def forward(self, z_BZ: Tensor, one_hot_BC: Tensor | None = None) -> Tensor:
        found: Tensor = self.layers(z_BZ if one_hot_BC is None else torch.cat((z_BZ, one_hot_BC), 1))
        return found


class ConvEncoder(nn.Module):
    """The picture halved twice, then one linear layer: (B, X), (B, C) → (B, outputs)."""

    def __init__(self, side: int, classes: int, channels: int, outputs: int) -> None:
        super().__init__()
        self.side = side
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, channels, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.last = nn.Linear(2 * channels * (side // 4) ** 2 + classes, outputs)

    def forward(self, x_BX: Tensor, one_hot_BC: Tensor | None = None) -> Tensor:
        flat = self.convolutions(maps(x_BX, self.side)).flatten(1)
        found: Tensor = self.last(flat if one_hot_BC is None else torch.cat((flat, one_hot_BC), 1))
        return found


class ConvDecoder(nn.Module):
    """One linear layer to a small map, doubled twice: (B, Z), (B, C) → logits (B, X)."""

    def __init__(self, side: int, classes: int, channels: int, latent: int) -> None:
        super().__init__()
        self.shape = (2 * channels, side // 4, side // 4)
        self.first = nn.Linear(latent + classes, 2 * channels * (side // 4) ** 2)
        self.convolutions = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1),
            nn.ReLU(), ToPicture(channels),
        )  # fmt: skip

    def forward(self, z_BZ: Tensor, one_hot_BC: Tensor | None = None) -> Tensor:
        z_BZ = z_BZ if one_hot_BC is None else torch.cat((z_BZ, one_hot_BC), 1)
        found: Tensor = self.convolutions(self.first(z_BZ).view(-1, *self.shape))
        return found


class MapEncoder(nn.Module):
    """For codes that keep their place: (B, X) → (B, D, S/4, S/4)."""

    def __init__(self, side: int, channels: int, dims: int) -> None:
        super().__init__()
        self.side = side
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, channels, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(channels, dims, 1),
        )  # fmt: skip

    def forward(self, x_BX: Tensor) -> Tensor:
        found: Tensor = self.convolutions(maps(x_BX, self.side))
        return found


class MapDecoder(nn.Module):
    """(B, D, S/4, S/4) → logits (B, X)."""

    def __init__(self, channels: int, dims: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(dims, channels, 3, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1), nn.ReLU(),
            ToPicture(channels),
        )  # fmt: skip

    def forward(self, code_BDSS: Tensor) -> Tensor:
        found: Tensor = self.convolutions(code_BDSS)
        return found


def fresh(network: nn.Module, random: torch.Generator) -> None:
    """Weights and biases uniform on ±1/√fan_in from the run's own stream, on the CPU: all devices start alike."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                weight = module.weight
                # A transposed convolution of kernel 4 and stride 2 adds up 2·2 taps of each input channel.
                fan = weight.shape[0] * 4 if isinstance(module, nn.ConvTranspose2d) else weight[0].numel()
                for parameter in module.parameters(recurse=False):
                    parameter.copy_((2 * torch.rand(parameter.shape, generator=random) - 1) * fan**-0.5)
