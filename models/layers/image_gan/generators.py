"""Three ways from noise to a picture: a perceptron, transposed convolutions (DCGAN), and a style per layer (StyleGAN).

Letters: B pictures, X = S² pixels in 0 … 1, Z noise numbers, C classes (0 without), W numbers of a style, L layers that
take a style, K channels, H and V height and width of a map. A class is a row of C numbers beside the noise: one-hot in
training, and anything between two classes when a visitor slides from one to the other.

Source: DCGAN: Radford et al. 2016, arXiv 1511.06434 (batch normalisation in G, none before its output); StyleGAN:
Karras et al. 2019, arXiv 1812.04948, figure 1b, eq. 1 (AdaIN) and section 3.1 (mixing). Small on purpose: two
upsamplings, so that a CPU can train it.
"""

from __future__ import annotations

import itertools
from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.encoder_decoder import ConvDecoder, MlpDecoder

Architecture = Literal["mlp", "dcgan", "style"]
STYLE = 48
"""Numbers of a style."""
MAPPING = 3
"""Layers from noise to style."""
LAYERS = 4
"""Layers of the style generator that take a style: two on the smallest map, one on each larger."""
COARSE = 2
"""Layers whose styles count as coarse: those on the smallest map."""
MEAN_DECAY = 0.995


class Generator(Protocol):
    """What training, pictures and tabs ask of a generator."""

    latent: int
    classes: int

    def __call__(self, z_BZ: Tensor, class_BC: Tensor | None, random: torch.Generator | None = None) -> Tensor: ...

    def logits(self, z_BZ: Tensor, class_BC: Tensor | None, random: torch.Generator | None = None) -> Tensor: ...


class MlpGenerator(nn.Module):
    """A perceptron."""

    def __init__(self, side: int, classes: int, width: int, latent: int) -> None:
        super().__init__()
        self.latent, self.classes = latent, classes
        self.layers = MlpDecoder(side, classes, width, 2, latent)

    def logits(self, z_BZ: Tensor, class_BC: Tensor | None, random: torch.Generator | None = None) -> Tensor:
        found: Tensor = self.layers(z_BZ, class_BC)
        return found

    def forward(self, z_BZ: Tensor, class_BC: Tensor | None, random: torch.Generator | None = None) -> Tensor:
        """Pictures (B, X)."""
        return self.logits(z_BZ, class_BC).sigmoid()


class DcGenerator(nn.Module):
    """A small map, doubled twice by transposed convolutions, normalised over the batch in between."""

    def __init__(self, side: int, classes: int, channels: int, latent: int) -> None:
        super().__init__()
        self.latent, self.classes = latent, classes
        decoder = ConvDecoder(side, classes, channels, latent)
        _relu, second, _again, third = decoder.convolutions
        self.first, self.second, self.third, self.shape = decoder.first, second, third, decoder.shape
        # Every use of the averages is preceded by `settle`: they are those of one fixed batch.
        self.norms = nn.ModuleList(nn.BatchNorm2d(count, momentum=1.0) for count in (2 * channels, channels))

    def logits(self, z_BZ: Tensor, class_BC: Tensor | None, random: torch.Generator | None = None) -> Tensor:
        map_BKHV = self.first(_told(z_BZ, class_BC)).view(-1, *self.shape)
        map_BKHV = self.second(self.norms[0](map_BKHV).relu())
        found: Tensor = self.third(self.norms[1](map_BKHV).relu())
        return found

    def forward(self, z_BZ: Tensor, class_BC: Tensor | None, random: torch.Generator | None = None) -> Tensor:
        """Pictures (B, X)."""
        return self.logits(z_BZ, class_BC).sigmoid()


