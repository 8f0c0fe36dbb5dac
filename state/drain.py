"""Before a machine is stopped: every run writes a checkpoint and ends; at the next start they all go on.

What a container does when it is asked to leave. Without it nothing is lost either, since a killed run goes on from its
last checkpoint; this only saves the steps since then, and leaves no process behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path

from state.control import Control
from state.database import DatabaseFault
from state.home import Limits, is_key, run_directory
from state.lease import holder
from state.row import ACTIVE

LIST = "drained.json"
PATIENCE_S = 8.0
"""Containers are given ten seconds, as a rule, before they are killed."""


def drain(home: Path, patience_s: float = PATIENCE_S) -> list[str]:
    """End the supervisor and every run at a checkpoint; the keys of those that trained or waited."""
    until = time.monotonic() + patience_s
    keys: list[str] = []
    with contextlib.suppress(DatabaseFault), contextlib.closing(Control(home)) as control:
        keys = [row.key for row in control.rows("queued", *ACTIVE)]
        (home / LIST).write_text(json.dumps(keys))
        _end(home / "supervisor.lock", until)
        leases = [run_directory(home, key) / "lease" for key in keys]
        for lease in leases:
            _ask(lease)
        while any(holder(lease) is not None for lease in leases) and time.monotonic() < until:
            time.sleep(0.02)
    return keys


def take_up(home: Path) -> list[str]:
    """Queue again what was drained; the keys of the runs that go on."""
    try:
        keys = json.loads((home / LIST).read_text())
        control = Control(home)
        (home / LIST).unlink()
    except (OSError, ValueError):  # no list, or a database that is away: then the list stays for the next start
        return []
    resumed = []
    with contextlib.closing(control):
        for key in keys if isinstance(keys, list) else []:
            if isinstance(key, str) and is_key(key):
                with contextlib.suppress(
                    RuntimeError
                ):  # the queue is full: it stays interrupted, to be resumed by hand
                    if control.requeue(key, Limits.read()):
                        resumed.append(key)
    return resumed


def _ask(lease: Path) -> None:
    pid = holder(lease)
    if pid is not None and pid > 1:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _end(lock: Path, until: float) -> None:
    """The supervisor first: it would start anew what ends."""
    while holder(lock) is not None and time.monotonic() < until:
        _ask(lock)
        time.sleep(0.02)
