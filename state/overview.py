"""What an operator wants to know of a store at a glance: who trains, who waits, what failed, what it costs."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.experiment import Note
from state import progress, reasons
from state.fair import WATCHED_S, order
from state.home import run_directory
from state.lease import holder
from state.row import ACTIVE, Row
from state.runs import CLOSED, Runs


@dataclass(frozen=True)
class Busy:
    """A run that trains: how far, how fast, in which process, and what that process holds in memory."""

    row: Row
    step: int
    rate: float
    pid: int | None
    memory_bytes: int
    watched: bool


@dataclass(frozen=True)
class Overview:
    """A store at one moment."""

    rows: tuple[Row, ...]
    """All runs, the newest first."""
    states: Mapping[str, int]
    slots: int
    busy: tuple[Busy, ...]
    waiting: tuple[Row, ...]
    """Next first."""
    failed: tuple[tuple[Row, Note | None], ...]
    """The newest first."""
    stored_bytes: int
    most_bytes: int
    free_bytes: int
    closed: bool


def overview(store: Runs, failures: int = 10) -> Overview:
    """The store as it is now."""
    rows, now = [run.row for run in store.list()], time.time()
    active = [row for row in rows if row.state in ACTIVE]
    queued = [row for row in rows if row.state == "queued"]
    failed = sorted((row for row in rows if row.state == "failed"), key=lambda row: -(row.ended or 0.0))[:failures]
    return Overview(
        rows=tuple(rows),
        states=Counter(row.state for row in rows),
        slots=store.limits.slots,
        busy=tuple(_busy(store.home, row, now) for row in sorted(active, key=lambda row: row.started or 0.0)),
        waiting=tuple(order(queued, active, store.turns(), now)),
        failed=tuple((row, reasons.heard(row.reason)) for row in failed),
        stored_bytes=sum(row.bytes for row in rows),
        most_bytes=store.limits.disk_bytes,
        free_bytes=shutil.disk_usage(store.home).free,
        closed=(store.home / CLOSED).exists(),
    )


def _busy(home: Path, row: Row, now: float) -> Busy:
    directory = run_directory(home, row.key)
    moved, pid = progress.read(directory), holder(directory / "lease")
    current = moved.attempt == row.attempt
    return Busy(
        row, moved.step if current else row.step, moved.rate if current else 0.0, pid,
        resident_bytes(Path(f"/proc/{pid}/status")) if pid else 0, now - row.watched < WATCHED_S,
    )  # fmt: skip


def resident_bytes(status: Path = Path("/proc/self/status")) -> int:
    """Memory that a process holds, by default this one; 0 where the system does not tell."""
    try:
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1]) * 1024
