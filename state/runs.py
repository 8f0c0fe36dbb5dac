"""What a page knows of training: `runs().open(experiment)` gives a `Run`, and the run tells what happened so far.

    run = runs().open(GanTraining(seed=3))     known: that very run; unknown: queued, and soon training
    run.status().state                         "running"
    run.columns(["loss_d"])["loss_d"]          steps and values
    run.since(cursor)                          what is new, for live views

Nothing here waits for training and nothing is kept in memory: any thread, any process, at any time.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Self

from models.experiment import Experiment
from state.control import Control, NewerStore, QueueFull, Refused, TooLong
from state.disk import delete
from state.home import Limits, home, is_key
from state.lease import holder
from state.reasons import NONE_NEW
from state.row import ENDED, Row
from state.run import NoSuchRun, Run, Status, looked_at
from state.supervisor import ensure_supervisor

__all__ = ["NewerStore", "NoSuchRun", "QueueFull", "Refused", "Run", "Runs", "Status", "TooLong", "runs"]

CLOSED = "closed"
"""While a file of this name lies in the home, no new runs begin there; known ones go on and are shown."""


class Runs:
    """All runs of one home."""

    def __init__(self, at: Path | None = None) -> None:
        self.home = (at or home()).absolute()
        self.limits = Limits.read()
        self._control = Control(self.home)

    def open(self, experiment: Experiment, resume: bool = False, owner: str = "") -> Run:
        """The run of this experiment: the known one, or a new one at the end of the queue.

        A new one counts against the quotas of `owner`; who asks for a known one just watches it. A stopped, interrupted
        or failed run comes back as it is, unless `resume`. Raises `QueueFull`, `TooLong`, `DiskFull`.
        """
        said = json.dumps(experiment.model_dump(mode="json"), sort_keys=True)
        row = looked_at(self._control, experiment.key)
        if row is None:
            if (self.home / CLOSED).exists():
                raise Refused(NONE_NEW)
            new = Row(experiment.key, type(experiment).__name__, said, experiment.steps, owner=owner)
            row = self._control.admit(new, self.limits)
        run = Run(self.home, self._control, row, self.limits)
        if row.state == "finished" and self._unreadable(run):
            if not self._control.move(row.key, ("finished",), lambda row: replace(row, state="interrupted", step=0)):
                return self.open(experiment, resume, owner)  # somebody else has just done so, or deleted it
            run.resume()
        elif resume and row.state in (*ENDED, "paused"):
            run.resume()
        if row.state not in ENDED:
            ensure_supervisor(self.home)
        return run

    def _unreadable(self, run: Run) -> bool:
        """Whether a finished run's record is gone or is no database any more: then it is trained again."""
        try:
            with run._history._open() as database:
                database.execute("select 1 from meta").fetchone()
        except sqlite3.DatabaseError:
            return holder(run.directory / "lease") is None
        return False

    def turns(self) -> dict[str, float]:
        """When each visitor who waits was last given a slot, in UTC seconds."""
        return self._control.turns()

    def find(self, key: str) -> Run | None:
        """The run with this key; None for unknown keys and for text that is no key."""
        row = looked_at(self._control, key) if is_key(key) else None
        return None if row is None else Run(self.home, self._control, row, self.limits)

    def list(self) -> list[Run]:
        """All runs, the newest first."""
        rows = sorted(self._control.rows(), key=lambda row: -row.created)
        return [Run(self.home, self._control, row, self.limits) for row in rows]

    def delete(self, key: str) -> bool:
        """Delete an ended or paused run for good; False where it is unknown or training."""
        return is_key(key) and delete(self.home, self._control, key)

    def close(self) -> None:
        self._control.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def _runs(at: Path) -> Runs:
    return Runs(at)


def runs() -> Runs:
    """The runs of the configured home."""
    return _runs(home())
