"""The game in a real browser: draw, hear the answer, correct it, and see that it was learned; then with files."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import BrowserContext, Page, expect

from tests.browsing import settled

pytestmark = pytest.mark.browser


def opened(visitor: BrowserContext, app: str) -> Page:
    """The page with its quickest eye: bare pixels need no network."""
    page = visitor.new_page()
    page.goto(f"{app}/own_classes")
    page.get_by_role("radio", name="bare pixels").click()
    expect(page.get_by_text("of 15 pictures were recognised")).to_be_visible()
    return page


def stroke(page: Page, *places: tuple[float, float]) -> None:
    field = settled(page).get_by_role("application", name="Density to paint")
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    assert box is not None
    across, down = zip(*((box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places), strict=True)
    page.mouse.move(across[0], down[0])
    page.mouse.down()
    for x, y in zip(across[1:], down[1:], strict=True):
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def taught(page: Page, number: int) -> None:
    """Press the button that names class `number`."""
    page.locator(f".st-key-own-teach-{number} button").click()


def test_a_drawing_is_answered_corrected_and_learned(app: str, visitor: BrowserContext) -> None:
    page = opened(visitor, app)
    stroke(page, (0.2, 0.9), (0.2, 0.45), (0.5, 0.1), (0.8, 0.45), (0.8, 0.9), (0.2, 0.9))
    expect(page.get_by_text(re.compile(r"^house: \d+(\.\d+)?\s%$"))).to_be_visible()
    taught(page, 2)
    expect(page.get_by_text("of 16 pictures were recognised")).to_be_visible()
    expect(page.get_by_text("Show a new picture")).to_be_visible()  # the field is empty again


def test_files_come_in_together_and_what_is_no_picture_is_said(app: str, visitor: BrowserContext) -> None:
    page = opened(visitor, app)
    files = []
    for number, shade in enumerate(("red", "green", "blue", "black")):
        image, file = Image.new("RGB", (400, 300), "white"), io.BytesIO()
        ImageDraw.Draw(image).ellipse((60 + 20 * number, 40, 300, 260), fill=shade)
        image.save(file, "JPEG")
        files.append({"name": f"{shade}.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()})
    page.get_by_role("radio", name="Upload").click()
    page.locator("input[type=file]").set_input_files([*files, {**files[0], "name": "bad.png", "buffer": b"nothing"}])  # type: ignore[list-item]
    expect(page.get_by_text("“bad.png” is no picture")).to_be_visible()
    taught(page, 1)
    expect(page.get_by_text("of 19 pictures were recognised")).to_be_visible()
