"""Finds and ends what a test has started."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def children(parent: int) -> list[int]:
    """Processes that this one has started and that live."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, whose = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(whose) == parent and state != "Z":
            found.append(int(entry.name))
    return found


def end_processes(home: Path) -> None:
    """Ends every process that works for `home`: supervisor, spares, workers."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"TORCHLIGHT_HOME={home}".encode() in environment.split(b"\0") and b"state." in command:
            os.kill(int(entry.name), signal.SIGKILL)
