"""One run's record on disk: one SQLite file with exactly one writer, the run's training process.

The file has a write-ahead log; on a folder that machines share, a rollback journal, as the log needs one memory.

Columns are packed as chunks of float64 (the rows of about a tenth of a second each), pictures as safetensors,
notes as JSON; chunks and pictures carry a CRC-32. Commits are synced, so what a reader can see survives any
kill. Nothing is ever changed: after a resume the rows that come again are compared with the stored ones.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import safetensors.numpy

from models.experiment import Note, Scalars, Snapshot
from state import checkpoint as files
from state.checkpoint import Stored
from state.columns import Column, joined
from state.home import shared

_SCHEMA = """
create table if not exists meta (name text primary key, value text);
create table if not exists chunk (seq integer primary key, first int, last int, names text, crc int, data blob);
create table if not exists snapshot (seq integer primary key, step int unique, crc int, data blob);
create table if not exists note (seq integer primary key, step int, kind text, text text, data text);
create table if not exists checkpoint (step int primary key, sha256 text);
"""


CHUNK = "first, last, names, crc, data"


def chunk_crc(first: int, last: int, names: str, data: bytes) -> int:
    """The checksum of a chunk, its header included."""
    return zlib.crc32(data, zlib.crc32(f"{first},{last},{names}".encode()))


class Record:
    """The writer of one run's record. What is added becomes visible, and durable, at the next `commit`."""

    def __init__(self, directory: Path) -> None:
        """Open or create the record; raises `sqlite3.DatabaseError` where the file is damaged."""
        self.directory = directory
        # Used by one thread at a time: opened by the worker's main thread, then written by its recorder.
        path = directory / "run.db"
        self._database = sqlite3.connect(path, timeout=20.0, isolation_level=None, check_same_thread=False)
        try:
            self._database.execute(f"pragma journal_mode={'delete' if shared() else 'wal'}")
            self._database.execute("pragma synchronous=full")
            self._database.executescript(_SCHEMA)
            epoch = os.urandom(8).hex()
            self._database.execute("insert or ignore into meta values ('epoch', ?)", (epoch,))
        except sqlite3.DatabaseError:
            self._database.close()
            raise
        self._pending: list[Scalars] = []
        self._known = self._read_known()
        self.committed = time.monotonic()
        self.compared = self.differing = 0
        """Values that came again after a resume, and how many of them were not what the record says."""
        self.clocked: frozenset[str] = frozenset()
        """Columns and arrays read off a clock: computed again they differ, and that says nothing."""

    def describe(self, experiment: str, knobs: str) -> None:
        """Write into the record what it is a record of: then a run's directory explains itself."""
        said = (("experiment", experiment), ("knobs", knobs))
        self._database.executemany("insert or replace into meta values (?, ?)", said)

    def _read_known(self) -> dict[str, Column]:
        """Per column: the steps and values that are recorded already."""
        return joined(unpack(self._database.execute(f"select {CHUNK} from chunk order by seq")))

    @property
    def last_step(self) -> int:
        """The newest recorded step; -1 where nothing is recorded."""
        (shown,) = self._database.execute("select max(step) from snapshot").fetchone()
        return max([-1 if shown is None else shown, *(int(steps[-1]) for steps, _ in self._known.values())])

    def add(self, scalars: Scalars) -> None:
        """Take rows in; those that are recorded already are compared instead."""
        for first, names in self._new(scalars):
            skip = first - scalars.first
            values = {name: np.asarray(scalars.values[name], np.float64)[skip:] for name in names}
            self._pending.append(Scalars(scalars.step, first, values))

    def _new(self, scalars: Scalars) -> Iterable[tuple[int, list[str]]]:
        """Per first new step, the columns that are new from there on."""
        starts: dict[int, list[str]] = {}
        for name, values in scalars.values.items():
            start = scalars.first
            if name in self._known:
                start = max(start, self._compare(name, scalars.first, np.asarray(values, np.float64)))
            if start <= scalars.step:
                starts.setdefault(start, []).append(name)
        return starts.items()

    def _compare(self, name: str, first: int, values: np.ndarray) -> int:
        """Compare rows with the stored ones and return the first step that is new."""
        steps, stored = self._known[name]
        low, high = np.searchsorted(steps, (first, first + len(values)))
        again = values[steps[low:high] - first]
        self.compared += len(again)
        if name in self.clocked:
            return int(steps[-1]) + 1
        self.differing += int(np.sum((again != stored[low:high]) & ~(np.isnan(again) & np.isnan(stored[low:high]))))
        return int(steps[-1]) + 1

    def add_snapshot(self, snapshot: Snapshot) -> None:
        """Take a picture in, once; one that comes again is compared, and heals a damaged copy of itself."""
        self._begin()
        data = safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in snapshot.arrays.items()})
        crc = zlib.crc32(data)
        known = self._database.execute("select crc from snapshot where step = ?", (snapshot.step,)).fetchone()
        if known is None:
            self._database.execute("insert into snapshot values (null, ?, ?, ?)", (snapshot.step, crc, data))
            return
        self.compared += 1
        if known == (crc,):
            self._database.execute("update snapshot set data = ? where step = ?", (data, snapshot.step))
        elif not self.clocked & set(snapshot.arrays):
            self.differing += 1

    def add_note(self, note: Note) -> None:
        """Take a sentence in; the experiment's own ones only once, however often they are computed again."""
        self._begin()
        said = (note.step, note.kind, note.text, json.dumps(dict(note.values), sort_keys=True))
        sql = "select 1 from note where step = ? and kind = ? and text = ? and data = ?"
        if note.kind in ("resumed", "engine") or not self._database.execute(sql, said).fetchone():
            self._database.execute("insert into note values (null, ?, ?, ?, ?)", said)

    def add_checkpoint(self, stored: Stored) -> None:
        """Name a checkpoint file that lies synced on disk, and forget those that need not be kept."""
        self._begin()
        self._database.execute("insert or replace into checkpoint values (?, ?)", (stored.step, stored.sha256))

    def checkpoints(self) -> list[Stored]:
        """The named checkpoints, oldest first."""
        return [Stored(*row) for row in self._database.execute("select * from checkpoint order by step")]

    def forget_checkpoint(self, stored: Stored) -> None:
        self._begin()
        self._database.execute("delete from checkpoint where step = ?", (stored.step,))

    def commit(self) -> None:
        """Make everything added so far visible and durable; then delete checkpoint files that are not kept."""
        try:
            old = self._write()
            self._database.execute("commit")
        except sqlite3.Error:
            if self._database.in_transaction:
                self._database.execute("rollback")
            raise
        self.committed = time.monotonic()
        self._pending.clear()
        for one in old:
            (self.directory / one.name).unlink(missing_ok=True)

    def _write(self) -> list[Stored]:
        """Put the waiting rows into the transaction; returns the checkpoints that it forgets."""
        self._begin()
        for names, first, last, block in _packed(self._pending):
            data = np.ascontiguousarray(block, dtype="<f8").tobytes()
            said = json.dumps(names)
            crc = chunk_crc(first, last, said, data)
            self._database.execute("insert into chunk values (null, ?, ?, ?, ?, ?)", (first, last, said, crc, data))
        stored = self.checkpoints()
        keep = files.kept((one.step for one in stored), files.size_bytes(self.directory, stored[-1:]))
        old = [one for one in stored if one.step not in keep]
        for one in old:
            self.forget_checkpoint(one)
        return old

    @property
    def dirty(self) -> bool:
        """Whether something waits for a commit."""
        return bool(self._pending) or self._database.in_transaction

    def finish(self, patience_s: float = 2.0) -> None:
        """Commit and fold everything into one self-contained file; readers may delay that, and then it stays a log."""
        self.commit()
        until = time.monotonic() + patience_s
        while True:
            try:
                self._database.execute("pragma wal_checkpoint(truncate)")
                self._database.execute("pragma journal_mode=delete")
                return
            except sqlite3.OperationalError:  # a reader is looking at this very moment
                if time.monotonic() > until:
                    return
                time.sleep(0.01)

    def close(self) -> None:
        self._database.close()

    def _begin(self) -> None:
        if not self._database.in_transaction:
            self._database.execute("begin")


