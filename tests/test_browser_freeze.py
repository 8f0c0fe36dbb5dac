"""The freeze lab as a visitor uses it: train, watch, look at a layer, paint a plan, follow it, scrub, share."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from models.transfer import FreezeLab
from state import links
from state.runs import runs
from tests.browsing import painted, press, settled, wait
from tests.browsing import watch as opened
from tests.waiting import until_ended

pytestmark = pytest.mark.browser

LITTLE = FreezeLab(strategies="scratch,head_only,full", per_class=2, steps=40, pretraining=50, seed=11)
LONG = LITTLE.but(steps=1500, seed=12)


def address(app: str, experiment: FreezeLab, **more: str) -> str:
    said = {**links.write(experiment), **more}
    return f"{app}/freezing?" + "&".join(f"{name}={value}" for name, value in said.items())


def train(page: Page) -> None:
    page.locator(".st-key-freezing-train button").click()


def described(page: Page, kind: str) -> str:
    """What a panel says to those who cannot see it."""
    return page.locator(f".{kind} canvas").first.get_attribute("aria-label") or ""


def test_press_train_and_watch_three_strategies_learn(visitor: BrowserContext, app: str) -> None:
    page = visitor.new_page()
    page.goto(address(app, LITTLE))
    expect(page.get_by_text("Nobody has trained these settings yet")).to_be_visible()
    train(page)
    wait(lambda: painted(page, LITTLE.key) == LITTLE.steps, page)
    wait(lambda: "Head only" in described(page, "tl-bands"), page)
    expect(page.get_by_text(re.compile(r"on 1,000 test pictures, 3 seeds"))).to_be_visible()
    wait(lambda: "Head only (conv1, conv2, conv3, conv4, hidden)" in described(page, "tl-layers"), page)
    expect(page.locator(".tf-table tr")).to_have_count(4)


def test_a_shared_moment_is_the_same_moment(visitor: BrowserContext, app: str) -> None:
    until_ended(runs().open(LITTLE))
    page = opened(visitor, address(app, LITTLE))
    settled(page).locator(".tl-layers canvas").click(position={"x": 130, "y": 60})
    expect(page.locator(".tl-weights h2")).to_contain_text("Head only, conv1")
    press(page, "Home", lambda: painted(page, LITTLE.key) == 0)
    wait(lambda: "at=0" in page.url and "arm.head_only" in page.url, page)
    again = opened(visitor, page.url)
    expect(again.locator(".tl-weights h2")).to_contain_text("Head only, conv1")
    for each in (page, again):
        wait(lambda each=each: "at step 0" in described(each, "tl-weights"), each)  # type: ignore[misc]
    wait(lambda: described(again, "tl-weights") == described(page, "tl-weights"), again)
    expect(again.get_by_text(re.compile(r"At step 0, on 300 validation pictures"))).to_be_visible()


def test_a_painted_plan_takes_effect_while_it_trains(visitor: BrowserContext, app: str) -> None:
    page = visitor.new_page()
    page.goto(address(app, LONG))
    expect(page.get_by_text("Nobody has trained these settings yet")).to_be_visible()
    train(page)
    wait(lambda: painted(page, LONG.key) > 10, page)
    settled(page).get_by_text("Paint your own plan").click()
    page.get_by_label("Begin with").select_option("Gradual unfreezing")
    follow = page.get_by_role("button", name=re.compile("Follow this plan from step"))
    expect(follow).to_be_visible()
    follow.click()
    expect(page.get_by_text(re.compile(r"your own plan → a painted plan"))).to_be_visible()
    wait(lambda: "changes=" in page.url, page)
    expect(page.get_by_role("button", name="Own plan", exact=True).first).to_be_visible()
    wait(lambda: "Own plan" in described(page, "tl-bands"), page)
    page.get_by_role("button", name="Stop training").click()
