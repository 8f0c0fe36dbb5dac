"""The thread that draws, measures, writes and commits events, in their order, while training goes on.

Where training has a process of its own (`state/trainer.py`), whoever hears it hands its events over; elsewhere the loop
itself does. That costs one `put` into a queue; where the disk cannot keep up and it is full, it waits.
"""

from __future__ import annotations

import math
import queue
import sys
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np

from models.experiment import Checkpoint, Event, Experiment, Note, Scalars, Snapshot
from models.running import Moments
from state import checkpoint as files
from state.checkpoint import Stored
from state.record import Record

COMMIT_S = 0.1
HASTE_S = 0.03
"""A picture is committed at once where the last commit is at least so old: it is what the visitor waits for."""
EXTRA_S, EXTRA_SHARE = 2.0, 0.02
"""Pictures taken between their regular steps are kept this far apart, or this share of the time trained."""
MEASURE_RATIO, EARLY_RATIO, EARLY = 1.15, 1.4, 50
"""Steps between measured pictures, as a ratio; in the first steps, which pass in no time, they lie further apart."""
QUEUE_EVENTS = 512
"""All that ten thousand steps tell fits in: where steps are compiled, drawing and measuring their pictures takes longer
than training does."""
FULL_S = 0.002
"""How long the loop sleeps before it looks whether there is room again."""
LOCK_S = 2e-5
"""How long a thread may keep Python's lock while another wants it. Each operation of loop and recorder lets go of it
and takes it back within microseconds: whoever is woken finds it taken again, for the usual 5 ms, 15 steps of a GAN.
Where the loop has a process of its own, this is between the recorder and whoever hears that."""


def regular(step: int) -> bool:
    """Whether every run takes a picture at this step."""
    return step == 0 or Moments(block=10**12).after(step - 1) == step


def measured(step: int, steps: int) -> bool:
    """Whether a picture of this step is measured: the first, the last, and the first at or beyond each 1.15ⁿ (1.4ⁿ
    before step 50).

    A function of step numbers alone, so that a resumed run measures the same pictures as an undisturbed one.
    """
    if step in (0, steps):
        return True
    ratio = EARLY_RATIO if step < EARLY else MEASURE_RATIO
    member = round(ratio ** int(math.log(step + 0.5, ratio)))
    return Moments(block=10**12).after(min(member, step) - 1) == step


class Recorder:
    """Owns the record while a run trains. What broke it is raised by the next `put` or `flush`."""

    def __init__(self, experiment: Experiment, record: Record, resumed: Note | None = None) -> None:
        self.experiment, self.record, self.resumed = experiment, record, resumed
        record.clocked = experiment.clocked
        self.directory: Path = record.directory
        self.beats = 0
        self.write_s = 0.0
        """How long the newest checkpoint took to write."""
        self.keep_next = False
        """Raised before a pause or stop: the picture of that step is kept though it is no regular one."""
        self._hasted = False
        self._shown_until = record.last_step
        self._began = self._extra = time.monotonic()
        sys.setswitchinterval(LOCK_S)
        self._queue: queue.SimpleQueue[Event | Future[None] | None] = queue.SimpleQueue()
        self._writers = ThreadPoolExecutor(2, "record")
        self._writing: list[Future[Stored]] = []
        self._thread = self._writers.submit(self._run)

    def put(self, event: Event) -> None:
        """Hand an event over; waits while the queue is full."""
        self._give(event)

    def flush(self) -> None:
        """Wait until everything handed over so far is on disk, checkpoints included: after `close` it is."""
        done: Future[None] = Future()
        self._give(done)
        while not (done.done() or self._thread.done()):
            time.sleep(0.001)
        if not done.done():
            self._thread.result()

    def close(self) -> None:
        """End the thread; what was not flushed is written as far as that is still possible."""
        if not self._thread.done():
            self._give(None)
        wait([self._thread])  # until its end it hands checkpoints to the other writer
        self._writers.shutdown()

    def _give(self, item: Event | Future[None] | None) -> None:
        while self._queue.qsize() >= QUEUE_EVENTS and not self._thread.done():
            time.sleep(FULL_S)
        if self._thread.done():
            self._thread.result()
        self._queue.put(item)

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=max(0.0, self.record.committed + COMMIT_S - time.monotonic()) + 1e-3)
            except queue.Empty:
                self._commit()
                continue
            if isinstance(item, Future):
                self._commit(wait=True)
                item.set_result(None)
            elif item is None:
                return self._commit(wait=True)
            else:
                self._take(item)
                self.beats += 1
                if time.monotonic() - self.record.committed > COMMIT_S:
                    self._commit()

    def _take(self, event: Event) -> None:
        match event:
            case Scalars():
                self.record.add(event)
                self._tell_resumed(event.step)
            case Note():
                self.record.add_note(event)
            case Checkpoint():
                self._writing.append(self._writers.submit(self._write, event))
            case Snapshot() if self._worth(event.step):
                self._picture(event)

    def _write(self, checkpoint: Checkpoint) -> Stored:
        began = time.monotonic()
        stored = files.write(self.directory, checkpoint)
        self.write_s = time.monotonic() - began
        return stored

    def _worth(self, step: int) -> bool:
        now = time.monotonic()
        gap = max(EXTRA_S, EXTRA_SHARE * (now - self._began))
        if regular(step) or step == self.experiment.steps:
            return True
        if self.keep_next or now - self._extra >= gap:
            self._extra = now
            return True
        return False

    def _picture(self, snapshot: Snapshot) -> None:
        self.record.add_snapshot(snapshot)
        if not self._hasted or time.monotonic() - self.record.committed > HASTE_S:
            self._hasted = True
            self._commit()
        if measured(snapshot.step, self.experiment.steps):
            values: Mapping[str, float] = self.experiment.measure(snapshot)
            if values:
                columns = {name: np.array([value], np.float64) for name, value in values.items()}
                self.record.add(Scalars(snapshot.step, snapshot.step, columns))

    def _tell_resumed(self, step: int) -> None:
        """Once the run is past what was recorded before it was interrupted, say how the comparison went."""
        if self.resumed and step >= self._shown_until:
            values = {**self.resumed.values, "differing": self.record.differing}
            self.record.add_note(Note(self.resumed.step, "resumed", self.resumed.text, values))
            self.resumed = None

    def _commit(self, wait: bool = False) -> None:
        for writing in [one for one in self._writing if wait or one.done()]:
            self.record.add_checkpoint(writing.result())
            self._writing.remove(writing)
        if self.record.dirty:
            self.record.commit()
        else:
            self.record.committed = time.monotonic()
