"""Two discriminators, a perceptron and a small convolutional network; told a class, they ask whether it fits.

Letters: B pictures, X = S² pixels in 0 … 1, C classes (0 without), F features, K channels.

Source: projection, Miyato and Koyama 2018, arXiv 1802.05637, eq. 3 and figure 1d, as in BigGAN (Brock et al. 2019,
arXiv 1809.11096): the logit is a line over the features plus the inner product of features and class embedding. No
batch normalisation here: the penalty R1 asks for the slope at one picture, whatever others stand beside it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.pixels import FromPicture, maps

SLOPE = 0.2


class Discriminator(nn.Module):
    """(B, X), (B, C) → logits (B,): features, a line over them, and a class embedding they are projected on."""

    def __init__(self, side: int, classes: int, features: int) -> None:
        super().__init__()
        self.side = side
        self.last = nn.Linear(features, 1)
        self.embedding = nn.Linear(classes, features, bias=False) if classes else None

    def features(self, x_BX: Tensor) -> Tensor:
        """(B, F)."""
        raise NotImplementedError

    def forward(self, x_BX: Tensor, class_BC: Tensor | None = None) -> Tensor:
        feature_BF = self.features(2 * x_BX - 1)
        found: Tensor = self.last(feature_BF)[:, 0]
        if self.embedding is not None and class_BC is not None:
            found = found + (self.embedding(class_BC) * feature_BF).sum(1)
        return found


class MlpDiscriminator(Discriminator):
    """A perceptron of two hidden layers."""

    def __init__(self, side: int, classes: int, width: int) -> None:
        super().__init__(side, classes, width)
        self.first = nn.Linear(side * side, width)
        self.second = nn.Linear(width, width)

    def features(self, x_BX: Tensor) -> Tensor:
        return F.leaky_relu(self.second(F.leaky_relu(self.first(x_BX), SLOPE)), SLOPE)


class ConvDiscriminator(Discriminator):
    """The picture halved twice by convolutions, then one linear layer to the features."""

    def __init__(self, side: int, classes: int, channels: int) -> None:
        super().__init__(side, classes, 8 * channels)
        self.first = FromPicture(channels)
        self.second = nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1)
        self.third = nn.Linear(2 * channels * (side // 4) ** 2, 8 * channels)

    def features(self, x_BX: Tensor) -> Tensor:
        map_BKHV = F.leaky_relu(self.first(maps(x_BX, self.side)), SLOPE)
        map_BF = F.leaky_relu(self.second(map_BKHV).flatten(1), SLOPE)
        return F.leaky_relu(self.third(map_BF), SLOPE)


def discriminator(architecture: str, side: int, classes: int, width: int) -> Discriminator:
    """The opponent of a generator of that architecture."""
    if architecture == "mlp":
        return MlpDiscriminator(side, classes, width)
    return ConvDiscriminator(side, classes, max(2, width // 8))


def one_hot(label_B: Tensor, classes: int) -> Tensor | None:
    """(B, C) float32; None where there are no classes to tell."""
    if not classes:
        return None
    return (label_B[:, None] == torch.arange(classes, device=label_B.device)).float()
