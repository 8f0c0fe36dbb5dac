"""How far a run is: one small file that its worker overwrites ten times a second and that costs no commit.

Durable truth is in the record; this file only feeds the status line and tells the supervisor that work goes on.
A torn or missing file reads as no progress.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path

_LAYOUT = struct.Struct("<qqqd")
_CHECK = struct.Struct("<I")
LATELY_S = 1.0


@dataclass(frozen=True)
class Progress:
    """The newest step of an attempt, steps per second, and `beats`: a counter that moves while anything is done."""

    attempt: int = 0
    step: int = 0
    beats: int = 0
    rate: float = 0.0


class Pace:
    """Steps per second, lately: from one step that was seen to be done to another, so that no wait before the first
    counts as work."""

    def __init__(self, step: int) -> None:
        self.rest(step)

    def rest(self, step: int) -> None:
        """Nothing is trained, at `step`, before the next call of `at`."""
        self._still, self._seen = step, deque[tuple[float, int]]()

    def at(self, now: float, step: int) -> float:
        """The pace at `now`, in seconds, with `step` done; 0 until two steps were seen."""
        if step != (self._seen[-1][1] if self._seen else self._still):
            self._seen.append((now, step))
        while len(self._seen) > 2 and self._seen[-1][0] - self._seen[0][0] > LATELY_S:
            self._seen.popleft()
        if len(self._seen) < 2:
            return 0.0
        (began, first), (last, newest) = self._seen[0], self._seen[-1]
        return (newest - first) / max(last - began, now - last, 1e-9)


def write(directory: Path, progress: Progress) -> None:
    said = _LAYOUT.pack(progress.attempt, progress.step, progress.beats, progress.rate)
    descriptor = os.open(directory / "progress", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, said + _CHECK.pack(zlib.crc32(said)))
    finally:
        os.close(descriptor)


def read(directory: Path) -> Progress:
    try:
        raw = (directory / "progress").read_bytes()
    except OSError:
        return Progress()
    said, check = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
    if len(raw) != _LAYOUT.size + _CHECK.size or _CHECK.unpack(check) != (zlib.crc32(said),):
        return Progress()
    return Progress(*_LAYOUT.unpack(said))
