"""Strategies side by side in a real browser, over made-up runs: bands, the table of layers, weights and trails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import wait
from tests.test_browser_attention import harness, pixels, told, watch

pytestmark = pytest.mark.browser
__all__ = ["harness"]
ALL = "bands,layers,weights,trails"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 1400}, locale="en-US")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert not faults


def test_a_switched_off_line_goes_into_the_link_and_comes_back(harness: str, page: Page) -> None:
    watch(page, harness, f"runs=donefreeze&panels={ALL}")
    before = pixels(page, "tl-bands")
    chip = page.get_by_role("button", name="LP-FT", exact=True)
    chip.click()
    page.mouse.move(5, 5)
    expect(chip).to_have_attribute("aria-pressed", "false")
    wait(lambda: told(page) == "off.lp_ft", page)
    wait(lambda: pixels(page, "tl-bands") != before, page)
    chip.click()
    page.mouse.move(5, 5)
    wait(lambda: told(page) == "" and pixels(page, "tl-bands") == before, page)


def test_arrow_keys_walk_from_line_to_line_and_escape_lets_go(harness: str, page: Page) -> None:
    watch(page, harness, f"runs=donefreeze&panels={ALL}")
    canvas, readout = page.locator(".tl-bands canvas"), page.locator(".tl-bands .tl-readout")
    wait(lambda: "Chain-thaw" in (canvas.get_attribute("aria-label") or ""), page)
    canvas.press("ArrowDown")
    expect(readout).to_contain_text("%")
    first = readout.text_content() or ""
    canvas.press("ArrowDown")
    expect(readout).not_to_have_text(first)
    wait(lambda: told(page).startswith("arm."), page)
    canvas.press("Escape")
    wait(lambda: told(page) == "", page)


def test_a_cell_chooses_strategy_and_layer_and_shows_its_weights(harness: str, page: Page) -> None:
    watch(page, harness, f"runs=donefreeze&panels={ALL}")
    weights = page.locator(".tl-weights h2")
    expect(weights).to_have_text("Weights · Full, hidden")
    table = page.locator(".tl-layers canvas")
    table.click(position={"x": 190, "y": 60})
    expect(weights).to_have_text("Weights · Head only, conv1")
    expect(page.locator(".tl-lock")).to_contain_text("not one of its weights moved")
    wait(lambda: told(page) == "arm.head_only,layer.0", page)
    for _time in range(5):
        table.press("ArrowRight")
    expect(weights).to_have_text("Weights · Head only, head")
    expect(page.locator(".tl-lock")).to_contain_text("It moves")
    assert page.get_by_role("slider", name="Recorded moments of the training").input_value() != "0"


def test_locks_stand_where_nothing_moved_and_the_table_says_so(harness: str, page: Page) -> None:
    watch(page, harness, f"runs=donefreeze&panels={ALL}&view=see.moved")
    table = page.locator(".tl-layers canvas")
    wait(lambda: "Head only (conv1, conv2, conv3, conv4, hidden)" in (table.get_attribute("aria-label") or ""), page)
    assert "Full (" not in (table.get_attribute("aria-label") or "")
    page.get_by_role("button", name="CKA").click()
    wait(lambda: told(page) == "see.cka", page)


def test_the_scrubber_moves_every_panel(harness: str, page: Page) -> None:
    watch(page, harness, f"runs=donefreeze&panels={ALL}")
    before = {kind: pixels(page, f"tl-{kind}") for kind in ALL.split(",")}
    page.get_by_role("slider", name="Recorded moments of the training").press("Home")
    for kind, picture in before.items():
        wait(lambda kind=kind, picture=picture: pixels(page, f"tl-{kind}") != picture, page)


def test_a_link_to_strategies_that_are_not_there_is_passed_over(harness: str, page: Page) -> None:
    watch(page, harness, f"runs=donefreeze&panels={ALL}&view=arm.nobody,layer.99,see.nonsense,off.noone")
    expect(page.locator(".tl-weights h2")).to_have_text("Weights · Full, head")


def test_strategies_are_read_out_in_the_order_of_their_values(harness: str, page: Page) -> None:
    watch(page, harness, "runs=freezerunning&panels=bands")

    def shares() -> list[float]:
        label = page.locator(".tl-bands canvas").get_attribute("aria-label") or ""
        return [float(part.split("%")[0].split()[-1]) for part in label.split("n = ")[0].split(";") if "%" in part]

    wait(lambda: len(shares()) == 13, page)
    assert (told := shares()) == sorted(told, reverse=True)
