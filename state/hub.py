"""The hub: one reader per watched run, many viewers. Pictures: the newest wins. Numbers: none is lost.

Everything sent was read from the run's record on disk, so a visitor never sees what a crash could take back.
A feed lives while somebody watches its run; it keeps the columns it has read, so that a newcomer gets the whole
history (thinned for drawing) and then the same news as everybody else, without a gap and without a double row.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from models.experiment import Note, Scalars
from state.columns import thin_columns
from state.frames import encode, picture
from state.history import Cursor, Delta
from state.runs import NoSuchRun, Run, Runs, Status, runs

SHOWN_AS = {"running": "training", "starting": "queued"}
"""States as visitors know them: a run that starts is at most some tenths of a second from training."""
POLL_S = 0.04
STATUS_S = 0.2
MOST_VIEWERS = 1000
MOST_ROWS = 4000
"""Rows per column that a newcomer gets: twice the pixels of a wide chart, minima and maxima kept."""
LONGEST_MESSAGE = 200
CACHED_PICTURES = 64


def status_frame(status: Status, key: str) -> bytes:
    """The run's state, progress and place in line."""
    said = {name: value for name, value in asdict(status).items() if isinstance(value, int | float | str | None)}
    said["reason"] = str(status.reason) if status.reason else None
    return encode(
        {"kind": "status", "key": key, "sent": time.time(), **said, "status": SHOWN_AS.get(status.state, status.state)}
    )


def scalars_frames(columns: Mapping[str, tuple[np.ndarray, np.ndarray]], reset: bool = False) -> list[bytes]:
    """One frame per group of columns that share their steps."""
    groups: dict[bytes, tuple[np.ndarray, dict[str, np.ndarray]]] = {}
    for name, (steps, values) in columns.items():
        groups.setdefault(steps.tobytes(), (steps, {}))[1][name] = values
    if reset and not groups:
        return [encode({"kind": "scalars", "reset": True}, {"steps": np.zeros(0, np.int64)})]
    return [
        encode({"kind": "scalars", "reset": reset and first == 0}, {"steps": steps, **values})
        for first, (steps, values) in enumerate(groups.values())
    ]


def note_frame(note: Note) -> bytes:
    """A note, with its template and values, so that the browser can say it in the visitor's language."""
    said = {"kind": "note", "step": note.step, "note": note.kind, "text": str(note), "template": note.text}
    return encode({**said, "values": dict(note.values)})


