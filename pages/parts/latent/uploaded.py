"""A visitor's file becomes a small grey picture, or a sentence that says why not: a stranger's bytes are not trusted.

The file's length is bounded before it is looked at, its size in pixels before it is unpacked (a picture of some
kilobytes can claim to be gigabytes large), and it is read as PNG or JPEG and as nothing else.
"""

from __future__ import annotations

import numpy as np

from models.data.unpacking import NoPicture, TooLarge, unpacked
from pages.parts.words import _

MOST_BYTES = 2_000_000
MOST_PX = 4096
LEAST_CONTRAST = 0.12
"""Of black to white: below it there is nothing to see."""
FAINT = 0.2
"""Shadows and noise of a photograph, as a share of the darkest ink, are paper."""
WORKED_PX = 256
"""Larger pictures are made smaller first: the models' have 28 pixels at most."""


class Unreadable(ValueError):  # noqa: N818  (an answer to a visitor)
    """Why a file cannot be taken, in the visitor's language."""


def ink(raw: bytes) -> np.ndarray:
    """(h, w) ink in 0 … 1, on paper of 0, whichever of the two was the darker; raises `Unreadable`."""
    grey = small(raw)
    rim = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    marks = np.abs(grey - np.median(rim))
    if marks.max() < LEAST_CONTRAST:
        raise Unreadable(_("This picture is one even area: there is nothing to encode."))
    shares: np.ndarray = marks / marks.max()
    return np.where(shares < FAINT, 0.0, shares)


def small(raw: bytes) -> np.ndarray:
    """(h, w) grey levels in 0 … 1, at most 256 pixels each way; raises `Unreadable`."""
    if len(raw) > MOST_BYTES:
        raise Unreadable(_("This file is too large: at most {most} MB.", most=MOST_BYTES // 1_000_000))
    try:
        picture = unpacked(raw, ("PNG", "JPEG"), WORKED_PX, MOST_PX**2, MOST_PX).convert("L")
    except TooLarge as large:
        raise Unreadable(
            _("This picture has {width} × {height} pixels: at most {most} each way.",
              width=large.width, height=large.height, most=MOST_PX)
        ) from None  # fmt: skip
    except NoPicture:
        raise Unreadable(_("This file cannot be read as a PNG or JPEG picture.")) from None
    picture.thumbnail((WORKED_PX, WORKED_PX))
    levels: np.ndarray = np.asarray(picture, float) / 255
    return levels
