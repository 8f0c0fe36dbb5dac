"""What recording costs: a run with everything told, measured, encoded and written, against its bare training loop.

    python -m tests.benchmarks.recording [rounds] [part of a run's name]

Shares of the bare loop's time, median and range over the rounds, in which all ways take turns, each loop in a process
forked for it, as a run has one. `told`: the stream alone, processor time of the loop. Then, as a worker does it:
processor time of the loop; its wall time, in which it also waits for room in the pipe; processor time of all until
everything is on disk. A run takes its pictures at fixed steps, however fast these pass (`pictures/s`: how many it
takes), and nearly all that recording costs is theirs: `at 30/s` says what share of its wall time the loop would lose to
thirty of them a second. Wall time is without that in which the loop was ready and other processes had the core, where
Linux tells it; a busy machine holds up the recorder all the same, and the loop with it. Steps are plain operations and,
where there is a compiler, compiled ones (`TORCHLIGHT_HOME` keeps these for the next time).
"""

from __future__ import annotations

import mmap
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from models.attention import AttentionTraining
from models.autoencoder import LatentSpace
from models.experiment import Experiment, Snapshot
from models.gan import GanTraining
from models.image_gan import ImageGan
from models.layers.autoencoding import Autoencoding
from models.layers.compiling import PLACE
from models.layers.game import Game
from models.layers.image_gan.duel import Duel
from models.layers.study import Study
from models.layers.takeover import at_once
from models.running import COMPILE, Moments, device
from state.compiling import compile_ahead
from state.line import Told
from state.record import Record
from state.recorder import Recorder
from state.trainer import Orders, Trainer, trained

ROUNDS = 5
FRAMES_PER_S = 30
BLOCK = Moments().block

Rig = Callable[[Any, int], Any]


@dataclass(frozen=True)
class Spent:
    """Seconds: processor time of this thread, wall time, processor time of the process."""

    loop: float
    wall: float
    process: float

    @classmethod
    def so_far(cls) -> Spent:
        return cls(time.thread_time(), time.perf_counter() - displaced(), time.process_time())

    def until_now(self) -> Spent:
        now = Spent.so_far()
        return Spent(now.loop - self.loop, now.wall - self.wall, now.process - self.process)


def displaced() -> float:
    """Seconds that this thread was ready to run and had no core; 0 where the system does not tell."""
    file = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    return int(file.read_text().split()[1]) / 1e9 if file.exists() else 0.0


def forked(loop: Callable[[], object]) -> Spent:
    """What the loop spends in a process of its own, as each run has one: its first touch of memory is no recording."""
    meter = Meter()
    if (process := os.fork()) == 0:
        try:
            with meter:
                loop()
        finally:
            os._exit(0)
    os.waitpid(process, 0)
    return meter.spent


class Meter:
    """What is spent in a block, told to the process that forked the one in which it runs."""

    def __init__(self) -> None:
        self._told = memoryview(mmap.mmap(-1, mmap.PAGESIZE))[:24].cast("d")

    def __enter__(self) -> None:
        self._began = Spent.so_far()

    def __exit__(self, *_: object) -> None:
        spent = self._began.until_now()
        self._told[0], self._told[1], self._told[2] = spent.loop, spent.wall, spent.process

    @property
    def spent(self) -> Spent:
        return Spent(*self._told)


def bare(experiment: Experiment, rig: Rig) -> Spent:
    """Steps alone; their numbers are read when their block is full."""

    def loop() -> None:
        training = rig(experiment, BLOCK)
        for step in range(experiment.steps):
            training.iterate(step)
            if (step + 1) % BLOCK == 0:
                training.told()

    return forked(loop)


def told(experiment: Experiment, _rig: Rig) -> Spent:
    return forked(lambda: deque(experiment.train(), 0))


def recorded(experiment: Experiment, _rig: Rig) -> Spent:
    """As a worker does it: steps by the trainer, all else here."""
    meter = Meter()

    def metered(*training: Any) -> Iterator[Told]:
        with meter:
            yield from trained(*training)

    with tempfile.TemporaryDirectory() as at, mock.patch("state.trainer.trained", metered):
        began, record = Spent.so_far(), Record(Path(at))
        trainer = Trainer(experiment, None, Orders(), Path(at) / "log")
        recorder = Recorder(experiment, record)
        for event in trainer:
            if event is not None:
                recorder.put(event)
        recorder.flush()
        beside = began.until_now()
        trainer.close()
        recorder.close()
        record.close()
    if hasattr(os, "SCHED_BATCH"):  # what a worker becomes once it has forked its trainer
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return replace(meter.spent, process=meter.spent.process + beside.process)


def said(costs: Iterable[float]) -> str:
    ordered = sorted(costs)
    return f"{statistics.median(ordered):.1%} ({ordered[0]:.1%} … {ordered[-1]:.1%})"


def line(name: str, experiment: Experiment, rig: Rig, rounds: int) -> None:
    for way in (bare, told, recorded):
        way(experiment.but(steps=min(experiment.steps, 30)), rig)
    rows = [(bare(experiment, rig), told(experiment, rig), recorded(experiment, rig)) for _round in range(rounds)]
    pictures = sum(isinstance(event, Snapshot) for event in experiment.train())
    columns = (
        [each.loop / plain.loop - 1 for plain, each, _ in rows],
        [full.loop / plain.loop - 1 for plain, _, full in rows],
        [full.wall / plain.wall - 1 for plain, _, full in rows],
        [(full.wall - plain.wall) / pictures * FRAMES_PER_S for plain, _, full in rows],
        [full.process / plain.process - 1 for plain, _, full in rows],
    )
    plain = statistics.median(row[0].wall for row in rows)
    print(
        f"{name:30} {experiment.steps:6,} {plain:7.2f} {pictures / plain:10.0f} "
        + " ".join(f"{said(column):>26}" for column in columns),
        flush=True,
    )


def main(rounds: int, part: str, home: Path) -> None:
    torch.set_num_threads(1)
    reverse, induction, *_ = (story.experiment for story in AttentionTraining.stories())
    works: dict[str, tuple[Experiment, Rig]] = {
        "GAN Lab's GAN": (GanTraining(), Game),
        "attention: reverse": (reverse, Study),
        "attention: induction": (induction, Study),
        "VAE, digits": (LatentSpace(), Autoencoding),
        "image GAN, digits": (ImageGan(), Duel),
    }
    titles = ("told", "loop's processor time", "loop's wall time", "its wall time at 30/s", "whole processor time")
    print(f"{'run':30} {'steps':>6} {'bare s':>7} {'pictures/s':>10} " + " ".join(f"{title:>26}" for title in titles))
    compiles = device().type == "cpu" and shutil.which("g++") is not None
    for name, (experiment, rig) in works.items():
        for way in ("plain", "compiled")[: 1 + compiles]:
            if part not in name:
                continue
            with mock.patch.dict(os.environ, {COMPILE: str(int(way == "compiled")), PLACE: str(home / "compiled")}):
                if way == "compiled" and not compile_ahead(home, [experiment]):
                    continue
                with at_once():
                    line(f"{name}, {way}", experiment, rig, rounds)
    if hasattr(os, "getloadavg"):
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as at:
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS, " ".join(sys.argv[2:]),
            Path(os.environ.get("TORCHLIGHT_HOME", at)),
        )  # fmt: skip
