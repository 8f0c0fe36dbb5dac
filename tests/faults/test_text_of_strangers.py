"""A stranger's text is shown, letter by letter: it becomes no markup, loads nothing, and runs nothing."""

from __future__ import annotations

import html

import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from markdown_it import MarkdownIt
from playwright.sync_api import BrowserContext, expect

from pages.parts.plain import plain
from tests.browsing import answers, settled

ODD = "<img src=/odd.png onerror=window.hit=1> ![](/odd.png) **x**"
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@given(some.text(some.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=60))
@example("[a](javascript:alert(1))")
@example("# head\n- item\n1. one")
@example("<b onclick=x>&amp;")
@example("a | b\n--|--")
@example("``` code")
def test_a_parser_of_markdown_reads_back_the_very_text(text: str) -> None:
    shown = " ".join(text.split())
    # The page puts such text into a sentence of its own, so it never begins a block.
    drawn = MARKDOWN.render(f"Name: {plain(text)}.")
    assert html.unescape(drawn) == f"<p>Name: {shown}.</p>\n"


@pytest.mark.browser
def test_a_class_with_an_odd_name_and_a_link_with_odd_words_run_nothing(app: str, visitor: BrowserContext) -> None:
    page, asked = visitor.new_page(), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{app}/own_classes?lang=en&x=<script>window.hit=1</script>")
    page.get_by_role("radio", name="bare pixels").click()
    expect(page.get_by_text("of 15 pictures were recognised")).to_be_visible()
    for number in range(3):  # whatever is drawn is taken for one of them
        name = page.get_by_role("textbox", name=f"Class {number + 1}")
        name.fill(ODD[:24])
        name.press("Enter")
        expect(page.get_by_role("textbox", name=f"Class {number + 1}")).to_have_value(ODD[:24])
    field = settled(page).get_by_role("application", name="Density to paint")
    field.scroll_into_view_if_needed()
    box = field.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 120, steps=6)
    page.mouse.up()
    expect(page.get_by_text(f"{ODD[:24]}: ").first).to_be_visible()
    assert page.evaluate("window.hit") is None and not [url for url in asked if "odd" in url and "lang" not in url]
    assert answers(app)
