"""One run: how it stands, what it has recorded, and what may be asked of it.

Reading takes a short look at the disk, never disturbs training and keeps nothing: any thread, any process.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from models.experiment import BadExperiment, Checkpoint, Experiment, Note, Snapshot
from state import checkpoint as files
from state import progress, reasons
from state.columns import thin_columns
from state.control import Control
from state.damage import Damage
from state.database import DatabaseFault
from state.fair import place
from state.history import Cursor, Delta, History
from state.home import Limits, run_directory
from state.row import ACTIVE, ENDED, Row
from state.start import recorded
from state.supervisor import ensure_supervisor
from state.titles import tags_of, title_of

LOOKED_S = 60.0
_ANY = ("queued", "paused", *ACTIVE, *ENDED)


class NoSuchRun(KeyError):  # noqa: N818
    """The run was deleted, or never was."""


@dataclass(frozen=True)
class Status:
    """A run at this moment. Times are UTC seconds; `rate` is in steps per second."""

    state: str
    step: int
    steps: int
    rate: float = 0.0
    eta_s: float | None = None
    device: str | None = None
    place: int | None = None
    wait_s: float | None = None
    reason: Note | None = None
    attempt: int = 0
    pinned: bool = False
    signature: dict[str, str] = field(default_factory=dict)
    created_at: float = 0.0
    ended_at: float | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself; a paused run has not ended."""
        return self.state in ENDED


