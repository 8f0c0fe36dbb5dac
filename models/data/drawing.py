"""A density that the visitor draws: 32×32 cells with 16 levels of ink, short enough to travel in a link.

Row 0 of `levels` is the top of the picture (y near 1), column 0 its left (x near 0); the picture is the unit square.
A cell holds its share of the ink, spread evenly: density = level / (sum of levels) · 1024.

The link carries two levels per byte, compressed (zlib) and written in base64url without padding. A link is a
stranger's text: `decode` bounds what it reads and what it unpacks, and refuses everything else with a sentence.
"""

from __future__ import annotations

import base64
import math
import re
import zlib
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import torch
from torch import Tensor

from models.data.density import PlaneData, inside

SIDE = 32
INK = 15
"""The highest level: what four bits hold."""
PACKED_BYTES = SIDE * SIDE // 2
MAX_TEXT = 720
"""Letters of the longest link: 512 bytes that do not compress take 523 in zlib, 698 in base64."""


def encode(levels: np.ndarray) -> str:
    """The drawing as 30 to 698 letters for a link; raises `ValueError` where it is no drawing or has no ink."""
    if levels.shape != (SIDE, SIDE) or not np.issubdtype(levels.dtype, np.integer):
        raise ValueError(f"A drawing is {SIDE} by {SIDE} whole numbers.")
    if levels.min() < 0 or levels.max() > INK:
        raise ValueError(f"The levels of a drawing lie between 0 and {INK}.")
    if not levels.any():
        raise ValueError("The drawing is empty: draw at least one cell.")
    nibbles = levels.astype(np.uint8).reshape(-1, 2)
    packed = (nibbles[:, 0] << 4 | nibbles[:, 1]).tobytes()
    return base64.urlsafe_b64encode(zlib.compress(packed, 9)).decode().rstrip("=")


def decode(text: str) -> np.ndarray:
    """(32, 32) uint8 levels of a drawing; the empty text is `smile`. Raises `ValueError` with one sentence."""
    if not text:
        return smile().copy()
    if len(text) > MAX_TEXT:
        raise ValueError(f"The link's drawing is too long: at most {MAX_TEXT} letters.")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text) or len(text) % 4 == 1:
        raise ValueError("The link's drawing has letters that no drawing has: it was cut or changed on its way.")
    packed = _unpack(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    levels = np.stack([packed >> 4, packed & 15], axis=1).reshape(SIDE, SIDE)
    if not levels.any():
        raise ValueError("The link's drawing is empty: draw at least one cell.")
    return levels


def _unpack(compressed: bytes) -> np.ndarray:
    """(512,) bytes. Never unpacks more than one byte too many, whatever the input claims to hold."""
    stream = zlib.decompressobj()
    try:
        packed = stream.decompress(compressed, PACKED_BYTES + 1)
        # zlib may hold back the end of a stream whose output is already complete: ask once more.
        packed += stream.decompress(stream.unconsumed_tail, 1) if len(packed) == PACKED_BYTES else b""
    except zlib.error:
        raise ValueError("The link's drawing cannot be unpacked: it was cut or changed on its way.") from None
    if len(packed) != PACKED_BYTES or not stream.eof or stream.unused_data:
        raise ValueError(f"The link's drawing does not hold {SIDE} by {SIDE} cells: it was cut or changed on its way.")
    return np.frombuffer(packed, dtype=np.uint8)


def to_hex(levels: np.ndarray) -> str:
    """(32, 32) levels as 1,024 hexadecimal digits, row by row from the top: what the brush paints with."""
    return "".join(f"{level:x}" for level in levels.reshape(-1))


def from_hex(text: str) -> np.ndarray:
    """The inverse of `to_hex`; raises `ValueError` for anything else."""
    if not re.fullmatch(r"[0-9a-f]{1024}", text):
        raise ValueError(f"A drawing is {SIDE} by {SIDE} whole numbers.")
    return np.array([int(digit, 16) for digit in text], dtype=np.uint8).reshape(SIDE, SIDE)


@cache
def smile() -> np.ndarray:
    """(32, 32) uint8: the drawing that stands there before the visitor draws one. Shared: copy before writing."""
    ticks = (np.arange(SIDE) + 0.5) / SIDE
    x, y = np.meshgrid(ticks, ticks[::-1])
    eyes = np.minimum(np.hypot(x - 0.32, y - 0.68), np.hypot(x - 0.68, y - 0.68)) - 0.08
    mouth = np.where(y < 0.48, np.abs(np.hypot(x - 0.5, y - 0.52) - 0.34) - 0.045, 1.0)
    # Ink fades over one cell, so that levels between none and full are seen as well.
    ink = np.clip(0.5 - np.minimum(eyes, mouth) * SIDE, 0.0, 1.0)
    levels = np.rint(INK * ink).astype(np.uint8)
    levels.flags.writeable = False
    return levels


@dataclass(frozen=True, eq=False)
class Drawing(PlaneData):
    """The drawn density: exact, flat in every cell."""

    levels: np.ndarray = field(default_factory=smile)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        weights = torch.from_numpy(self.levels.astype(np.float32)).flatten().to(generator.device)
        cell_N = torch.multinomial(weights, n, replacement=True, generator=generator)
        corner_N2 = torch.stack([cell_N % SIDE, SIDE - 1 - cell_N // SIDE], dim=1)
        return (corner_N2 + inside((n, 2), generator)) / SIDE

    def _log_density(self, points_N2: Tensor) -> Tensor:
        within_N = ((points_N2 >= 0) & (points_N2 <= 1)).all(dim=1)
        cell_N2 = (points_N2.clamp(0, 1) * SIDE).long().clamp_max(SIDE - 1)
        levels = torch.from_numpy(self.levels.astype(np.float64))
        log_levels = levels.log() - levels.sum().log() + 2 * math.log(SIDE)
        return log_levels[SIDE - 1 - cell_N2[:, 1], cell_N2[:, 0]].where(within_N, -math.inf)


def drawing(text: str = "") -> Drawing:
    """The drawing that a link carries; raises `ValueError` as `decode` does."""
    return Drawing("drawing", (0.0, 1.0, 0.0, 1.0), 1.0, levels=decode(text))
