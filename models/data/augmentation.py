"""The same picture seen otherwise: turned, scaled, moved, mirrored; and batches that start blurred and sharpen.

Letters: N pictures (N, 1, S, S).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def affine(images_N1SS: Tensor, turn_N: Tensor, scale_N: Tensor | None = None, move_N2: Tensor | None = None) -> Tensor:
    """Pictures turned anticlockwise (radians), scaled, and moved (in half pictures); 0 comes in from outside."""
    scale_N = torch.ones_like(turn_N) if scale_N is None else scale_N
    move_N2 = turn_N.new_zeros(len(turn_N), 2) if move_N2 is None else move_N2
    cos_N, sin_N = turn_N.cos() / scale_N, turn_N.sin() / scale_N
    # The map leads from places of the result to places of the original, so it is the inverse of what is done.
    linear_N22 = torch.stack([cos_N, -sin_N, sin_N, cos_N], -1).view(-1, 2, 2)
    map_N23 = torch.cat([linear_N22, -linear_N22 @ move_N2[:, :, None]], -1)
    grid_NSS2 = F.affine_grid(map_N23.to(images_N1SS.dtype), list(images_N1SS.shape), align_corners=False)
    return F.grid_sample(images_N1SS, grid_NSS2, align_corners=False)
