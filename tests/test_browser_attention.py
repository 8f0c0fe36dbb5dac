"""The attention pictures in a real browser, over made-up runs that behave like real ones on the wire."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from state.frames import decode
from tests.browsing import ROOT, SCRUBBER, answers, free_port, settled, wait
from tests.harness.attention import HOSTILE, SHAPES, AttentionRun
from tests.waiting import until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def harness() -> Iterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.harness.app", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    try:
        until(lambda: answers(address))
        yield address
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-US")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert not faults


def watch(page: Page, harness: str, query: str) -> None:
    """The harness, opened and come to rest, with every run's first picture painted."""
    page.goto(f"{harness}/?{query}")
    wait(lambda: bool(page.evaluate("() => Object.keys(window.__torchlight?.painted ?? {}).length")), page)
    settled(page)


def large(page: Page) -> Locator:
    return page.locator(".tl-attention h2")


def told(page: Page) -> str:
    """The view as the page knows it."""
    return (page.get_by_text("view:").text_content() or "").removeprefix("view:").strip()


def pixels(page: Page, kind: str) -> str:
    return str(page.locator(f".{kind} canvas").first.evaluate("canvas => canvas.toDataURL()"))


def test_a_head_of_the_grid_is_shown_large_and_goes_into_the_link(harness: str, page: Page) -> None:
    watch(page, harness, "runs=donedecoder&panels=heads,head,loss")
    expect(large(page)).to_contain_text("L1 H1")
    before, grid = pixels(page, "tl-attention"), page.locator(".tl-heads canvas")
    box = grid.bounding_box()
    assert box is not None
    grid.click(position={"x": box["width"] * 0.65, "y": 90})
    expect(large(page)).to_contain_text("L1 H3")
    wait(lambda: pixels(page, "tl-attention") != before, page)
    wait(lambda: told(page) == "head.self.0.2", page)
    step = page.get_by_role("slider", name=SCRUBBER).input_value()
    grid.press("ArrowDown")
    grid.press("ArrowLeft")
    expect(large(page)).to_contain_text("L2 H2")
    wait(lambda: told(page) == "head.self.1.1", page)
    assert page.get_by_role("slider", name=SCRUBBER).input_value() == step


def test_a_link_restores_head_and_cell_and_escape_clears_the_cell(harness: str, page: Page) -> None:
    watch(page, harness, "runs=doneattend32&panels=heads,head,loss&view=surface,head.cross.1.0,cell.3.2")
    expect(large(page)).to_contain_text("Cross-attention · L2 H1")
    expect(page.locator(".tl-attention .tl-readout")).to_contain_text("₄ →")
    page.locator(".tl-attention canvas").press("Escape")
    expect(page.locator(".tl-attention .tl-readout")).to_have_text("")
    wait(lambda: told(page) == "surface,head.cross.1.0", page)


