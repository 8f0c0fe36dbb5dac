"""The same picture seen otherwise: turned, scaled, moved, mirrored; and pictures that start coarse and grow finer.

Letters: pictures (…, S, S) with ink 1 on 0; numbers about a picture have its leading dimensions (…), or broadcast to
them: (V, 1) is a strength for each of V nets, the same for its whole batch. Strength 0 changes no bit of a picture.
Draws are made apart from their strength, so nets that differ in strength can share what chance says.
Where it stops being true: a mirrored 2 is no 2, and a turned 6 is a 9. Mirroring is for clothes, not for digits.

Source: test-time views, Krizhevsky et al. 2012; growing pictures, Howard's fast.ai lessons 2018, and MosaicML's
schedule (Composer 2022). Here a coarse picture keeps its S pixels, in blocks: it shows less, but saves no time.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

TURN, SCALE, SHIFT = 0.35, 0.2, 0.2
"""The most at strength 1: radians (20°), share of the size (as a logarithm), half pictures (1.6 of 16 pixels)."""
COARSE, DELAY, FULL = 0.5, 0.5, 0.2
"""Pictures begin at half their resolution, stay so for half of the steps, and are whole in the last fifth."""


@dataclass(frozen=True)
class Draw:
    """What chance says about pictures (…): -1 … 1 for turn, scale and both shifts, 0 … 1 for the mirror."""

    turn: Tensor
    scale: Tensor
    shift_2: Tensor
    mirror: Tensor

    @classmethod
    def of(cls, shape: tuple[int, ...], random: torch.Generator) -> Draw:
        drawn = torch.rand(5, *shape, generator=random)
        turn, scale, across, down = 2 * drawn[:4] - 1
        return cls(turn, scale, torch.stack([across, down], -1), drawn[4])

    def to(self, where: torch.device) -> Draw:
        return Draw(*(part.to(where) for part in (self.turn, self.scale, self.shift_2, self.mirror)))


def distort(
    images: Tensor,
    draw: Draw,
    *,
    turn: Tensor | float = 0.0,
    scale: Tensor | float = 0.0,
    shift: Tensor | float = 0.0,
    mirror: Tensor | float = 0.0,
) -> Tensor:
    """Pictures changed as drawn, each change as strongly as asked for (0 … 1; `mirror` is how often)."""
    flipped = (draw.mirror < mirror)[..., None, None]
    images = torch.where(flipped, images.flip(-1), images)
    size = torch.exp(SCALE * scale * draw.scale)
    far = torch.as_tensor(SHIFT * shift, device=images.device)[..., None]
    return affine(images, TURN * turn * draw.turn, size, far * draw.shift_2)


def affine(images: Tensor, turn: Tensor, scale: Tensor | None = None, move_2: Tensor | None = None) -> Tensor:
    """Pictures turned anticlockwise (radians), scaled, and moved (in half pictures); 0 comes in from outside.

    Where nothing is asked of a picture, it stays as it is, bit for bit.
    """
    lead, side = images.shape[:-2], images.shape[-1]
    turn_N = turn.expand(lead).reshape(-1).to(images.dtype)
    scale_N = torch.ones_like(turn_N) if scale is None else scale.expand(lead).reshape(-1).to(images.dtype)
    move_N2 = turn_N.new_zeros(len(turn_N), 2)
    if move_2 is not None:
        move_N2 = move_2.expand(*lead, 2).reshape(-1, 2).to(images.dtype)
    cos_N, sin_N = turn_N.cos() / scale_N, turn_N.sin() / scale_N
    # The map leads from places of the result to places of the original, so it is the inverse of what is done.
    linear_N22 = torch.stack([cos_N, -sin_N, sin_N, cos_N], -1).view(-1, 2, 2)
    map_N23 = torch.cat([linear_N22, -linear_N22 @ move_N2[:, :, None]], -1)
    flat_N1SS = images.reshape(-1, 1, side, side)
    grid_NSS2 = F.affine_grid(map_N23, list(flat_N1SS.shape), align_corners=False)
    changed = (turn_N != 0) | (scale_N != 1) | (move_N2 != 0).any(-1)
    drawn_N1SS = F.grid_sample(flat_N1SS, grid_NSS2, align_corners=False)
    return torch.where(changed[:, None, None, None], drawn_N1SS, flat_N1SS).view(images.shape)


def views(
    images_NSS: Tensor,
    count: int,
    random: torch.Generator,
    *,
    turn: float = 0.5,
    scale: float = 0.5,
    shift: float = 0.5,
    mirror: float = 0.0,
) -> Tensor:
    """(count, N, S, S): the pictures themselves, and `count - 1` distorted ones, to average what is said of them."""
    if count < 2:
        return images_NSS[None]
    shape = (count - 1, len(images_NSS))
    draw = Draw.of(shape, random).to(images_NSS.device)
    many = images_NSS.expand(*shape, *images_NSS.shape[1:])
    others = distort(many, draw, turn=turn, scale=scale, shift=shift, mirror=mirror)
    return torch.cat([images_NSS[None], others])


def coarsen(images: Tensor, share: float) -> Tensor:
    """Pictures of `share` times their resolution, averaged over area and blown up to their size again."""
    side = images.shape[-1]
    small = max(1, round(share * side))
    if small >= side:
        return images
    flat = images.reshape(-1, 1, side, side)
    return F.interpolate(F.interpolate(flat, size=small, mode="area"), size=side, mode="area").view(images.shape)


def resolution(step: int, steps: int) -> float:
    """Share of the full resolution at a step of progressive resizing: flat, then rising in a line, then whole."""
    rising = (step / steps - DELAY) / (1 - DELAY - FULL)
    return COARSE + (1 - COARSE) * min(max(rising, 0.0), 1.0)
