"""From click to picture: what a visitor waits for, measured in a real browser on a real, cold server.

    python -m tests.benchmarks.latency

Prints median, 95th percentile and count of: the press of Train to the first live picture; the hub's reading of a
picture from disk to its paint; a single step asked for in this process to its paint (worker, disk, hub and browser
together); a layer switched off to its rerun's answer in the address (browser, server script and back); a key on the
scrubber to the painted moment. The machine's load falls on all of them: run it on a quiet one.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from models.gan import GanTraining
from state.runs import runs
from tests.browsing import CHROMIUM, FLAGS, painted, server, watch
from tests.test_browser import address_of, train_button
from tests.waiting import until

TIMES = 20


def row(name: str, seconds: Sequence[float]) -> None:
    ms = sorted(1000 * value for value in seconds)
    late = ms[min(len(ms) - 1, int(0.95 * len(ms)))]
    print(f"{name:52} median {statistics.median(ms):7.1f} ms   95 % {late:7.1f} ms   of {len(ms)}", flush=True)


def timed(page: Page, act: Callable[[], object], done: str) -> float:
    """Seconds from `act` until the page's own condition `done` holds, looked at in every animation frame."""
    began = time.perf_counter()
    act()
    page.wait_for_function(done, polling="raf")
    return time.perf_counter() - began


def main() -> None:
    home = Path(tempfile.mkdtemp()) / "home"
    os.environ["TORCHLIGHT_HOME"] = str(home)
    with server(home) as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        # Waiting on a condition inside the page needs eval, which the pages themselves do without.
        visitor = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-US", bypass_csp=True)
        measure(app, watch(visitor, f"{app}/gan"))
        browser.close()


def measure(app: str, page: Page) -> None:
    first = []
    for seed in range(100, 106):
        wanted = GanTraining(steps=20_000, seed=seed)
        page.goto(address_of(app, wanted))
        button = train_button(page)
        button.wait_for()
        page.wait_for_timeout(1000)
        seen = f"(window.__torchlight?.painted?.['{wanted.key}'] ?? 0) > 0"
        first.append(timed(page, button.click, seen))
        if seed < 105:
            runs().find(wanted.key).stop()  # type: ignore[union-attr]
            page.wait_for_timeout(500)
    row("press Train → first live picture", first)
    page.wait_for_timeout(3000)
    row("disk read by the hub → painted, while training", [v / 1000 for v in page.evaluate("__torchlight.lags_ms")])

    run = runs().find(wanted.key)
    assert run is not None
    run.pause()
    until(lambda: run.status().state == "paused")
    page.wait_for_timeout(500)
    steps = []
    for _ in range(TIMES):
        step = run.status().step
        steps.append(timed(page, run.single_step, f"__torchlight.painted['{wanted.key}'] > {step}"))
        until(lambda: run.status().state == "paused")
    row("single step asked for → painted", steps)

    chip = page.get_by_role("button", name="Data", exact=True)
    reruns = []
    for times in range(TIMES):
        there = "location.search.includes('view=data')"
        reruns.append(timed(page, chip.click, there if times % 2 == 0 else f"!{there}"))
        page.wait_for_timeout(200)
    row("a layer switched → rerun answered in the address", reruns)

    page.get_by_role("slider", name="Recorded moments of the training").focus()
    scrubs = []
    for _ in range(TIMES):
        before = painted(page, wanted.key)
        scrubs.append(
            timed(page, lambda: page.keyboard.press("ArrowLeft"), f"__torchlight.painted['{wanted.key}'] < {before}")
        )
        page.wait_for_timeout(100)
    row("a key on the scrubber → painted moment", scrubs)
    run.stop()


if __name__ == "__main__":
    main()
