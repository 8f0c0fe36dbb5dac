"""What the server does around the pages: live route, first runs, and the settings that make reruns fast.

The only file of this room that knows Streamlit. Measured with torch and plotly loaded on two busy cores: a full
collection after every rerun costs 130 ms (switched off in `.streamlit/config.toml`, done here when idle); a
listening socket without TCP_NODELAY costs 40 ms per rerun on Linux, because Streamlit binds it itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import re
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import torch
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from streamlit.runtime import Runtime
from streamlit.runtime.pages_manager import PagesManager

from models.catalogue import experiments
from state import uploads
from state.database import FAULTS
from state.drain import drain, take_up
from state.feed import LATER
from state.health import Health
from state.home import hold_server_lock, home, prepares
from state.hub import Hub, Places, bound
from state.packing import Compressed
from state.row import ACTIVE
from state.runs import runs
from state.supervisor import ensure_supervisor

FIRST_RUNS_S, FIRST_LOOK_S = 8.0, 0.1
"""How long the server waits for the first runs before it answers, and how often it looks how they are."""
COLLECT_S = 30.0
PATIENCE_S = 300.0
"""How long a collection waits for a quiet moment; then it is made all the same, or memory would grow."""
QUIET_S = 0.5
QUIET_LOAD = 0.15
"""Cores that the server may use and still be called quiet: watching runs for a few viewers costs some hundredths."""
WATCH_S = 2.0

# Streamlit treats a folder `pages/` beside the script as the old kind of multipage app until the first script run
# says otherwise; a deep link to a cold server would then run the page file without app.py.
PagesManager.uses_pages_directory = False


def routes() -> list[BaseRoute]:
    """The routes beside Streamlit's own."""
    hub = Hub()
    health = Health(lambda: {"viewers": hub.places.count, "sessions": Guard.visitors()})
    return [*hub.routes(), *health.routes()]


def middleware() -> list[Middleware]:
    """Compression of what Streamlit leaves uncompressed, and headers that every answer carries."""
    return [Middleware(Guard), Middleware(Compressed)]


