"""Does a generator know its pictures by heart? How near its forgeries lie to those, against unseen ones.

Letters: N forged pictures, M held-out pictures, X pixels in 0 … 1. Distances are Euclidean between pixels.

Source: the nearest-neighbour test in use since Goodfellow et al. 2014, here with its yardstick: held-out pictures are
new by construction, so their distances to the seen ones say how near chance alone brings a picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.metrics.image_quality import sampled

if TYPE_CHECKING:
    from models.layers.image_gan.duel import Duel

COUNT = 300
RARE = 0.01
"""A forgery is a copy where it lies nearer to a seen picture than all but this share of held-out pictures do."""


@dataclass(frozen=True)
class Nearness:
    """Forged pictures (N, X), the seen picture nearest to each (N,), and the medians of both distances."""

    made_NX: Tensor
    nearest_N: Tensor
    made: float
    held_out: float
    copied: float


def nearness(duel: Duel) -> Nearness:
    """Measured on pictures of the average of G."""
    made_NX = sampled(duel, COUNT)[0]
    seen = duel.data.train_NX
    forged_N, nearest_N = torch.cdist(made_NX, seen).min(1)
    real_M = torch.cdist(duel.data.test_MX[:COUNT], seen).amin(1)
    limit = float(real_M.quantile(RARE))
    return Nearness(
        made_NX, nearest_N, float(forged_N.median()), float(real_M.median()), float((forged_N < limit).float().mean())
    )
