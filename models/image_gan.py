"""Two networks in a game over pictures: one forges digits, clothes or sketches, one tells them from real ones.

Letters: B batch, X pixels in 0 … 1, Z noise numbers, C classes. Everything recorded is in these units.

Source: Goodfellow et al. 2014, arXiv 1406.2661; DCGAN: Radford et al. 2016, arXiv 1511.06434; StyleGAN: Karras et al.
2019, arXiv 1812.04948; class conditions by projection and truncation: BigGAN, Brock et al. 2019, arXiv 1809.11096; R1:
Mescheder et al. 2018, arXiv 1801.04406; relativistic pairing: Huang et al. 2024, arXiv 2501.05441. All far smaller than
there: on one CPU thread a default run takes under a minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from models.data.pictures import pictures
from models.experiment import Checkpoint, Event, Experiment, Pixels, Points, Scalars, Story, knob
from models.layers.divergence import DIVERGED, divergence, finite
from models.layers.image_gan.duel import Duel
from models.layers.resumable import ENGINES
from models.metrics.evaluation import evaluation_after
from models.metrics.image_quality import evaluate
from models.running import Moments, stream

NOISE = (
    "Sixteen random numbers become a handwritten digit of 8×8 pixels. After 4,000 steps all ten digits come, and to "
    "our classifier they are twice as near to real ones as one Gaussian is."
)
TOLD = (
    "G is told which digit to draw, and D asks whether picture and digit fit: a row for each digit. More than nine of "
    "ten pictures show what was asked for."
)
CONVOLVED = (
    "MNIST in 28×28 pixels by transposed convolutions, told the digit. After 1,000 steps all ten digits are there, and "
    "nine of ten pictures show the one that was asked for."
)
STYLED = (
    "A style for every layer. Where two styles are mixed, the first layers' decides which digit it is, the later ones' "
    "only how it is drawn: try it in the tab below, or pull all styles towards the mean."
)


class ImageGan(Experiment):
    """A GAN on small pictures, of one of three architectures, with or without classes."""

    version: ClassVar[int] = 2
    """2: sums of convolutions are taken in another order, and training makes rounding grow."""
    title: ClassVar[str] = "GAN on pictures"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {
        "images": Points(100),
        "images_average": Points(100),
        "opinion": Points(64),
        "opinion_real": Points(64),
        "opinion_fake": Points(64),
    }
    columns: ClassVar[Mapping[str, str]] = {
        "frechet": "Fréchet distance",
        "classes_covered": "classes covered",
        "class_entropy": "entropy of the classes",
        "obeyed": "share that shows the class asked for",
        "loss_d": "loss of D",
        "loss_g": "loss of G",
        "d_real": "D(x) on data",
        "d_fake": "D(G(z)) on samples",
        "gradient_d": "gradient norm of D",
        "gradient_g": "gradient norm of G",
        "penalty": "steepness of D at the data",
    }
    note_templates: ClassVar[tuple[str, ...]] = (DIVERGED, *ENGINES)

    data: Literal["digits", "mnist", "fashion", "sketches"] = knob(
        "digits", group="data", help="The pictures: digits of 8×8 or 28×28 pixels, clothes, or sketches of ten things."
    )
    architecture: Literal["mlp", "dcgan", "style"] = knob(
        "mlp", group="players", help="How G turns noise into a picture: a perceptron, transposed convolutions, or a "
        "style for every layer.",
    )  # fmt: skip
    conditional: bool = knob(
        False, group="players", label="told the class",
        help="G is told which class to draw, and D asks whether picture and class fit.",
    )  # fmt: skip
    loss: Literal["non_saturating", "hinge", "relativistic"] = knob(
        "non_saturating", group="game", live=True, help="What the two players minimise."
    )
    r1_gamma: float = knob(
        1.0, low=0.0, high=20.0, step=0.05, group="game", live=True, label="R1 penalty γ",
        help="Punishes a steep discriminator at the data: γ/2 · E‖∇D(x)‖². Calms the game; 0 switches it off.",
    )  # fmt: skip
    lr_d: float = knob(
        2e-3, low=1e-5, high=1e-1, log=True, group="game", live=True, label="learning rate of D",
        help="How far the discriminator moves along its gradient in each update.",
    )  # fmt: skip
    lr_g: float = knob(
        2e-3, low=1e-5, high=1e-1, log=True, group="game", live=True, label="learning rate of G",
        help="How far the generator moves along its gradient in each update.",
    )  # fmt: skip
    latent_dim: int = knob(
        16, low=1, high=128, group="players", label="noise numbers",
        help="How many random numbers the generator gets for each picture.",
    )  # fmt: skip
    width: int = knob(
        128, low=16, high=512, step=16, group="players",
        help="Neurons in each hidden layer; a convolution has an eighth as many channels, and twice that at its core.",
    )  # fmt: skip
    ema_decay: float = knob(
        0.995, low=0.0, high=0.9999, step=0.0001, group="cures", advanced=True, live=True, label="average of G",
        help="Decay of a moving average of the generator's weights; 0 keeps none. The average is calmer than G itself.",
    )  # fmt: skip
    augment: bool = knob(
        False, group="cures", advanced=True, live=True, label="shift what D sees",
        help="Real and forged pictures reach D shifted by up to an eighth of their side, so that it cannot learn few "
        "pictures by heart.",
    )  # fmt: skip
    batch_size: int = knob(64, low=2, high=512, group="training", advanced=True, help="Pictures per step.")
    steps: int = knob(4000, low=1, high=100_000, log=True, help="Training steps.")

    @classmethod
    def stories(cls) -> tuple[Story, ...]:
        """Each sentence is held against ten seeds by `tests/test_image_gan.py`."""
        told = cls(conditional=True)
        return (
            Story("Digits out of noise", NOISE, cls()),
            Story("Told the class", TOLD, told),
            Story("MNIST by convolutions", CONVOLVED, told.but(data="mnist", architecture="dcgan", steps=1000)),
            Story(
                "A style for every layer", STYLED, told.but(architecture="style", lr_g=1e-3, r1_gamma=0.3, steps=2000)
            ),
        )

    def points(self, count: int, name: str) -> Tensor:
        """`count` pictures (count, X) in -1 … 1, in an order of the run's own stream `name`."""
        found = pictures(self.data).train_NX
        return 2 * found[torch.randperm(len(found), generator=stream(self.seed, name))[:count]] - 1

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`. On one machine class the CPU's stream is the same bit for bit, every time."""
        moments = moments or Moments()
        duel = Duel(self.at(start.step if start else 0), moments.block)
        step = duel.load(start) if start else 0
        if start is None:
            yield duel.snapshot(0)
            yield duel.checkpoint(0)
        while step < self.steps:
            duel.play_by(self.at(step))
            good, begin = duel.state(), step
            told = evaluation_after(step)
            stop = min([moments.after(step), told, self.steps, *(when for when, *_ in self.changes if when > step)])
            while step < stop:
                duel.iterate(step)
                step += 1
                if moments.asked:
                    break
            columns = duel.told()
            if not finite(columns):
                yield from divergence(duel, good, begin, columns)
                return
            yield Scalars(step, begin + 1, columns)
            yield from duel.engines(step)
            due = moments.due(step)
            if step in (told, self.steps):
                yield Scalars(step, step, evaluate(duel))
            if due.snapshot or step == self.steps:
                yield duel.snapshot(step)
            if due.checkpoint or step == self.steps:
                yield duel.checkpoint(step)

    def revive(self, checkpoint: Checkpoint) -> Duel:
        """Both players, the average of G, and the data they saw, as they were after `checkpoint.step` steps."""
        duel = Duel(self.at(checkpoint.step))
        duel.load(checkpoint)
        duel.players()
        return duel
