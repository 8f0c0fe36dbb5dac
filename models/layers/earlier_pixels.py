"""A decoder that also reads: each pixel is told what the pixels before it, row by row, have turned out to be.

Letters: B pictures, X pixels, Z latent numbers, W hidden units.

Hidden unit k sees the first m(k) pixels and the whole code, pixel d only hidden units with m(k) < d, and the earlier
pixels themselves: none sees itself or a later one, and one pass gives log p(x|z) = Σ_d log p(x_d | x_1 … x_{d-1}, z)
exactly. Such a decoder can model the data without any code; q(z|x) = p(z) then costs nothing, and the code collapses.

Source: masked autoencoder (MADE) with direct connections: Germain et al. 2015, arXiv 1502.03509, section 4, with one
hidden layer and one order; what it says is added to the logits of the decoder that sees the code alone. Why a strong
decoder makes the code useless: Bowman et al. 2016, arXiv 1511.06349, section 3; Chen et al. 2017, arXiv 1611.02731,
section 2. Pictures are drawn pixel by pixel; since a pixel adds one column to the hidden units, that costs one pass.
Only for binary pixels: grey ones would need a distribution over greys.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class EarlierPixels(nn.Module):
    """What the pixels before each one add to its logit."""

    def __init__(self, pixels: int, width: int, latent: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(pixels, width), nn.Linear(width, pixels)
        self.direct, self.code = nn.Linear(pixels, pixels, bias=False), nn.Linear(latent, width)
        seen_W, place_X = 1 + torch.arange(width) * (pixels - 1) // width, torch.arange(1, pixels + 1)
        self.mask_WX: Tensor
        self.mask_XW: Tensor
        self.mask_XX: Tensor
        self.register_buffer("mask_WX", (place_X <= seen_W[:, None]).float(), persistent=False)
        self.register_buffer("mask_XW", (seen_W < place_X[:, None]).float(), persistent=False)
        self.register_buffer("mask_XX", (place_X < place_X[:, None]).float(), persistent=False)

    def forward(self, x_BX: Tensor, z_BZ: Tensor) -> Tensor:
        """(B, X): to be added to the logits, for binary pictures that are known in full."""
        sign_BX = 2 * x_BX - 1
        hidden_BW = F.linear(sign_BX, self.first.weight * self.mask_WX, self.first.bias) + self.code(z_BZ)
        said_BX = F.linear(hidden_BW.relu(), self.last.weight * self.mask_XW, self.last.bias)
        return said_BX + F.linear(sign_BX, self.direct.weight * self.mask_XX)

    @torch.no_grad()
    def drawn(self, logits_BX: Tensor, z_BZ: Tensor, chance_BX: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, X) of each pixel given the earlier ones, and the pixels, drawn with `chance_BX` in 0 … 1."""
        column_XW = (self.first.weight * self.mask_WX).T
        row_XW, after_XX = self.last.weight * self.mask_XW, (self.direct.weight * self.mask_XX).T
        hidden_BW = self.first.bias + self.code(z_BZ)
        told_BX, x_BX = logits_BX + self.last.bias, torch.zeros_like(logits_BX)
        for pixel in range(logits_BX.shape[1]):
            told_BX[:, pixel] += hidden_BW.relu() @ row_XW[pixel]
            x_BX[:, pixel] = (chance_BX[:, pixel] < told_BX[:, pixel].sigmoid()).float()
            sign_B1 = 2 * x_BX[:, pixel, None] - 1
            hidden_BW = hidden_BW + sign_B1 * column_XW[pixel]
            told_BX[:, pixel + 1 :] += sign_B1 * after_XX[pixel, pixel + 1 :]
        return told_BX, x_BX
