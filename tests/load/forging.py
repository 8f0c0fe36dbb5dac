"""Hostile files and texts: valid ones of every kind, then cut, spliced, lied about, lengthened; and some built so.

`file(chance)` and `text(chance)` draw one each; the same `random.Random` draws the same.
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image

KINDS = ("png", "deep png", "palette png", "clear png", "interlaced png", "jpeg", "grey jpeg", "cmyk jpeg",
         "turned jpeg", "progressive jpeg", "webp", "exact webp", "moving webp", "gif", "apng", "tiff",
         "bmp")  # fmt: skip
HUGE = (0, 1, 4096, 4097, 16_384, 65_500, 65_535, 2**24 - 1, 2**31 - 1, 2**32 - 1)


def picture(side: int = 90) -> Image.Image:
    """Something with edges, colours and noise."""
    noise = np.random.default_rng(side).integers(0, 90, (side, side + 20, 3), dtype=np.uint8)
    noise[side // 4 : side // 2, side // 3 : side] += 150
    return Image.fromarray(noise)


@cache
def valid(kind: str) -> bytes:
    """A small valid file."""
    image, how = picture(), dict[str, object]()
    format = {"jpeg": "JPEG", "webp": "WEBP", "gif": "GIF", "tiff": "TIFF", "bmp": "BMP"}.get(kind.split()[-1], "PNG")
    if kind == "deep png":
        image = Image.fromarray(257 * np.asarray(image.convert("L")).astype(np.uint16))
    elif kind in ("palette png", "gif"):
        image = image.quantize(200)
        how = {"transparency": 3}
    elif kind == "clear png":
        image.putalpha(image.convert("L"))
    elif kind == "grey jpeg":
        image = image.convert("L")
    elif kind == "cmyk jpeg":
        image = image.convert("CMYK")
    elif kind == "turned jpeg":
        exif = Image.Exif()
        exif[0x0112], exif[0x010F] = 6, "Maker"
        how = {"exif": exif, "icc_profile": b"\0" * 900, "comment": b"said"}
    elif kind == "progressive jpeg":
        how = {"progressive": True}
    elif kind == "exact webp":
        how = {"lossless": True, "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"}
    elif kind in ("moving webp", "apng"):
        how = {"save_all": True, "append_images": [image.rotate(90 * turn) for turn in range(1, 4)], "duration": 40}
    if kind == "interlaced png":
        return interlaced(40, 30)
    file = io.BytesIO()
    image.save(file, format, **how)  # type: ignore[arg-type]
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, bits: int, colour: int, data: bytes, more: bytes = b"", lace: int = 0) -> bytes:
    """A PNG that claims all this, whatever its data are."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, lace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def interlaced(width: int, height: int) -> bytes:
    """Grey, in Adam7's seven passes."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    lines = [
        b"\0" + bytes((3 * x + y) % 256 for x in range(left, width, right))
        for left, top, right, down in passes if left < width for y in range(top, height, down)
    ]  # fmt: skip
    return png(width, height, 8, 0, zlib.compress(b"".join(lines)), lace=1)


def flat_png(width: int, height: int, bits: int, colour: int) -> bytes:
    """A true bomb: every pixel is there, and the file is a thousandth of them."""
    line = 1 + (width * bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] + 7) // 8
    packer, packed = zlib.compressobj(9), list[bytes]()
    for begin in range(0, height, 256):
        packed.append(packer.compress(bytes(line * min(256, height - begin))))
    palette = chunk(b"PLTE", bytes(range(256)) * 3) + chunk(b"tRNS", b"\x80" * 256) if colour == 3 else b""
    return png(width, height, bits, colour, b"".join([*packed, packer.flush()]), palette)


def table_bomb(entries: int, held: int) -> bytes:
    """Exif notes whose every entry points at the same bytes."""
    rows = b"".join(struct.pack(">HHII", tag + 1, 7, held, 8) for tag in range(entries))
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", entries) + rows + bytes(held)


def with_notes(jpeg: bytes, notes: bytes) -> bytes:
    """A JPEG with Exif notes of any length, in as many segments as they need."""
    pieces = [notes[begin : begin + 65_000] for begin in range(0, len(notes), 65_000)]
    segments = [b"\xff\xe1" + struct.pack(">H", len(piece) + 8) + b"Exif\0\0" + piece for piece in pieces]
    # Without the density that a JFIF header tells, Pillow would look for it in the notes as soon as it opens the file.
    begin = 2 + 2 + int.from_bytes(jpeg[4:6], "big") if jpeg[2:4] == b"\xff\xe0" else 2
    return jpeg[:2] + b"".join(segments) + jpeg[begin:]


def scan_bomb(scans: int, side: int = 4096) -> bytes:
    """A progressive JPEG, each of whose scans is some bytes long and a walk over the whole picture."""
    file = io.BytesIO()
    Image.new("L", (side, side), 128).save(file, "JPEG", progressive=True)
    raw = file.getvalue()
    end = raw.rindex(b"\xff\xd9")
    last = raw.rindex(b"\xff\xda")
    return raw[:end] + raw[last:end] * scans + raw[end:]


@cache
def dear() -> tuple[bytes, ...]:
    """Files that were built to cost far more than they weigh: true ones of great size, and one that is all scans."""
    return (
        flat_png(5000, 5000, 8, 6), flat_png(4096, 4096, 16, 6), flat_png(4096, 4096, 8, 3), flat_png(4096, 4096, 1, 0),
        flat_png(4096, 4096, 16, 0), flat_png(9000, 9000, 1, 0), flat_webp(3500, 3500), flat_webp(4900, 5000),
        scan_bomb(3000), scan_bomb(85, 4900), flat_jpeg(5000, 4900, progressive=True),
    )  # fmt: skip


@cache
def built() -> tuple[bytes, ...]:
    """Files that claim, point, repeat or hide."""
    return (
        flat_png(4096, 1, 8, 2), flat_png(1, 4096, 8, 0), flat_webp(16_383, 16_383), scan_bomb(3000, 512),
        with_notes(valid("jpeg"), table_bomb(65_000, 3_000_000)),
        with_notes(valid("jpeg"), table_bomb(2_700, 32_000)), with_notes(valid("jpeg"), bytes(4_000_000)),
        valid("jpeg")[:2] + b"\xff\xff" * 2_000_000, valid("jpeg")[:2] + b"\xff\xe5\0\2" * 1_000_000,
        png(9, 9, 8, 0, b"", chunk(b"tEXt", b"a\0b") * 200_000), png(9, 9, 8, 0, b"", chunk(b"IDAT", b"") * 200_000),
        png(9, 9, 8, 0, b"", chunk(b"eXIf", table_bomb(65_000, 3_000_000)) + chunk(b"iCCP", b"a\0\0" + wall())),
        png(90, 90, 8, 0, zlib.compress(bytes(91 * 90)) + wall()), png(90, 90, 8, 0, wall()),
        *(png(wide, high, 8, 2, zlib.compress(bytes(99))) for wide in HUGE for high in (1, 5000, 2**31 - 1)),
    )  # fmt: skip


@cache
def wall() -> bytes:
    """4 MB that unpack to 4 GB."""
    packer = zlib.compressobj(9)
    first, again = (packer.compress(bytes(2**24)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * 249


def flat_webp(width: int, height: int) -> bytes:
    """An even picture of that size; beyond what can be written, only a header that claims it."""
    if width * height > 2**25:
        head = b"VP8X" + struct.pack("<II", 10, 0x10) + (width - 1).to_bytes(3, "little")
        body = b"WEBP" + head + (height - 1).to_bytes(3, "little") + valid("exact webp")[12:]
        return b"RIFF" + struct.pack("<I", len(body)) + body
    file = io.BytesIO()
    Image.new("RGBA", (width, height), (9, 99, 200, 120)).save(file, "WEBP", lossless=True, method=0, quality=0)
    return file.getvalue()


def flat_jpeg(width: int, height: int, **how: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "JPEG", subsampling=0, **how)  # type: ignore[arg-type]
    return file.getvalue()


def file(chance: random.Random) -> bytes:
    """A valid file, mutated in up to four ways."""
    raw = bytearray(valid(chance.choice(KINDS)))
    for _ in range(chance.randrange(5)):
        _mutate(raw, chance)
    return bytes(raw[:5_000_000])


def _mutate(raw: bytearray, chance: random.Random) -> None:
    place = chance.choice((chance.randrange(40), chance.randrange(len(raw) + 1)))  # headers are the more delicate part
    match chance.choice(("flip", "flip", "number", "cut", "trail", "drop", "double", "splice", "glue")):
        case "flip":
            for _ in range(chance.randrange(1, 20) if raw else 0):
                raw[(place if chance.random() < 0.3 else chance.randrange(len(raw))) % len(raw)] = chance.randrange(256)
        case "number":  # a length, a size, an offset
            size, order = chance.choice((2, 3, 4)), chance.choice(("big", "little"))
            raw[place : place + size] = (chance.choice(HUGE) % 256**size).to_bytes(size, order)  # type: ignore[arg-type]
        case "cut":
            del raw[max(1, place) :]
        case "trail":
            raw += chance.randbytes(chance.randrange(1, 4000))
        case "drop":
            del raw[place : place + chance.randrange(1, 60)]
        case "double":
            raw[place:place] = raw[place : place + chance.randrange(1, 400)] * chance.randrange(1, 9)
        case "splice":
            other = valid(chance.choice(KINDS))
            raw[place:] = other[chance.randrange(len(other)) :]
        case "glue":
            raw += valid(chance.choice(KINDS))


LETTERS = (
    "a", "Z", "0", " ", "\n", "\t", "\r", "\0", "→", "->", "=", "[MASK]", "[CLS]", "ế", "🙂", "🏳\ufe0f\u200d🌈",
    "\u202e", "\u200b", "\ud800", "\udfff", "\ufeff", "\uffff", "\x85", "\u2028", "ﷺ", "e\u0301", "<b>", "$x$", "{a}",
    "%s", "\x1b[2J",
)  # fmt: skip


def text(chance: random.Random) -> str:
    """Pasted text: pieces of odd letters in lines, now and then very long ones."""
    pieces = chance.choices(LETTERS, k=chance.randrange(1, 60))
    if chance.random() < 0.15:
        return chance.choice(LETTERS) * chance.choice((3000, 20_000, 200_000))
    if chance.random() < 0.3:
        return "\n".join(f"{chance.choice(LETTERS)}{chance.choice(('→', '->', '='))}{piece}" for piece in pieces)
    return "".join(pieces)
