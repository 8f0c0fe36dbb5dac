"""The process in which a run trains, and nothing else: its loop shares Python's lock with nobody.

The worker that owns a run forks it, and hears through a pipe what training tells. Drawing, measuring and writing that
is hundreds of short operations a picture; in one process each of them asks for the lock, and a loop whose operations
are as short waits for it every time: recording took a fourth of a small network's time, half of a compiled one's. What
the worker wants stands in memory that both share. The trainer holds nothing that is not also elsewhere: it dies with
its worker, and a worker whose trainer is gone ends as if it had died itself.

Where a process cannot be forked (other systems than Linux, a machine with a GPU, threads) the loop runs in the worker.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import signal
import sqlite3
import sys
import threading
import traceback
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from models.experiment import Checkpoint, Experiment, Note, Scalars, Snapshot
from models.layers.later import Later
from models.running import Flag, Moments, device
from state import reasons
from state.line import End, Gone, Line, Speaker, Told


class Orders:
    """What the worker wants of its training, in memory that both share."""

    hold = Flag(2)
    """Stop at the next checkpoint."""

    def __init__(self, until: int | None = None) -> None:
        self.flags = memoryview(mmap.mmap(-1, mmap.PAGESIZE))
        self._until = self.flags[8:16].cast("q")
        self.until = until
        self.moments = Moments(flags=self.flags[:2])

    @property
    def until(self) -> int | None:
        """The step at which to stop, going there checkpoint by checkpoint; None for the end."""
        return self._until[0] if self._until[0] >= 0 else None

    @until.setter
    def until(self, step: int | None) -> None:
        self._until[0] = -1 if step is None else step

    def hold_at(self, step: int) -> bool:
        """Whether to stop at the checkpoint of this step."""
        return self.hold or (self.until is not None and step >= self.until)

    def ask(self) -> None:
        """Ask for a picture and a checkpoint of the next step."""
        self.moments.everything = True
        self.moments.asked = True


class Broken(Exception):  # noqa: N818  (what happened to training)
    """Training raised an error, which is told."""

    def __init__(self, reason: Note) -> None:
        super().__init__(str(reason))
        self.reason = reason


def trained(experiment: Experiment, start: Checkpoint | None, orders: Orders) -> Iterator[Told]:
    """Training from `start` on, obeying orders."""
    if start is not None and start.step >= experiment.steps:
        return
    if orders.until is not None:
        orders.ask()
    for event in experiment.train(start, orders.moments):
        yield event
        if isinstance(event, Checkpoint) and event.step < experiment.steps and orders.hold_at(event.step):
            yield None
        if orders.until is not None:
            orders.ask()


def explained(error: Exception, step: int, log: Path) -> Note:
    """What a visitor is told of an error."""
    if isinstance(error, Broken):
        return error.reason
    full = isinstance(error, OSError) and error.errno in reasons.FULL_DISK
    if full or (isinstance(error, sqlite3.Error) and "full" in str(error)):
        return reasons.note(step, reasons.DISK_FULL)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error):
        return reasons.note(step, reasons.OUT_OF_MEMORY)
    what = f"{type(error).__name__}: {error}"[:300]
    return reasons.note(step, reasons.CRASHED, error=what, log=str(log))


def end_with(parent: int) -> None:
    """Die when the parent does, on Linux, by whatever death: who started this process there answers for its place."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(0)


class Trainer:
    """The worker's side: iterate it for what training tells."""

    def __init__(self, experiment: Experiment, start: Checkpoint | None, orders: Orders, log: Path) -> None:
        self._process, self._stream = 0, trained(experiment, start, orders)
        if not _forkable():
            return
        worker = os.getpid()
        try:
            line, (heard, word) = Line(), Pipe(duplex=False)
            process = os.fork()
        except OSError:  # no memory or no room for one more
            return
        if process == 0:
            try:
                end_with(worker)
                signal.signal(signal.SIGTERM, lambda *_: None)  # its worker ends it; a compiler would inherit SIG_IGN
                word.close()
                _tell(self._stream, line.speaker(), heard, log)
            finally:  # whatever happens: there must be no second worker
                os._exit(0)
        self._process = process
        heard.close()
        with contextlib.suppress(OSError):  # the threads that draw do not push a trainer off its core when they wake
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        self._stream = self._heard(line.words(), word, experiment)

    def __iter__(self) -> Iterator[Told]:
        return self._stream

    def _heard(self, words: Iterator[Told | End], word: Connection, experiment: Experiment) -> Iterator[Told]:
        """What the trainer tells; its pictures are drawn here, but for the first. Raises `Gone` and `Broken`."""
        sitter = None
        for told in words:
            match told:
                case End(Note() as reason):
                    raise Broken(reason)
                case End():
                    return
                case Snapshot(arrays=Later() as later) | Scalars(values=Later() as later):
                    sitter = sitter or experiment.sitter()
                    assert sitter is not None
                    later.taken_by(sitter)
            yield told
            if told is None:
                try:
                    word.send_bytes(b"on")
                except BrokenPipeError:
                    raise Gone from None

    def close(self) -> None:
        """End it; harmless when repeated."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
            self._process = 0


def _forkable() -> bool:
    """Whether this process can be forked safely."""
    return (
        sys.platform == "linux"
        and device().type == "cpu"
        and threading.active_count() == 1
        and torch.get_num_threads() == 1
        and not torch.accelerator.is_available()  # autograd has threads for it, whatever it is used for
    )


def _tell(training: Iterator[Told], speaker: Speaker, heard: Connection, log: Path) -> None:
    """The trainer's side. It draws the first picture itself: a visitor waits for it, and the sitter is not made yet."""
    step, shown = 0, False
    try:
        for event in training:
            if isinstance(event, Snapshot) and not shown:
                event, shown = Snapshot(event.step, dict(event.arrays)), True
            speaker.say(event)
            if event is None:
                heard.recv_bytes()
            else:
                step = event.step
        end = End()
    except Exception as error:  # whatever broke, the worker makes it a status
        traceback.print_exc()
        end = End(explained(error, step, log))
    speaker.say(end)
