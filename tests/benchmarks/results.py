"""Seconds to a result, from an empty start and with everything recorded: `python -m tests.benchmarks.results`.

Ring of eight found (all eight modes), induction formed, a VAE's bound of 110 nats on held-out digits (from the 5,000
carried ones its story ends at 105; 100 is not reached), 96 % of MNIST at 16×16 pixels by the net that transfer begins
with (the only classifier of digits that is trained here; its 600 steps end at 96 to 97 %), a freeze lab of many nets.
Wall time and processor time of the training process alone; medians over seeds with their range. On the CPU each is run
with plain operations, and from a warm cache of compiled steps where its steps are compiled (`TORCHLIGHT_HOME` keeps
that cache for the next time).
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from models.attention import AttentionTraining
from models.autoencoder import LatentSpace
from models.experiment import Event, Experiment, Scalars, Snapshot
from models.gan import GanTraining
from models.layers.compiling import PLACE
from models.layers.plans import STRATEGIES
from models.layers.pretrained import Recipe, train
from models.metrics.coverage import coverage
from models.running import COMPILE, device
from models.transfer import FreezeLab
from state.compiling import compile_ahead

Reached = Callable[[Experiment, Event], bool]


def column(name: str, enough: Callable[[float], bool]) -> Reached:
    """Whether a recorded number is good enough."""

    def reached(_experiment: Experiment, event: Event) -> bool:
        values = event.values.get(name, np.zeros(0)) if isinstance(event, Scalars) else np.zeros(0)
        return bool(values.size) and enough(float(values[-1]))

    return reached


def all_modes(experiment: Experiment, event: Event) -> bool:
    """Whether the samples cover every mode: looked at here alone, other measurements are made beside training."""
    if not isinstance(event, Snapshot) or not isinstance(experiment, GanTraining):
        return False
    data = experiment.plane()
    assert data.modes is not None and data.mode_sigma is not None
    samples_N2 = torch.from_numpy(event.arrays["samples_ema" if experiment.ema_decay > 0 else "samples"])
    return coverage(samples_N2, data.modes, data.mode_sigma).modes_covered >= len(data.modes)


def never(_experiment: Experiment, _event: Event) -> bool:
    return False


def backbone(seed: int) -> tuple[int, float, float, bool]:
    """As `told`, for the pretrained net."""
    recipe = Recipe("noisy", seed=seed)
    _ = recipe.data
    wall, cpu = time.perf_counter(), time.process_time()
    (source,) = train([recipe])
    return recipe.steps, time.perf_counter() - wall, time.process_time() - cpu, source.accuracy >= 0.96


def told(experiment: Experiment, reached: Reached) -> tuple[int, float, float, bool]:
    """Steps, wall seconds and processor seconds until it is reached, or until the end; and whether it was."""
    wall, cpu, step, found = time.perf_counter(), time.process_time(), 0, False
    for event in experiment.train():
        step = event.step
        if found := reached(experiment, event):
            break
    if device().type == "cuda":
        torch.cuda.synchronize()
    return step, time.perf_counter() - wall, time.process_time() - cpu, found


def line(name: str, way: str, rows: Sequence[tuple[int, float, float, bool]]) -> None:
    step, wall, cpu, _found = (statistics.median(part) for part in zip(*rows, strict=True))
    walls, cpus = ([row[place] for row in rows] for place in (1, 2))
    print(
        f"{name:32} {way:9} {step:7,.0f} {wall:7.2f} {f'{min(walls):.2f} … {max(walls):.2f}':>16} {cpu:12.2f} "
        f"{f'{min(cpus):.2f} … {max(cpus):.2f}':>16}  {sum(row[3] for row in rows)} of {len(rows)}", flush=True,
    )  # fmt: skip


def main(seeds: int, home: Path) -> None:
    torch.set_num_threads(1)
    stories = {
        story.name: story.experiment for cls in (GanTraining, AttentionTraining, LatentSpace) for story in cls.stories()
    }
    works: dict[str, tuple[Experiment, Reached]] = {
        "ring of eight, 8 of 8 modes": (stories["Ring of eight"], all_modes),
        "induction, accuracy 95 %": (stories["Induction"], column("accuracy", lambda value: value > 0.95)),
        "VAE, MNIST, bound of 110 nats": (
            stories["MNIST in twenty numbers"], column("held_out_bound", lambda value: value <= 110),
        ),
    }  # fmt: skip
    many = FreezeLab(strategies=",".join(STRATEGIES), seeds=7, tried=3, steps=250)
    told(stories["Ring of eight"].but(steps=20), never)
    print(
        f"{'result':32} {'way':9} {'steps':>7} {'wall s':>7} {'range':>16} {'processor s':>12} {'range':>16}  reached"
    )
    compiles = device().type == "cpu" and shutil.which("g++") is not None
    for name, (experiment, reached) in works.items():
        for way in ("plain", "compiled")[: 1 + compiles]:
            with mock.patch.dict(os.environ, {COMPILE: str(int(way == "compiled")), PLACE: str(home / "compiled")}):
                compile_ahead(home, [experiment])
                rows = [told(experiment.but(seed=experiment.seed + each), reached) for each in range(seeds)]
            line(name, way, rows)
    line("pretrained net, 96 % of MNIST", "plain", [backbone(seed) for seed in range(seeds)])
    line(f"freeze lab, {len(STRATEGIES) * 21} nets × 250 steps", "plain", [told(many, never) for _ in range(2)])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as at:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10, Path(os.environ.get("TORCHLIGHT_HOME", at)))
