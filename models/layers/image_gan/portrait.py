"""What is recorded of an image GAN at one moment: pictures from noise that stays the same, and what D says of them.

Letters: G pictures of the grid, X pixels, Z noise numbers, C classes, R real pictures asked about, V places of a scale.

The grid has ten columns; where G is told a class, a row is a class and a column the same noise throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.data.pictures import Pictures
from models.layers.image_gan.discriminators import one_hot
from models.running import stream

if TYPE_CHECKING:
    from models.image_gan import ImageGan
    from models.layers.image_gan.duel import Duel

COLUMNS = 10
GRID = 100
ASKED = 200
PLACES = 24
REACH = 10.0
"""Raw outputs of D beyond this are counted at the ends of the scale."""


@dataclass(frozen=True)
class Probe:
    """The noise, classes and real pictures by which every moment of a run is looked at."""

    noise_GZ: Tensor
    class_GC: Tensor | None
    real_RX: Tensor
    real_class_RC: Tensor | None

    @classmethod
    def of(cls, knobs: ImageGan, data: Pictures, where: torch.device) -> Probe:
        random = stream(knobs.seed, "probe")
        classes = data.classes if knobs.conditional else 0
        noise_GZ = torch.randn(GRID, knobs.latent_dim, generator=random)
        if classes:
            noise_GZ = noise_GZ[:COLUMNS].repeat(classes, 1)
        label_G = torch.arange(max(classes, 1)).repeat_interleave(COLUMNS)
        class_GC, real_class_RC = one_hot(label_G, classes), one_hot(data.test_label_M[:ASKED], classes)
        return cls(
            noise_GZ.to(where), None if class_GC is None else class_GC.to(where), data.test_MX[:ASKED].to(where),
            None if real_class_RC is None else real_class_RC.to(where),
        )  # fmt: skip


def portrait(duel: Duel) -> dict[str, Tensor]:
    """All arrays of a snapshot: the grids of G and of its average, and how D's opinions are spread."""
    probe = duel.probe
    now, average = duel.players()
    made_GX, averaged_GX = (player(probe.noise_GZ, probe.class_GC) for player in (now, average))
    real_R = duel.belief(duel.d(probe.real_RX, probe.real_class_RC))
    fake_G = duel.belief(duel.d(made_GX, probe.class_GC))
    low, high = (0.0, 1.0) if duel.knobs.loss == "non_saturating" else (-REACH, REACH)
    return {
        "images": as_bytes(made_GX), "images_average": as_bytes(averaged_GX),
        "opinion": (torch.arange(PLACES) + 0.5) / PLACES * (high - low) + low,
        "opinion_real": spread(real_R, low, high), "opinion_fake": spread(fake_G, low, high),
    }  # fmt: skip


def as_bytes(x_GX: Tensor) -> Tensor:
    """Pictures in 0 … 1 as bytes; what is not a number is bare paper."""
    return x_GX.nan_to_num(0.0).mul(255).round_().to(torch.uint8)


def spread(values_N: Tensor, low: float, high: float) -> Tensor:
    """The share of the values at each of the scale's places, (V,); those beyond its ends count there."""
    place_N = ((values_N.nan_to_num(low) - low) / (high - low) * PLACES).clamp(0, PLACES - 1).long()
    return torch.bincount(place_N, minlength=PLACES).float() / max(len(values_N), 1)