class Guard:
    """What every answer carries, and what the server takes in: as many sessions as it can serve, and small files.

    Streamlit alone opens sessions without bound, each some MB, and stores any upload of any live session. Bounds are
    `TORCHLIGHT_SESSIONS` and, for one network address, `TORCHLIGHT_SESSIONS_EACH`, and for files those of
    `state/uploads.py`; `TORCHLIGHT_FRAMED_BY` names other sites (https://…, separated by spaces) whose pages may
    frame this one.
    """

    newest: ClassVar[Places | None] = None
    """The places of the server that runs in this process."""

    @classmethod
    def visitors(cls) -> int:
        """How many sessions are open."""
        return cls.newest.count if cls.newest is not None else 0

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.sessions = Guard.newest = Places(bound("SESSIONS", 300), bound("SESSIONS_EACH", 150))
        self.headers = (
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
            (b"content-security-policy", policy(os.environ.get("TORCHLIGHT_FRAMED_BY", "")).encode()),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self.headers]
            await send(message)

        if scope["type"] == "websocket" and scope["path"].endswith("/_stcore/stream"):
            await self._session(scope, receive, send)
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        elif "/_stcore/upload_file/" in scope["path"] and scope["method"] in ("PUT", "POST"):
            refused = self._bounded(scope)
            await (self.app if refused is None else PlainTextResponse(refused[1], refused[0]))(
                scope, receive, with_headers
            )
        else:
            await self.app(scope, receive, with_headers)

    @staticmethod
    def _bounded(scope: Scope) -> uploads.Refusal | None:
        """Why this file is not taken in; where it is, the visit's oldest ones make room for it."""
        files = uploaded_files()
        refused = uploads.refusal(Headers(scope=scope), files)
        if refused is None and files is not None:
            uploads.make_room(files, scope["path"].split("/_stcore/upload_file/")[1].split("/")[0])
        return refused

    async def _session(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = (scope.get("client") or ("",))[0]
        if self.sessions.take(address):
            try:
                await self.app(scope, receive, send)
            finally:
                self.sessions.give(address)
            return
        socket = WebSocket(scope, receive, send)
        if "websocket.http.response" in scope.get("extensions", {}):
            said = "Too many visitors at once; there will be a place again soon.\n"
            await socket.send_denial_response(PlainTextResponse(said, 503, {"retry-after": "30"}))
        else:
            await socket.close(LATER)


def uploaded_files() -> uploads.Files | None:
    """Where Streamlit keeps what was uploaded; None while it is not running."""
    manager: Any = Runtime.instance().uploaded_file_mgr if Runtime.exists() else None
    return manager  # type: ignore[no-any-return]


def policy(framed_by: str = "") -> str:
    """What a page may load and who may frame it: scripts of this server only, and no text is run as one.

    Components' scripts reach the browser as blobs of the page's own; the page's frame sets its language by a script
    inside the page, and so does Streamlit: 'unsafe-inline' has to stay.
    """
    others = [site for site in framed_by.split() if re.fullmatch(r"https?://[\w.:*-]+", site)]
    return "; ".join([
        "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:", "style-src 'self' 'unsafe-inline'",
        "object-src 'none'", "base-uri 'none'", " ".join(["frame-ancestors 'self'", *others]),
    ])  # fmt: skip


@contextlib.asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Around the life of the server: the supervisor runs, the first runs are there, reruns are fast."""
    try:
        lock = hold_server_lock()
    except OSError as error:  # it can still show what was trained
        lock = None
        logging.getLogger("torchlight").error("The folder of the runs cannot be written: %s", error)
    await asyncio.to_thread(take_up, home())
    await asyncio.to_thread(experiments)  # what they import takes a second, for which no visitor shall wait
    _answer_at_once()
    # What the server itself computes is small; more threads would only take the cores from training.
    torch.set_num_threads(1)
    tasks = [asyncio.create_task(_keep_supervisor()), asyncio.create_task(_collect_when_idle())]
    over = threading.Event()
    if prepares():
        first = threading.Thread(target=prepare, args=(over,), name="first runs", daemon=True)
        first.start()
        await asyncio.to_thread(first.join, FIRST_RUNS_S)
    gc.collect()
    gc.freeze()
    try:
        yield {}
    finally:
        over.set()
        for task in tasks:
            task.cancel()
        if os.environ.get("TORCHLIGHT_DRAIN", "0") == "1":
            await asyncio.to_thread(drain, home())
        if lock is not None:
            lock.close()


def prepare(over: threading.Event) -> None:
    """Trains each family's first story where the store lacks it, so that the first visitor finds finished runs.

    One after the other, until `over`: whatever a visitor wants in the meantime finds a place to train.
    `TORCHLIGHT_PREPARE=0` leaves it out.
    """
    store = runs()
    for experiment in [cls.stories()[0].experiment for cls in experiments().values() if cls.stories()]:
        try:
            run = store.open(experiment)
            run.pin(True)
            while run.status().state in ("queued", *ACTIVE) and not over.wait(FIRST_LOOK_S):
                pass
        except (*FAULTS, OSError, ValueError, RuntimeError):
            logging.getLogger(__name__).exception("The first run of %s cannot be prepared.", type(experiment).__name__)
        if over.is_set():
            return


def _answer_at_once() -> None:
    """Sets TCP_NODELAY on the listening sockets; accepted connections inherit it."""
    for thing in gc.get_objects():
        # The type itself: asking some of torch's deprecated objects for their class makes them warn.
        if issubclass(type(thing), socket.socket):
            with contextlib.suppress(OSError):
                if thing.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    thing.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def _keep_supervisor() -> None:
    while True:
        with contextlib.suppress(OSError):
            if os.access(home(), os.W_OK) or not home().exists():
                await asyncio.to_thread(ensure_supervisor)
        await asyncio.sleep(WATCH_S)


async def _collect_when_idle() -> None:
    """A full collection holds every visitor up for some 100 ms: it is made when hardly anything else happens."""
    while True:
        await asyncio.sleep(COLLECT_S)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            used = time.process_time()
            await asyncio.sleep(QUIET_S)
            if time.process_time() - used < QUIET_LOAD * QUIET_S:
                break
        if Runtime.exists():
            forget_ended(Runtime.instance())
        gc.collect()
        # What visitors' files and pages took is free by now, but glibc hands it back only when asked.
        if sys.platform == "linux":
            with contextlib.suppress(AttributeError):
                ctypes.CDLL(None).malloc_trim(0)


def forget_ended(runtime: Any) -> None:
    """Let go of visits that ended two minutes ago.

    Streamlit keeps a visit so long for a connection that comes back, up to 128 of them, but then drops it only when the
    next visit ends: the memory of a whole class would stay until somebody else comes.
    """
    with contextlib.suppress(AttributeError):  # its own names, which another version may change
        manager = runtime._session_mgr
        with manager._storage_lock:
            manager._session_storage._cache.expire()