class StyleGenerator(nn.Module):
    """Noise becomes a style, and the style tunes every layer that paints over a learned beginning.

    `mean_W` follows the mean style of what training draws; truncation pulls styles towards it.
    """

    mean_W: Tensor

    def __init__(self, side: int, classes: int, channels: int, latent: int) -> None:
        super().__init__()
        self.latent, self.classes, self.side = latent, classes, side
        sizes = [latent + classes, *[STYLE] * MAPPING]
        self.mapping = nn.ModuleList(nn.Linear(i, o) for i, o in itertools.pairwise(sizes))
        wide, small = 2 * channels, side // 4
        self.begin = nn.Parameter(torch.zeros(1, wide, small, small))
        self.keep = nn.Conv2d(wide, wide, 3, padding=1)
        self.doubling = nn.ConvTranspose2d(wide, channels, 4, stride=2, padding=1)
        self.redoubling = nn.ConvTranspose2d(channels, max(1, channels // 2), 4, stride=2, padding=1)
        self.widths = (wide, wide, channels, max(1, channels // 2))
        self.styles = nn.ModuleList(nn.Linear(STYLE, 2 * width) for width in self.widths)
        self.strengths = nn.ParameterList(nn.Parameter(torch.zeros(width)) for width in self.widths)
        self.last = nn.Conv2d(self.widths[-1], 1, 3, padding=1)
        self.register_buffer("mean_W", torch.zeros(STYLE))

    @torch.no_grad()
    def awaken(self, random: torch.Generator) -> None:
        """What plain initial weights would leave asleep: a beginning to paint over, and styles that differ.

        `fresh` draws uniformly on ±1/√fan_in, a third of the variance that keeps a signal's size; a leaky slope halves
        it once more. After three such layers all noise would be nearly the same style.
        """
        self.begin.copy_(torch.randn(self.begin.shape, generator=random))
        for layers, gain in ((self.mapping, 6**0.5), (self.styles, 3**0.5)):
            for layer in layers.children():
                assert isinstance(layer, nn.Linear)
                layer.weight.mul_(gain)

    def style(self, z_BZ: Tensor, class_BC: Tensor | None) -> Tensor:
        """The mapping network: (B, W)."""
        w_BW = _told(z_BZ * (z_BZ.square().mean(1, keepdim=True) + 1e-8).rsqrt(), class_BC)
        for layer in self.mapping:
            w_BW = F.leaky_relu(layer(w_BW), 0.2)
        return w_BW

    def truncated(self, w_BW: Tensor, psi: float) -> Tensor:
        """w̄ + ψ·(w - w̄): Karras et al. 2019, appendix B."""
        return self.mean_W + psi * (w_BW - self.mean_W)

    def paint(self, style_BLW: Tensor, random: torch.Generator | None = None) -> Tensor:
        """Logits (B, X) from one style per layer; per-pixel noise from `random`, none without."""
        map_BKHV = self.begin.expand(len(style_BLW), -1, -1, -1)
        for layer, step in enumerate((None, self.keep, self.doubling, self.redoubling)):
            map_BKHV = map_BKHV if step is None else step(map_BKHV)
            if random is not None:
                shape = (len(style_BLW), 1, *map_BKHV.shape[2:])
                noise = torch.randn(shape, generator=random, device=map_BKHV.device)
                map_BKHV = map_BKHV + self.strengths[layer][:, None, None] * noise
            scale_BK, shift_BK = self.styles[layer](style_BLW[:, layer]).chunk(2, 1)
            map_BKHV = adain(F.leaky_relu(map_BKHV, 0.2), 1 + scale_BK, shift_BK)
        found: Tensor = self.last(map_BKHV)
        return found.flatten(1)

    def logits(self, z_BZ: Tensor, class_BC: Tensor | None, random: torch.Generator | None = None) -> Tensor:
        return self.paint(everywhere(self.style(z_BZ, class_BC)), random)

    def forward(self, z_BZ: Tensor, class_BC: Tensor | None, random: torch.Generator | None = None) -> Tensor:
        """Pictures (B, X)."""
        return self.logits(z_BZ, class_BC, random).sigmoid()

    def mixed(self, w_BW: Tensor, other_BW: Tensor, cut: Tensor, random: torch.Generator) -> Tensor:
        """Pictures whose layers from `cut` (a whole number on the device) on take the other style."""
        later_L = torch.arange(LAYERS, device=w_BW.device) >= cut
        return self.paint(torch.where(later_L[:, None], everywhere(other_BW), everywhere(w_BW)), random).sigmoid()


def everywhere(w_BW: Tensor) -> Tensor:
    """The same style for every layer: (B, L, W)."""
    return w_BW[:, None].expand(-1, LAYERS, -1)


def adain(map_BKHV: Tensor, scale_BK: Tensor, shift_BK: Tensor) -> Tensor:
    """Each channel of each picture brought to mean `shift` and standard deviation `scale`."""
    mean = map_BKHV.mean((2, 3), keepdim=True)
    centred = map_BKHV - mean
    normal = centred * (centred.square().mean((2, 3), keepdim=True) + 1e-6).rsqrt()
    return normal * scale_BK[:, :, None, None] + shift_BK[:, :, None, None]


def _told(z_BZ: Tensor, class_BC: Tensor | None) -> Tensor:
    return z_BZ if class_BC is None else torch.cat((z_BZ, class_BC), 1)


def generator(
    architecture: Architecture, side: int, classes: int, width: int, latent: int
) -> MlpGenerator | DcGenerator | StyleGenerator:
    """The generator of that kind; a convolution has an eighth as many channels as a perceptron has neurons."""
    channels = max(2, width // 8)
    match architecture:
        case "mlp":
            return MlpGenerator(side, classes, width, latent)
        case "dcgan":
            return DcGenerator(side, classes, channels, latent)
    return StyleGenerator(side, classes, channels, latent)


@torch.no_grad()
def settle(network: nn.Module, noise_BZ: Tensor, class_BC: Tensor | None) -> None:
    """Batch normalisation by the statistics of one fixed batch: then a picture depends on its own noise alone."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()
    network.train()
    network(noise_BZ, class_BC)
    network.train(False)
