"""Checkpoints on disk: safetensors files that are whole or not there, and which of them are kept.

A file is written under a temporary name, synced, renamed, and its directory synced; only then does the record
name it, together with its SHA-256. A file that the record does not name does not count.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import safetensors.numpy
from safetensors import SafetensorError

from models.experiment import Checkpoint

RATIO = 1.2


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


def kept(steps: Iterable[int]) -> set[int]:
    """Which steps to keep: the last two, 0, and from there on each that is at least 1.2 times the one kept before."""
    ordered = sorted(set(steps))
    keep = set(ordered[-2:])
    last: int | None = None
    for step in ordered:
        if last is None or step >= max(last * RATIO, last + 1):
            keep.add(step)
            last = step
    return keep


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
