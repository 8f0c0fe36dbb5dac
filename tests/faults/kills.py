"""Kills whatever can die, at random moments, under runs of several families: who watched them has lost nothing.

Workers, trainers, the supervisor and a real server are killed with signal 9 while a viewer remembers every number and
picture that was ever shown. In the end each run must be the run that nobody disturbed, to the last bit: all rows, all
pictures, the final weights. A run that ends a third process in a row without getting further would be given up, and
rightly: the killer spares it once it has done so twice.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from models.attention import AttentionTraining
from models.autoencoder import LatentSpace
from models.experiment import Experiment, Snapshot
from models.gan import GanTraining
from models.transfer import FreezeLab
from state.history import Cursor
from state.lease import holder
from state.runs import Run, Runs
from state.supervisor import ATTEMPTS, ensure_supervisor
from state.worker import warm
from tests.browsing import ROOT, free_port
from tests.processes import children, end_processes
from tests.toys import Expected, Toy, store

AT_ONCE = 3
MEAN_S = 0.3
"""Between one kill and the next, as in a Poisson process."""
STUCK_S = 300.0
"""A run that has not ended so long after the last kill is stuck."""


def experiment(number: int) -> Experiment:
    """The run of this number: toys and real ones in turn, each with a seed of its own."""
    kinds: tuple[Experiment, ...] = (
        Toy(steps=1000, pace_us=1000),
        GanTraining(steps=2000, width=16, batch_size=64),
        LatentSpace(steps=200),
        AttentionTraining(steps=200),
        FreezeLab(steps=60, strategies="scratch,head_only", seeds=2),
    )
    return kinds[number % len(kinds)].but(seed=100 + number)


def digest(snapshot: Snapshot | None) -> str:
    """A fingerprint of a picture's arrays."""
    found = hashlib.sha256()
    for name, array in sorted(snapshot.arrays.items() if snapshot else ()):
        found.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return found.hexdigest()


@dataclass
class Viewer:
    """Somebody who watches a run and remembers every number and picture that was ever shown."""

    run: Run
    cursor: Cursor = field(default_factory=Cursor)
    rows: dict[tuple[str, int], float] = field(default_factory=dict)
    pictures: dict[int, str] = field(default_factory=dict)
    doubled: int = 0

    def look(self) -> None:
        delta = self.run.since(self.cursor)
        self.doubled += delta.reset
        self.cursor = delta.cursor
        for scalars in delta.scalars:
            for name, values in scalars.values.items():
                for step, value in zip(range(scalars.first, scalars.step + 1), values.tolist(), strict=True):
                    self.doubled += (name, step) in self.rows
                    self.rows[name, step] = value
        for step in delta.moments.tolist():
            self.pictures[step] = digest(self.run.snapshot(step))

    def lost(self) -> int:
        """How many of the numbers and pictures seen are gone, doubled or other than they were."""
        stored = self.run.columns().items()
        now = {name: dict(zip(steps.tolist(), values.tolist(), strict=True)) for name, (steps, values) in stored}
        # `!=` alone would miss nothing but call every NaN a change.
        rows = sum(now.get(name, {}).get(step) != value and value == value for (name, step), value in self.rows.items())
        return (
            self.doubled + rows + sum(digest(self.run.snapshot(step)) != seen for step, seen in self.pictures.items())
        )

    def victim(self) -> int | None:
        """The process of the run, if it may be killed."""
        pid, row = holder(self.run.directory / "lease"), self.run.look()
        assert row is not None
        spared = row.barren + 1 >= ATTEMPTS and self.run.status().step <= row.step
        return None if spared else pid

    def trainer(self) -> int | None:
        """The process that trains the run, if it may be killed."""
        worker = self.victim()
        return None if worker is None else next(iter(children(worker)), None)


