"""Small sets of real images that need no network: scikit-learn's digits and three sets carried beside this file.

Dimensions: N images, H and W pixels. Carried images are uint8 (0 is background, 255 is ink), digits float32 in -1 … 1.
Everything loads at its first use and stays in memory, shared by all callers: do not write into the tensors.

Source: digits, Alpaydin and Kaynak 1998 (the test half of the UCI set, as in scikit-learn); MNIST, LeCun et al. 1998;
Fashion-MNIST, Xiao et al. 2017 (arXiv 1708.07747); Quick, Draw!, Ha and Eck 2017 (arXiv 1704.03477). The carried files
are class-balanced subsets; their licences stand in LICENSES.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images (N, H, W) uint8 with labels (N,) int64; `names[label]` is the class in words."""

    images: Tensor
    labels: Tensor
    names: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Images to learn from and images to be judged by."""

    train: Labelled
    test: Labelled


@dataclass(frozen=True)
class Carried:
    """What a carried file holds: the shape of every array, and the file's fingerprint."""

    shapes: Mapping[str, tuple[int, ...]]
    sha256: str
    licence: str

    per_class: int
    """Images of each class, training and test together."""


_MNIST_SHAPES = {
    "train_images": (12_000, 28, 28),
    "train_labels": (12_000,),
    "test_images": (2_000, 28, 28),
    "test_labels": (2_000,),
}

CARRIED: Mapping[str, Carried] = {
    "mnist": Carried(
        shapes=_MNIST_SHAPES,
        sha256="b1fcc6ba3e895698a380d5f18604353b972dfefcee32909329c6e1ac329cabc8",
        licence="CC BY-SA 3.0",
        per_class=1_400,
    ),
    "fashion_mnist": Carried(
        shapes=_MNIST_SHAPES,
        sha256="ba9b84484a5754b9f5b389fed6fa1d8a6e3fd1ac6addb813302b4a437d7995d8",
        licence="MIT",
        per_class=1_400,
    ),
    "quickdraw": Carried(
        shapes={"bits": (345, 100, 28, 4), "names": (345,)},
        sha256="c1dbabbf598c1748de89b02fe53e48d82976c5fcdfbbc7fb4a43e5eee4599990",
        licence="CC BY 4.0",
        per_class=100,
    ),
}

DIGIT_NAMES = tuple("0123456789")
FASHION_NAMES = (
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


def carried_file(name: str) -> Path:
    """Where a carried set lies."""
    return Path(__file__).with_name(f"{name}.npz")


@cache
def digits() -> tuple[Tensor, Tensor]:
    """1,797 handwritten digits of 8×8 pixels as (1797, 64) float32 in -1 … 1, and their labels (1797,) int64."""
    from sklearn.datasets import load_digits  # Slow to import, and most runs do without.

    pixels_N64, labels_N = load_digits(return_X_y=True)
    return torch.from_numpy(pixels_N64 / 8 - 1).float(), torch.from_numpy(labels_N).long()


def _split(name: Literal["mnist", "fashion_mnist"], names: tuple[str, ...]) -> Split:
    with np.load(carried_file(name), allow_pickle=False) as arrays:
        train, test = (
            Labelled(
                images=torch.from_numpy(arrays[f"{part}_images"]),
                labels=torch.from_numpy(arrays[f"{part}_labels"]).long(),
                names=names,
            )
            for part in ("train", "test")
        )
    return Split(train, test)


@cache
def mnist() -> Split:
    """Handwritten digits, 28×28: 1,200 of each class to learn from and 200 to be judged by."""
    return _split("mnist", DIGIT_NAMES)


@cache
def fashion_mnist() -> Split:
    """Clothes, 28×28, as many as in `mnist`."""
    return _split("fashion_mnist", FASHION_NAMES)


@cache
def quickdraw() -> Labelled:
    """One hundred sketches of each of 345 things, (34500, 28, 28), ink or no ink, ordered by class; 27 MB."""
    with np.load(carried_file("quickdraw"), allow_pickle=False) as arrays:
        images = np.unpackbits(arrays["bits"], axis=-1)[..., :28].reshape(-1, 28, 28) * np.uint8(255)
        names = tuple(str(name) for name in arrays["names"])
    return Labelled(torch.from_numpy(images), torch.arange(len(names)).repeat_interleave(100), names)
