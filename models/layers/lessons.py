"""What a step of the freeze lab shows: pictures distorted, coarsened or mixed, the same for every strategy.

Letters: S seeds, B batch, H×W pixels, V = R·S nets.

Source: mixup, Zhang et al. 2018 (arXiv 1710.09412), one λ per batch as in its reference code; CutMix, Yun et al. 2019
(arXiv 1905.04899); where both are on, each step throws a coin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from models.data import mixing
from models.data.augmentation import Draw, coarsen, distort, resolution
from models.running import stream

if TYPE_CHECKING:
    from models.transfer import FreezeLab


class Shown(NamedTuple):
    """Pictures of a step, and with mixtures the second labels and the share of the first, one per seed."""

    pictures_SBHW: Tensor
    others_SB: Tensor | None = None
    share_S1: Tensor | None = None


def changed(knobs: FreezeLab) -> bool:
    """Whether nets see anything but the labelled pictures themselves; features can be looked up only if not."""
    return bool(knobs.distortion or knobs.mirror or knobs.mixup or knobs.cutmix or knobs.resizing)


def shown(knobs: FreezeLab, step: int, pictures_SBHW: Tensor, labels_SB: Tensor) -> Shown:
    """The pictures as the nets see them at this step; chance depends on seed and step alone."""
    random, where = stream(knobs.seed, f"seen {step}"), pictures_SBHW.device
    seeds, batch = labels_SB.shape
    draw = Draw.of((seeds, batch), random).to(where)
    strength = knobs.distortion
    if strength or knobs.mirror:
        pictures_SBHW = distort(
            pictures_SBHW, draw, turn=strength, scale=strength, shift=strength, mirror=0.5 if knobs.mirror else 0.0
        )
    if knobs.resizing:
        pictures_SBHW = coarsen(pictures_SBHW, resolution(step, knobs.steps))
    return mixed(knobs, random, pictures_SBHW, labels_SB)


def mixed(knobs: FreezeLab, random: torch.Generator, pictures_SBHW: Tensor, labels_SB: Tensor) -> Shown:
    """Pairs of pictures as one, where mixup or CutMix is on."""
    seeds, batch = labels_SB.shape
    chance = torch.rand(seeds, 4, generator=random)
    other_SB = torch.rand(seeds, batch, generator=random).argsort(1).to(labels_SB.device)
    pasted = bool(knobs.cutmix) and (not knobs.mixup or float(chance[0, 3]) < 0.5)
    alpha = knobs.cutmix if pasted else knobs.mixup
    if not alpha:
        return Shown(pictures_SBHW)
    share_S1 = mixing.shares(torch.full((seeds, 1), alpha), chance[:, :1]).to(labels_SB.device)
    if pasted:
        centre_2 = chance[:, None, 1:3].to(labels_SB.device)
        pictures, share = mixing.cutmix(pictures_SBHW, other_SB, share_S1, centre_2)
        return Shown(pictures, mixing.partners(labels_SB, other_SB), share)
    return Shown(mixing.mixup(pictures_SBHW, other_SB, share_S1), mixing.partners(labels_SB, other_SB), share_S1)
