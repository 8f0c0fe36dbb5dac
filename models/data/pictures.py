"""One face for every set of small pictures: what to learn from, what to be judged by, labels, and factors if known.

Dimensions: N pictures to learn from, M held out, X = side² pixels in 0 … 1 (1 is ink), F factors.
Everything is loaded at its first use and shared: do not write into the tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from models.data import images
from models.data.sprites import FACTORS, SHAPES, SIDE, sprites

Name = Literal["digits", "mnist", "fashion", "sketches", "sprites"]
SKETCHES = (
    "apple", "bicycle", "cat", "envelope", "eyeglasses", "fish", "house", "ladder", "star", "sun",
)  # fmt: skip
"""Ten of the 345 things in Quick, Draw!, chosen to look unlike each other; a hundred sketches of each are carried."""
HELD_OUT = {"digits": 500, "sketches": 200, "sprites": 1024}


@dataclass(frozen=True, eq=False)
class Pictures:
    """A set split in two."""

    train_NX: Tensor
    train_label_N: Tensor
    test_MX: Tensor
    test_label_M: Tensor
    names: tuple[str, ...]
    side: int
    factor_NF: Tensor | None = None
    """Factors of the pictures to learn from, (N, F) int64, where they are known."""
    test_factor_MF: Tensor | None = None
    factors: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        return len(self.names)


@lru_cache(maxsize=8)
def pictures(name: Name) -> Pictures:
    """The set of that name; the split is always the same."""
    match name:
        case "mnist" | "fashion":
            split = images.mnist() if name == "mnist" else images.fashion_mnist()
            train, test = split.train, split.test
            return Pictures(
                _unit(train.images), train.labels, _unit(test.images), test.labels, train.names, train.images.shape[-1]
            )
        case "digits":
            pixels, labels = images.digits()
            return _split(name, (pixels + 1) / 2, labels, images.DIGIT_NAMES, 8)
        case "sketches":
            whole = images.quickdraw()
            found = [whole.names.index(sketch) for sketch in SKETCHES]
            kept = torch.cat([torch.arange(100 * index, 100 * index + 100) for index in found])
            labels = torch.arange(len(SKETCHES)).repeat_interleave(100)
            return _split(name, _unit(whole.images[kept]), labels, SKETCHES, 28)
    pixels, factors = sprites()
    return _split(name, pixels, factors[:, 0], SHAPES, SIDE, factors)


def _unit(images_NHW: Tensor) -> Tensor:
    return images_NHW.flatten(1).float() / 255


def _split(
    name: str, pixels_NX: Tensor, labels_N: Tensor, names: tuple[str, ...], side: int, factors_NF: Tensor | None = None
) -> Pictures:
    """The same shuffle for everybody: which pictures are held out is no knob."""
    order = torch.randperm(len(pixels_NX), generator=torch.Generator().manual_seed(0))
    test, train = order[: HELD_OUT[name]], order[HELD_OUT[name] :]
    return Pictures(
        pixels_NX[train], labels_N[train], pixels_NX[test], labels_N[test], names, side,
        None if factors_NF is None else factors_NF[train],
        None if factors_NF is None else factors_NF[test],
        () if factors_NF is None else FACTORS,
    )  # fmt: skip
