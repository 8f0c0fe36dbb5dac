"""Reads a run's record while it is being written: every look is a short read-only connection, safe in any thread.

A connection costs 0.07 ms; keeping none means that no reader ever stands in the writer's way. What is damaged is left
out, row by row, and told (`state.damage`); a record that cannot be read at all reads as empty and counts as damaged.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from models.experiment import Note, Scalars, Snapshot
from state.checkpoint import Stored
from state.columns import Column, joined
from state.damage import Damage, Gap, broken, pieces, rows, sound
from state.record import CHUNK, unpack

_NAMED = """
case when json_valid(chunk.names)
then exists (select 1 from json_each(chunk.names) where value in (select value from json_each(?))) end
"""
_SHOWN = """
select near.step, shown.step, shown.crc, shown.data
from (select seq, step from snapshot where step <= ? order by step desc limit 1) near join snapshot shown using (seq)
"""
"""The step by the index and the step by the row: where they differ, it may be the picture of another step."""
_NEWEST = f"select {CHUNK} from chunk where seq in (select max(seq) from chunk group by names) order by seq"


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
    gaps: tuple[Gap, ...] = ()
    reset: bool = False


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
        wanted = None if names is None else frozenset(names)
        where = () if wanted is None else (_NAMED, json.dumps(sorted(wanted)))
        found: list[tuple[Any, ...]] = []
        with suppress(sqlite3.DatabaseError), self._open() as database:
            found.extend(row[1:] for row in rows(database, "chunk", CHUNK, 0, *where) if row[1:])
        return unpack(found, wanted)

    def moments(self, since: int = -1) -> np.ndarray:
        """The steps later than `since` that have a snapshot, in order, int64."""
        rows = self._rows("select step from snapshot where step > ? order by step", since)
        return _steps(step for (step,) in rows)

    def snapshot(self, step: int) -> Snapshot | None:
        """The newest readable snapshot that is not later than `step`; None as well where the record is out of reach."""
        with suppress(sqlite3.DatabaseError), self._open() as database:
            while True:
                found = None
                try:
                    found = database.execute(_SHOWN, (step,)).fetchone()
                except sqlite3.DatabaseError as error:
                    if not broken(error):
                        return None
                if found is not None:
                    listed, at, crc, data = found
                    if listed == at and sound(crc, data):
                        return Snapshot(at, safetensors.numpy.load(data))
                # The step alone is in the index, and known even where the database cannot give the row.
                (before,) = database.execute("select max(step) from snapshot where step <= ?", (step,)).fetchone()
                if before is None:
                    return None
                step = before - 1
        return None

    def notes(self) -> list[Note]:
        return _notes(self._rows("select step, kind, text, data from note order by seq"))

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
                chunks = list(pieces(database, cursor.chunk))
                shown = list(rows(database, "snapshot", "step", cursor.snapshot))
                notes = list(rows(database, "note", "step, kind, text, data", cursor.note))
        except sqlite3.DatabaseError:
            return Delta([], np.zeros(0, np.int64), [], cursor)
        read = ((chunks, cursor.chunk), (shown, cursor.snapshot), (notes, cursor.note))
        return Delta(
            scalars=[piece for _, piece in chunks if isinstance(piece, Scalars)],
            moments=_steps(step for _, *known in shown for step in known),
            notes=_notes(note for _, *note in notes if note),
            cursor=Cursor(epoch, *(found[-1][0] if found else before for found, before in read)),
            gaps=tuple(piece for _, piece in chunks if isinstance(piece, Gap)),
            reset=reset,
        )

    def damage(self) -> Damage:
        """Check every checksum of the record; checkpoints are checked when they are loaded.

        Nothing is known to be lost where the record cannot be read just now.
        """
        with suppress(sqlite3.OperationalError):
            return self._damage()
        return Damage()

    def _damage(self) -> Damage:
        try:
            with self._open() as database:
                database.execute("begin")  # one state of the record: what is written meanwhile is not lost
                gaps = [piece for _, piece in pieces(database) if isinstance(piece, Gap)]
                listed = set(database.execute("select seq, step from snapshot order by step"))
                lost, good = [step for _, step in listed], set[int]()
                for seq, *shown in rows(database, "snapshot", "step, crc, data"):
                    lost += shown[:1]
                    if shown and (seq, shown[0]) in listed and sound(*shown[1:]):
                        good.add(shown[0])
        except sqlite3.DatabaseError as error:
            if not broken(error):
                raise
            return Damage(record=True)
        return Damage(tuple(gaps), tuple(sorted({*_steps(lost).tolist()} - good)))

    def lost(self) -> Damage:
        """What `damage` finds, read once in this process for each state of the record's files."""
        with suppress(sqlite3.OperationalError):
            return _lost(self.directory, *(_state(self.directory / name) for name in ("run.db", "run.db-wal")))
        return Damage()


@lru_cache(maxsize=512)
def _lost(directory: Path, *_states: tuple[int, int]) -> Damage:
    return History(directory)._damage()


def _state(file: Path) -> tuple[int, int]:
    """When the file was last written, and its size; nothing where there is none."""
    try:
        found = os.stat(file)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _steps(found: Iterable[object]) -> np.ndarray:
    """What is a number among steps; damage may have made it a text, or a number that no step can have."""
    return np.array([step for step in found if isinstance(step, int) and 0 <= step < 2**31], np.int64)


def _notes(found: Iterable[Any]) -> list[Note]:
    """The notes whose values can still be read."""
    notes = []
    for step, kind, text, data in found:
        with suppress(TypeError, ValueError):
            notes.append(Note(step, kind, text, json.loads(data)))
    return notes
