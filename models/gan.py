"""Two networks in a game: the generator makes points or digits out of noise, the discriminator tells them from data.

Letters: B batch, X numbers per datum (2 on the plane, 64 for an 8×8 digit), Z noise numbers, N recorded samples.
Inside the game data are divided by `PlaneData.reach`; everything recorded is in the data's own units.

Source: Goodfellow et al. 2014, arXiv 1406.2661 (the game, eq. 1); generator average: Yazıcı et al. 2019, arXiv
1806.04498; the setting "GAN Lab default": Kahng et al. 2019, arXiv 1809.01587. The discriminator ends in a logit; the
sigmoid of the papers sits inside the loss (`models/layers/adversarial.py`), where it cannot saturate to log(0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import torch
from pydantic import field_validator
from torch import Tensor

from models.data.drawing import decode
from models.data.images import digits
from models.data.plane import PlaneData, plane
from models.experiment import (
    Checkpoint,
    Event,
    Experiment,
    Note,
    Pixels,
    Points,
    Reference,
    Scalars,
    Snapshot,
    Story,
    knob,
)
from models.layers.divergence import DIVERGED, divergence, finite
from models.layers.game import IMAGES, SAMPLES, Game
from models.metrics.quality import quality, quality_references
from models.running import NOT_CAPTURED, Moments, stream

GAN_LAB = (
    "The work of GAN Lab, number for number, so that speed can be compared. With plain settings like these the seed "
    "decides: some runs find both blobs, others collapse."
)
CALM = (
    "Adam, a leaky slope, an R1 penalty and an average of G: the same data, and every seed ends nearer to them than "
    "one Gaussian can."
)
RING = "Eight small modes on a circle. The average of G finds all eight, with nine of ten samples inside three sigma."
DIGITS = (
    "Handwritten digits of 8×8 pixels, made from 16 random numbers: all ten classes appear, and three of four samples "
    "come as near to a real digit as real digits come to each other."
)


class GanTraining(Experiment):
    """A GAN on the plane or on 8×8 digits, both players small perceptrons."""

    title: ClassVar[str] = "GAN training"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {
        "samples": Points(700),
        "samples_ema": Points(700),
        "surface": Pixels(),
        "images": Points(64),
    }

    columns: ClassVar[Mapping[str, str]] = {
        "energy_distance": "energy distance",
        "modes_covered": "modes covered",
        "high_quality": "share of high quality",
        "reverse_kl": "reverse KL over modes",
        "classes_covered": "digit classes covered",
        "loss_d": "loss of D",
        "loss_g": "loss of G",
        "d_real": "D(x) on data",
        "d_fake": "D(G(z)) on samples",
        "gradient_d": "gradient norm of D",
        "gradient_g": "gradient norm of G",
    }
    note_templates: ClassVar[tuple[str, ...]] = (DIVERGED, NOT_CAPTURED)

    data: Literal[
        "gaussians", "ring", "grid", "moons", "checkerboard", "pinwheel", "spirals", "swiss_roll", "drawing", "digits"
    ] = knob("gaussians", group="data", help="What the generator is to imitate; “digits” are real 8×8 images.")
    drawing: str = knob("", group="data", max_length=1200, when={"data": ("drawing",)}, help="Your own density, drawn.")
    loss: Literal["non_saturating", "minimax", "least_squares", "hinge"] = knob(
        "non_saturating", group="game", live=True, help="What the two players minimise."
    )
    k_d: int = knob(
        2, low=1, high=10, group="game", live=True, label="D updates per step",
        help="Updates of the discriminator in each training step.",
    )  # fmt: skip
    k_g: int = knob(
        1, low=1, high=10, group="game", live=True, advanced=True, label="G updates per step",
        help="Updates of the generator in each training step.",
    )  # fmt: skip
    lr_d: float = knob(
        0.1, low=1e-5, high=1.0, log=True, group="game", live=True, label="learning rate of D",
        help="How far the discriminator moves along its gradient in each update.",
    )  # fmt: skip
    lr_g: float = knob(
        0.03, low=1e-5, high=1.0, log=True, group="game", live=True, label="learning rate of G",
        help="How far the generator moves along its gradient in each update.",
    )  # fmt: skip
    optimizer: Literal["sgd", "adam"] = knob("sgd", group="game", help="How gradients become steps, for both players.")
    beta1: float = knob(
        0.5, low=0.0, high=0.99, step=0.01, group="game", advanced=True, label="Adam β₁",
        when={"optimizer": ("adam",)}, help="Adam's memory of past gradients; GANs often like less than the usual 0.9.",
    )  # fmt: skip
    width: int = knob(8, low=1, high=256, group="players", help="Neurons in each hidden layer of both players.")
    depth: int = knob(2, low=1, high=4, group="players", label="hidden layers", help="Hidden layers of both players.")
    activation: Literal["relu", "leaky_relu", "tanh"] = knob(
        "relu", group="players", advanced=True, help="The nonlinearity between layers."
    )
    output: Literal["tanh", "linear"] = knob(
        "tanh", group="players", advanced=True, label="output of G",
        help="tanh keeps samples inside a box as large as the data; linear lets them go anywhere.",
    )  # fmt: skip
    noise: Literal["normal", "uniform"] = knob(
        "normal", group="players", advanced=True, help="Distribution that the generator's input is drawn from."
    )
    noise_dim: int = knob(
        2, low=1, high=64, group="players", advanced=True, label="noise dimensions",
        help="How many random numbers the generator gets for each sample.",
    )  # fmt: skip
    batch_size: int = knob(150, low=2, high=1024, group="players", advanced=True, help="Data points per update.")
    r1_gamma: float = knob(
        0.0, low=0.0, high=10.0, step=0.01, group="cures", advanced=True, live=True, label="R1 penalty γ",
        help="Punishes a steep discriminator at the data: γ/2 · E‖∇D(x)‖². Calms the game; 0 switches it off.",
    )  # fmt: skip
    ema_decay: float = knob(
        0.0, low=0.0, high=0.9999, step=0.0001, group="cures", advanced=True, label="average of G",
        help="Decay of a moving average of the generator's weights; 0 keeps none. The average is calmer than G itself.",
    )  # fmt: skip

    @field_validator("drawing")
    @classmethod
    def _drawing_is_readable(cls, text: str) -> str:
        if text:
            decode(text)
        return text

    @classmethod
    def stories(cls) -> tuple[Story, ...]:
        """Each sentence is held against ten seeds by `tests/test_stories.py`."""
        calm = cls(optimizer="adam", activation="leaky_relu", output="linear", k_d=1, seed=1)
        ring = calm.but(data="ring", lr_d=0.001, lr_g=0.001, width=64, depth=3, batch_size=256, ema_decay=0.998)
        digits = ring.but(
            data="digits",
            width=128,
            depth=2,
            noise_dim=16,
            batch_size=64,
            r1_gamma=3.0,
            lr_d=0.002,
            lr_g=0.002,
            steps=8000,
            output="tanh",
        )
        return (
            Story("GAN Lab default", GAN_LAB, cls(seed=1)),
            Story(
                "Two blobs, calmly",
                CALM,
                calm.but(lr_d=0.003, lr_g=0.003, width=32, r1_gamma=0.1, ema_decay=0.995, steps=5000),
            ),
            Story("Ring of eight", RING, ring),
            Story("Handwritten digits", DIGITS, digits),
        )

    @property
    def on_plane(self) -> bool:
        return self.data != "digits"

    @property
    def _source(self) -> tuple[str, str]:
        """Name of the data, and the drawing only where it is the data: what is computed for them can be shared."""
        return self.data, self.drawing if self.data == "drawing" else ""

    def plane(self) -> PlaneData:
        """The distribution on the plane; raises `ValueError` for a damaged drawing."""
        return plane(self.data, self.drawing)

    def points(self, count: int, name: str) -> Tensor:
        """`count` data (count, X) from the run's own random stream `name`; digits come in a shuffled order."""
        random = stream(self.seed, name)
        if self.on_plane:
            return self.plane().sample(count, random)
        images = digits()[0]
        return images[torch.randperm(len(images), generator=random)[:count]]

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`. On one machine class the CPU's stream is the same bit for bit, every time."""
        moments = moments or Moments()
        game = Game(self.at(start.step if start else 0), moments.block)
        step = game.load(start) if start else 0
        if start is None:
            yield game.snapshot(0)
            yield game.checkpoint(0)
        if game.where.type == "cuda" and not game.capturing:
            yield Note(step, "engine", NOT_CAPTURED)
        while step < self.steps:
            game.play_by(self.at(step))
            good, begin = game.state(), step
            stop = min([moments.after(step), self.steps, *(when for when, *_ in self.changes if when > step)])
            while step < stop:
                game.iterate(step)
                step += 1
                if moments.asked:
                    break
            columns = game.told()
            if not finite(columns):
                yield from divergence(game, good, begin, columns)
                return
            yield Scalars(step, begin + 1, columns)
            due = moments.due(step)
            if due.snapshot or step == self.steps:
                yield game.snapshot(step)
            if due.checkpoint or step == self.steps:
                yield game.checkpoint(step)

    def revive(self, checkpoint: Checkpoint) -> Game:
        """Both players, and the data they saw, as they were after `checkpoint.step` steps."""
        game = Game(self.at(checkpoint.step))
        game.load(checkpoint)
        return game

    def measure(self, snapshot: Snapshot) -> Mapping[str, float]:
        """Mode coverage, quality and distance of the recorded samples: those of the average of G where one is kept."""
        if not self.on_plane:
            return quality(*self._source, torch.from_numpy(snapshot.arrays["images"]).float() / 127.5 - 1)
        name = "samples_ema" if "samples_ema" in snapshot.arrays else "samples"
        return quality(*self._source, torch.from_numpy(snapshot.arrays[name]))

    def references(self) -> Mapping[str, Reference]:
        """What a perfect generator and one that knows only mean and covariance reach at this sample size."""
        return quality_references(*self._source, SAMPLES if self.on_plane else IMAGES)
