"""What recording costs: a run with everything told, measured, encoded and written, against its bare training loop.

    python -m tests.benchmarks.recording

Processor time of the whole process, the recorder's threads included, so that nothing hides on another core. Both ways
take turns; given are median and range over the rounds. `told` is the stream alone: snapshots taken, numbers read.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from models.attention import AttentionTraining
from models.autoencoder import LatentSpace
from models.experiment import Experiment
from models.gan import GanTraining
from models.image_gan import ImageGan
from models.layers.autoencoding import Autoencoding
from models.layers.game import Game
from models.layers.image_gan.duel import Duel
from models.layers.study import Study
from state.record import Record
from state.recorder import Recorder

ROUNDS = 5


def bare(experiment: Experiment, rig: Callable[[Any, int], Any]) -> None:
    """Steps alone; their numbers are read in the end."""
    training = rig(experiment, experiment.steps)
    for step in range(experiment.steps):
        training.iterate(step)
    training.told()


def told(experiment: Experiment) -> None:
    for _event in experiment.train():
        pass


def recorded(experiment: Experiment) -> None:
    """As a worker does it."""
    with tempfile.TemporaryDirectory() as at:
        record = Record(Path(at))
        recorder = Recorder(experiment, record)
        for event in experiment.train():
            recorder.put(event)
        recorder.flush()
        recorder.close()
        record.close()


def seconds(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main(rounds: int = ROUNDS) -> None:
    torch.set_num_threads(1)
    reverse, induction, *_ = (story.experiment for story in AttentionTraining.stories())
    works: dict[str, tuple[Experiment, Callable[[Any, int], Any]]] = {
        "GAN Lab's GAN": (GanTraining(), Game),
        "attention: reverse": (reverse, Study),
        "attention: induction": (induction, Study),
        "VAE, digits": (LatentSpace(), Autoencoding),
        "image GAN, digits": (ImageGan(), Duel),
    }
    print(f"{'run':24} {'steps':>6} {'bare s':>7} {'told':>24} {'recorded':>24}")
    for name, (experiment, rig) in works.items():
        told(experiment.but(steps=20))
        ways = (partial(bare, experiment, rig), partial(told, experiment), partial(recorded, experiment))
        rows = [[seconds(work) for work in ways] for _round in range(rounds)]
        plain = statistics.median(row[0] for row in rows)
        said = []
        for place in (1, 2):
            costs = [row[place] / row[0] - 1 for row in rows]
            said.append(f"{statistics.median(costs):.1%} ({min(costs):.1%} … {max(costs):.1%})")
        print(f"{name:24} {experiment.steps:6,} {plain:7.2f} {said[0]:>24} {said[1]:>24}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
