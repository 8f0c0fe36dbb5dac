"""The visitor's own classes: a few pictures of each, three ways of seeing them, and what each way makes of them.

An *eye* turns any picture into numbers, once: a network that learned from a million photographs (EfficientNet-Lite0, an
optional extra), the small one of the freeze lab that learned from sketches, or none at all: the bare pixels, to show
what the networks bring. On top of the numbers comes a small head (`layers/few_shot.py`). No experiment: no run is kept.

Letters: C channels (1 or 3), H×W pixels, uint8, ink 255 on 0 where there is ink; F features, N pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.data import images, lite0
from models.data.pictures import SKETCHES
from models.layers import stack
from models.layers.efficientnet import Lite0
from models.layers.pretrained import Recipe, pretrained

EyeName = Literal["photographs", "sketches", "pixels"]
FEWEST, MOST_CLASSES, MOST_EACH = 2, 5, 12
HOUSE = Recipe("sketches")
"""The small net: the one that the freeze lab begins with on sketches."""
CLOTHES = ("sneaker", "bag", "trouser")


@dataclass(frozen=True)
class Picture:
    """One picture, as bytes so that it can be a key: (C, H, W) uint8."""

    pixels: bytes
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, image_CHW: np.ndarray) -> Picture:
        channels, high, wide = image_CHW.shape
        return cls(np.ascontiguousarray(image_CHW, dtype=np.uint8).tobytes(), (channels, high, wide))

    @property
    def array(self) -> np.ndarray:
        return np.frombuffer(self.pixels, dtype=np.uint8).reshape(self.shape)

    @property
    def image(self) -> Tensor:
        """(1, C, H, W) in 0 … 1."""
        return torch.from_numpy(self.array.astype(np.float32))[None] / 255


@dataclass(frozen=True)
class Kind:
    """A class: its name, and the pictures that show it."""

    name: str
    pictures: tuple[Picture, ...] = ()


def ready(kinds: Sequence[Kind]) -> bool:
    """Whether there is something to learn and to judge: two classes, two pictures of each."""
    return len(kinds) >= FEWEST and all(len(kind.pictures) >= FEWEST for kind in kinds)


def labels(kinds: Sequence[Kind]) -> Tensor:
    """(N,) int64, class after class."""
    return torch.tensor([label for label, kind in enumerate(kinds) for _picture in kind.pictures])


def eyes() -> tuple[EyeName, ...]:
    """The ways of seeing that this installation has, the best one first."""
    try:
        _photographs()
    except lite0.WeightsError:
        return ("sketches", "pixels")
    return ("photographs", "sketches", "pixels")


@cache
def _photographs() -> Lite0:
    return lite0.load()


@lru_cache(maxsize=600)
def seen(eye: EyeName, picture: Picture) -> Tensor:
    """The features (F,) of a picture: computed once for everybody. Raises `lite0.WeightsError`."""
    image_1CHW = picture.image
    if eye == "photographs":
        return lite0.seen(_photographs(), image_1CHW)[0]
    small_11SS = F.interpolate(image_1CHW.mean(1, keepdim=True), size=stack.SIDE, mode="area")
    if small_11SS.mean() > 0.5:  # Dark on light, as on paper; the sketches are light on dark.
        small_11SS = 1 - small_11SS
    if eye == "pixels":
        return small_11SS.flatten()
    blocks = [block.cpu() for block in pretrained(HOUSE).blocks]
    with torch.no_grad():
        return stack.forward(blocks, small_11SS, stop=stack.HEAD)[0, 0].clone()


def features(eye: EyeName, kinds: Sequence[Kind]) -> Tensor:
    """(N, F), class after class."""
    return torch.stack([seen(eye, picture) for kind in kinds for picture in kind.pictures])


@cache
def beginning(name: Literal["sketches", "clothes"]) -> tuple[Kind, ...]:
    """Three classes to begin with, five pictures of each."""
    if name == "clothes":
        whole = images.fashion_mnist().train
        found = [torch.nonzero(whole.labels == whole.names.index(kind)).flatten()[:5] for kind in CLOTHES]
        return tuple(_kind(kind, whole.images[rows]) for kind, rows in zip(CLOTHES, found, strict=True))
    sketches, chosen = images.quickdraw(), ("cat", "fish", "house")
    assert set(chosen) <= set(SKETCHES)
    first = [100 * sketches.names.index(kind) for kind in chosen]
    return tuple(_kind(kind, sketches.images[row : row + 5]) for kind, row in zip(chosen, first, strict=True))


def _kind(name: str, images_NHW: Tensor) -> Kind:
    return Kind(name, tuple(Picture.of(image.numpy()[None]) for image in images_NHW))
