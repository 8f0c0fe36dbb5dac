"""What every test stands on: one thread, a home of its own for each test that trains, and the seed on failure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from state.row import ENDED
from state.runs import runs
from tests.browsing import CHROMIUM, FLAGS, server
from tests.processes import end_processes

torch.set_num_threads(1)
# No story is trained ahead: the cores belong to the tests.
os.environ.setdefault("TORCHLIGHT_PREPARE", "0")
# Tests wait for training; standing back behind the tests of other cores, it would keep them waiting.
os.environ.setdefault("TORCHLIGHT_NICE", "0")


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One store for all tests of a module, where they only look at runs."""
    place = tmp_path_factory.mktemp("store") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHLIGHT_HOME", str(place))
        yield place
    end_processes(place)


@pytest.fixture(autouse=True)
def slots_are_free(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test has left training in the store of its module would make the next one's run wait in line."""
    if "shared_home" not in request.fixturenames:
        yield
        return
    before = {run.key for run in runs().list()}
    yield
    for run in runs().list():
        if run.key not in before and run.row.state not in ENDED:
            run.stop()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty store; every process that worked for it ends with the test."""
    place = tmp_path / "home"
    monkeypatch.setenv("TORCHLIGHT_HOME", str(place))
    yield place
    end_processes(place)


@pytest.fixture(scope="module")
def app(shared_home: Path) -> Iterator[str]:
    with server(shared_home) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each module: Playwright keeps an event loop in this thread, beside which no other can run."""
    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("needs Chromium or Chrome on the path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-US")
    yield context
    context.close()