class Run:
    """One run, by its key. Reading is cheap and never disturbs training."""

    def __init__(self, home: Path, control: Control, row: Row, limits: Limits) -> None:
        self.key = row.key
        self._home, self._control, self._row, self._limits = home, control, row, limits
        self.directory = run_directory(home, row.key)
        self._history = History(self.directory)

    @cached_property
    def experiment(self) -> Experiment:
        """Raises `BadExperiment` where this version does not know the experiment any more."""
        return recorded(self._row)

    @cached_property
    def unknown(self) -> Note | None:
        """Why this version has no such experiment, though it still has the record; None where it has."""
        try:
            _ = self.experiment
        except BadExperiment as error:
            return reasons.note(self._row.step, reasons.UNKNOWN_EXPERIMENT, error=str(error))
        return None

    @property
    def name(self) -> str:
        """The experiment's class."""
        return self._row.name

    @property
    def row(self) -> Row:
        """What the control database knew of the run when it was looked up."""
        return self._row

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that visitors gave it, as of when it was looked up."""
        return tags_of(json.loads(self._row.tags))

    def status(self) -> Status:
        """Raises `NoSuchRun` once the run has been deleted."""
        row = self._control.row(self.key)
        if row is None:
            raise NoSuchRun(self.key)
        moved = progress.read(self.directory)
        current = row.state in ACTIVE and moved.attempt == row.attempt
        step = moved.step if current else row.step
        rate = moved.rate if current else 0.0
        number, wait_s = self._place() if row.state == "queued" else (None, None)
        signature = json.loads(row.signature)
        return Status(
            state=row.state, step=step, steps=row.steps, rate=rate,
            eta_s=(row.steps - step) / rate if rate > 0 else None,
            device=signature.get("device"), place=number, wait_s=wait_s, reason=reasons.heard(row.reason),
            attempt=row.attempt, pinned=bool(row.pinned), signature=signature,
            created_at=row.created, ended_at=row.ended,
        )  # fmt: skip

    def _place(self) -> tuple[int | None, float | None]:
        """Place in the queue, from 1, and the seconds until a slot is likely to be free, where that can be told."""
        rows = self._control.rows("queued", *ACTIVE)
        active = [row for row in rows if row.state in ACTIVE]
        moved = {row.key: progress.read(run_directory(self._home, row.key)) for row in active}
        queued = [row for row in rows if row.state == "queued"]
        return place(self.key, queued, active, moved, self._limits.slots, self._control.turns())

    def look(self) -> Row | None:
        """Tell that somebody watches the run: it keeps its slot, and the disk bound leaves it be.

        Written once a minute. Returns the row; None where the run is gone.
        """
        return looked_at(self._control, self.key)

    def columns(
        self, names: Iterable[str] | None = None, most: int | None = None
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Per column (steps, values); with `most`, at most so many points each, extremes kept."""
        found = self._history.columns(names)
        return found if most is None else thin_columns(found, most)

    def moments(self, since: int = -1) -> np.ndarray:
        """The steps later than `since` that have a snapshot, in order."""
        return self._history.moments(since)

    def snapshot(self, step: int) -> Snapshot | None:
        """The newest snapshot that is not later than `step`."""
        return self._history.snapshot(step)

    def checkpoint(self, step: int) -> Checkpoint | None:
        """The newest good checkpoint that is not later than `step`."""
        for stored in reversed(self._history.checkpoints()):
            if stored.step <= step and (found := files.read(self.directory, stored)) is not None:
                return found
        return None

    def notes(self) -> list[Note]:
        return self._history.notes()

    def since(self, cursor: Cursor | None = None) -> Delta:
        """What the record gained since `cursor`, by default everything; give the delta's own cursor next time."""
        return self._history.since(cursor)

    def damage(self) -> Damage:
        """Check every checksum, of checkpoints too: reads the whole record."""
        bad = sum(files.read(self.directory, stored) is None for stored in self._history.checkpoints())
        return replace(self._history.damage(), checkpoints=bad)

    def lost(self) -> Damage:
        """What of its numbers and pictures cannot be read: read as a whole once, for each state of its files."""
        return self._history.lost()

    def pause(self) -> None:
        """Hold at a checkpoint, once what was recorded so far is drawn: hundredths, early in a run tenths of a second.

        A run that waits is taken out of the queue.
        """

        def paused(row: Row) -> Row:
            if row.state in ACTIVE:
                return replace(row, desired="pause")
            return replace(row, state="paused", desired="pause", until=None)

        self._control.move(self.key, ("queued", *ACTIVE), paused)

    def resume(self) -> None:
        """Go on from where the run was paused, stopped, interrupted or failed.

        A pause or stop that was asked for and has not happened yet is taken back. Raises `QueueFull`, and then the
        run stays as it is.
        """
        if self._control.requeue(self.key, self._limits):
            ensure_supervisor(self._home)

    def stop(self) -> None:
        """End the run at a checkpoint; `resume` can still take it up again."""

        def stopped(row: Row) -> Row:
            if row.state in ACTIVE:
                return replace(row, desired="stop")
            return replace(row, state="stopped", desired="run", until=None, ended=time.time())

        self._control.move(self.key, ("queued", "paused", *ACTIVE), stopped)

    def single_step(self) -> None:
        """A paused run trains one step and pauses again; a training one just pauses.

        A step waits in the queue like everything that trains: raises `QueueFull`, and then the run stays paused.
        """
        row = self._control.row(self.key)
        if row is None or row.state in ACTIVE:
            self.pause()
        elif row.state == "paused" and self._control.requeue(self.key, self._limits, until=row.step + 1):
            ensure_supervisor(self._home)

    def pin(self, pinned: bool = True) -> None:
        """Keep the run when the disk bound deletes others."""
        self._control.move(self.key, _ANY, lambda row: replace(row, pinned=int(pinned)))

    def rename(self, title: str) -> None:
        """Call the run so, in one short line; an empty text takes its name away."""
        self._control.move(self.key, _ANY, lambda row: replace(row, title=title_of(title)))

    def tag(self, tags: Iterable[str]) -> None:
        """Give the run these tags instead of those it has."""
        said = json.dumps(tags_of(tags), ensure_ascii=False)
        self._control.move(self.key, _ANY, lambda row: replace(row, tags=said))


def looked_at(control: Control, key: str) -> Row | None:
    row = control.row(key)
    if row is None or time.time() - row.watched < LOOKED_S or (row.pinned and row.state in ENDED):
        return row
    try:
        return control.move(key, _ANY, lambda row: replace(row, watched=time.time()))
    except (sqlite3.OperationalError, DatabaseFault):  # a full disk forbids nobody to look
        return row
