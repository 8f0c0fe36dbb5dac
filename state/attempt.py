"""One process's turn at a run: its training followed event by event, from `starting` to whatever state it ends in.

The main thread does nothing but iterate what a trainer tells and hand events to the recorder, while a ticker asks for
news and watches for wishes. What has to be said of the run waits for a database that is away.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeVar

from models.experiment import BadExperiment, Checkpoint, Experiment, Note
from models.running import signature
from state import progress, reasons
from state.control import Control
from state.database import FAULTS, DatabaseFault
from state.home import Limits, run_directory, size_bytes
from state.line import Gone
from state.progress import Pace, Progress
from state.recorder import Recorder
from state.row import ACTIVE, Row
from state.start import find_start, open_record, recorded
from state.trainer import Orders, Trainer, explained

TICK_S = 0.02
ASK_S = 0.1
FIRST_S, CHECKPOINT_S, CHECKPOINT_SHARE = 0.25, 2.0, 0.02
"""A checkpoint each two seconds, sooner at first, less often where writing one takes more than this share of time."""

AWAY_S = 0.2
"""How often a process that has something to say asks for a database that does not answer."""

Wish = Literal["run", "pause", "stop", "yield", "interrupt"]
Answer = TypeVar("Answer")


class Attempt:
    """One process's turn at a run: from `starting` to whatever state it ends in."""

    def __init__(self, home: Path, key: str, attempt: int) -> None:
        self.home, self.key, self.attempt = home, key, attempt
        self.directory = run_directory(home, key)
        self.orders = Orders()
        self.interrupted = False
        self.wish = "run"
        self.control = self._insist(lambda: Control(home))
        self.limits = Limits.read()
        self.step = 0
        self.held = self.deaf = False
        self.over = threading.Event()
        self.recorder: Recorder | None = None
        self.diverged: Note | None = None
        self.checkpoint_s = FIRST_S

    @property
    def wish(self) -> Wish:
        """What is to become of the run; training stops for all but “run”. To be interrupted is never taken back."""
        return "interrupt" if self.interrupted else self._wish

    @wish.setter
    def wish(self, wish: Wish) -> None:
        self._wish = wish
        self.orders.hold = self.wish != "run"

    def run(self) -> None:
        row = self._move(("starting",), lambda row: row)
        if row is None or row.attempt != self.attempt:
            return
        if hasattr(signal, "SIGTERM"):
            signal.signal(signal.SIGTERM, lambda *_: setattr(self, "interrupted", True))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ticker = threading.Thread(target=self._tick, name="ticker", daemon=True)
        try:
            self._train(recorded(row), ticker)
        except BadExperiment as error:
            self._end("failed", reasons.note(0, reasons.UNKNOWN_EXPERIMENT, error=str(error)))
        except Gone:  # as if this process had died as well: the supervisor finds its lease free
            print("the trainer is gone", file=sys.stderr)
            if self.recorder is not None:
                with contextlib.suppress(OSError, sqlite3.Error):  # the disk may be full as well
                    self.recorder.close()
        except Exception as error:  # the one broad except of the program: whatever broke becomes a status
            traceback.print_exc()
            self._fail(error)
        finally:
            self.over.set()
            if ticker.is_alive():
                ticker.join()

    def _train(self, experiment: Experiment, ticker: threading.Thread) -> None:
        record = open_record(self.home, self.key)
        record.describe(type(experiment).__name__, json.dumps(experiment.model_dump(mode="json"), sort_keys=True))
        said = json.dumps(signature(), sort_keys=True)
        start = self._insist(lambda: find_start(self.home, self.control, experiment, record, said))
        row = self._move(("starting",), lambda row: replace(row, state="running", signature=said))
        if row is None:
            return
        self.orders.until = row.until
        self.step = start.checkpoint.step if start.checkpoint else 0
        # Before any thread: a trainer is forked.
        trainer = Trainer(experiment, start.checkpoint, self.orders, self.directory / "worker.log")
        try:
            self.recorder = Recorder(experiment, record, start.resumed)
            self._keep_next()
            ticker.start()
            ended = self._follow(experiment, trainer)
        finally:
            trainer.close()
        self.recorder.close()
        if ended:
            record.finish()
            self._end("failed" if self.diverged else "finished", self.diverged)
        record.close()

    def _follow(self, experiment: Experiment, trainer: Trainer) -> bool:
        """Iterate the training; whether it came to its end. Where a wish ended it, that is recorded already."""
        recorder = self.recorder
        assert recorder is not None
        complete = self.step >= experiment.steps
        for event in trainer:
            if event is None:
                if not self._hold():
                    return False
                continue
            recorder.put(event)
            self.step = event.step
            match event:
                case Note(kind="diverged"):
                    self.diverged = event
                case Checkpoint() if event.step >= experiment.steps:
                    complete = True
        recorder.flush()
        if not complete and self.diverged is None:
            raise RuntimeError(reasons.ENDED_WITHOUT_END)
        return True

    def _keep_next(self) -> None:
        """Tell the recorder whether the next picture is kept, regular or not."""
        if self.recorder is not None:
            self.recorder.keep_next = self.wish != "run" or self.orders.until is not None

    def _hold(self) -> bool:
        """At a checkpoint, obey the wish; whether training goes on in this process."""
        assert self.recorder is not None
        self.held = True
        self.recorder.flush()
        if self.wish == "interrupt":
            self._end("interrupted", reasons.note(self.step, reasons.INTERRUPTED))
            return False
        row = self._move(("running",), self._obeyed)
        self._tell(0.0)
        if row is not None and row.state == "queued":
            self.recorder.put(reasons.note(self.step, reasons.YIELDED))
            self.recorder.flush()
        if row is None or row.state in ("stopped", "queued") or (row.state == "paused" and not self._linger()):
            return False
        if row.state == "running":
            self.orders.until, self.wish = row.until, "run"
        self.orders.moments.everything = self.orders.moments.asked = False
        self._keep_next()
        self.held = False
        return True

    def _obeyed(self, row: Row) -> Row:
        """What the newest wish makes of the row: one taken back since the ticker read it leaves the run training."""
        if row.desired == "stop":
            return self._ended(row, "stopped")
        if row.desired == "run" and (row.until is None or self.step < row.until):
            return row
        size = size_bytes(self.directory)
        if row.desired == "yield":
            now = time.time()
            return replace(row, state="queued", desired="run", queued=now, step=self.step, barren=0, bytes=size)
        return replace(row, state="paused", desired="pause", until=None, step=self.step, barren=0, bytes=size)

    def _linger(self) -> bool:
        """Wait, paused, to be resumed at once; whether that came before somebody else needed the place."""
        patience = time.monotonic() + self.limits.linger_s
        while time.monotonic() < patience and self.wish != "interrupt":
            with contextlib.suppress(DatabaseFault):
                row = self.control.row(self.key)
                if row is None or row.state not in ("paused", "queued"):
                    return False
                if row.state == "queued" and self.control.claim(self.key, self.limits.slots, "running"):
                    self.orders.until, self.wish = row.until, "run"
                    return True
                if self.control.others_wait(self.key):
                    return False
            time.sleep(ASK_S if self.control.elsewhere else TICK_S)
        return False

    def _end(self, state: str, reason: Note | None = None) -> None:
        self._tell(0.0)
        text = None if reason is None else reasons.said(reason)
        self._move(ACTIVE, lambda row: self._ended(row, state, text))

    def _move(self, allowed: tuple[str, ...], change: Callable[[Row], Row]) -> Row | None:
        return self._insist(lambda: self.control.move(self.key, allowed, change))

    def _insist(self, ask: Callable[[], Answer]) -> Answer:
        """What has to be said waits for a database server that is away; a process that shall end does not."""
        while True:
            try:
                return ask()
            except DatabaseFault:
                if self.wish == "interrupt":
                    raise
                time.sleep(AWAY_S)

    def _ended(self, row: Row, state: str, reason: str | None = None) -> Row:
        return replace(
            row, state=state, desired="run", until=None, step=self.step, reason=reason, barren=0,
            ended=time.time(), bytes=size_bytes(self.directory),
        )  # fmt: skip

    def _fail(self, error: Exception) -> None:
        reason = explained(error, self.step, self.directory / "worker.log")
        try:
            if self.recorder is not None:
                self.recorder.close()
                self.recorder.record.add_note(reason)
                self.recorder.record.commit()
        except (OSError, sqlite3.Error):  # the disk that failed may be the very reason
            traceback.print_exc()
        self._end("failed", reason)

    def _tick(self) -> None:
        """Ask for news ten times a second, for everything every two, and obey wishes within two ticks."""
        asked = everything = heard = time.monotonic()
        pace = Pace(self.step)
        while not self.over.wait(TICK_S):
            now = time.monotonic()
            self.orders.hold = self.wish != "run"
            if not self.held:
                if not self.control.elsewhere or now - heard > ASK_S:
                    heard = now
                    self._read_wish()
                if self.wish != "run" or now - everything > self.checkpoint_s:
                    everything = now
                    slow = self.recorder.write_s / CHECKPOINT_SHARE if self.recorder else 0.0
                    self.checkpoint_s = max(min(CHECKPOINT_S, 2 * self.checkpoint_s), slow)
                    self._keep_next()
                    self.orders.ask()
            if now - asked > ASK_S:
                asked = now
                self.orders.moments.asked = not self.held
                if self.held:
                    pace.rest(self.step)
                self._tell(pace.at(now, self.step))

    def _read_wish(self) -> None:
        try:
            row = self.control.row(self.key)
        except FAULTS:  # locked for long, a fault of the disk, or a server that is away: the next tick asks again
            if not self.deaf:
                traceback.print_exc()
            self.deaf = True
            return
        self.deaf = False
        if row is not None and self.wish != "interrupt":
            self.wish = row.desired if row.desired in ("pause", "stop", "yield") else "run"  # type: ignore[assignment]

    def _tell(self, rate: float) -> None:
        beats = self.recorder.beats if self.recorder is not None else 0
        with contextlib.suppress(OSError):  # a full disk ends the run through its record, not through this nicety
            progress.write(self.directory, Progress(self.attempt, self.step, beats, rate))
