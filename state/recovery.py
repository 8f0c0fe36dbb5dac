"""A control database that cannot be read is set aside, and the runs tell anew what they are.

Every run's record names its own experiment, so nothing that was trained is lost: a run whose last step is recorded is
finished, any other is interrupted and can be resumed. What is lost is the order of the queue, whose they were, and
names, tags and pins.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from state.checkpoint import set_aside
from state.home import is_key
from state.lease import Held, Lease

PATIENCE_S = 10.0
REWRITTEN = "control.rewritten"
"""The file that says, by its age, when the list was written anew."""
TOLD_S = 30 * 86_400.0


def clear_away(at: Path) -> None:
    """Sets a damaged control database aside. Safe to race for."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            lease = Lease(at / "recovery.lock")
            break
        except Held:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
    with contextlib.closing(lease):
        if not _damaged(at / "control.db"):
            return
        with contextlib.suppress(FileNotFoundError):
            (at / "control.db-journal").unlink()
        (at / REWRITTEN).touch()  # first: whoever finds no list, since this process died, writes one without a word
        where = set_aside(at / "control.db", at)
        logging.getLogger(__name__).error("The list of runs was damaged and set aside as %s.", where)


def rewritten_at(at: Path) -> float | None:
    """When the list of runs was last written anew, in UTC seconds, as long as visitors may still wonder."""
    try:
        when = (at / REWRITTEN).stat().st_mtime
    except OSError:
        return None
    return when if time.time() - when < TOLD_S else None


def _damaged(file: Path) -> bool:
    if not file.exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            database.execute("select count(*) from sqlite_master").fetchone()
            return bool(database.execute("pragma quick_check(1)").fetchone()[0] != "ok")
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True


def described(at: Path) -> Iterator[dict[str, Any]]:
    """The rows that the runs' own records give."""
    for directory in sorted((at / "runs").glob("*")):
        if not is_key(directory.name):
            continue
        try:
            with contextlib.closing(sqlite3.connect(f"file:{directory / 'run.db'}?mode=ro", uri=True)) as database:
                said = dict(database.execute("select name, value from meta").fetchall())
                (step,) = database.execute("select max(step) from snapshot").fetchone()
        except sqlite3.DatabaseError:
            continue
        if not {"experiment", "knobs"} <= said.keys():
            continue
        steps, now = int(json.loads(said["knobs"])["steps"]), directory.stat().st_mtime
        yield {
            "key": directory.name, "name": said["experiment"], "knobs": said["knobs"], "steps": steps,
            "state": "finished" if step == steps else "interrupted", "step": step or 0,
            "created": now, "queued": now, "ended": now, "watched": time.time(),
        }  # fmt: skip
