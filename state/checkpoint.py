"""Checkpoints on disk: safetensors files that are whole or not there, and which of them are kept.

A file is written under a temporary name, synced, renamed, and its directory synced; only then does the record
name it, together with its SHA-256. A file that the record does not name does not count.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import safetensors.numpy
from safetensors import SafetensorError

from models.experiment import Checkpoint

MOST_BYTES = 80_000_000
"""A run's checkpoints together. Ten runs of a large model, trained to be compared, then fit in the store."""
SPACINGS = ((1.2, 1), (1.5, 10), (2.0, 50), (4.0, 100), (16.0, 1000))
"""How far kept checkpoints lie apart: their ratio, and their least distance in steps; the first that fits is taken."""


@dataclass(frozen=True)
class Stored:
    """A checkpoint file that the record names."""

    step: int
    sha256: str

    @property
    def name(self) -> str:
        return f"ckpt-{self.step}.safetensors"


def write(directory: Path, checkpoint: Checkpoint) -> Stored:
    """Put the checkpoint on disk, durably; raises `OSError` (disk full) and then leaves no half-written file."""
    raw = safetensors.numpy.save(dict(checkpoint.arrays), {"step": str(checkpoint.step)})
    stored = Stored(checkpoint.step, hashlib.sha256(raw).hexdigest())
    temporary = directory / f".{stored.name}.{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, directory / stored.name)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync(directory)
    return stored


def read(directory: Path, stored: Stored) -> Checkpoint | None:
    """The checkpoint, or None where the file is gone or is not what was written."""
    try:
        raw = (directory / stored.name).read_bytes()
        if hashlib.sha256(raw).hexdigest() != stored.sha256:
            return None
        return Checkpoint(stored.step, safetensors.numpy.load(raw))
    except (OSError, SafetensorError):
        return None


def size_bytes(directory: Path, stored: Iterable[Stored]) -> int:
    """Bytes of these checkpoints on disk; what is gone counts as nothing."""
    return sum(file.stat().st_size for one in stored if (file := directory / one.name).exists())


def borrow(source: Path, stored: Stored, target: Path) -> None:
    """Give another run the same file: a second name for it, or a copy where the file system has no such thing."""
    try:
        os.link(source / stored.name, target / stored.name)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise
    except OSError:
        (target / stored.name).write_bytes((source / stored.name).read_bytes())
    _sync(target)


def kept(steps: Iterable[int], each_bytes: int = 0) -> set[int]:
    """Which steps to keep: the last two, 0, and from there on each that is at least 1.2 times the one kept before.

    Where those, at `each_bytes` a file, would take more than `MOST_BYTES`, they lie wider apart: a fork then trains a
    few more steps again.
    """
    ordered = sorted(set(steps))
    keep: set[int] = set()
    for ratio, first in SPACINGS:
        keep = {*ordered[-2:], *_spaced(ordered, ratio, first)}
        if len(keep) * each_bytes <= MOST_BYTES:
            break
    return keep


def _spaced(ordered: list[int], ratio: float, first: int) -> Iterator[int]:
    """The first of the steps, and on from there each that is `ratio` times the one before, and `first` later."""
    last: int | None = None
    for step in ordered:
        if last is None or step >= max(last * ratio, last + first):
            yield step
            last = step


def set_aside(file: Path, home: Path) -> Path:
    """Move a damaged file out of the way, into `damaged/`, and say where it lies now."""
    target = home / "damaged" / f"{file.parent.name}-{time.time_ns()}-{file.name}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.exists():
        os.replace(file, target)
    return target


def _sync(directory: Path) -> None:
    if os.name == "nt":  # directories cannot be synced there
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
