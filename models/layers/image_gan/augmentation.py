"""Pictures shifted by a few pixels, real and forged alike: a discriminator that cannot learn its few pictures by heart.

Letters: B pictures, S side, X = S² pixels.

Source: Zhao et al. 2020 (DiffAugment), arXiv 2006.10738, section 3.2, "translation": up to an eighth of the side, and
the gradient flows through the shift to the generator.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def shifts(count: int, side: int, random: torch.Generator, where: torch.device) -> Tensor:
    """How far each picture moves, right and down: (B, 2) int64."""
    most = max(1, side // 8)
    return torch.randint(2 * most + 1, (count, 2), generator=random, device=where)


def shifted(x_BX: Tensor, shift_B2: Tensor, side: int) -> Tensor:
    """The pictures moved by `shift - ⌊side/8⌋`, with bare paper where nothing was."""
    most = max(1, side // 8)
    padded_BHV = F.pad(x_BX.view(-1, side, side), (most,) * 4)
    ticks = torch.arange(side, device=x_BX.device)
    row_BH, column_BV = (shift_B2[:, axis, None] + ticks for axis in (0, 1))
    every_B = torch.arange(len(x_BX), device=x_BX.device)
    return padded_BHV[every_B[:, None, None], row_BH[:, :, None], column_BV[:, None, :]].flatten(1)
