"""What the server does around the pages: live route, first runs, and the settings that make reruns fast.

The only file of this room that knows Streamlit. Measured with torch and plotly loaded on two busy cores: a full
collection after every rerun costs 130 ms (switched off in `.streamlit/config.toml`, done here when idle); a
listening socket without TCP_NODELAY costs 40 ms per rerun on Linux, because Streamlit binds it itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import torch
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime.pages_manager import PagesManager

from models.catalogue import experiments
from state.home import hold_server_lock
from state.hub import Hub
from state.runs import runs
from state.supervisor import ensure_supervisor

FIRST_RUNS_S = 8.0
COLLECT_S = 30.0
WATCH_S = 2.0

# Streamlit treats a folder `pages/` beside the script as the old kind of multipage app until the first script run
# says otherwise; a deep link to a cold server would then run the page file without app.py.
PagesManager.uses_pages_directory = False


def routes() -> list[BaseRoute]:
    """The routes beside Streamlit's own."""
    return list(Hub().routes())


def middleware() -> list[Middleware]:
    """Compression of what Streamlit leaves uncompressed, and headers that every answer carries."""
    return [Middleware(Guard), Middleware(Compressed)]


class Guard:
    """Adds the headers that keep a page from being sniffed, framed by strangers or leaking its address."""

    HEADERS = (
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    )

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self.HEADERS]
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class Compressed:
    """Compresses the page's scripts and styles, 3.75 MB on a first visit, and leaves everything else alone."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.packed = app, GZipMiddleware(app, minimum_size=1000, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        static = scope["type"] == "http" and scope["path"].rsplit(".", 1)[-1] in ("js", "css", "html", "svg")
        await (self.packed if static else self.app)(scope, receive, send)


@contextlib.asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Around the life of the server: the supervisor runs, the first runs are there, reruns are fast."""
    lock = hold_server_lock()
    _answer_at_once()
    # What the server itself computes is small; more threads would only take the cores from training.
    torch.set_num_threads(1)
    tasks = [asyncio.create_task(_keep_supervisor()), asyncio.create_task(_collect_when_idle())]
    await asyncio.to_thread(prepare)
    gc.collect()
    gc.freeze()
    try:
        yield {}
    finally:
        for task in tasks:
            task.cancel()
        lock.close()


def prepare() -> None:
    """Trains each family's first story where the store lacks it, so that the first visitor finds a finished run."""
    store = runs()
    first = [cls.stories()[0].experiment for cls in experiments().values() if cls.stories()]
    waiting = []
    for experiment in first:
        try:
            run = store.open(experiment)
            run.pin(True)
            waiting.append(run)
        except (OSError, ValueError, RuntimeError):
            logging.getLogger(__name__).exception("The first run of %s cannot be prepared.", type(experiment).__name__)
    until = time.monotonic() + FIRST_RUNS_S
    while time.monotonic() < until and any(run.status().state in ("queued", "starting", "running") for run in waiting):
        time.sleep(0.05)


def _answer_at_once() -> None:
    """Sets TCP_NODELAY on the listening sockets; accepted connections inherit it."""
    for thing in gc.get_objects():
        if isinstance(thing, socket.socket):
            with contextlib.suppress(OSError):
                if thing.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    thing.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def _keep_supervisor() -> None:
    while True:
        with contextlib.suppress(OSError):
            await asyncio.to_thread(ensure_supervisor)
        await asyncio.sleep(WATCH_S)


async def _collect_when_idle() -> None:
    while True:
        await asyncio.sleep(COLLECT_S)
        gc.collect()
