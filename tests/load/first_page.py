"""How long a newcomer on a slow line looks at nothing: Chromium with the network of a phone."""

from __future__ import annotations

from playwright.sync_api import sync_playwright

from tests.browsing import CHROMIUM, FLAGS

PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


def first_page(address: str, megabits: float = 4.0, latency_ms: float = 100.0) -> float:
    """Seconds until a heading of the front page is painted, with nothing in the browser's cache."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        line = page.context.new_cdp_session(page)
        line.send("Network.enable")
        rate = megabits * 1e6 / 8
        line.send("Network.emulateNetworkConditions", {
            "offline": False, "latency": latency_ms, "downloadThroughput": rate, "uploadThroughput": rate,
        })  # fmt: skip
        page.goto(address, wait_until="commit", timeout=120_000)
        page.locator("h1, h2").first.wait_for(timeout=120_000)
        # Streamlit paints its skeleton first; what a visitor can read is there when the heading is.
        seconds = page.evaluate("performance.now()") / 1000
        print(f"skeleton painted after {page.evaluate(PAINTED) / 1000:.2f} s")
        browser.close()
    return float(seconds)
