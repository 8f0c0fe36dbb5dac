"""A lesson in a real browser, walked as a newcomer does: predict, press, watch, hear the answer, go on."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from pages.parts.lessons import course
from pages.parts.words import translate
from tests.browsing import picture, wait

pytestmark = pytest.mark.browser
TRAINING_MS = 180_000
"""Two runs of a lesson, on a machine that does other things too."""
LESSON = course()["order"]


def test_a_newcomer_predicts_presses_and_hears_what_was_measured(app: str, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{app}/lessons")
    page.get_by_role("button", name=LESSON.title).click()
    go = page.get_by_role("button", name="Train and see")
    expect(go).to_be_disabled()
    expect(page.get_by_text(LESSON.why)).to_have_count(0)
    page.get_by_text(LESSON.choices["no"]).click()
    expect(go).to_be_enabled()
    go.click()
    wait(lambda: len(picture(page)) > 5000, page)
    expect(page.get_by_text("Yes, as you expected. With positions")).to_be_visible(timeout=TRAINING_MS)
    expect(page.get_by_text(LESSON.why)).to_be_visible()
    page.get_by_role("link", name=LESSON.ways[0].label).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Attention")
    wait(lambda: "positions=rope" in page.url, page)
    assert not faults


def test_a_class_meets_the_question_in_its_language_and_nothing_else(app: str, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    page.goto(f"{app}/lessons?lesson=order&hide=menu,controls&lang=vi")
    expect(page.get_by_text(translate(LESSON.question, "vi"))).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text(translate(LESSON.title, "vi"))
    for hidden in (".st-key-language", ".st-key-lesson-class", "[data-testid=stTopNavLinkContainer]"):
        expect(page.locator(f"{hidden}:visible")).to_have_count(0)
    expect(page.locator("html")).to_have_attribute("lang", "vi")
    page.goto(f"{app}/attention?hide=menu,controls,tabs")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for hidden in (".st-key-language", ".st-key-lab-side"):
        expect(page.locator(f"{hidden}:visible")).to_have_count(0)