def test_what_a_link_says_that_is_not_there_is_passed_over(harness: str, page: Page) -> None:
    view = "head.cross.9.9,cell.900.2,example.7,mass.33,nonsense.1,show.run,form.lines"
    watch(page, harness, f"runs=doneattend32&panels=heads,head&view={view}")
    expect(large(page)).to_contain_text("Encoder self-attention · L1 H1")
    expect(page.get_by_role("button", name="Lines")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Map").click()
    wait(lambda: "cross" not in told(page) and "cell" not in told(page) and "nonsense" not in told(page), page)


@pytest.mark.parametrize(("run", "heads"), [("doneattend32", 28), ("doneattend23", 32)])
def test_stacks_of_unequal_depth_are_drawn_in_full(harness: str, page: Page, run: str, heads: int) -> None:
    watch(page, harness, f"runs={run}&panels=heads,head,loss")
    grid = page.locator(".tl-heads canvas")
    wait(lambda: f"{heads} heads" in (grid.get_attribute("aria-label") or ""), page)
    alike = page.locator(".tl-heads .tl-wait")
    expect(alike).to_be_hidden()


def test_twins_share_one_choice(harness: str, page: Page) -> None:
    watch(page, harness, "runs=doneattend32,doneattend23&panels=heads,head,loss")
    page.locator(".tl-heads canvas").nth(1).press("ArrowRight")
    expect(large(page).nth(0)).to_contain_text("L1 H2")
    expect(large(page).nth(1)).to_contain_text("L1 H2")
    # A layer that only one of them has: the other says so, and nothing breaks.
    for _time in range(2):
        page.locator(".tl-heads canvas").nth(0).press("ArrowDown")
    expect(page.locator(".tl-attention .tl-wait").nth(1)).to_have_text("This run has no such head")
    expect(page.locator(".tl-attention .tl-wait").nth(0)).to_be_hidden()


def test_a_hundred_and_forty_four_heads_are_painted_in_time(harness: str, page: Page) -> None:
    frame = AttentionRun("grid12", SHAPES["grid12"]).picture(1000)
    assert decode(frame)[1]["maps_self"].shape == (1, 12, 12, 64, 64)
    assert len(frame) <= 700_000
    watch(page, harness, "runs=grid12&panels=heads,head,loss")
    times: list[float] = []

    def in_time() -> bool:
        """Twenty pictures one after the other: what other programs take of the cores is no fault of the painting."""
        times[:] = page.evaluate("() => window.__torchlight.pictures_ms.slice(-20)")
        return len(times) == 20 and float(np.quantile(times, 0.95)) < 250

    wait(in_time, page)
    print(f"144 heads of 64×64: {len(frame)} bytes, painted in {np.median(times):.1f} ms (median)")


def test_lines_can_be_locked_to_one_token(harness: str, page: Page) -> None:
    watch(page, harness, "runs=donewords&panels=heads,head,loss")
    page.get_by_role("button", name="Lines").click()
    wait(lambda: told(page) == "form.lines", page)
    whole, canvas = pixels(page, "tl-attention"), page.locator(".tl-attention canvas")
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": 40, "y": 100})
    page.mouse.move(5, 5)
    wait(lambda: told(page).startswith("form.lines,lock.q."), page)
    wait(lambda: pixels(page, "tl-attention") != whole, page)
    canvas.click(position={"x": 40, "y": 100})
    wait(lambda: told(page) == "form.lines", page)


def test_a_picture_without_a_run_needs_no_connection_and_follows_the_page(harness: str, page: Page) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda opened: sockets.append(opened.url))
    watch(page, harness, "runs=doneattend32&panels=heads,head&still=1")
    expect(page.get_by_role("slider", name=SCRUBBER)).to_have_count(0)
    before = pixels(page, "tl-heads")
    page.get_by_role("slider", name="Moment").press("Home")
    wait(lambda: pixels(page, "tl-heads") != before, page)
    settled(page)
    assert not [url for url in sockets if "/live/" in url]


def test_hostile_tokens_are_text(harness: str, page: Page) -> None:
    watch(page, harness, "runs=donewords&panels=heads,head,loss")
    expect(page.locator(".tl-answer").get_by_text(HOSTILE).first).to_be_attached()
    page.locator(".tl-attention canvas").hover(position={"x": 400, "y": 300})
    page.wait_for_timeout(300)
    assert page.title() != "broken"
    assert page.locator(".tl-root img").count() == 0


def test_profiles_and_sheets_read_out_their_values(harness: str, page: Page) -> None:
    watch(page, harness, "runs=donedecoder&panels=sheet,profile,loss")
    page.locator(".tl-sheet canvas").hover(position={"x": 200, "y": 100})
    expect(page.locator(".tl-sheet .tl-readout")).to_contain_text("position")
    page.locator(".tl-profile canvas").hover(position={"x": 120, "y": 100})
    expect(page.locator(".tl-profile .tl-readout")).to_contain_text("rank")
