"""Spares: processes that paid for their imports ahead of need, so that a run starts in hundredths of a second."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from state.home import ROOT
from state.row import Row

MOST_WORDS_BYTES = 1_000_000
"""What `workers.log` may hold before it begins anew."""


@dataclass
class Spare:
    """A process that is warming up, or warm: it waits for lines that name runs, for one of them or for many."""

    process: subprocess.Popen[bytes]
    said: bytes = b""

    def ready(self) -> bool:
        """Whether it is warm; reads what it says without waiting."""
        if not self.said.endswith(b"\n") and self.process.stdout is not None:
            self.said += self.process.stdout.read() or b""
        return self.said.endswith(b"\n")

    @property
    def once(self) -> bool:
        """Whether it becomes the worker itself, instead of forking one."""
        return b"once" in self.said

    def dismiss(self) -> None:
        """End it, after the orders that it has been given."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def give(self, at: Path, row: Row) -> None:
        assert self.process.stdin is not None
        order = {"home": str(at), "key": row.key, "attempt": row.attempt}
        with contextlib.suppress(OSError):  # it died in this very moment: the run will be queued again
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.stdin.flush()


def warming(home: Path) -> Spare:
    """A new spare; what it has to say stands in `workers.log`."""
    words = home / "workers.log"
    full = words.exists() and words.stat().st_size >= MOST_WORDS_BYTES
    with open(words, "wb" if full else "ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "state.worker"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=said, start_new_session=True,
        )  # fmt: skip
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    return Spare(process)
