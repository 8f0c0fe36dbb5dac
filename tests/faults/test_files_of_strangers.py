"""A stranger's file or text becomes something or is refused, whatever is in it, and costs little: the short version.

The long one is `python -m tests.load uploads --count 1000`.
"""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from models.data import unpacking
from models.data.photograph import MOST_PIXELS, SIDE, photograph
from models.data.unpacking import EXIF, SOI, UPRIGHT, NoPicture, TooLarge, orientation, unpacked, without_notes
from tests.load import decoding, forging

ALL = ("PNG", "JPEG", "WEBP")


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it mends
def test_forged_files_are_taken_or_refused_in_time_and_in_memory() -> None:
    report = decoding.files(100, dear=False)
    print(report)
    assert report.faults == [] and report.ends["taken"] > 20
    assert report.slowest_s < 20 and report.highest < 200e6


def test_pictures_are_unpacked_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may take a hundred megabytes while it is."""
    inside, most = 0, 0

    def shrunk(opened: Image.Image, side: int) -> Image.Image:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.01)
        inside -= 1
        return opened.copy()

    monkeypatch.setattr(unpacking, "shrunk", shrunk)
    with ThreadPoolExecutor(8) as visitors:
        files = [forging.valid("png")] * 16
        assert len(list(visitors.map(lambda file: unpacked(file, ALL, SIDE, MOST_PIXELS), files))) == 16
    assert most == 1


def test_odd_texts_are_taken_or_refused() -> None:
    report = decoding.texts(40)
    print(report)
    assert report.faults == [] and report.slowest_s < 20


@pytest.mark.parametrize("kind", [kind for kind in forging.KINDS if kind.split()[-1] in ("png", "jpeg", "webp")])
def test_valid_files_of_every_kind_are_taken(kind: str) -> None:
    assert photograph(forging.valid(kind)).shape == (3, SIDE, SIDE)


@pytest.mark.parametrize("turn", [1, *UPRIGHT])
def test_every_way_to_hold_a_camera_is_turned_upright(turn: int) -> None:
    """As Pillow's own reader of notes does it."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = turn
    upright = np.asarray(forging.picture(40).convert("L"))
    back = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}.get(turn, UPRIGHT.get(turn))
    held = Image.fromarray(upright) if back is None else Image.fromarray(upright).transpose(back)
    held.save(file, "PNG", exif=exif)
    np.testing.assert_array_equal(np.asarray(unpacked(file.getvalue(), ALL, SIDE, MOST_PIXELS).convert("L")), upright)
    held.save(file := io.BytesIO(), "JPEG", exif=exif, quality=95)
    assert without_notes(file.getvalue())[1] == turn


def test_the_notes_of_a_jpeg_never_reach_the_reader() -> None:
    for notes in (forging.table_bomb(65_000, 3_000_000), b"MM\\0*", bytes(100_000)):
        plain, turn = without_notes(forging.with_notes(forging.valid("jpeg"), notes))
        assert plain.startswith(SOI) and EXIF not in plain and len(plain) < 6000 and orientation(notes) == turn == 1


def test_a_picture_of_many_scans_or_pixels_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(NoPicture, match="scans"):
        unpacked(forging.scan_bomb(200, 64), ALL, SIDE, MOST_PIXELS)
    assert unpacked(forging.scan_bomb(20, 64), ALL, SIDE, MOST_PIXELS).size == (64, 64)
    file = io.BytesIO()
    Image.new("L", (300, 200)).save(file, "WEBP")
    with pytest.raises(TooLarge):
        unpacked(file.getvalue(), ALL, 8, 100_000)
    assert unpacked(file.getvalue(), ALL, SIDE, 120_000).size == (300, 200)


def test_what_is_far_larger_than_asked_for_is_made_small_at_once() -> None:
    for mode in ("L", "RGB", "P", "RGBA", "I;16"):
        file = io.BytesIO()
        Image.new(mode, (1200, 900), 9 if mode in ("L", "P", "I;16") else "teal").save(file, "PNG")
        assert unpacked(file.getvalue(), ALL, 100, MOST_PIXELS).size == (300, 225)
