"""Every sentence that a run can say about itself, as templates over values: listed in one place to be translated.

A note carries the template and its values, never the finished sentence; the page translates and then fills in.
"""

from __future__ import annotations

import errno
import json
import sqlite3

from models.experiment import Note

RESUMED = "Continued from step {step}: {replayed} recorded steps were computed again, {differing} values differed."
CONTINUED_ELSEWHERE = (
    "Continued from step {step} on another kind of machine: from there on the run is not bit-identical. "
    "{replayed} recorded steps were computed again, {differing} values differed."
)
BRANCHED = "The first {step} steps were taken over from a stored run that is the same training up to there."
CHECKPOINT_DAMAGED = "The checkpoint of step {damaged} did not pass its checksum and was set aside."
RECORD_DAMAGED = "The record of this run was damaged and set aside as {file}; the run starts anew."
DAMAGED = (
    "Part of this run's record is damaged on the disk and left out, from step {step} to step {last} "
    "(pictures: {pictures}; steps without some of their numbers: {rows}). All else is as recorded. "
    "To have it whole, delete the run on the page “Runs” and train it anew: the same settings give the same run."
)
RECORD_UNREADABLE = (
    "The record of this run is damaged on the disk and cannot be read. Delete the run on the page “Runs” and train it "
    "anew: the same settings give the same run."
)
OUT_OF_MEMORY = "Memory ran out at step {step}. Choose a smaller model or batch, or stop other runs, then start again."
DISK_FULL = "The disk is full: recorded up to step {step}, nothing is lost. Free some space, then resume."
INTERRUPTED = "The machine asked this training to end: all is kept up to step {step}. Resume it to go on from there."
CRASHED = "The training stopped at step {step} with an error ({error}). The details are in {log}."
GIVEN_UP = "The training process ended {attempts} times without getting further than step {step}. See {log}."
CANNOT_START = "Training processes cannot start on this machine. The details are in {log}."
UNKNOWN_EXPERIMENT = "This version of Torchlight does not know the experiment any more: {error}."
YIELDED = (
    "Nobody watched this run while others waited: at step {step} it went back to the queue. "
    "It continues from there when a place is free."
)

TEMPLATES = (
    RESUMED,
    CONTINUED_ELSEWHERE,
    BRANCHED,
    CHECKPOINT_DAMAGED,
    RECORD_DAMAGED,
    DAMAGED,
    RECORD_UNREADABLE,
    OUT_OF_MEMORY,
    DISK_FULL,
    INTERRUPTED,
    CRASHED,
    GIVEN_UP,
    CANNOT_START,
    UNKNOWN_EXPERIMENT,
    YIELDED,
)

FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ENDED_WITHOUT_END = "the training ended before its last step"
QUEUE_FULL = "{queued} runs are waiting already. Wait until some have finished, or stop one."
YOURS_FULL = "{yours} of your runs train or wait already. Wait until one has finished, or stop one."
STEPS_USED = (
    "{steps} more steps would make {used} within a day, and one visitor may ask for {most} here. "
    "Choose fewer steps, or come back tomorrow."
)
PINNED_FULL = "Your pinned runs take {used} MB; here they may take {most}. Unpin or delete some of them first."
NONE_NEW = "New runs do not begin here at the moment. What is trained already can be watched; try again later."
TOO_LONG = "{steps} steps are more than this installation allows ({most}). Choose fewer steps."
NEWER_STORE = (
    "These runs were stored by a newer version of Torchlight (layout {found}; this version knows {known}). "
    "Update Torchlight, or set TORCHLIGHT_HOME to another directory."
)
DATABASE_AWAY = (
    "The list of runs cannot be reached just now: its database does not answer. What trains goes on, and nothing is "
    "lost. Try again in a moment."
)
DATABASE_ADDRESS = "TORCHLIGHT_DATABASE is no address of a PostgreSQL database: postgresql://user@host:5432/name."
DATABASE_DRIVER = 'TORCHLIGHT_DATABASE is set, but its driver is missing: python -m pip install "psycopg[binary]".'
STORE_READ_ONLY = (
    "The folder of this server's runs cannot be written just now. What was trained can be watched; new runs, names and "
    "pins have to wait until its disk can be written again."
)
STORE_FULL = (
    "The disk of this server is full. All that was shown is kept. Delete runs that nobody needs any more, "
    "then try again."
)
STORE_FAULT = (
    "The runs of this server cannot be read just now. What was shown is kept; try again in a moment. "
    "The cause is in the server's log."
)
GONE = "This run has been deleted. Press Train to train it anew."
REFUSALS = (
    STORE_READ_ONLY,
    STORE_FULL,
    STORE_FAULT,
    GONE,
    NONE_NEW,
    QUEUE_FULL,
    YOURS_FULL,
    STEPS_USED,
    PINNED_FULL,
    TOO_LONG,
    NEWER_STORE,
    DATABASE_AWAY,
    DATABASE_ADDRESS,
    DATABASE_DRIVER,
)
NO_SUCH_RUN = "There is no run {key!r} here. `python -m state list` shows all."


def of_the_store(error: BaseException) -> str | None:
    """The sentence for a fault of the disk or the database file; None where the error is something else."""
    if getattr(error, "template", None) in (DATABASE_AWAY, DATABASE_ADDRESS, DATABASE_DRIVER):
        return str(error)
    number = error.errno if isinstance(error, OSError) else None
    # A sqlite3.ProgrammingError, which is a DatabaseError too, is a mistake of ours.
    database = isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
    words = str(error) if database else ""
    if number in FULL_DISK or "is full" in words:
        return STORE_FULL
    if number in (errno.EROFS, errno.EACCES, errno.EPERM) or "readonly" in words:
        return STORE_READ_ONLY
    return STORE_FAULT if words or number == errno.EIO else None


def note(step: int, text: str, kind: str = "engine", **values: bool | float | str) -> Note:
    """A note of the engine; `step` is among its values."""
    return Note(step, kind, text, {"step": step, **values})  # type: ignore[arg-type]


def said(reason: Note) -> str:
    """A note as the control database keeps it."""
    return json.dumps({"step": reason.step, "kind": reason.kind, "text": reason.text, "values": dict(reason.values)})


def heard(text: str | None) -> Note | None:
    """The note that `said` wrote."""
    return Note(**json.loads(text)) if text else None
