"""The painter of plans in a real browser: strokes, keys, beginnings, and what is past."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from playwright.sync_api import Page, expect

from models.layers.plans import PLAN, painted
from pages.parts.planner import painted as read
from tests.browsing import settled, wait
from tests.test_browser_attention import harness
from tests.test_browser_strategies import page

pytestmark = pytest.mark.browser
__all__ = ["harness", "page"]
NINES = "9" * 10
odd = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(["text", "turn"]), inner),
)


def opened(page: Page, harness: str, query: str = "") -> None:
    page.goto(f"{harness}/?planner=1{query}")
    expect(page.get_by_role("grid")).to_be_visible()
    settled(page)


def plan(page: Page) -> list[str]:
    """The rows as the page knows them, conv1 first."""
    text = (page.get_by_text("plan:").text_content() or "").removeprefix("plan:").strip()
    return text.split(".") if text else []


def test_a_stroke_freezes_what_it_crosses_and_can_be_undone(harness: str, page: Page) -> None:
    opened(page, harness)
    box = page.get_by_role("grid").bounding_box()
    assert box is not None and plan(page) == []
    # The lowest row is conv1: frozen from the beginning to the middle.
    page.mouse.move(box["x"] + 3, box["y"] + box["height"] - 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + box["height"] - 5, steps=3)
    page.mouse.up()
    wait(lambda: plan(page) == ["0000099999", *[NINES] * 5], page)
    assert painted(".".join(plan(page)), 100)[:50, 0].max() == 0
    page.get_by_role("button", name="Undo").click()
    wait(lambda: plan(page) == [], page)


def test_arrows_move_and_digits_paint(harness: str, page: Page) -> None:
    opened(page, harness)
    grid = page.get_by_role("grid")
    grid.locator("[tabindex='0']").focus()
    for key in ("ArrowDown", "ArrowRight", "6", "ArrowRight", "4", "End", "0"):
        page.keyboard.press(key)
    wait(lambda: plan(page) == [*[NINES] * 4, "9649999990", NINES], page)
    expect(
        page.locator("[aria-live='polite']").filter(has_text="hidden, 90 to 100 % of training: frozen")
    ).to_be_attached()


def test_a_strategy_is_a_beginning_and_a_name_paints_its_row(harness: str, page: Page) -> None:
    opened(page, harness)
    page.get_by_label("Begin with").select_option("Head only")
    wait(lambda: plan(page) == [*["0" * 10] * 5, NINES], page)
    page.get_by_role("button", name="a tenth").click()
    page.get_by_text("conv4", exact=True).click()
    wait(lambda: plan(page)[3:4] == ["6" * 10], page)
    page.get_by_role("button", name="No plan").click()
    wait(lambda: plan(page) == [], page)


def test_the_past_cannot_be_painted(harness: str, page: Page) -> None:
    opened(page, harness, "&now=0.4")
    page.get_by_text("conv1", exact=True).click()
    wait(lambda: plan(page) == ["9999000000", *[NINES] * 5], page)
    expect(page.get_by_text("has been trained already")).to_be_visible()


@given(odd)
def test_whatever_a_browser_says_is_a_plan_or_nothing(value: object) -> None:
    found = read(value)
    assert found is None or not found[0] or PLAN.fullmatch(found[0])
