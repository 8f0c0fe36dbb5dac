"""Reads a run's record while it is being written: every look is a short read-only connection, safe in any thread.

A connection costs 0.07 ms; keeping none means that no reader ever stands in the writer's way. What fails its
checksum is left out and counted; a record that cannot be read at all reads as empty and counts as damaged.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from models.experiment import Note, Scalars, Snapshot
from state.checkpoint import Stored
from state.columns import Column, joined
from state.record import chunk_crc, unpack

_CHUNKS = "select first, last, names, crc, data from chunk order by seq"
_CHUNKS_OF = """
select first, last, names, crc, data from chunk
where exists (select 1 from json_each(chunk.names) where value in (select value from json_each(?))) order by seq
"""

_NEWEST = """
select first, last, names, crc, data from chunk
where seq in (select max(seq) from chunk group by names) order by seq
"""


@dataclass(frozen=True)
class Cursor:
    """How much of a record has been read; `Cursor()` is its beginning."""

    epoch: str = ""
    chunk: int = 0
    snapshot: int = 0
    note: int = 0


@dataclass(frozen=True)
class Delta:
    """What a record gained since a cursor. `reset`: history began anew, forget everything from before."""

    scalars: list[Scalars]
    moments: np.ndarray
    """Steps of new snapshots, int64, in order of recording."""
    notes: list[Note]
    cursor: Cursor
    reset: bool = False


@dataclass(frozen=True)
class Damage:
    """What failed its checksum: counts of chunks, snapshots and checkpoints, and the record file as a whole."""

    chunks: int = 0
    snapshots: int = 0
    checkpoints: int = 0
    record: bool = False

    def __bool__(self) -> bool:
        return self.record or self.chunks + self.snapshots + self.checkpoints > 0


class History:
    """The record in one run's directory, for reading."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        place = f"{(self.directory / 'run.db').as_uri()}?mode=ro"
        database = sqlite3.connect(place, uri=True, timeout=5.0, isolation_level=None)
        try:
            yield database
        finally:
            database.close()

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows up to the first unreadable one; none where there is no record yet."""
        rows: list[tuple[Any, ...]] = []
        try:
            with self._open() as database:
                rows.extend(database.execute(sql, values))
        except sqlite3.DatabaseError:
            pass
        return rows

    def columns(self, names: Iterable[str] | None = None) -> dict[str, Column]:
        """Per column its steps and values, or those of the named columns."""
        return joined(self.scalars(names))

    def last(self) -> dict[str, float]:
        """The newest value of every column that is not NaN; reads few chunks, however long the run."""
        found: dict[str, float] = {}
        holes: set[str] = set()
        for chunk in unpack(self._rows(_NEWEST)):
            for name, values in chunk.values.items():
                known = values[~np.isnan(values)]
                if len(known):
                    found[name] = float(known[-1])
                else:
                    holes.add(name)
        for name, (_, values) in self.columns(holes).items() if holes else ():
            known = values[~np.isnan(values)]
            found |= {name: float(known[-1])} if len(known) else {}
        return found

    def scalars(self, names: Iterable[str] | None = None) -> Iterable[Scalars]:
        """Every readable chunk, in order of recording, or what it has of the named columns; others are not read."""
        if names is None:
            return unpack(self._rows(_CHUNKS))
        wanted = frozenset(names)
        return unpack(self._rows(_CHUNKS_OF, json.dumps(sorted(wanted))), wanted)

    def moments(self, since: int = -1) -> np.ndarray:
        """The steps later than `since` that have a snapshot, in order, int64."""
        rows = self._rows("select step from snapshot where step > ? order by step", since)
        return np.array([step for (step,) in rows], np.int64)

    def snapshot(self, step: int) -> Snapshot | None:
        """The newest readable snapshot that is not later than `step`."""
        while True:
            sql = "select step, crc, data from snapshot where step <= ? order by step desc limit 1"
            rows = self._rows(sql, step)
            if not rows:
                return None
            ((at, crc, data),) = rows
            if zlib.crc32(data) == crc:
                return Snapshot(at, safetensors.numpy.load(data))
            step = at - 1

    def notes(self) -> list[Note]:
        return [_note(*row) for row in self._rows("select step, kind, text, data from note order by seq")]

    def checkpoints(self) -> list[Stored]:
        """The named checkpoints, oldest first."""
        return [Stored(*row) for row in self._rows("select step, sha256 from checkpoint order by step")]

    def since(self, cursor: Cursor | None = None) -> Delta:
        """What is new since `cursor`, by default everything; where the record was begun anew, everything is."""
        cursor = cursor or Cursor()
        try:
            with self._open() as database:
                database.execute("begin")
                found = database.execute("select value from meta where name = 'epoch'").fetchone()
                epoch = found[0] if found else ""
                reset = cursor.epoch not in ("", epoch)
                if cursor.epoch != epoch:
                    cursor = Cursor(epoch)
                chunks = database.execute(
                    "select seq, first, last, names, crc, data from chunk where seq > ? order by seq", (cursor.chunk,)
                ).fetchall()
                shown = database.execute(
                    "select seq, step from snapshot where seq > ? order by seq", (cursor.snapshot,)
                ).fetchall()
                notes = database.execute(
                    "select seq, step, kind, text, data from note where seq > ? order by seq", (cursor.note,)
                ).fetchall()
        except sqlite3.DatabaseError:
            return Delta([], np.zeros(0, np.int64), [], cursor)
        found_so_far = ((chunks, cursor.chunk), (shown, cursor.snapshot), (notes, cursor.note))
        last = [rows[-1][0] if rows else before for rows, before in found_so_far]
        return Delta(
            scalars=list(unpack(row[1:] for row in chunks)),
            moments=np.array([step for _, step in shown], np.int64),
            notes=[_note(*row[1:]) for row in notes],
            cursor=Cursor(epoch, *last),
            reset=reset,
        )

    def damage(self) -> Damage:
        """Check every checksum of the record; checkpoints are checked when they are loaded."""
        chunks = shown = 0
        try:
            with self._open() as database:
                for first, last, names, crc, data in database.execute(_CHUNKS):
                    chunks += chunk_crc(first, last, names, data) != crc
                for crc, data in database.execute("select crc, data from snapshot"):
                    shown += zlib.crc32(data) != crc
        except sqlite3.OperationalError:
            return Damage(chunks, shown)
        except sqlite3.DatabaseError:
            return Damage(chunks, shown, record=True)
        return Damage(chunks, shown)


def _note(step: int, kind: str, text: str, data: str) -> Note:
    return Note(step, kind, text, json.loads(data))  # type: ignore[arg-type]
