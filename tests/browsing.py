"""A real browser on a real server: what every browser test stands on. The fixtures are in `conftest.py`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.processes import end_processes
from tests.waiting import until

ROOT = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


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
        until(lambda: answers(address), 90)
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
    expect(page.get_by_role("slider", name="Recorded moments of the training")).to_be_visible(timeout=20_000)
    return page


def painted(page: Page, key: str) -> int:
    """The step whose picture is on screen; -1 before the first."""
    return int(page.evaluate("key => window.__torchlight?.painted?.[key] ?? -1", key))


def picture(page: Page) -> str:
    """The pixels of the living picture."""
    return str(page.evaluate("() => document.querySelector('.tl-root')?.querySelector('canvas')?.toDataURL() ?? "
                             "[...document.querySelectorAll('*')].map(e => e.shadowRoot?.querySelector('canvas'))"
                             ".find(c => c)?.toDataURL() ?? ''"))  # fmt: skip


def wait(condition: Callable[[], bool], page: Page, seconds: float = 20.0) -> None:
    """Waits while the page's own events go on."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        page.wait_for_timeout(30)
