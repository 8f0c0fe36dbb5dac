"""The main journeys in a real browser, on a real server with a store of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from models.gan import GanTraining
from state import links
from state.runs import Run, Runs, runs
from tests.browsing import SCRUBBER, choose, painted, picture, press, server, settled, wait, watch
from tests.processes import end_processes
from tests.waiting import until, until_ended

pytestmark = pytest.mark.browser

QUICK = GanTraining(steps=400, seed=11)
LONG = GanTraining(steps=200_000, seed=12)
REGULAR = 195
"""A step at which every run takes a picture; which others are kept, the clock decides."""


def address_of(app: str, experiment: GanTraining, **more: Any) -> str:
    query = "&".join(f"{name}={value}" for name, value in {**links.write(experiment), **more}.items())
    return f"{app}/gan?{query}"


def train_button(page: Page) -> Locator:
    """The one button, whatever it says now."""
    return page.locator(".st-key-gan-train button")


def trained(experiment: GanTraining) -> Run:
    return until_ended(runs().open(experiment))


def test_a_cold_server_answers_a_deep_link_with_the_whole_app(browser: Browser, tmp_path: Path) -> None:
    """Streamlit would run the page file without its frame: raw menu, wrong title, no language."""
    with server(tmp_path / "home") as address:
        page = browser.new_context(locale="vi-VN").new_page()
        page.goto(f"{address}/gan")
        expect(page.get_by_role("heading", name="Huấn luyện GAN")).to_be_visible()
        expect(page).to_have_title(re.compile("Huấn luyện GAN"))
        expect(page.get_by_role("link", name="Torchlight")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "vi")
        page.context.close()


def test_a_first_visit_to_a_finished_story_sees_it_learn(app: str, visitor: BrowserContext) -> None:
    story = GanTraining.stories()[0].experiment
    trained(story)
    page = watch(visitor, f"{app}/gan")
    wait(lambda: painted(page, story.key) >= 0, page)
    # It plays its history once, from the beginning, and then rests at the end.
    wait(lambda: painted(page, story.key) == story.steps, page)
    expect(page.get_by_text("Finished").first).to_be_visible()


def test_pressing_train_shows_a_live_picture_and_its_numbers(app: str, visitor: BrowserContext) -> None:
    wanted = LONG.but(seed=22)
    page = visitor.new_page()
    page.goto(address_of(app, wanted))
    train_button(page).click()
    wait(lambda: painted(page, wanted.key) > 0, page)
    first = painted(page, wanted.key)
    wait(lambda: painted(page, wanted.key) > first + 100, page)
    expect(page.get_by_text(re.compile(r"steps/s")).first).to_be_visible()
    expect(page.get_by_text(re.compile(r"left")).first).to_be_visible()
    expect(page.get_by_text("Training", exact=True).first).to_be_visible()
    # The page around the picture knows it too, though it was drawn while the run had to wait for its process.
    expect(page.get_by_role("button", name="Training …")).to_be_visible()


def test_a_reload_finds_the_training_gone_on_and_the_history_complete(app: str, visitor: BrowserContext) -> None:
    wanted = LONG.but(seed=31)
    run = runs().open(wanted)
    page = watch(visitor, address_of(app, wanted))
    wait(lambda: painted(page, wanted.key) > 50, page)
    before = painted(page, wanted.key)
    page.goto("about:blank")
    until(lambda: run.status().step > before)
    page.goto(address_of(app, wanted))
    wait(lambda: painted(page, wanted.key) > before, page)
    run.stop()
    until_ended(run)
    steps = run.columns()["loss_d"][0]
    assert steps[0] == 1 and (steps[1:] - steps[:-1] == 1).all()


def test_a_killed_server_takes_no_run_with_it(visitor: BrowserContext, tmp_path: Path) -> None:
    store, wanted = tmp_path / "home", LONG.but(seed=35)
    try:
        with server(store, ending=False) as app:
            page = visitor.new_page()
            page.goto(address_of(app, wanted))
            train_button(page).click()
            wait(lambda: painted(page, wanted.key) > 50, page)
            shown = painted(page, wanted.key)
        wait(lambda: page.locator(".tl-badge").inner_text() == "Connecting", page)  # nothing is known of it now
        with server(store) as app, Runs(store) as known:
            run = known.find(wanted.key)
            assert run is not None and run.status().state == "running" and run.status().step > shown
            page = watch(visitor, address_of(app, wanted))
            wait(lambda: painted(page, wanted.key) > shown, page)
            steps = run.columns()["loss_d"][0]
            assert steps[0] == 1 and (steps[1:] - steps[:-1] == 1).all()
    finally:
        end_processes(store)


def test_two_tabs_see_the_same_run(app: str, visitor: BrowserContext) -> None:
    run = trained(QUICK)
    one, other = watch(visitor, address_of(app, QUICK)), watch(visitor, address_of(app, QUICK))
    for page in (one, other):
        wait(lambda page=page: painted(page, run.key) == QUICK.steps, page)  # type: ignore[misc]
    wait(lambda: picture(one) == picture(other) != "", one)


def test_pause_step_and_resume(app: str, visitor: BrowserContext) -> None:
    wanted = LONG.but(seed=41)
    run = runs().open(wanted)
    page = watch(visitor, address_of(app, wanted))
    wait(lambda: painted(page, wanted.key) > 20, page)
    settled(page).get_by_role("button", name="Pause training").click()
    wait(lambda: run.status().state == "paused", page)
    held = run.status().step
    page.get_by_role("button", name="Train a single step").click()
    wait(lambda: run.status().state == "paused" and run.status().step == held + 1, page)
    wait(lambda: painted(page, wanted.key) == held + 1, page)
    page.get_by_role("button", name="Resume training").click()
    wait(lambda: run.status().step > held + 100, page)
    page.get_by_role("button", name="Stop training").click()
    wait(lambda: run.status().state == "stopped", page)


def test_the_scrubber_moves_the_picture_and_the_link_carries_the_step(app: str, visitor: BrowserContext) -> None:
    run = trained(QUICK)
    page = watch(visitor, address_of(app, QUICK))
    wait(lambda: painted(page, run.key) == QUICK.steps, page)
    end = picture(page)
    press(page, "Home", lambda: painted(page, run.key) == 0)
    wait(lambda: picture(page) != end, page)
    page.get_by_role("slider", name=SCRUBBER).press("ArrowRight")
    wait(lambda: painted(page, run.key) == 1, page)
    wait(lambda: "at=1" in page.url, page)


def test_a_shared_link_shows_the_same_picture_on_a_server_that_never_saw_the_run(
    app: str, browser: Browser, visitor: BrowserContext, tmp_path: Path
) -> None:
    run = trained(QUICK)
    link = links.write(QUICK, at=REGULAR)
    here = watch(visitor, address_of(app, QUICK, at=REGULAR))
    wait(lambda: painted(here, run.key) == REGULAR, here)
    with server(tmp_path / "elsewhere") as elsewhere:
        there = watch(browser.new_context(viewport={"width": 1440, "height": 1000}), f"{elsewhere}/gan?" + "&".join(
            f"{name}={value}" for name, value in link.items()
        ))  # fmt: skip
        wait(lambda: painted(there, run.key) == REGULAR, there)
        wait(lambda: picture(there) == picture(here) != "", there)
        there.context.close()


def test_twins_stand_side_by_side(app: str, visitor: BrowserContext) -> None:
    twin = QUICK.but(lr_d=0.01)
    both = [trained(QUICK), trained(twin)]
    page = watch(visitor, address_of(app, QUICK, twin="lr_d:0.01"))
    for run in both:
        wait(lambda run=run: painted(page, run.key) == QUICK.steps, page)  # type: ignore[misc]
    expect(page.get_by_text("differs: 0.1 and 0.01")).to_be_visible()


def test_a_fork_goes_on_from_the_step_with_changed_knobs(app: str, visitor: BrowserContext) -> None:
    run = trained(QUICK)
    page = watch(visitor, address_of(app, QUICK, at=200))
    wait(lambda: 0 < painted(page, run.key) <= 200, page)
    step = 200
    page.get_by_role("button", name="Fork a new run from here").click()
    expect(page.get_by_text(re.compile(f"Fork from step {step}"))).to_be_visible()
    choose(page, "Loss", "hinge")
    page.get_by_role("button", name="Train the fork").click()
    fork = QUICK.fork(step, loss="hinge")
    until(lambda: runs().find(fork.key) is not None)
    wait(lambda: painted(page, fork.key) == QUICK.steps and f"changes={step}" in page.url, page)


def test_without_a_websocket_the_picture_still_comes(app: str, visitor: BrowserContext) -> None:
    run = trained(QUICK)
    visitor.add_init_script(
        "const Real = WebSocket; window.WebSocket = class extends Real {"
        " constructor(url, ...rest) { super(url.includes('/live/') ? 'ws://127.0.0.1:9/' : url, ...rest) } }"
    )
    page = watch(visitor, address_of(app, QUICK))
    wait(lambda: painted(page, run.key) == QUICK.steps, page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "gan"])
def test_nothing_sticks_out_on_a_phone_and_no_error_is_logged(
    app: str, browser: Browser, path: str, scheme: Any
) -> None:
    phone = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme, locale="en-US")
    page = phone.new_page()
    faults: list[str] = []
    strangers: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: strangers.append(request.url) if app not in request.url else None)
    page.goto(f"{app}/{path}")
    expect(page.get_by_role("heading").first).to_be_visible()
    settled(page)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert not faults
    assert not [url for url in strangers if not url.startswith(("data:", "blob:", app.replace("http", "ws")))]
    phone.close()
