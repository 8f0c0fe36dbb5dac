"""What recording costs: a run with everything told, measured, encoded and written, against its bare training loop.

    python -m tests.benchmarks.recording [rounds] [part of a run's name]

Three costs, each as a share of the bare loop's processor or wall time, median and range over the rounds, in which all
ways take turns. `told`: the stream alone, processor time of the loop. Then, with the recorder on: processor time of the
loop's thread; wall time of the loop, which also waits for Python's lock and for the recorder's queue; processor time of
the whole process until everything is on disk. Wall time is without that in which the loop was ready and other processes
had the core, where Linux tells it; a busy machine holds up the recorder all the same, and the loop with it. Steps are
plain operations and, where there is a compiler, compiled ones (`TORCHLIGHT_HOME` keeps these for the next time).
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from models.attention import AttentionTraining
from models.autoencoder import LatentSpace
from models.experiment import Experiment
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
from state.record import Record
from state.recorder import Recorder

ROUNDS = 5
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


def bare(experiment: Experiment, rig: Rig) -> Spent:
    """Steps alone; their numbers are read when their block is full."""
    began = Spent.so_far()
    training = rig(experiment, BLOCK)
    for step in range(experiment.steps):
        training.iterate(step)
        if (step + 1) % BLOCK == 0:
            training.told()
    return began.until_now()


def told(experiment: Experiment, _rig: Rig) -> Spent:
    began = Spent.so_far()
    for _event in experiment.train():
        pass
    return began.until_now()


def recorded(experiment: Experiment, _rig: Rig) -> Spent:
    """As a worker does it."""
    with tempfile.TemporaryDirectory() as at:
        record = Record(Path(at))
        recorder = Recorder(experiment, record)
        began = Spent.so_far()
        for event in experiment.train():
            recorder.put(event)
        loop = began.until_now()
        recorder.flush()
        whole = began.until_now()
        recorder.close()
        record.close()
    return replace(loop, process=whole.process)


def said(costs: Iterable[float]) -> str:
    ordered = sorted(costs)
    return f"{statistics.median(ordered):.1%} ({ordered[0]:.1%} … {ordered[-1]:.1%})"


def line(name: str, experiment: Experiment, rig: Rig, rounds: int) -> None:
    for way in (bare, told, recorded):
        way(experiment.but(steps=min(experiment.steps, 30)), rig)
    rows = [(bare(experiment, rig), told(experiment, rig), recorded(experiment, rig)) for _round in range(rounds)]
    columns = (
        [each.loop / plain.loop - 1 for plain, each, _ in rows],
        [full.loop / plain.loop - 1 for plain, _, full in rows],
        [full.wall / plain.wall - 1 for plain, _, full in rows],
        [full.process / plain.process - 1 for plain, _, full in rows],
    )
    plain = statistics.median(row[0].loop for row in rows)
    print(
        f"{name:30} {experiment.steps:6,} {plain:7.2f} " + " ".join(f"{said(column):>26}" for column in columns),
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
    titles = ("told", "loop's processor time", "loop's wall time", "whole processor time")
    print(f"{'run':30} {'steps':>6} {'bare s':>7} " + " ".join(f"{title:>26}" for title in titles))
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
