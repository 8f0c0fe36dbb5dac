"""A feed: the one reader of a watched run, what it knows of it, and the viewers who hear its news.

Pictures: the newest wins. Numbers: none is lost. Reading, thinning and encoding happen in threads: the loop that
serves every visitor only hands bytes on. Nothing a viewer does or leaves undone makes a feed grow: who does not read
is sent away and comes back to a fresh history, and answers are computed when the one before has been sent.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from typing import Any

import numpy as np

from models.experiment import Note
from state.columns import joined
from state.damage import Damage
from state.frames import lost_frames, moments_frame, note_frame, picture, scalars_frames, stamped, status_frame
from state.growing import Grown
from state.history import Cursor, Delta
from state.run import LOOKED_S, Run, Status

POLL_S = 0.04
ENDED_POLL_S = 1.0
"""How often the record of an ended run is looked at; when its status changes, at once."""
STATUS_S = 0.2
MOST_ROWS = 40_000
"""Rows per column that a newcomer gets in full: 160 kB. Only beyond is a column thinned, and marked as such."""
MOST_WAITING = 4 * 2**20
"""Bytes of news that wait for one viewer, beside the history; a run sends some 100 kB a second."""
CACHED_BYTES = 8 * 2**20
"""Pictures that are kept for viewers who scrub: all of a usual run, or as many as there is room for."""
LATER = 1013
"""Close code "try again later" (IANA's registry)."""


class Viewer:
    """One browser on one run: lossless frames in order, one slot for the newest picture, one for what it asks."""

    def __init__(self) -> None:
        self.frames: deque[bytes] = deque()
        self.waiting = 0
        self.room = MOST_WAITING
        self.slot: bytes | None = None
        self.wanted: int | None = None
        self.due = 0.0
        self.since: float | None = None
        """Since when what `next` gave last was due, by the monotonic clock; None for numbers."""
        self.live = True
        self.news = asyncio.Event()
        self.code: int | None = None
        self.over = asyncio.Event()

    def greet(self, *frames: bytes) -> None:
        """The history, however long it is: the bound is for what comes after it."""
        self.room += sum(map(len, frames))
        self.tell(*frames)

    def tell(self, *frames: bytes) -> None:
        self.waiting += sum(map(len, frames))
        if self.waiting > self.room:
            self.end(LATER)
            return
        self.frames.extend(frames)
        self.news.set()

    def show(self, frame: bytes) -> None:
        if self.live:
            self.slot, self.due = frame, time.monotonic()
            self.news.set()

    def ask(self, step: int) -> None:
        """What is asked for replaces what was asked before and is not answered yet."""
        self.wanted, self.due = step, time.monotonic()
        self.news.set()

    def end(self, code: int) -> None:
        """Have the connection closed; a browser that still looks comes back and gets the history."""
        self.code = self.code or code
        self.frames.clear()
        self.over.set()

    async def next(self) -> bytes | int:
        """Waits for a frame, numbers first, then the newest picture; else the step whose picture is asked for."""
        while True:
            if self.frames:
                frame = self.frames.popleft()
                self.waiting -= len(frame)
                self.since = None
                return frame
            if self.slot is not None:
                frame, self.slot, self.since = self.slot, None, self.due
                return frame
            if self.wanted is not None:
                step, self.wanted, self.since = self.wanted, None, self.due
                return step
            self.news.clear()
            await self.news.wait()


class Feed:
    """The reader of one run and its viewers."""

    def __init__(self, run: Run) -> None:
        self.run, self.wire = run, run.experiment.wire
        self.viewers: set[Viewer] = set()
        self.grown = Grown()
        self.moments = np.zeros(0, np.int64)
        self.notes: list[Note] = []
        self.lost = Damage()
        self.checked = False
        self.cursor: Cursor | None = None
        self.status: Status | None = None
        self.newest: bytes | None = None
        self.greeting: tuple[Cursor | None, list[bytes]] | None = None
        self.pictures: OrderedDict[int, bytes] = OrderedDict()
        self.lock = asyncio.Lock()
        self.following = False

    async def follow(self) -> None:
        """Reads news until nobody watches."""
        asked = read = looked = 0.0
        while self.viewers:
            if time.monotonic() - looked > LOOKED_S:
                looked = time.monotonic()
                await asyncio.to_thread(self.run.look)
            async with self.lock:
                changed = False
                if time.monotonic() - asked > STATUS_S:
                    asked = time.monotonic()
                    changed = await self._status()
                ended = self.status is not None and self.status.ended
                if changed or not ended or time.monotonic() - read > ENDED_POLL_S:
                    read = time.monotonic()
                    await self._news()
            if ended and not self.checked:
                lost = await asyncio.to_thread(self.run.lost)
                async with self.lock:
                    self._tell_lost(lost)
            self.checked = ended
            await asyncio.sleep(POLL_S)

    async def join(self, viewer: Viewer) -> None:
        """Gives a newcomer the whole history; from then on it hears all news. Raises `NoSuchRun`."""
        async with self.lock:
            if self.cursor is None:
                await self._news()
            await self._status()
            if self.greeting is None or self.greeting[0] != self.cursor:
                self.greeting = self.cursor, await asyncio.to_thread(self._history)
            viewer.greet(status_frame(self.status, self.run.key), *self.greeting[1])  # type: ignore[arg-type]
            if self.newest is not None:
                viewer.show(self.newest)
            self.viewers.add(viewer)

    async def at(self, step: int) -> bytes | None:
        """The picture of the newest snapshot not later than `step`, as an answer to a viewer who scrubs."""
        # One dictionary throughout: a run that begins anew puts another in its place.
        pictures, readable = self.pictures, self._readable()
        earlier = readable[readable <= step]
        if len(earlier) == 0:
            return None
        moment = int(earlier[-1])
        if moment not in pictures:
            drawn = await asyncio.to_thread(self._picture, moment, live=False)
            if drawn is None:
                return None
            given, pictures[moment] = drawn
            if given < moment:
                async with self.lock:
                    if pictures is self.pictures:
                        self._tell_lost(self.lost.plus(moments=earlier[earlier > given].tolist()))
        pictures.move_to_end(moment)
        while len(pictures) > max(16, CACHED_BYTES // len(pictures[moment])):
            pictures.popitem(last=False)
        return stamped(pictures[moment], asked=step)

    def _readable(self) -> np.ndarray:
        """The moments whose pictures are not known to be lost."""
        return self.moments[~np.isin(self.moments, self.lost.moments)] if self.lost.moments else self.moments

    def _tell_lost(self, lost: Damage) -> None:
        """Tells everybody what of the record cannot be read, where that is news."""
        if lost != self.lost:
            self.lost, self.greeting = lost, None
            for viewer in list(self.viewers):
                viewer.tell(*lost_frames(lost))

    async def _news(self) -> None:
        frames, newest, lost = await asyncio.to_thread(self._read)
        for viewer in list(self.viewers):
            viewer.tell(*frames)
            if newest is not None:
                viewer.show(newest)
        self._tell_lost(lost)

    def _read(self) -> tuple[list[bytes], bytes | None, Damage]:
        """What is new, as frames: the numbers and notes, the newest picture if it is new; and all that is lost."""
        delta = self.run.since(self.cursor)
        frames = self._take(delta)
        self.cursor = delta.cursor
        drawn = self._picture(int(self.moments[-1]), live=True, sent=time.time()) if len(delta.moments) else None
        newest = drawn[1] if drawn else None
        self.newest = newest or self.newest
        return frames, newest, (Damage() if delta.reset else self.lost).plus(delta.gaps)

    def _picture(self, moment: int, **header: Any) -> tuple[int, bytes] | None:
        """The picture of the newest readable snapshot not later than `moment`, and the step that it shows."""
        snapshot = self.run.snapshot(moment)
        if snapshot is None:
            return None
        return snapshot.step, picture(snapshot, self.wire, key=self.run.key, **header)

    def _take(self, delta: Delta) -> list[bytes]:
        """Adds the news to what the feed knows, and tells them as frames."""
        if delta.reset:
            self.grown, self.moments, self.notes, self.newest = Grown(), np.zeros(0, np.int64), [], None
            self.pictures = OrderedDict()
        first, new = self.cursor is None, joined(delta.scalars)
        self.grown.add(new)
        self.moments = np.unique(np.concatenate((self.moments, delta.moments)))
        self.notes += delta.notes
        if first:  # nobody listens yet: the first viewer gets all of it as history
            return []
        frames = scalars_frames(new, reset=delta.reset) if new or delta.reset else []
        if len(delta.moments):
            frames.append(moments_frame(delta.moments))
        return [*frames, *map(note_frame, delta.notes)]

    def _history(self) -> list[bytes]:
        frames = scalars_frames(self.grown.columns(), reset=True, most=MOST_ROWS)
        return [*frames, moments_frame(self._readable()), *map(note_frame, self.notes), *lost_frames(self.lost)]

    async def _status(self) -> bool:
        """Tells everybody where the status has changed; whether the run has gone to another state."""
        status, before = await asyncio.to_thread(self.run.status), self.status
        self.status = status
        if status != before:
            for viewer in list(self.viewers):
                viewer.tell(status_frame(status, self.run.key))
        return before is None or (status.state, status.attempt) != (before.state, before.attempt)
