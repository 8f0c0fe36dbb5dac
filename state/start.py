"""Where a run starts: at its own newest checkpoint, at one of another run that is the same training so far, or at 0.

Two experiments agree until the step where a knob first differs; a fork, or a longer run, therefore begins with the
ancestor's record up to that checkpoint, copied, and never trains the same steps twice.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from models.catalogue import rebuild
from models.experiment import BadExperiment, Checkpoint, Experiment, Note, Scalars
from state import checkpoint as files
from state.checkpoint import Stored
from state.control import Control
from state.history import History
from state.home import run_directory
from state.reasons import BRANCHED, CHECKPOINT_DAMAGED, CONTINUED_ELSEWHERE, RECORD_DAMAGED, RESUMED, note
from state.record import Record
from state.row import Row


@dataclass(frozen=True)
class Start:
    """A checkpoint to start from, if any, and what is to be told once the run is past its old end."""

    checkpoint: Checkpoint | None = None
    resumed: Note | None = None


@dataclass(frozen=True)
class Ancestor:
    step: int
    key: str
    stored: Stored


def recorded(row: Row) -> Experiment:
    """The experiment that a row names; raises `BadExperiment` where this version knows none that is the same."""
    experiment = rebuild(row.name, json.loads(row.knobs))
    if experiment.key != row.key:
        raise BadExperiment({"version": "it was recorded by another version"})
    return experiment


def open_record(home: Path, key: str) -> Record:
    """The run's record; a file too damaged to open is set aside, said so, and begun anew."""
    directory = run_directory(home, key)
    directory.mkdir(parents=True, exist_ok=True)
    try:
        return Record(directory)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        where = set_record_aside(home, directory)
        record = Record(directory)
        record.add_note(note(0, RECORD_DAMAGED, file=where.name))
        record.commit()
        return record


def set_record_aside(home: Path, directory: Path) -> Path:
    """Move a damaged record, its log and its checkpoints out of the run's directory."""
    for file in [directory / "run.db-wal", directory / "run.db-shm", *directory.glob("ckpt-*.safetensors")]:
        if file.exists():
            files.set_aside(file, home)
    return files.set_aside(directory / "run.db", home)


def find_start(home: Path, control: Control, experiment: Experiment, record: Record, signature: str) -> Start:
    """The furthest good start; damaged checkpoints on the way are set aside and told."""
    row = control.row(experiment.key)
    before = record.last_step
    for stored in reversed(record.checkpoints()):
        checkpoint = files.read(record.directory, stored)
        if checkpoint is not None:
            same = row is None or row.signature in ("{}", signature)
            text = RESUMED if same else CONTINUED_ELSEWHERE
            replayed = max(0, before - stored.step)
            told = note(stored.step, text, "resumed", replayed=replayed, differing=0)
            return Start(checkpoint, told)
        files.set_aside(record.directory / stored.name, home)
        record.forget_checkpoint(stored)
        record.add_note(note(before, CHECKPOINT_DAMAGED, damaged=stored.step))
        record.commit()
    if before >= 0:
        return Start(None, note(0, RESUMED, "resumed", replayed=before, differing=0))
    return _branch(home, control, experiment, record, signature)


def _branch(home: Path, control: Control, experiment: Experiment, record: Record, signature: str) -> Start:
    for ancestor in _ancestors(home, control, experiment, signature):
        directory = run_directory(home, ancestor.key)
        checkpoint = files.read(directory, ancestor.stored)
        if checkpoint is None:
            continue
        copy_history(directory, record, ancestor.step)
        record.add_note(note(ancestor.step, BRANCHED))
        record.commit()
        return Start(checkpoint)
    return Start()


def _ancestors(home: Path, control: Control, experiment: Experiment, signature: str) -> list[Ancestor]:
    """Checkpoints of other runs that this experiment may start from, the furthest first."""
    found: list[Ancestor] = []
    for row in control.rows():
        if row.key == experiment.key or row.name != type(experiment).__name__ or row.signature != signature:
            continue
        try:
            until = experiment.agrees_until(recorded(row))
        except BadExperiment:
            continue
        if until > 0:
            stored = History(run_directory(home, row.key)).checkpoints()
            found += [Ancestor(one.step, row.key, one) for one in stored if 0 < one.step <= until]
    return sorted(found, key=lambda ancestor: -ancestor.step)


def copy_history(source: Path, record: Record, until: int) -> None:
    """Copy everything recorded up to step `until` from another run's directory; its checkpoints keep their files."""
    history = History(source)
    for scalars in history.scalars():
        if scalars.first <= until:
            last = min(scalars.step, until)
            count = last - scalars.first + 1
            values = {name: column[:count] for name, column in scalars.values.items()}
            record.add(Scalars(last, scalars.first, values))
    for step in history.moments():
        snapshot = history.snapshot(int(step)) if step <= until else None
        if snapshot is not None and snapshot.step == step:
            record.add_snapshot(snapshot)
    for said in history.notes():
        if said.step <= until and said.kind in ("changed", "phase"):
            record.add_note(said)
    for stored in history.checkpoints():
        if stored.step <= until:
            try:
                files.borrow(source, stored, record.directory)
            except FileNotFoundError:  # its owner has just thinned it out
                continue
            record.add_checkpoint(stored)
