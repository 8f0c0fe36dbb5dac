"""The attention page in a real browser: watch a head learn, take a cell apart, break a part, train on own pairs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from models.attention import AttentionTraining
from state import links
from state.runs import runs
from tests.browsing import choose, painted, picture, press, settled, wait, watch
from tests.waiting import until, until_ended

pytestmark = pytest.mark.browser

QUICK = AttentionTraining(steps=120, length=8, seed=3)
HEADS = QUICK.but(num_layers=2, num_heads=2)


def address_of(app: str, experiment: AttentionTraining, **more: Any) -> str:
    return f"{app}/attention?{urlencode({**links.write(experiment), **more})}"


def train(page: Page) -> None:
    page.locator(".st-key-attention-train button").first.click()


def test_training_shows_maps_and_the_scrubber_brings_back_any_step(app: str, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    page.goto(address_of(app, QUICK))
    train(page)
    wait(lambda: painted(page, QUICK.key) == QUICK.steps, page)
    sharp = picture(page)
    press(page, "Home", lambda: painted(page, QUICK.key) == 0)
    wait(lambda: picture(page) != sharp, page)
    wait(lambda: "at=0" in page.url, page)


def test_a_link_to_a_cell_shows_its_arithmetic(app: str, visitor: BrowserContext) -> None:
    until_ended(runs().open(HEADS))
    page = watch(visitor, address_of(app, HEADS, view="head.self.1.1,cell.2.5"))
    title = page.get_by_text(re.compile(r"Layer 2, head 2 at step 120: .*\(position 3\) looks at .*\(position 6\)"))
    expect(title).to_be_visible()

    def told() -> list[float]:
        return [float(text) for text in page.locator(".tn-table td.tn-weight > span").all_inner_texts() if text]

    # The table is drawn by a script of its own, and anew whenever the page is.
    wait(lambda: len(weights := told()) == HEADS.length and abs(sum(weights) - 1) < 0.005, page)


def test_a_broken_part_trains_beside_the_whole_and_the_sentence_says_what_it_was_for(
    app: str, visitor: BrowserContext
) -> None:
    until_ended(runs().open(QUICK))
    page = watch(visitor, address_of(app, QUICK))
    page.get_by_role("button", name="Positions off").click()
    twin = QUICK.but(positions="none")
    until(lambda: runs().find(twin.key) is not None)
    for each in (QUICK, twin):
        wait(lambda each=each: painted(page, each.key) == QUICK.steps, page)  # type: ignore[misc]
    expect(page.get_by_text(re.compile("Without positions the tokens are a bag"))).to_be_visible()


def test_own_pairs_are_checked_before_they_train(app: str, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    page.goto(address_of(app, QUICK.but(task="own_pairs")))
    pairs = page.get_by_role("textbox", name="Your pairs")
    pairs.fill("no arrow at all")
    pairs.press("Control+Enter")
    expect(page.locator(".st-key-attention-train button")).to_be_disabled()
    expect(page.get_by_test_id("stAlert").first).to_be_visible()
    good = "\n".join(f"{word} → {word[::-1]}" for word in ("ab", "ba", "abc", "cab", "bca", "aab"))
    pairs.fill(good)
    pairs.press("Control+Enter")
    expect(page.locator(".st-key-attention-train button")).to_be_enabled()
    train(page)
    wanted = QUICK.but(task="own_pairs", own=good)
    wait(lambda: painted(page, wanted.key) == QUICK.steps, page)


def test_silencing_a_head_forks_the_run(app: str, visitor: BrowserContext) -> None:
    until_ended(runs().open(HEADS))
    page = watch(visitor, address_of(app, HEADS, at=60))
    settled(page).get_by_role("tab", name="Knock out heads").click()
    expect(page.get_by_role("combobox", name=re.compile("Silence several"))).to_be_visible()
    choose(page, "Silence several", "ayer 1, head 1")
    page.get_by_role("button", name=re.compile("Silence these heads from step")).click()
    wait(lambda: "changes=" in page.url and "knocked_out" in page.url, page)
