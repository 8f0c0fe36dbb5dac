"""A stranger's file becomes a small square picture, or a refusal: nothing in it is trusted.

Letters: S = 128 pixels a side; (3, S, S) uint8. The middle is cut out, turned as the camera says, on white where it is
transparent. What is large is refused by what its header says, before a pixel is unpacked.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

SIDE = 128
MOST_PIXELS = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP")


def photograph(file: bytes) -> np.ndarray:
    """The picture in a file; raises ValueError where there is none, or too large a one."""
    try:
        with Image.open(BytesIO(file), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise ValueError("The picture has too many pixels.")
            opened.draft("RGB", (2 * SIDE, 2 * SIDE))  # A camera's picture is unpacked at an eighth of its size.
            turned = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError("The file holds no picture that can be read.") from error
    white = Image.new("RGBA", turned.size, "white")
    white.alpha_composite(turned)
    square = ImageOps.fit(white.convert("RGB"), (SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(square).transpose(2, 0, 1).copy()
