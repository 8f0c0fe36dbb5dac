"""How far a run is: one small file that its worker overwrites ten times a second and that costs no commit.

Durable truth is in the record; this file only feeds the status line and tells the supervisor that work goes on.
A torn or missing file reads as no progress.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

_LAYOUT = struct.Struct("<qqqd")
_CHECK = struct.Struct("<I")


@dataclass(frozen=True)
class Progress:
    """The newest step of an attempt, steps per second, and `beats`: a counter that moves while anything is done."""

    attempt: int = 0
    step: int = 0
    beats: int = 0
    rate: float = 0.0


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
