"""Sprites with known factors: every picture is made from a shape, a scale, an angle, and a place, and nothing else.

Dimensions: N = 3·4·8·8·8 = 6,144 sprites, F = 5 factors (shape, scale, angle, x, y), 16×16 pixels in 0 … 1.
All combinations exist once, so the factors are independent and uniform.

Source: the idea of dSprites, Matthey et al. 2017; shapes, sizes and code are our own. A rectangle and an ellipse look
the same after half a turn, so angles cover half a turn: there, every combination is a picture of its own.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

SIDE = 16
FINER = 4
"""Sub-pixels per pixel and direction, averaged: edges are smooth, so that a small turn is a small change."""
SHAPES = ("rectangle", "ellipse", "triangle")
FACTORS = ("shape", "scale", "angle", "x", "y")
SIZES = (3, 4, 8, 8, 8)
"""Values that each factor takes."""


def inside(shape: int, u: Tensor, v: Tensor) -> Tensor:
    """Whether the places (u, v), in units of the sprite's own half length, lie in the shape."""
    match SHAPES[shape]:
        case "rectangle":
            return (u.abs() <= 0.9) & (v.abs() <= 0.45)
        case "ellipse":
            return u.square() + (v / 0.6).square() <= 1
    return (u >= -0.8) & (v.abs() <= 0.7 * (1 - (u + 0.8) / 1.8))


@cache
def sprites() -> tuple[Tensor, Tensor]:
    """All sprites as (6144, 256) float32 in 0 … 1, and the factors' values (6144, 5) int64, from 0."""
    factors_NF = torch.cartesian_prod(*(torch.arange(size) for size in SIZES))
    fine = SIDE * FINER
    ticks = (torch.arange(fine) + 0.5) / FINER
    ys, xs = torch.meshgrid(ticks, ticks, indexing="ij")
    images = []
    for part_NF in torch.split(factors_NF, 512):
        scale, angle, x, y = (part_NF[:, factor, None, None].float() for factor in range(1, 5))
        length = 2.4 + 0.6 * scale
        turn = angle * torch.pi / SIZES[2]
        # Centres keep the longest sprite inside the picture.
        dx, dy = xs - (4.6 + x * 6.8 / 7), ys - (4.6 + y * 6.8 / 7)
        u = (turn.cos() * dx + turn.sin() * dy) / length
        v = (-turn.sin() * dx + turn.cos() * dy) / length
        hit = torch.stack([inside(int(shape), u[row], v[row]) for row, shape in enumerate(part_NF[:, 0])])
        cells = hit.float().view(-1, SIDE, FINER, SIDE, FINER).mean((2, 4))
        images.append(cells.flatten(1))
    return torch.cat(images), factors_NF