def together(chunks: list[Scalars]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Chunks in order of arrival as one pair (steps, values) per column."""
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for chunk in chunks:
        steps = np.arange(chunk.first, chunk.step + 1)
        for name, values in chunk.values.items():
            parts.setdefault(name, []).append((steps, values))
    return {name: (np.concatenate([s for s, _ in p]), np.concatenate([v for _, v in p])) for name, p in parts.items()}


class Viewer:
    """One browser on one run: lossless frames in order, and one slot in which the newest picture waits."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.slot: bytes | None = None
        self.live = True
        self.news = asyncio.Event()

    def tell(self, *frames: bytes) -> None:
        self.frames.extend(frames)
        self.news.set()

    def show(self, frame: bytes) -> None:
        if self.live:
            self.slot = frame
            self.news.set()

    async def take(self) -> list[bytes]:
        """Waits for news; numbers first, then the newest picture."""
        await self.news.wait()
        self.news.clear()
        frames, self.frames = self.frames, []
        if self.slot is not None:
            frames.append(self.slot)
            self.slot = None
        return frames


class Feed:
    """The reader of one run and its viewers."""

    def __init__(self, run: Run) -> None:
        self.run, self.wire = run, run.experiment.wire
        self.viewers: set[Viewer] = set()
        self.columns: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.moments = np.zeros(0, np.int64)
        self.notes: list[Note] = []
        self.cursor: Cursor | None = None
        self.status: Status | None = None
        self.newest: bytes | None = None
        self.pictures: OrderedDict[int, bytes] = OrderedDict()
        self.lock = asyncio.Lock()
        self.following = False

    async def follow(self) -> None:
        """Reads news until nobody watches."""
        asked = 0.0
        while self.viewers:
            async with self.lock:
                await self._news()
                if time.monotonic() - asked > STATUS_S:
                    asked = time.monotonic()
                    await self._status()
            await asyncio.sleep(POLL_S)

    async def join(self, viewer: Viewer) -> None:
        """Gives a newcomer the whole history; from then on it hears all news."""
        async with self.lock:
            if self.cursor is None:
                await self._news()
            await self._status()
            viewer.tell(status_frame(self.status, self.run.key))  # type: ignore[arg-type]
            viewer.tell(*scalars_frames(thin_columns(self.columns, MOST_ROWS), reset=True))
            viewer.tell(encode({"kind": "moments"}, {"steps": self.moments}), *map(note_frame, self.notes))
            if self.newest is not None:
                viewer.show(self.newest)
            self.viewers.add(viewer)

    async def at(self, step: int) -> bytes | None:
        """The picture of the newest snapshot not later than `step`, as an answer to a viewer who scrubs."""
        earlier = self.moments[self.moments <= step]
        if len(earlier) == 0:
            return None
        moment = int(earlier[-1])
        if step not in self.pictures:
            snapshot = await asyncio.to_thread(self.run.snapshot, moment)
            if snapshot is None:
                return None
            self.pictures[step] = picture(snapshot, self.wire, live=False, asked=step, key=self.run.key)
            while len(self.pictures) > CACHED_PICTURES:
                self.pictures.popitem(last=False)
        return self.pictures[step]

    async def _news(self) -> None:
        delta = await asyncio.to_thread(self.run.since, self.cursor)
        self.cursor = delta.cursor
        frames = self._take(delta)
        for viewer in self.viewers:
            viewer.tell(*frames)
        if len(delta.moments):
            snapshot = await asyncio.to_thread(self.run.snapshot, int(self.moments[-1]))
            if snapshot is not None:
                self.newest = picture(snapshot, self.wire, live=True, key=self.run.key, sent=time.time())
                for viewer in self.viewers:
                    viewer.show(self.newest)

    def _take(self, delta: Delta) -> list[bytes]:
        """Adds the news to what the feed knows, and tells them as frames."""
        if delta.reset:
            self.columns, self.moments, self.notes, self.newest = {}, np.zeros(0, np.int64), [], None
            self.pictures.clear()
        new = together(delta.scalars)
        for name, (steps, values) in new.items():
            old_steps, old_values = self.columns.get(name, (np.zeros(0, np.int64), np.zeros(0)))
            self.columns[name] = np.concatenate((old_steps, steps)), np.concatenate((old_values, values))
        self.moments = np.unique(np.concatenate((self.moments, delta.moments)))
        self.notes += delta.notes
        frames = scalars_frames(new, reset=delta.reset) if new or delta.reset else []
        if len(delta.moments):
            frames.append(encode({"kind": "moments"}, {"steps": delta.moments}))
        return [*frames, *map(note_frame, delta.notes)]

    async def _status(self) -> None:
        status = await asyncio.to_thread(self.run.status)
        if status != self.status:
            self.status = status
            for viewer in self.viewers:
                viewer.tell(status_frame(status, self.run.key))


class Hub:
    """The WebSocket route `/live/<key>` and the feeds behind it."""

    def __init__(self, store: Runs | None = None) -> None:
        self._store = store
        self.feeds: dict[str, Feed] = {}
        self.count = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def routes(self) -> list[WebSocketRoute]:
        return [WebSocketRoute("/live/{key}", self.watch)]

    async def watch(self, socket: WebSocket) -> None:
        """One viewer's connection: refuses strangers' pages, unknown runs and more viewers than the bound."""
        key = socket.path_params["key"]
        run = await asyncio.to_thread((self._store or runs()).find, key) if same_origin(socket) else None
        if run is None or self.count >= MOST_VIEWERS:
            await socket.close(1008)
            return
        await socket.accept()
        self.count += 1
        viewer, feed = Viewer(), self.feeds.setdefault(key, Feed(run))
        sender = asyncio.create_task(self._send(socket, viewer))
        try:
            await feed.join(viewer)
            if not feed.following:
                self._follow(key, feed)
            while True:
                await self._answer(json.loads((await socket.receive_text())[:LONGEST_MESSAGE]), feed, viewer)
        except (WebSocketDisconnect, NoSuchRun, ValueError, RuntimeError):
            pass
        finally:
            self.count -= 1
            feed.viewers.discard(viewer)
            sender.cancel()

    def _follow(self, key: str, feed: Feed) -> None:
        feed.following = True

        async def follow() -> None:
            try:
                with contextlib.suppress(NoSuchRun):  # deleted while somebody watched
                    await feed.follow()
            finally:
                feed.following = False
                self.feeds.pop(key, None)

        task = asyncio.create_task(follow())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(_report)

    async def _answer(self, message: Any, feed: Feed, viewer: Viewer) -> None:
        if not isinstance(message, dict):
            return
        if isinstance(message.get("live"), bool):
            viewer.live = message["live"]
            if viewer.live and feed.newest is not None:
                viewer.show(feed.newest)
        if isinstance(message.get("at"), int):
            frame = await feed.at(message["at"])
            if frame is not None:
                viewer.tell(frame)

    async def _send(self, socket: WebSocket, viewer: Viewer) -> None:
        try:
            while True:
                for frame in await viewer.take():
                    await socket.send_bytes(frame)
        except (WebSocketDisconnect, RuntimeError):
            pass


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logging.getLogger(__name__).error("A live feed stopped.", exc_info=task.exception())


def same_origin(socket: WebSocket) -> bool:
    """Only pages served under the very host name that the socket was opened to may listen."""
    origin, host = socket.headers.get("origin", ""), socket.headers.get("host", "")
    return bool(host) and urlsplit(origin).netloc == host


def history(run: Run, step: int | None = None) -> list[bytes]:
    """All that a newcomer gets, as frames, for hosts that forward no WebSocket: sent inside the page instead."""
    delta = run.since(None)
    moments = np.asarray(delta.moments)
    frames = [status_frame(run.status(), run.key)]
    frames += scalars_frames(thin_columns(together(delta.scalars), MOST_ROWS), reset=True)
    frames += [encode({"kind": "moments"}, {"steps": moments}), *map(note_frame, delta.notes)]
    snapshot = run.snapshot(int(moments[-1]) if step is None else step) if len(moments) else None
    if snapshot is not None:
        frames.append(picture(snapshot, run.experiment.wire, live=step is None, key=run.key))
    return frames