def healed(directory: Path) -> None:
    """Undo what a killed writer of a shared folder left half-written: readers there may not, and would see nothing."""
    if shared() and (directory / "run.db-journal").exists():
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(directory / "run.db")) as database:
            database.execute("select count(*) from meta").fetchone()


def unpack(rows: Iterable[tuple[int, int, str, int, bytes]], wanted: frozenset[str] | None = None) -> Iterable[Scalars]:
    """The chunks that pass their checksum, as `Scalars`, with all columns or the wanted; the others are skipped."""
    for row in rows:
        if (chunk := unpacked(*row, wanted)) is not None:
            yield chunk


def unpacked(
    first: int, last: int, names: str, crc: int, data: bytes, wanted: frozenset[str] | None = None
) -> Scalars | None:
    """The `CHUNK` as `Scalars`; None where it fails its checksum, or where damage has turned its bytes into text."""
    if not isinstance(data, bytes) or chunk_crc(first, last, names, data) != crc:
        return None
    columns = json.loads(names)
    block = np.frombuffer(data, "<f8").reshape(len(columns), last - first + 1)
    named = zip(columns, block, strict=True)
    return Scalars(last, first, {name: row for name, row in named if wanted is None or name in wanted})


def _packed(pending: list[Scalars]) -> list[tuple[list[str], int, int, np.ndarray]]:
    """Rows of the same columns that follow each other, as one block (columns, rows); each column's steps ascend."""
    groups: dict[tuple[str, ...], list[Scalars]] = {}
    for scalars in pending:
        groups.setdefault(tuple(scalars.values), []).append(scalars)
    packed: list[tuple[list[str], int, int, np.ndarray]] = []
    for names, parts in groups.items():
        for _, run in itertools.groupby(_numbered(parts), key=lambda pair: pair[0]):
            rows = [part for _, part in run]
            block = np.concatenate([_block(names, part.values) for part in rows], axis=1)
            packed.append((list(names), rows[0].first, rows[-1].step, block))
    return sorted(packed, key=lambda chunk: chunk[1])


def _numbered(parts: list[Scalars]) -> Iterable[tuple[int, Scalars]]:
    """Each part with the number of its unbroken run of steps."""
    number = 0
    for previous, part in zip([None, *parts], parts, strict=False):
        number += previous is not None and part.first != previous.step + 1
        yield number, part


def _block(names: tuple[str, ...], values: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack([values[name] for name in names])
