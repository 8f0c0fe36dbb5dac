"""The networks of the latent-space family behind one face: encode to a code, decode a code, say what a code is made of.

Letters: B pictures, X pixels, Z latent numbers, C classes, K codes, D numbers per code, S side of the code map.

`Continuous` serves AE, VAE, β-VAE, WAE, VAE-GAN and, with one-hot classes, the conditional VAE: they differ in the
loss, not in the network. `Discrete` is the VQ-VAE's: its latent numbers are the code map, laid out flat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.pictures import Pictures
from models.layers.earlier_pixels import EarlierPixels
from models.layers.elbo import WIDEST
from models.layers.encoder_decoder import (
    ConvDecoder,
    ConvEncoder,
    MapDecoder,
    MapEncoder,
    MlpDecoder,
    MlpEncoder,
    fresh,
)
from models.layers.quantiser import Codebook, straight_through

if TYPE_CHECKING:
    from models.autoencoder import LatentSpace

CHANNEL_SHARE = 8
"""The width knob counts neurons; a convolution has an eighth as many channels."""
NARROWEST_SIGMA = -4.0
"""Log of the smallest Gaussian σ, about a fifth of a grey level of 8-bit pixels: below it only noise is modelled."""


@dataclass(frozen=True)
class Code:
    """What an encoder says: posterior mean and log-variance (B, Z); a deterministic code has no variance."""

    mean_BZ: Tensor
    log_variance_BZ: Tensor | None = None


class Continuous(nn.Module):
    """Encoder and decoder around Z continuous numbers."""

    def __init__(self, knobs: LatentSpace, data: Pictures) -> None:
        super().__init__()
        self.latent, self.random = knobs.latent_dim, knobs.is_random
        self.classes = data.classes if knobs.model == "cvae" else 0
        outputs = 2 * self.latent if self.random else self.latent
        side, width = data.side, knobs.width
        if knobs.architecture == "mlp":
            self.encoder: nn.Module = MlpEncoder(side, self.classes, width, knobs.depth, outputs)
            self.decoder: nn.Module = MlpDecoder(side, self.classes, width, knobs.depth, self.latent)
        else:
            channels = max(2, width // CHANNEL_SHARE)
            self.encoder = ConvEncoder(side, self.classes, channels, outputs)
            self.decoder = ConvDecoder(side, self.classes, channels, self.latent)
        self.own_sigma = nn.Parameter(torch.tensor(-1.5))
        self.earlier = EarlierPixels(side**2, width, self.latent) if knobs.is_autoregressive else None
        self.shared_1X: Tensor
        chance = torch.rand(1, side**2, generator=torch.Generator().manual_seed(knobs.seed))
        self.register_buffer("shared_1X", chance, persistent=False)

    @property
    def log_sigma(self) -> Tensor:
        """log σ of Gaussian pixels, one number for all."""
        return self.own_sigma.clamp(min=NARROWEST_SIGMA)

    def one_hot(self, label_B: Tensor | None) -> Tensor | None:
        if not self.classes or label_B is None:
            return None
        return (label_B[:, None] == torch.arange(self.classes, device=label_B.device)).float()

    def encode(self, x_BX: Tensor, label_B: Tensor | None = None) -> Code:
        found = self.encoder(x_BX, self.one_hot(label_B))
        if not self.random:
            return Code(found)
        mean_BZ, log_variance_BZ = found.chunk(2, 1)
        return Code(mean_BZ, WIDEST * torch.tanh(log_variance_BZ / WIDEST))

    def logits(self, z_BZ: Tensor, x_BX: Tensor, label_B: Tensor | None = None) -> Tensor:
        """Logits (B, X) by which the pictures `x_BX` are to be judged: a decoder that reads is shown them."""
        found: Tensor = self.decoder(z_BZ, self.one_hot(label_B))
        return found if self.earlier is None else found + self.earlier(x_BX, z_BZ)

    def decode(self, z_BZ: Tensor, label_B: Tensor | None = None, chance_BX: Tensor | None = None) -> Tensor:
        """Logits (B, X) of the code's own picture.

        A decoder that reads draws its pixels one by one with `chance_BX`, by default with the same chance for all
        codes: what then differs from picture to picture is what the codes say.
        """
        found: Tensor = self.decoder(z_BZ, self.one_hot(label_B))
        if self.earlier is None:
            return found
        chance_BX = self.shared_1X if chance_BX is None else chance_BX
        return self.earlier.drawn(found, z_BZ, chance_BX.expand_as(found))[0]


class Discrete(nn.Module):
    """Encoder and decoder around a map of codes out of one codebook."""

    def __init__(self, knobs: LatentSpace, data: Pictures) -> None:
        super().__init__()
        channels = max(2, knobs.width // CHANNEL_SHARE)
        self.dims, self.side, self.classes, self.random = knobs.code_dim, data.side // 4, 0, False
        self.latent = self.dims * self.side**2
        self.encoder = MapEncoder(data.side, channels, self.dims)
        self.decoder = MapDecoder(channels, self.dims)
        self.own_sigma = nn.Parameter(torch.tensor(-1.5))
        self.codebook: Codebook | None = None

    @property
    def book(self) -> Codebook:
        assert self.codebook is not None
        return self.codebook

    @property
    def log_sigma(self) -> Tensor:
        return self.own_sigma.clamp(min=NARROWEST_SIGMA)

    def places(self, x_BX: Tensor) -> Tensor:
        """The encoder's vectors, (B·S·S, D)."""
        found_BDSS: Tensor = self.encoder(x_BX)
        return found_BDSS.permute(0, 2, 3, 1).reshape(-1, self.dims)

    def quantised(self, encoded_ND: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest codes' vectors (N, D), gradient passed straight through, and their numbers (N,)."""
        chosen_N = self.book.nearest(encoded_ND.detach())
        return straight_through(encoded_ND, F.embedding(chosen_N, self.book.codes_KD)), chosen_N

    def unfold(self, code_ND: Tensor) -> Tensor:
        """Vectors of all places (B·S·S, D) → logits (B, X)."""
        map_BDSS = code_ND.view(-1, self.side, self.side, self.dims).permute(0, 3, 1, 2)
        found: Tensor = self.decoder(map_BDSS)
        return found

    def encode(self, x_BX: Tensor, label_B: Tensor | None = None) -> Code:
        """The quantised map laid out flat."""
        return Code(self.quantised(self.places(x_BX))[0].reshape(len(x_BX), -1))

    def decode(self, z_BZ: Tensor, label_B: Tensor | None = None) -> Tensor:
        """Logits (B, X) after moving every place to its nearest code."""
        return self.unfold(self.quantised(z_BZ.reshape(-1, self.dims))[0])

    def logits(self, z_BZ: Tensor, x_BX: Tensor, label_B: Tensor | None = None) -> Tensor:
        """As `decode`: this decoder does not look at the picture that it is judged by."""
        return self.decode(z_BZ, label_B)

    def decode_codes(self, code_BSS: Tensor) -> Tensor:
        """Logits (B, X) of a map of code numbers (B, S, S)."""
        return self.unfold(F.embedding(code_BSS.flatten(), self.book.codes_KD))


def network(knobs: LatentSpace, data: Pictures, random: torch.Generator, where: torch.device) -> Continuous | Discrete:
    """The network that the knobs describe, with fresh weights; parameters are moved to the device by `Flat`."""
    if knobs.model == "vq_vae":
        found = Discrete(knobs, data)
        fresh(found, random)
        found.codebook = Codebook(knobs.codes, knobs.code_dim, random, where)
        return found
    other = Continuous(knobs, data)
    fresh(other, random)
    return other


class Critic(nn.Module):
    """The discriminator of a VAE-GAN: a hidden layer whose features judge likeness, and a logit “real”."""

    def __init__(self, pixels: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(pixels, width)
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, 1)

    def forward(self, x_BX: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, W) and logits (B,)."""
        features = F.leaky_relu(self.second(F.leaky_relu(self.first(x_BX), 0.2)), 0.2)
        return features, self.last(features)[:, 0]
