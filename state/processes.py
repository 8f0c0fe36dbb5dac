"""Training processes of this machine: a warm spare forks, or becomes, the worker of each run."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from state.fleet import Life
from state.home import run_directory
from state.lease import holder, is_elsewhere
from state.row import Row
from state.spare import Spare, warming

STILLBORN = 3
"""Spares in a row that die before they are warm, until a waiting run is told that nothing starts here."""

log = logging.getLogger("torchlight.supervisor")


class Processes:
    def __init__(self, at: Path) -> None:
        self.home = at
        self.spares: list[Spare] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        """Spares that became workers, to be reaped; whether a run is alive is told by its lease alone."""
        self.stillborn = 0
        self.next_spare = 0.0

    def tend(self, waiting: bool) -> None:
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        for spare in list(self.spares):
            if spare.process.poll() is not None:
                self.spares.remove(spare)
                self.stillborn += not spare.ready()
                self.next_spare = time.monotonic() + (min(30.0, 2.0**self.stillborn) if self.stillborn else 0.0)
                log.error("a spare process ended with code %s; see workers.log", spare.process.returncode)
        told_first = waiting and self.stillborn >= STILLBORN
        if not self.spares and not told_first and time.monotonic() > self.next_spare:
            self.spares.append(warming(self.home))

    def ready(self) -> bool:
        return any(spare.ready() for spare in self.spares)

    def start(self, row: Row) -> None:
        spare = next(spare for spare in self.spares if spare.ready())
        self.stillborn = 0
        spare.give(self.home, row)
        if spare.once:
            self.spares.remove(spare)
            self.workers.append(spare.process)

    def life(self, row: Row) -> Life:
        return "gone" if holder(run_directory(self.home, row.key) / "lease") is None else "here"

    def kill(self, row: Row) -> None:
        """The lease names its holder, so no stranger with a recycled id is hit, and none on another machine."""
        lease = run_directory(self.home, row.key) / "lease"
        pid = holder(lease)
        if pid is None or pid <= 1 or is_elsewhere(lease):
            return
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                os.kill(pid, signal.SIGTERM)
            elif os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)
            else:
                os.kill(pid, signal.SIGKILL)

    def broken(self) -> bool:
        if self.stillborn < STILLBORN or self.spares:
            return False
        self.stillborn = 0
        return True

    def close(self) -> None:
        for spare in self.spares:
            spare.dismiss()