class Server:
    """A real server of the home, which is there again whenever it was killed."""

    def __init__(self, home: Path) -> None:
        self.home, self.process = home, None

    def keep(self) -> None:
        if self.process is None or self.process.poll() is not None:
            command = ["streamlit", "run", str(ROOT / "app.py"), "--server.headless", "true"]
            where = ["--server.port", str(free_port()), "--server.address", "127.0.0.1"]
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command, *where], cwd=ROOT, env={**os.environ, "TORCHLIGHT_PREPARE": "0"},
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

    def victim(self) -> int | None:
        """The server, once it serves."""
        return holder(self.home / "server.lock")


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    server = Server(home)
    try:
        yield server
    finally:
        if server.process is not None:
            server.process.kill()
            server.process.wait()
        end_processes(home)


@dataclass
class Tally:
    """What the killing came to."""

    kills: Counter[str]
    runs: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    rows: int = 0
    pictures: int = 0
    lost: int = 0
    """Rows and pictures lost, changed or shown twice."""
    differing: int = 0
    """Runs that are other than undisturbed ones."""

    def __str__(self) -> str:
        killed, runs = (", ".join(f"{n} {name}" for name, n in found.items()) for found in (self.kills, self.runs))
        return (
            f"{self.kills.total()} kills ({killed}), {self.runs.total()} runs ({runs}) in {self.attempts} attempts: "
            f"{self.rows} rows and {self.pictures} pictures shown, {self.lost} lost, changed or doubled, "
            f"{self.differing} runs other than undisturbed ones"
        )


def kill(home: Path, count: int, chance: random.Random) -> Tally:
    """Kills `count` processes in `home`, waits for all runs to end, and compares them with undisturbed ones."""
    viewers, kills = list[Viewer](), Counter[str]()
    with store(home, slots=AT_ONCE) as opened, serving(home) as server:
        due = last = time.monotonic()
        while kills.total() < count or any(not viewer.run.status().ended for viewer in viewers):
            server.keep()
            ensure_supervisor(home)
            active = _watch(opened, viewers, more=kills.total() < count)
            if time.monotonic() > due and kills.total() < count:
                due = last = time.monotonic()
                due += chance.expovariate(1 / MEAN_S)
                what = chance.choices(("worker", "trainer", "supervisor", "server"), (24, 12, 3, 1))[0]
                one = chance.choice(active)
                found = {"worker": one.victim, "trainer": one.trainer, "server": server.victim,
                         "supervisor": partial(_leader, home, active)}[what]()  # fmt: skip
                if _killed(found):
                    kills[what] += 1
                    if kills.total() % 100 == 0:
                        print(f"{kills.total()} kills, {len(viewers)} runs", flush=True)
            assert time.monotonic() < last + STUCK_S, f"stuck: {[v.run.status() for v in viewers if v in active]}"
            time.sleep(0.02)
        return _judged(viewers, kills)


def _watch(opened: Runs, viewers: list[Viewer], more: bool) -> list[Viewer]:
    """Looks at every run that goes on; with `more`, so many are always going on. Those are returned."""
    active = [viewer for viewer in viewers if not viewer.run.status().ended]
    while more and len(active) < AT_ONCE:
        viewers.append(Viewer(opened.open(experiment(len(viewers)))))
        active.append(viewers[-1])
    for viewer in active:
        viewer.look()
    return active


def _leader(home: Path, active: Sequence[Viewer]) -> int | None:
    """The supervisor, if it has come so far that some run trains: else its successors would never get there."""
    trains = any(holder(viewer.run.directory / "lease") is not None for viewer in active)
    return holder(home / "supervisor.lock") if trains else None


def _killed(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _judged(viewers: Sequence[Viewer], kills: Counter[str]) -> Tally:
    tally = Tally(kills, Counter(viewer.run.name for viewer in viewers))
    warm()
    for viewer in viewers:
        viewer.look()
        status = viewer.run.status()
        tally.attempts += status.attempt
        tally.rows += len(viewer.rows)
        tally.pictures += len(viewer.pictures)
        tally.lost += viewer.lost()
        try:
            assert status.state == "finished", status
            assert not any(note.values.get("differing") for note in viewer.run.notes()), viewer.run.notes()
            Expected.of(viewer.run.experiment).check(viewer.run)
        except AssertionError as other:
            tally.differing += 1
            print(f"{viewer.run.experiment!r}: {other}")
    return tally
