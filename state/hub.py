"""The hub: every live connection of the server, `/live/<key>`, and one feed for each run that somebody watches.

Everything sent was read from the run's record on disk, so a visitor never sees what a crash could take back.
A feed lives while its run is watched (`state/feed.py`). Whoever opens more connections than the bounds allow, comes
from another site or asks for an unknown run is refused before anything is read for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
from collections import Counter
from typing import Any, ClassVar
from urllib.parse import urlsplit

import numpy as np
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from models.experiment import BadExperiment
from state.columns import joined
from state.damage import Damage
from state.database import FAULTS
from state.feed import LATER, MOST_ROWS, Feed, Viewer
from state.frames import lost_frames, moments_frame, note_frame, picture, scalars_frames, status_frame
from state.hosts import served
from state.latency import PICTURES
from state.runs import NoSuchRun, Run, Runs, runs

MOST_VIEWERS = 1000
MOST_EACH = 200
"""Sockets from one address: a class of fifty behind one router, with twins."""
MESSAGES_HZ = 120.0
"""What a browser may ask: the fastest replay asks 80 times a second."""
CLOSING_S = 5.0
LONGEST_MESSAGE = 200
NO_DATA, NO_TEXT, REFUSED, FAILED = 1003, 1007, 1008, 1011  # RFC 6455, 7.4.1


class Places:
    """A bounded number of places, in all and per network address."""

    def __init__(self, most: int, each: int) -> None:
        self.most, self.each = most, each
        self.taken: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many are taken."""
        return self.taken.total()

    def take(self, address: str) -> bool:
        """Whether there was a place; who got one gives it back."""
        if self.count >= self.most or self.taken[address] >= self.each:
            return False
        self.taken[address] += 1
        return True

    def give(self, address: str) -> None:
        self.taken[address] -= 1
        self.taken += Counter()  # forgets addresses that hold nothing


def bound(name: str, default: int) -> int:
    """The number that the environment sets as `TORCHLIGHT_<NAME>`, else the default."""
    text = os.environ.get(f"TORCHLIGHT_{name}", "")
    return int(text) if text.isdecimal() else default


class Hub:
    """The WebSocket route `/live/<key>` and the feeds behind it."""

    newest: ClassVar[Places | None] = None
    """The places of the hub that was made last: the one of the server in this process."""

    @classmethod
    def watchers(cls) -> int:
        """How many live connections are open."""
        return cls.newest.count if cls.newest is not None else 0

    def __init__(self, store: Runs | None = None) -> None:
        self._store = store
        self.feeds: dict[str, Feed] = {}
        self.places = Hub.newest = Places(bound("VIEWERS", MOST_VIEWERS), bound("VIEWERS_EACH", MOST_EACH))
        self.tasks: set[asyncio.Task[None]] = set()

    def routes(self) -> list[WebSocketRoute]:
        return [WebSocketRoute("/live/{key}", self.watch)]

    async def watch(self, socket: WebSocket) -> None:
        """One viewer's connection: refuses strangers' pages, unknown runs and more viewers than the bounds."""
        address = socket.client.host if socket.client else ""
        if not same_origin(socket) or not served(socket.headers.get("host", "")) or not self.places.take(address):
            await socket.close(LATER)
            return
        try:
            feed = await self._feed(socket.path_params["key"])
            if feed is None:
                await socket.close(REFUSED)
                return
            await socket.accept()
            await self._serve(socket, feed)
        finally:
            self.places.give(address)

    async def _feed(self, key: str) -> Feed | None:
        """The feed of this run; None where there is no such run, or none that this version knows how to show."""
        if key in self.feeds:
            return self.feeds[key]
        try:
            feed = await asyncio.to_thread(self._open, key)
        except (BadExperiment, *FAULTS):
            return None
        return feed and self.feeds.setdefault(key, feed)

    def _open(self, key: str) -> Feed | None:
        run = (self._store or runs()).find(key)
        return Feed(run) if run else None

    async def _serve(self, socket: WebSocket, feed: Feed) -> None:
        viewer, work = Viewer(), list[asyncio.Task[Any]]()
        try:
            await feed.join(viewer)
            if not feed.following:
                self._follow(feed)
            sides = _send(socket, feed, viewer), _listen(socket, feed, viewer), viewer.over.wait()
            work = [asyncio.create_task(side) for side in sides]
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        except (NoSuchRun, *FAULTS):
            viewer.end(FAILED)
        finally:
            feed.viewers.discard(viewer)
            for task in work:
                task.add_done_callback(_report)
                task.cancel()
            if not feed.following:
                self._forget(feed)
        if viewer.code is not None:
            await asyncio.gather(*work, return_exceptions=True)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
                await asyncio.wait_for(socket.close(viewer.code), CLOSING_S)

    def _follow(self, feed: Feed) -> None:
        feed.following = True
        self.feeds.setdefault(feed.run.key, feed)

        async def follow() -> None:
            try:
                with contextlib.suppress(NoSuchRun):  # deleted while somebody watched
                    await feed.follow()
            finally:
                feed.following = False
                self._forget(feed)
                # Whoever looks at a feed that failed comes back to a new one, or is told that the run is gone.
                for viewer in list(feed.viewers):
                    viewer.end(FAILED)

        task = asyncio.create_task(follow())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(_report)

    def _forget(self, feed: Feed) -> None:
        if self.feeds.get(feed.run.key) is feed:
            del self.feeds[feed.run.key]


