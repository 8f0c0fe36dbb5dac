"""Keeps a home within its bound on disk, and deletes runs in a way that no interruption and no reopening can hurt.

Beyond the bound go, the oldest of each first: what was set aside as damaged, ended runs that nobody pinned, and
paused ones that nobody has watched for a day. Whoever is beyond the bound of one visitor loses their own so.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from state.control import Control
from state.home import Limits, run_directory, size_bytes
from state.lease import holder
from state.row import ENDED, Row

UNWATCHED_S = 86_400.0

log = logging.getLogger("torchlight.supervisor")

Dispensable = tuple[str, int, Callable[[], bool]]
"""What it is, its bytes, and what removes it and says whether it did."""


def delete(at: Path, control: Control, key: str) -> bool:
    """Delete an ended or paused run, row and files; False where it is in no such state, or its files are in use.

    The files leave their place in the transaction that forgets the row: whoever opens the run anew, be it while they
    are still being removed, gets a directory of its own.
    """
    directory, trash = run_directory(at, key), at / "trash" / f"{key}-{time.time_ns()}"
    if holder(directory / "lease") is not None:
        return False

    def aside() -> None:
        trash.parent.mkdir(exist_ok=True)
        if directory.exists():
            directory.rename(trash)

    try:
        gone = control.forget(key, (*ENDED, "paused"), aside)
    except OSError:  # Windows moves no directory in which a file is open
        return False
    if gone:
        shutil.rmtree(trash, ignore_errors=True)
    return gone


def empty_trash(at: Path) -> None:
    """Remove what a deletion left over that was killed half-way."""
    shutil.rmtree(at / "trash", ignore_errors=True)


def sweep(at: Path, control: Control, limits: Limits) -> None:
    """Remove what can best be missed until each visitor, and everything together, is within the bounds."""
    rows = control.rows()
    sizes = {row.key: size_bytes(run_directory(at, row.key)) for row in rows}
    for owner in {row.owner for row in rows} - {""}:
        own = [row for row in rows if row.owner == owner]
        _shrink(_runs(at, control, own, sizes), sum(sizes[row.key] for row in own), limits.disk_each)
    rows = control.rows()
    kept = sum(sizes.get(row.key, 0) for row in rows) + size_bytes(at / "damaged")
    _shrink((*_damaged(at), *_runs(at, control, rows, sizes)), kept, limits.disk_bytes)


def _shrink(dispensable: Iterable[Dispensable], size: int, most: int) -> None:
    for name, bytes_, remove in dispensable:
        if size <= most:
            return
        if remove():
            size -= bytes_
            log.info("%s: deleted, to keep within %d bytes", name, most)


def _damaged(at: Path) -> Iterator[Dispensable]:
    def remove(file: Path) -> bool:
        file.unlink(missing_ok=True)
        return True

    for file in sorted((at / "damaged").glob("*"), key=lambda file: file.stat().st_mtime):
        yield file.name, file.stat().st_size, partial(remove, file)


def _runs(at: Path, control: Control, rows: list[Row], sizes: dict[str, int]) -> Iterator[Dispensable]:
    ended = [row for row in rows if row.state in ENDED]
    paused = [row for row in rows if row.state == "paused" and time.time() - row.watched > UNWATCHED_S]
    for some in (ended, paused):
        for row in sorted(some, key=lambda row: max(row.ended or 0.0, row.watched)):
            if not row.pinned:
                yield row.key, sizes.get(row.key, 0), partial(delete, at, control, row.key)
