"""A visitor's file is a picture or one clear sentence, whatever its bytes are."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

from pages.parts.latent.own import FILLED, fitted
from pages.parts.latent.uploaded import MOST_BYTES, MOST_PX, Unreadable, ink


def file_of(array: np.ndarray, kind: str = "PNG", **how: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **how)
    return file.getvalue()


def bar(ink_level: int, paper: int, side: int = 60) -> np.ndarray:
    """An upright bar."""
    page = np.full((side, side), paper, np.uint8)
    page[10:50, 27:33] = ink_level
    return page


BAR = {kind: file_of(bar(0, 255), kind) for kind in ("PNG", "JPEG")}


def png_that_claims(width: int, height: int) -> bytes:
    """A well-formed header of a picture of that size, and next to no data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


@pytest.mark.parametrize("levels", [(0, 255), (255, 0), (40, 190)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_ink_is_what_differs_from_the_rim_dark_or_light(kind: str, levels: tuple[int, int]) -> None:
    found = ink(file_of(bar(*levels), kind))
    assert float(found[15:45, 28:32].min()) > 0.8 and float(found[:8].max()) == 0 and float(found[:, :20].max()) == 0


def test_what_is_transparent_is_paper_and_sixteen_bits_are_scaled() -> None:
    clear = np.zeros((60, 60, 4), np.uint8)
    clear[10:50, 27:33] = (0, 0, 0, 255)
    deep = 257 * bar(0, 255).astype(np.uint16)
    for array in (clear, deep):
        np.testing.assert_allclose(ink(file_of(array)), ink(BAR["PNG"]), atol=0.01)


@pytest.mark.parametrize("size", [(60_000, 60_000), (MOST_PX + 1, 10), (2**31 - 1, 2**31 - 1)])
def test_a_picture_that_claims_to_be_huge_is_not_unpacked(size: tuple[int, int]) -> None:
    with pytest.raises(Unreadable):
        ink(png_that_claims(*size))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_other_kinds_of_files_are_refused(kind: str) -> None:
    with pytest.raises(Unreadable, match="PNG or JPEG"):
        ink(file_of(bar(0, 255), kind))


def test_large_files_and_even_areas_are_refused_in_words() -> None:
    with pytest.raises(Unreadable, match="too large"):
        ink(BAR["PNG"] + b"\0" * MOST_BYTES)
    with pytest.raises(Unreadable, match="even area"):
        ink(file_of(np.full((30, 30), 128, np.uint8)))


@settings(max_examples=300)
@given(some.sampled_from(["PNG", "JPEG"]), some.lists(some.tuples(some.integers(0, 900), some.integers(0, 255))),
       some.integers(0, 900))  # fmt: skip
def test_a_damaged_file_is_a_picture_or_a_sentence(kind: str, changes: list[tuple[int, int]], length: int) -> None:
    raw = bytearray(BAR[kind])
    for place, value in changes:
        raw[place % len(raw)] = value
    for said in (bytes(raw), bytes(raw[:length])):
        try:
            found = ink(said)
        except Unreadable:
            continue
        assert found.ndim == 2 and bool(np.isfinite(found).all()) and float(found.max()) == 1


@given(some.binary(max_size=400))
def test_bytes_of_any_kind_are_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        ink(raw)


@pytest.mark.parametrize(("data", "side"), [("digits", 8), ("mnist", 28), ("sprites", 16)])
def test_a_picture_fills_as_much_of_the_page_as_those_of_its_set(data: str, side: int) -> None:
    found = fitted(ink(BAR["PNG"]), side, FILLED[data])
    assert found is not None and float(found.max()) == 1
    rows = (found.view(side, side).amax(1) > 0.1).nonzero()[:, 0]
    assert abs(int(rows.max() - rows.min()) + 1 - FILLED[data] * side) <= 1
