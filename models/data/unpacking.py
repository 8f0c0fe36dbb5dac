"""A stranger's file of a picture is unpacked within bounds of memory and time, or refused: nothing in it is trusted.

What the header claims is judged before a pixel is unpacked; one file is unpacked at a time, and made small at once. A
JPEG's notes never reach Pillow: its readers put many segments together and may copy the same bytes once for each entry
of a hostile table. Of all notes only one number is wanted, how the camera was held.

Source: the segments of a JPEG, ITU-T T.81 (1992), annex B; the orientation, Exif 2.32 (2019), section 4.6.5.1.
"""

from __future__ import annotations

import re
import struct
import threading
import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import Literal

import numpy as np
from PIL import Image

MOST_SCANS = 100
"""A JPEG comes in 1 to some 15 scans; each costs a walk over the whole picture, and may be some bytes long."""
MOST_SEGMENTS, MOST_ENTRIES = 2000, 200
"""Before the picture, and of the notes' table."""
FILLING = re.compile(rb"(?:\xff(?=\xff))*")
"""A segment may be preceded by any number of these."""
EXIF = b"Exif\0\0"
ORIENTATION = 0x0112
SOI, EOI, SOS = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
NEEDED = (0xE0, 0xEE)
"""Of the application's segments, those that say how colours are meant: JFIF's and Adobe's."""
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
BROKEN = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError, MemoryError,
          struct.error, zlib.error, Image.DecompressionBombError)  # fmt: skip
"""What Pillow's readers were seen to raise, or may raise by their code, on damaged files."""

_one = threading.Lock()


class NoPicture(ValueError):  # noqa: N818  (an answer to a visitor)
    """The file cannot be read as one of the formats asked for."""


class TooLarge(ValueError):  # noqa: N818  (an answer to a visitor)
    """The picture claims more pixels than are unpacked here."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(f"The picture has too many pixels: {width} × {height}.")
        self.width, self.height = width, height


def unpacked(file: bytes, formats: Sequence[str], side: int, most: int, longest: int = 2**31) -> Image.Image:
    """The picture in RGB, upright, on white paper; its shorter side may be shrunk to 2·`side` … 4·`side` pixels.

    Raises `TooLarge` beyond `most` pixels in all (of a WebP half as many: it is held four times while it is unpacked)
    or `longest` each way, and `NoPicture`.
    """
    turn = 1
    try:
        if file.startswith(SOI):
            file, turn = without_notes(file)
        with _one, Image.open(BytesIO(file), formats=tuple(formats)) as opened:
            width, height = opened.size
            if width * height > (most // 2 if opened.format == "WEBP" else most) or max(width, height) > longest:
                raise TooLarge(width, height)
            opened.draft("RGB", (2 * side, 2 * side))  # a camera's picture is unpacked at an eighth of its size
            opened.load()
            notes = opened.info.get("exif", b"")
            turn = orientation(notes.removeprefix(EXIF)) if isinstance(notes, bytes) and notes else turn
            small = on_paper(shrunk(opened, side))
            return small.transpose(UPRIGHT[turn]) if turn in UPRIGHT else small
    except (TooLarge, NoPicture):
        raise
    except BROKEN:
        raise NoPicture("The file holds no picture that can be read.") from None


def without_notes(file: bytes) -> tuple[bytes, int]:
    """A JPEG up to its end, without what programs have noted in it, and its orientation; raises `NoPicture`."""
    kept, place, turn = [SOI], 2, 1
    for _ in range(MOST_SEGMENTS):
        place = FILLING.match(file, place).end()  # type: ignore[union-attr]
        if (marker := file[place : place + 2]) == SOS:
            break
        length = int.from_bytes(file[place + 2 : place + 4], "big")
        segment = file[place : place + 2 + length]
        if marker[:1] != b"\xff" or length < 2 or len(segment) < 2 + length:
            raise NoPicture("The file is cut off before its picture.")
        if marker[1] == 0xE1 and segment[4:].startswith(EXIF) and turn == 1:
            turn = orientation(segment[4 + len(EXIF) :])
        if marker[1] in NEEDED or marker[1] < 0xE0:
            kept.append(segment)
        place += len(segment)
    else:
        raise NoPicture("The file notes more than it shows.")
    end = file.find(EOI, place)
    scans = file[place : end + 2] if end > 0 else file[place:]
    if scans.count(SOS) > MOST_SCANS:
        raise NoPicture("The picture comes in too many scans.")
    return b"".join([*kept, scans]), turn


def orientation(notes: bytes) -> int:
    """How the camera was held, 1 … 8, by the notes (a TIFF header and its first table); 1 where they do not say."""
    order: Literal["little", "big"] = "little" if notes[:2] == b"II" else "big"

    def number(place: int, size: int) -> int:
        return int.from_bytes(notes[place : place + size], order)

    table = number(4, 4)
    for entry in range(table + 2, table + 2 + 12 * min(number(table, 2), MOST_ENTRIES), 12):
        if number(entry, 2) == ORIENTATION:
            return number(entry + 8, 2)
    return 1


def shrunk(picture: Image.Image, side: int) -> Image.Image:
    """The picture in L, RGB or RGBA, made smaller by a whole number where it is far larger than asked for."""
    if picture.mode.startswith("I"):  # 16 bits: Pillow would cut off instead of scaling
        picture = Image.fromarray((np.asarray(picture) >> 8).clip(0, 255).astype(np.uint8))
    wanted = "RGBA" if picture.has_transparency_data else "L" if picture.mode in ("1", "L") else "RGB"
    if picture.mode != wanted:
        picture = picture.convert(wanted)
    factor = min(picture.size) // (2 * side)
    return picture.reduce(factor) if factor > 1 else picture


def on_paper(picture: Image.Image) -> Image.Image:
    """The picture in RGB; what is transparent is white."""
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")
