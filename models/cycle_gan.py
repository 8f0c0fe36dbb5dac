"""Two sets without a single pair, two translators between them: what goes over and comes back must be what it was.

Letters: B batch, X numbers per datum (2 on the plane, 64 pixels in 0 … 1), N shown data.

Source: CycleGAN, Zhu et al. 2017, arXiv 1703.10593: the objective is eq. 3 with the cycle loss of eq. 2. Many maps are
consistent in this sense, and none of them need be the one that a human has in mind: another seed finds another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import torch

from models.data.density import PlaneData
from models.experiment import Checkpoint, Event, Experiment, Pixels, Points, Scalars, Story, knob
from models.layers.cycle.domains import eight
from models.layers.cycle.translation import Translation
from models.layers.divergence import DIVERGED, divergence, finite
from models.layers.resumable import ENGINES
from models.metrics.evaluation import evaluation_after
from models.metrics.translation import evaluate
from models.running import Moments, stream

ROUND = (
    "Two moons are carried to eight Gaussians and back, without one pair to learn from. The cycle sees to it that "
    "every point comes home, and most of its neighbours with it."
)
FOLDED = (
    "The same game, but nobody asks for the way back: points come back elsewhere, and most of their old neighbours are "
    "strangers to them."
)
TURNED = (
    "Digits upright and digits lying on their side, never the same one twice. The cycle brings each picture "
    "nearly home. What it was in between is left open: of ten seeds two found the turn itself (try seed 2), the others "
    "a map that is just as consistent and swaps digits."
)


class CycleGan(Experiment):
    """A CycleGAN between two sets on the plane, or between upright and turned digits."""

    title: ClassVar[str] = "CycleGAN"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {
        "x": Points(300),
        "x_there": Points(300),
        "x_again": Points(300),
        "y": Points(300),
        "y_there": Points(300),
        "y_again": Points(300),
        "images": Points(60),
        "images_back": Points(60),
    }
    columns: ClassVar[Mapping[str, str]] = {
        "cycle_error": "error of the round trip",
        "neighbours_kept": "neighbours kept in the round trip",
        "w2_there": "Wasserstein distance to Y",
        "w2_back": "Wasserstein distance to X",
        "class_kept": "share translated to the same digit",
        "truth_error": "difference to the digit turned by hand",
        "loss_d": "loss of the discriminators",
        "loss_g": "loss of the translators",
        "loss_cycle": "cycle loss",
        "gradient_d": "gradient norm of the discriminators",
        "gradient_g": "gradient norm of the translators",
    }
    note_templates: ClassVar[tuple[str, ...]] = (DIVERGED, *ENGINES)

    data: Literal["moons_and_gaussians", "turned_digits"] = knob(
        "moons_and_gaussians", group="data", label="two sets", help="The two sets that are translated into each other."
    )
    cycle: float = knob(
        1.0, low=0.0, high=30.0, step=0.5, group="game", live=True, label="weight of the cycle (λ)",
        help="How much it costs that a datum does not come back as it was; 0 asks for no way back.",
    )  # fmt: skip
    r1_gamma: float = knob(
        0.0, low=0.0, high=10.0, step=0.05, group="game", live=True, label="R1 penalty γ",
        help="Punishes a steep discriminator at the data: γ/2 · E‖∇D(x)‖². Calms the game; 0 switches it off.",
    )  # fmt: skip
    lr: float = knob(
        2e-3, low=1e-5, high=1e-1, log=True, group="game", live=True, label="learning rate",
        help="How far Adam moves the weights in each step.",
    )  # fmt: skip
    width: int = knob(128, low=8, high=512, step=8, group="players", help="Neurons in each of the two hidden layers.")
    batch_size: int = knob(128, low=2, high=1024, group="players", advanced=True, help="Data of each set per step.")
    steps: int = knob(2000, low=1, high=100_000, log=True, help="Training steps.")

    @classmethod
    def stories(cls) -> tuple[Story, ...]:
        """Each sentence is held against ten seeds by `tests/test_cycle_gan.py`."""
        return (
            Story("There and back", ROUND, cls()),
            Story("No way back", FOLDED, cls(cycle=0.0)),
            Story("Digits on their side", TURNED, cls(data="turned_digits", cycle=10.0, lr=1e-3, r1_gamma=0.1)),
        )

    @property
    def on_plane(self) -> bool:
        return self.data == "moons_and_gaussians"

    def plane(self) -> PlaneData:
        """The set Y on the plane."""
        return eight()

    def stream(self, name: str) -> torch.Generator:
        """The run's own random stream for one purpose."""
        return stream(self.seed, name)

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`. On one machine class the CPU's stream is the same bit for bit, every time."""
        moments = moments or Moments()
        rig = Translation(self.at(start.step if start else 0), moments.block)
        step = rig.load(start) if start else 0
        if start is None:
            yield rig.snapshot(0)
            yield rig.checkpoint(0)
        while step < self.steps:
            rig.play_by(self.at(step))
            good, begin = rig.state(), step
            told = evaluation_after(step)
            stop = min([moments.after(step), told, self.steps, *(when for when, *_ in self.changes if when > step)])
            while step < stop:
                rig.iterate(step)
                step += 1
                if moments.asked:
                    break
            columns = rig.told()
            if not finite(columns):
                yield from divergence(rig, good, begin, columns)
                return
            yield Scalars(step, begin + 1, columns)
            yield from rig.engines(step)
            due = moments.due(step)
            if step in (told, self.steps):
                yield Scalars(step, step, evaluate(rig))
            if due.snapshot or step == self.steps:
                yield rig.snapshot(step)
            if due.checkpoint or step == self.steps:
                yield rig.checkpoint(step)

    def revive(self, checkpoint: Checkpoint) -> Translation:
        """All four networks as they were after `checkpoint.step` steps."""
        rig = Translation(self.at(checkpoint.step))
        rig.load(checkpoint)
        return rig