async def _send(socket: WebSocket, feed: Feed, viewer: Viewer) -> None:
    """Hands on what is there for the viewer; a picture it asked for is fetched when all else has been sent."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            news = await viewer.next()
            frame = await feed.at(news) if isinstance(news, int) else news
            if frame is not None:
                await socket.send_bytes(frame)
                if viewer.since is not None:
                    PICTURES.observe(time.monotonic() - viewer.since)


async def _listen(socket: WebSocket, feed: Feed, viewer: Viewer) -> None:
    """Hears what the viewer asks until it leaves; one that asks too fast is heard later, and nothing piles up."""
    paced = 0.0
    while (message := await socket.receive())["type"] == "websocket.receive":
        paced = max(time.monotonic(), paced) + 1 / MESSAGES_HZ
        await asyncio.sleep(max(0.0, paced - time.monotonic() - 1.0))  # a second's worth may come at once
        if message.get("text") is None:
            return viewer.end(NO_DATA)
        try:
            said = json.loads(message["text"][:LONGEST_MESSAGE])
        except ValueError:
            return viewer.end(NO_TEXT)
        if isinstance(said, dict):
            _heed(said, feed, viewer)
    return None


def _heed(said: dict[str, Any], feed: Feed, viewer: Viewer) -> None:
    if isinstance(said.get("live"), bool):
        viewer.live = said["live"]
        if viewer.live and feed.newest is not None:
            viewer.show(feed.newest)
    at = said.get("at")
    if isinstance(at, int) and 0 <= at < 2**31:
        viewer.ask(at)


def _report(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logging.getLogger(__name__).error("A live feed stopped.", exc_info=task.exception())


def same_origin(socket: WebSocket) -> bool:
    """Only pages served under the very host name that the socket was opened to may listen."""
    origin, host = socket.headers.get("origin", ""), socket.headers.get("host", "")
    try:
        return bool(host) and urlsplit(origin).netloc == host
    except ValueError:  # no address at all, such as "http://["
        return False


def history(run: Run, step: int | None = None) -> list[bytes]:
    """All that a newcomer gets, as frames, for hosts that forward no WebSocket: sent inside the page instead."""
    delta = run.since(None)
    moments, status = np.asarray(delta.moments), run.status()
    lost = run.lost() if status.ended else Damage().plus(delta.gaps)
    frames = [status_frame(status, run.key)]
    frames += scalars_frames(joined(delta.scalars), reset=True, most=MOST_ROWS)
    frames += [moments_frame(moments), *map(note_frame, delta.notes), *lost_frames(lost)]
    snapshot = run.snapshot(int(moments[-1]) if step is None else step) if len(moments) else None
    if snapshot is not None:
        frames.append(picture(snapshot, run.experiment.wire, live=step is None, key=run.key))
    return frames


def first_look(run: Run, step: int | None = None) -> list[bytes]:
    """State, moments and one picture: small enough to travel with the page, and painted before the socket stands."""
    moments = run.moments()
    snapshot = run.snapshot(int(moments[-1]) if step is None else step) if len(moments) else None
    if snapshot is None:
        return []
    shown = picture(snapshot, run.experiment.wire, live=step is None, key=run.key)
    return [status_frame(run.status(), run.key), moments_frame(moments), shown]
