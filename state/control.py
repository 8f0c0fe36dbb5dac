"""The control database: what shall run, what runs, and what became of it. Every change is compare-and-set.

    queued ──> starting ──> running ──> finished | failed
      ^                      │  ^  └──> stopped
      │                      v  │
      ├──────────── yields    │
      ├──────────────────── paused       (its process lingers while nobody else waits, and takes the run up again)
      └──────── interrupted <── running  (the process died: queued again by the supervisor)

`state` is written by whoever acts, `desired` (run, pause, stop, yield) by whoever wishes; the worker reads the wish
every few hundredths of a second. Where the rows lie is the business of `state/database.py`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing
from dataclasses import astuple, replace
from pathlib import Path

from state.database import Database, Embedded, Value, opened
from state.home import Limits
from state.reasons import NEWER_STORE, PINNED_FULL, QUEUE_FULL, STEPS_USED, TOO_LONG, YOURS_FULL
from state.recovery import clear_away, described
from state.row import ACTIVE, COLUMNS, LAYOUTS, PUT, Row

DAY_S = 86_400.0


class Refused(RuntimeError):  # noqa: N818  (an answer, not an error)
    """A run that is not admitted; the sentence, a template over `values`, says what to do."""

    def __init__(self, template: str, **values: int) -> None:
        self.template, self.values = template, values
        super().__init__(template.format_map(values))


class NewerStore(Refused):
    """The home belongs to a newer version, whose rows this one would misread."""


class QueueFull(Refused):
    """Too many runs wait already."""


class TooLong(Refused):
    """More steps than this installation allows, in one run or to one visitor in a day."""


class DiskFull(Refused):
    """The visitor has pinned as much as one visitor may."""


class Control:
    """The rows of one home; safe to use from any thread. What its database may raise is `FAULTS`."""

    def __init__(self, at: Path, database: Callable[[Path], Database] = opened) -> None:
        """Open the home's database, and bring an older one up to date; raises `NewerStore`."""
        at.mkdir(parents=True, exist_ok=True)
        try:
            self._open(at, database)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            clear_away(at)
            self._open(at, database)

    def _open(self, at: Path, database: Callable[[Path], Database]) -> None:
        self._database = database(at)
        try:
            self._update(at)
        except BaseException:
            self._database.close()
            raise

    def _layout(self) -> int:
        layout = self._database.layout()
        if layout > len(LAYOUTS):
            raise NewerStore(NEWER_STORE, found=layout, known=len(LAYOUTS))
        return layout

    def _update(self, at: Path) -> None:
        if self._layout() == len(LAYOUTS):
            return
        with self._writing():  # asked again inside: several processes may open an old table at once
            before = self._layout()
            if before == len(LAYOUTS):
                return
            self._database.lay_out([one for layout in LAYOUTS[before:] for one in layout], len(LAYOUTS))
            # A new table, also where a list was lost otherwise, or was set aside by somebody who then died.
            if before == 0 and not self._rows("limit 1"):
                for row in _known(at) if self._database.elsewhere else _described(at):
                    self._put(row)

    @property
    def elsewhere(self) -> bool:
        """Whether each look at a row crosses a network: then nobody looks fifty times a second."""
        return self._database.elsewhere

    def close(self) -> None:
        self._database.close()

    def _writing(self) -> AbstractContextManager[None]:
        return self._database.writing()

    def _rows(self, condition: str, *values: Value) -> list[Row]:
        return [Row(*found) for found in self._database.execute(f"select {COLUMNS} from run {condition}", *values)]

    def _number(self, sql: str, *values: Value) -> int:
        ((number,),) = self._database.execute(sql, *values)
        return int(number)

    def row(self, key: str) -> Row | None:
        return next(iter(self._rows("where key = ?", key)), None)

    def rows(self, *states: str) -> list[Row]:
        """All rows, or those in the given states, the longest waiting first."""
        among = f"where state in ({', '.join('?' * len(states))})" if states else ""
        return self._rows(f"{among} order by queued, key", *states)

    def _put(self, row: Row) -> Row:
        self._database.execute(PUT, *astuple(row))
        return row

    def admit(self, row: Row, limits: Limits) -> Row:
        """Queue a new run, or return the known one. Raises `QueueFull`, `TooLong`, `DiskFull`; one transaction."""
        now = time.time()
        with self._writing():
            if known := self.row(row.key):
                return known
            if row.steps > limits.max_steps:
                raise TooLong(TOO_LONG, steps=row.steps, most=limits.max_steps)
            self._leave_room(limits, row.owner)
            if row.owner:
                self._leave_disk(limits, row.owner)
                self._spend(limits, row.owner, row.steps, int(now // DAY_S))
            return self._put(replace(row, created=now, queued=now, watched=now))

    def requeue(self, key: str, limits: Limits, until: int | None = None) -> Row | None:
        """Let a paused or ended run go on, as far as `until` if given, and take back what was asked of a training one.

        None where it is in no such state. Raises `QueueFull`. One transaction: the run may pause at this very moment.
        """
        with self._writing():
            row = self.row(key)
            if row is not None and row.state in ACTIVE:
                return self._put(replace(row, desired="run", until=until))
            if row is None or row.state not in ("paused", "stopped", "failed", "interrupted"):
                return None
            self._leave_room(limits, row.owner)
            return self._put(
                replace(row, state="queued", desired="run", until=until, queued=time.time(), reason=None, ended=None)
            )

    def _leave_room(self, limits: Limits, owner: str) -> None:
        queued = self._number("select count(*) from run where state = 'queued'")
        if queued >= limits.max_queued:
            raise QueueFull(QUEUE_FULL, queued=queued)
        yours = self._number(
            "select count(*) from run where owner = ? and state in ('queued', 'starting', 'running')", owner
        )
        if owner and yours >= limits.max_each:
            raise QueueFull(YOURS_FULL, yours=yours)

    def _leave_disk(self, limits: Limits, owner: str) -> None:
        used = self._number("select coalesce(sum(bytes), 0) from run where owner = ? and pinned = 1", owner)
        if used > limits.disk_each:
            raise DiskFull(PINNED_FULL, used=used // 1_000_000, most=limits.disk_each // 1_000_000)

    def _spend(self, limits: Limits, owner: str, steps: int, day: int) -> None:
        """Counts what a visitor asks for, in a ledger of its own: deleting runs buys nothing back."""
        self._database.execute("delete from spent where day < ?", day)
        spent = self._number("select coalesce(sum(steps), 0) from spent where owner = ? and day = ?", owner, day)
        if spent + steps > limits.steps_each:
            raise TooLong(STEPS_USED, steps=steps, used=spent + steps, most=limits.steps_each)
        self._database.execute(
            "insert into spent values (?, ?, ?) on conflict (owner, day) do update set steps = excluded.steps",
            owner, day, spent + steps,
        )  # fmt: skip

    def move(self, key: str, allowed: tuple[str, ...], change: Callable[[Row], Row]) -> Row | None:
        """Replace the row by `change(row)` if its state is among `allowed`; None where it is not."""
        with self._writing():
            row = self.row(key)
            if row is None or row.state not in allowed:
                return None
            return self._put(change(row))

    def claim(self, key: str, slots: int, state: str) -> Row | None:
        """Take a queued run to `starting` or `running` if a slot is free: at most `slots` ever train at once."""
        with self._writing():
            row = self.row(key)
            busy = self._number("select count(*) from run where state in ('starting', 'running')")
            if row is None or row.state != "queued" or busy >= slots:
                return None
            attempt = row.attempt + (state == "starting")
            return self._put(replace(row, state=state, attempt=attempt, started=time.time()))

    def turns(self) -> dict[str, float]:
        """When each visitor who waits was last given a slot, in UTC seconds."""
        found = self._database.execute(
            "select owner, max(started) from run "
            "where owner in (select owner from run where state = 'queued') group by owner"
        )
        return {owner: started for owner, started in found if started is not None}

    def others_wait(self, key: str) -> bool:
        return bool(self._database.execute("select 1 from run where state = 'queued' and key <> ? limit 1", key))

    def forget(self, key: str, allowed: tuple[str, ...], also: Callable[[], None]) -> bool:
        """Remove the row if its state is among `allowed`, once `also` was done; nobody acts on the row meanwhile."""
        with self._writing():
            row = self.row(key)
            if row is None or row.state not in allowed:
                return False
            also()
            self._database.execute("delete from run where key = ?", key)
            return True


def _known(at: Path) -> Iterable[Row]:
    """What a table elsewhere begins with: the runs that the home has had so far, by its own list or their records."""
    if not (at / "control.db").exists():
        return _described(at)
    with closing(Control(at, Embedded)) as before:
        return before.rows()


def _described(at: Path) -> list[Row]:
    return [Row(**row) for row in described(at)]
