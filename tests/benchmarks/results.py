"""Seconds to a result, from an empty start and with everything recorded.

    python -m tests.benchmarks.results                 all of them, ten seeds
    python -m tests.benchmarks.results 3 MNIST ring    three seeds, and only what has one of these words in its name

Ring of eight found (all eight modes), induction formed; a VAE on held-out digits, from the 12,000 carried ones: its
bound at 110 nats, and -log p(x) at 100 by importance sampling, K = 200, on the page's 500 pictures (the bound itself
ends at 101 to 102). 97 % of MNIST from 5,000 pictures: a net that no page trains (`digits.py`). 96 % at 16×16 from
6,000: the net that transfer begins with. A freeze lab of many nets.

Wall time and processor time of the training process alone; medians over seeds with their range. Judging is not
counted where it is done here, between two moments of a run. On the CPU each is run on one core, with plain operations,
and from a warm cache of compiled steps where its steps are compiled (`TORCHLIGHT_HOME` keeps that cache).
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
from models.experiment import Checkpoint, Event, Experiment, Scalars, Snapshot
from models.gan import GanTraining
from models.layers.compiling import PLACE
from models.layers.plans import STRATEGIES
from models.layers.pretrained import Recipe, train
from models.metrics.bounds import importance
from models.metrics.coverage import coverage
from models.running import COMPILE, Moments, device
from models.transfer import FreezeLab
from state.compiling import compile_ahead
from tests.benchmarks import digits

Reached = Callable[[Experiment, Event], bool]
Row = tuple[int, float, float, bool]
"""Steps, wall seconds, processor seconds, whether it was reached."""
SAMPLES, IMAGES = 200, 500
NATS, LOOSER = 100.0, 8.0
"""Nats to reach; and a bound by one sample that is so much above them is not looked at again with many."""


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


def likely(experiment: Experiment, event: Event) -> bool:
    """Whether held-out pictures cost so few nats, by importance sampling: judged wherever a checkpoint is."""
    if not isinstance(event, Checkpoint) or not isinstance(experiment, LatentSpace):
        return False
    study = experiment.revive(event)
    near = importance(study, 1, IMAGES).nats <= NATS + LOOSER
    return near and importance(study, SAMPLES, IMAGES).nats <= NATS


def never(_experiment: Experiment, _event: Event) -> bool:
    return False


def backbone(seed: int) -> Row:
    """As `told`, for the pretrained net."""
    recipe = Recipe("noisy", seed=seed)
    _ = recipe.data
    wall, cpu = time.perf_counter(), time.process_time()
    (source,) = train([recipe])
    return recipe.steps, time.perf_counter() - wall, time.process_time() - cpu, source.accuracy >= 0.96


def whole_digits(seed: int) -> Row:
    """As `told`, for the net of `digits.py`."""
    _ = digits.learned()
    wall, cpu = time.perf_counter(), time.process_time()
    net, losses = digits.train(seed)
    float(losses[-1])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return len(losses), wall, cpu, digits.accuracy(net) >= 0.97


def told(experiment: Experiment, reached: Reached) -> Row:
    """Until it is reached, or until the end."""
    step, wall, cpu = 0, 0.0, 0.0
    # What is judged by checkpoints has one with every picture.
    events = experiment.train(moments=Moments(checkpoint_ratio=1.03 if reached is likely else 1.25))
    while True:
        began = time.perf_counter(), time.process_time()
        event = next(events, None)
        if isinstance(event, Scalars | Snapshot):  # computed by whoever looks first: in a run, who records
            dict(event.arrays if isinstance(event, Snapshot) else event.values)
        if device().type == "cuda":
            torch.cuda.synchronize()
        wall, cpu = wall + time.perf_counter() - began[0], cpu + time.process_time() - began[1]
        if event is None:
            return step, wall, cpu, False
        step = event.step
        if reached(experiment, event):
            return step, wall, cpu, True


def line(name: str, way: str, rows: Sequence[Row]) -> None:
    step, wall, cpu, _found = (statistics.median(part) for part in zip(*rows, strict=True))
    walls, cpus = ([row[place] for row in rows] for place in (1, 2))
    print(
        f"{name:32} {way:9} {step:7,.0f} {wall:7.2f} {f'{min(walls):.2f} … {max(walls):.2f}':>16} {cpu:12.2f} "
        f"{f'{min(cpus):.2f} … {max(cpus):.2f}':>16}  {sum(row[3] for row in rows)} of {len(rows)}", flush=True,
    )  # fmt: skip


def works() -> dict[str, tuple[Experiment, Reached]]:
    """What is trained by an experiment of the catalogue until it is reached."""
    families = (GanTraining, AttentionTraining, LatentSpace)
    stories = {story.name: story.experiment for family in families for story in family.stories()}
    vae = stories["MNIST in twenty numbers"]
    return {
        "ring of eight, 8 of 8 modes": (stories["Ring of eight"], all_modes),
        "induction, accuracy 95 %": (stories["Induction"], column("accuracy", lambda value: value > 0.95)),
        "VAE, MNIST, bound of 110 nats": (vae, column("held_out_bound", lambda value: value <= 110)),
        f"VAE, MNIST, {NATS:.0f} nats with K = {SAMPLES}": (vae, likely),
    }


def ways(name: str, experiment: Experiment, reached: Reached, seeds: int, home: Path) -> None:
    """One line for plain operations, and one for compiled steps where there is a compiler."""
    compiles = device().type == "cpu" and shutil.which("g++") is not None
    for way in ("plain", "compiled")[: 1 + compiles]:
        with mock.patch.dict(os.environ, {COMPILE: str(int(way == "compiled")), PLACE: str(home / "compiled")}):
            compile_ahead(home, [experiment])
            line(name, way, [told(experiment.but(seed=experiment.seed + each), reached) for each in range(seeds)])


def main(seeds: int, words: Sequence[str], home: Path) -> None:
    torch.set_num_threads(1)

    def wanted(name: str) -> bool:
        return not words or any(word.lower() in name.lower() for word in words)

    told(GanTraining(steps=20), never)  # what is slow once
    print(
        f"{'result':32} {'way':9} {'steps':>7} {'wall s':>7} {'range':>16} {'processor s':>12} {'range':>16}  reached"
    )
    for name, (experiment, reached) in works().items():
        if wanted(name):
            ways(name, experiment, reached, seeds, home)
    nets = {"convolutions, 97 % of MNIST": whole_digits, "pretrained net, 96 % of MNIST": backbone}
    for name, once in nets.items():
        if wanted(name):
            once(seeds)
            line(name, "plain", [once(seed) for seed in range(seeds)])
    name = f"freeze lab, {len(STRATEGIES) * 21} nets × 250 steps"
    if wanted(name):
        many = FreezeLab(strategies=",".join(STRATEGIES), seeds=7, tried=3, steps=250)
        line(name, "plain", [told(many, never) for _ in range(2)])


if __name__ == "__main__":
    count, asked = (int(sys.argv[1]), sys.argv[2:]) if sys.argv[1:] and sys.argv[1].isdigit() else (10, sys.argv[1:])
    with tempfile.TemporaryDirectory() as at:
        main(count, asked, Path(os.environ.get("TORCHLIGHT_HOME", at)))
