"""A stranger's file becomes a small square picture, or a refusal.

Letters: S = 128 pixels a side; (3, S, S) uint8. The middle is cut out, turned as the camera says, on white where it is
transparent.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from models.data.unpacking import unpacked

SIDE = 128
MOST_PIXELS = 25_000_000
FORMATS = ("JPEG", "PNG", "WEBP")


def photograph(file: bytes) -> np.ndarray:
    """The picture in a file; raises ValueError where there is none, or too large a one."""
    square = ImageOps.fit(unpacked(file, FORMATS, SIDE, MOST_PIXELS), (SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(square).transpose(2, 0, 1).copy()
