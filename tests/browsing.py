"""A real browser on a real server: what every browser test stands on. The fixtures are in `conftest.py`."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.processes import end_processes
from tests.waiting import until

ROOT = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SCRUBBER = "Recorded moments of the training"
PATIENCE_S = 60.0
"""How long whatever must come may take: a machine with ten other things to do is no fault of the app's."""
SETTLED_MS = 300
AGAIN_S = 5.0
SETTLED = """ms => {
  const app = document.querySelector("[data-testid=stApp]"), views = [...(window.__torchlightViews ?? [])];
  const state = app?.dataset.testScriptState, before = window.__settling;
  const drawn = document.querySelector("[data-testid=stElementContainer]");
  if (state !== "notRunning" || !drawn || document.querySelector("[data-stale=true]")) delete window.__settling;
  else if (before?.views.length === views.length && views.every((view, index) => view === before.views[index])) {
    return performance.now() - before.since >= ms;
  } else window.__settling = { views, since: performance.now() };
  return false;
}"""
"""No script runs, nothing is drawn anew, and the same living picture stands, all that for so long."""
expect.set_options(timeout=1000 * PATIENCE_S)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(home: Path, ending: bool = True, through: Sequence[str] = ()) -> Iterator[str]:
    """A cold server on a free port, killed in the end; with `ending`, so is everything it started.

    `through` is a command that starts it, in surroundings of its own.

    It prepares no first stories: the cores belong to the test.
    """
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.headless", "true"]
    address = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "TORCHLIGHT_HOME": str(home), "TORCHLIGHT_PREPARE": "0"}
    process = subprocess.Popen(
        [*through, *command, "--server.port", str(port), "--server.address", "127.0.0.1"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        until(lambda: process.poll() is not None or answers(address))
        assert process.poll() is None, "the server ended by itself: was its port taken in the meantime?"
        yield address
    finally:
        process.kill()
        process.wait()
        if ending:
            end_processes(home)


def answers(address: str) -> bool:
    try:
        return bool(urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).status == 200)
    except OSError:
        return False


def watch(visitor: BrowserContext, address: str) -> Page:
    """The page, opened, with its living picture mounted."""
    page = visitor.new_page()
    page.goto(address)
    expect(page.get_by_role("slider", name=SCRUBBER)).to_be_visible()
    return page


def painted(page: Page, key: str) -> int:
    """The step whose picture is on screen; -1 before the first."""
    return int(page.evaluate("key => window.__torchlight?.painted?.[key] ?? -1", key))


def picture(page: Page) -> str:
    """The pixels of the living picture."""
    return str(page.evaluate("() => document.querySelector('.tl-root')?.querySelector('canvas')?.toDataURL() ?? "
                             "[...document.querySelectorAll('*')].map(e => e.shadowRoot?.querySelector('canvas'))"
                             ".find(c => c)?.toDataURL() ?? ''"))  # fmt: skip


def wait(condition: Callable[[], bool], page: Page, seconds: float = PATIENCE_S) -> None:
    """Waits while the page's own events go on."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        page.wait_for_timeout(30)


def settled(page: Page) -> Page:
    """The page, come to rest: a list opened before closes again, and a key pressed before is lost."""
    page.wait_for_function(SETTLED, arg=SETTLED_MS, timeout=1000 * PATIENCE_S)
    return page


def press(page: Page, key: str, condition: Callable[[], bool]) -> None:
    """A key in the scrubber, pressed until it was heard; only for keys that may be pressed twice."""
    scrubber, end = settled(page).get_by_role("slider", name=SCRUBBER), time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"{key} was pressed in vain"
        scrubber.press(key)
        heard(condition, page)


def choose(page: Page, name: str, option: str) -> None:
    """An option of a list, opened until it stays open: a page that is drawn anew closes it."""
    box = page.get_by_role("combobox", name=re.compile(name)).first
    wanted = page.get_by_role("option", name=option).first
    end = time.monotonic() + PATIENCE_S
    while True:
        assert time.monotonic() < end, f"the list of {name} was opened in vain"
        settled(page)
        box.click()
        if heard(wanted.is_visible, page):
            with suppress(PlaywrightTimeout):
                wanted.click(timeout=AGAIN_S * 1000)
                break
    page.keyboard.press("Escape")  # a list of several stays open
    expect(wanted).to_have_count(0)
    settled(page)


def heard(condition: Callable[[], bool], page: Page) -> bool:
    """Whether the condition comes to hold within some seconds."""
    end = time.monotonic() + AGAIN_S
    while not condition() and time.monotonic() < end:
        page.wait_for_timeout(30)
    return condition()
