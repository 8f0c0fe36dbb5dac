"""Seconds to a result, from an empty start and with everything recorded: `python -m tests.benchmarks.results`.

Ring of eight found (all eight modes), induction formed, a VAE's bound of 120 nats on held-out digits, a freeze lab of
many nets. Wall time and processor time of the training process alone; medians over seeds with their range.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from models.attention import AttentionTraining
from models.autoencoder import LatentSpace
from models.experiment import Event, Experiment, Scalars, Snapshot
from models.gan import GanTraining
from models.layers.plans import STRATEGIES
from models.metrics.coverage import coverage
from models.running import device
from models.transfer import FreezeLab

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


def main(seeds: int = 10) -> None:
    torch.set_num_threads(1)
    stories = {
        story.name: story.experiment for cls in (GanTraining, AttentionTraining, LatentSpace) for story in cls.stories()
    }
    many = FreezeLab(strategies=",".join(STRATEGIES), seeds=7, tried=3, steps=250)
    works: dict[str, tuple[Experiment, Reached, int]] = {
        "ring of eight, 8 of 8 modes": (stories["Ring of eight"], all_modes, seeds),
        "induction, accuracy 95 %": (stories["Induction"], column("accuracy", lambda value: value > 0.95), seeds),
        "VAE, MNIST, bound of 120 nats": (
            stories["MNIST in twenty numbers"],
            column("held_out_bound", lambda value: value <= 100),
            3,
        ),
        f"freeze lab, {len(STRATEGIES) * 21} nets × 250 steps": (many, never, 2),
    }
    told(stories["Ring of eight"].but(steps=20), never)
    print(f"{'result':40} {'steps':>7} {'wall s':>7} {'range':>16} {'processor s':>12}  reached")
    for name, (experiment, reached, count) in works.items():
        rows = [told(experiment.but(seed=experiment.seed + each), reached) for each in range(count)]
        step, wall, cpu, _found = (statistics.median(part) for part in zip(*rows, strict=True))
        reached_by = sum(row[3] for row in rows)
        walls = [row[1] for row in rows]
        print(
            f"{name:40} {step:7,.0f} {wall:7.2f} {f'{min(walls):.2f} … {max(walls):.2f}':>16} {cpu:12.2f}  "
            f"{reached_by} of {count}",
            flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
