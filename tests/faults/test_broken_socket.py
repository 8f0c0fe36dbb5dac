"""A live connection that breaks in the middle of a training, and does not come back at once, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page

from models.gan import GanTraining
from state import links
from state.runs import runs
from tests.browsing import painted, wait, watch

pytestmark = pytest.mark.browser

LONG = GanTraining(steps=200_000, seed=52)
BREAKABLE = """
const Real = WebSocket;
window.live = [];
window.WebSocket = class extends Real {
  constructor(url, ...rest) {
    const breaks = String(url).includes('/live/');
    super(breaks && window.broken ? 'ws://127.0.0.1:9/' : url, ...rest);
    if (breaks) window.live.push(this);
  }
};
"""


def goes_on(page: Page, key: str) -> None:
    """Pictures of later and later steps are painted."""
    before = painted(page, key)
    wait(lambda: painted(page, key) > before, page)
    before = painted(page, key)
    wait(lambda: painted(page, key) > before, page)


def test_a_socket_that_breaks_is_replaced_by_polling_until_one_opens_again(app: str, visitor: BrowserContext) -> None:
    run = runs().open(LONG)
    visitor.add_init_script(BREAKABLE)
    page = watch(visitor, f"{app}/gan?" + "&".join(f"{name}={value}" for name, value in links.write(LONG).items()))
    goes_on(page, run.key)
    page.evaluate("window.broken = true; window.live.forEach(socket => socket.close())")
    wait(lambda: page.evaluate("window.live.length > 2 && window.live.every(one => one.readyState === 3)"), page)
    goes_on(page, run.key)
    page.evaluate("window.broken = false")
    wait(lambda: page.evaluate("window.live.at(-1).readyState === 1"), page)
    goes_on(page, run.key)
