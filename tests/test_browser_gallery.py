"""The gallery in a real browser: filter, pin, name, choose two, compare, open one; the address tells it all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from state.runs import runs
from tests.browsing import settled, wait
from tests.test_gallery import SEEDS, written
from tests.waiting import until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def recorded(shared_home: Path) -> None:
    for number, experiment in enumerate(SEEDS):
        random = np.random.default_rng(number)
        written(shared_home, experiment, {"energy_distance": random.random(30)}, created=10.0 + number)


def rows(page: Page, count: int) -> None:
    expect(page.locator(".tg-table tbody tr")).to_have_count(count)


def test_a_visitor_finds_pins_names_and_compares(app: str, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{app}/runs?runs.family=GanTraining")
    rows(page, 5)
    search = page.get_by_role("textbox", name="Search")
    search.fill("lr_g=0.01")
    search.press("Enter")
    rows(page, 2)
    settled(page).locator(".tg-pin").first.click()
    expect(page.locator(".tg-pin[aria-pressed=true]")).to_have_count(1)
    until(lambda: [one.row.pinned for one in runs().list()].count(1) == 1)
    # The keyboard does it too, and keeps its place when the table is drawn anew.
    settled(page).locator("tbody input").first.focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("Chosen: 1")).to_be_visible()
    settled(page).locator("tbody input").nth(1).check()
    expect(page.get_by_text("Chosen: 2")).to_be_visible()
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_be_visible()
    expect(page.get_by_role("cell", name="seed: 1")).to_be_visible()
    page.get_by_role("button", name="Choose none").click()
    expect(page.get_by_text("Tick two or more")).to_be_visible()
    expect(page.locator("tbody input:checked")).to_have_count(0)
    settled(page).locator("tbody input").first.check()
    settled(page).get_by_role("button", name="Name and tags").click()
    name = page.get_by_role("textbox", name="Name", exact=True)
    name.fill("<i>tốt nhất</i>")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="<i>tốt nhất</i>")).to_be_visible()
    wait(lambda: "runs.text=lr_g" in page.url and "runs.chosen=" in page.url, page)
    assert not faults


def test_a_link_shows_the_comparison_and_a_run_opens_on_its_page(app: str, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    chosen = ",".join(experiment.key[:10] for experiment in SEEDS[:3])
    page.goto(f"{app}/runs?runs.chosen={chosen}&runs.grouped=true")
    expect(page.get_by_text("(n = 3)").first).to_be_visible()
    expect(page.locator("tbody input:checked")).to_have_count(3)
    head = page.get_by_role("button", name="Run", exact=True)
    settled(page)
    head.click()
    expect(page.get_by_role("columnheader", name="Run")).to_have_attribute("aria-sort", "descending")
    settled(page).locator(".tg-name a").first.click()
    expect(page.get_by_role("heading", name="GAN training")).to_be_visible()
    wait(lambda: "/gan" in page.url, page)
