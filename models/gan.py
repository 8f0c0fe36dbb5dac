"""Two networks in a game: the generator makes points or digits out of noise, the discriminator tells them from data.

Letters: B batch, X numbers per datum (2 on the plane, 64 for an 8×8 digit), Z noise numbers, N recorded samples.
Inside the game data are divided by `PlaneData.reach`; everything recorded is in the data's own units.

Source: Goodfellow et al. 2014, arXiv 1406.2661 (the game, eq. 1); generator average: Yazıcı et al. 2019, arXiv
1806.04498; the setting "GAN Lab default": Kahng et al. 2019, arXiv 1809.01587. The discriminator ends in a logit; the
sigmoid of the papers sits inside the loss (`models/layers/adversarial.py`), where it cannot saturate to log(0). Each
cure names its source in its knob and in its file: `penalties.py`, `spectral.py`, `diversity.py`, `unrolled.py`. Data
“dirac” play another game, of two numbers: `models/layers/dirac.py`.
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
    Pixels,
    Points,
    Reference,
    Scalars,
    Snapshot,
    Story,
    knob,
)
from models.layers.dirac import DiracGame, distance
from models.layers.divergence import DIVERGED, divergence, finite
from models.layers.game import IMAGES, SAMPLES, Game
from models.layers.resumable import ENGINES
from models.metrics.quality import quality, quality_references
from models.running import Moments, stream

NETWORKS = (
    "gaussians", "ring", "grid", "moons", "checkerboard", "pinwheel", "spirals", "swiss_roll", "drawing", "digits",
)  # fmt: skip
"""Data whose players are networks."""
SMOOTHED = ("non_saturating", "minimax", "least_squares")


class GanTraining(Experiment):
    """A GAN on the plane or on 8×8 digits, both players small perceptrons; or the Dirac-GAN, two numbers."""

    title: ClassVar[str] = "GAN training"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {
        "samples": Points(700),
        "samples_ema": Points(700),
        "surface": Pixels(),
        "optimal": Pixels(0.0, 1.0),
        "net": Points(21),
        "arrows": Points(225),
        "path": Points(512),
        "images": Points(64),
    }

    version: ClassVar[int] = 2
    """2: W2 is measured on 150 points, not 400; mixed with older numbers it would stand against the wrong band."""
    columns: ClassVar[Mapping[str, str]] = {
        "energy_distance": "energy distance",
        "w2": "Wasserstein-2 distance",
        "modes_covered": "modes covered",
        "high_quality": "share of high quality",
        "reverse_kl": "reverse KL over modes",
        "classes_covered": "digit classes covered",
        "distance": "distance from equilibrium",
        "loss_d": "loss of D",
        "loss_g": "loss of G",
        "d_real": "D(x) on data",
        "d_fake": "D(G(z)) on samples",
        "gradient_d": "gradient norm of D",
        "gradient_g": "gradient norm of G",
        "spread": "spread of samples against data",
        "clipped": "share of clipped weights",
    }
    note_templates: ClassVar[tuple[str, ...]] = (DIVERGED, *ENGINES)

    data: Literal[
        "gaussians", "ring", "grid", "moons", "checkerboard", "pinwheel", "spirals", "swiss_roll", "drawing", "digits",
        "dirac",
    ] = knob(
        "gaussians", group="data",
        help="What the generator is to imitate; “digits” are real 8×8 images.",
    )  # fmt: skip
    drawing: str = knob("", group="data", max_length=1200, when={"data": ("drawing",)}, help="Your own density, drawn.")
    loss: Literal["non_saturating", "minimax", "least_squares", "hinge", "wasserstein", "relativistic"] = knob(
        "non_saturating", group="game", live=True,
        help="What the two players minimise. Minimax is zero-sum and leaves G without a gradient where D is sure; "
             "non-saturating (Goodfellow et al. 2014) mends that. Least squares (Mao et al. 2017) also pulls samples "
             "that D already takes for real. Hinge (Lim and Ye 2017) lets D rest beyond a margin. Wasserstein "
             "(Arjovsky et al. 2017) makes D a critic without a limit: give it a constraint. Relativistic (R3GAN, "
             "Huang et al. 2024) asks whether data look more real than samples: give it R1 and R2.",
    )  # fmt: skip
    constraint: Literal["none", "clip", "gradient_penalty", "spectral_norm"] = knob(
        "none", group="game", live=True, label="constraint on D",
        help="What keeps D from becoming steep: clipped weights (WGAN, Arjovsky et al. 2017), a penalty that pulls its "
             "slope between data and samples to 1 (WGAN-GP, Gulrajani et al. 2017), or every layer divided by its "
             "largest singular value (Miyato et al. 2018).",
    )  # fmt: skip
    clip: float = knob(
        0.1, low=0.001, high=1.0, log=True, group="game", live=True, label="clipping bound c",
        when={"constraint": ("clip",)}, help="After each update the weights of D are cut to the range from -c to c.",
    )  # fmt: skip
    gp_weight: float = knob(
        0.1, low=0.001, high=100.0, log=True, group="game", live=True, label="gradient penalty λ",
        when={"constraint": ("gradient_penalty",)},
        help="Weight of λ · E(‖∇D‖ - 1)². The paper has 10 for images and 0.1 for points on the plane.",
    )  # fmt: skip
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
    width: int = knob(
        8, low=1, high=256, group="players", when={"data": NETWORKS},
        help="Neurons in each hidden layer of both players.",
    )  # fmt: skip
    depth: int = knob(
        2, low=1, high=4, group="players", when={"data": NETWORKS}, label="hidden layers",
        help="Hidden layers of both players.",
    )  # fmt: skip
    activation: Literal["relu", "leaky_relu", "tanh"] = knob(
        "relu", group="players", advanced=True, when={"data": NETWORKS}, help="The nonlinearity between layers."
    )
    output: Literal["tanh", "linear"] = knob(
        "tanh", group="players", advanced=True, when={"data": NETWORKS}, label="output of G",
        help="tanh keeps samples inside a box as large as the data; linear lets them go anywhere.",
    )  # fmt: skip
    noise: Literal["normal", "uniform"] = knob(
        "normal", group="players", advanced=True, when={"data": NETWORKS},
        help="Distribution that the generator's input is drawn from.",
    )  # fmt: skip
    noise_dim: int = knob(
        2, low=1, high=64, group="players", advanced=True, when={"data": NETWORKS}, label="noise dimensions",
        help="How many random numbers the generator gets for each sample.",
    )  # fmt: skip
    batch_size: int = knob(
        150, low=2, high=1024, group="players", advanced=True, when={"data": NETWORKS}, help="Data points per update."
    )
    r1_gamma: float = knob(
        0.0, low=0.0, high=10.0, step=0.01, group="cures", advanced=True, live=True, label="R1 penalty γ",
        help="Punishes a steep discriminator at the data: γ/2 · E‖∇D(x)‖² (Mescheder et al. 2018). Calms the game; 0 "
             "switches it off.",
    )  # fmt: skip
    r2_gamma: float = knob(
        0.0, low=0.0, high=10.0, step=0.01, group="cures", advanced=True, live=True, label="R2 penalty γ",
        help="The same at the samples instead of the data (Mescheder et al. 2018); with R1 and the relativistic loss "
             "it is R3GAN.",
    )  # fmt: skip
    pack: int = knob(
        1, low=1, high=4, group="cures", advanced=True, when={"data": NETWORKS}, label="pack size m",
        help="D judges m data together, so that it sees whether they are too much alike (PacGAN, Lin et al. 2018); 1 "
             "is the plain GAN.",
    )  # fmt: skip
    minibatch_std: bool = knob(
        False, group="cures", advanced=True, when={"data": NETWORKS}, label="batch diversity",
        help="D also reads how much its neurons vary over the batch: samples that are all alike give themselves away "
             "(minibatch standard deviation, Karras et al. 2018).",
    )  # fmt: skip
    unroll: int = knob(
        0, low=0, high=10, group="cures", advanced=True, live=True, when={"data": NETWORKS},
        label="steps G looks ahead",
        help="G's gradient runs through so many updates that D would make in answer (unrolled GAN, Metz et al. 2017); "
             "0 is the plain GAN. Slow: each step ahead costs another update of D.",
    )  # fmt: skip
    label_smoothing: float = knob(
        0.0, low=0.0, high=0.5, step=0.01, group="cures", advanced=True, live=True, when={"loss": SMOOTHED},
        label="label smoothing ε",
        help="D's target for data is 1 - ε instead of 1, so that it never becomes quite sure (Salimans et al. 2016).",
    )  # fmt: skip
    instance_noise: float = knob(
        0.0, low=0.0, high=1.0, step=0.01, group="cures", advanced=True, live=True, when={"data": NETWORKS},
        label="noise on what D sees",
        help="Gaussian noise on data and samples alike, in units of the data's reach: their clouds then overlap, and G "
             "has a gradient from the start (Sønderby et al. 2017).",
    )  # fmt: skip
    ema_decay: float = knob(
        0.0, low=0.0, high=0.9999, step=0.0001, group="cures", advanced=True, when={"data": NETWORKS},
        label="average of G",
        help="Decay of a moving average of the generator's weights; 0 keeps none. The average is calmer than G itself "
             "(Yazıcı et al. 2019).",
    )  # fmt: skip

    @field_validator("drawing")
    @classmethod
    def _drawing_is_readable(cls, text: str) -> str:
        if text:
            decode(text)
        return text

    @classmethod
    def stories(cls) -> tuple[Story, ...]:
        """Each sentence is held against ten seeds by the tests; those of the museum stand in its own tab."""
        from models.museum import exhibits, presets

        return (*presets(cls), *exhibits(cls))

    @property
    def on_plane(self) -> bool:
        return self.data not in ("digits", "dirac")

    @property
    def probabilistic(self) -> bool:
        """Whether D's output is read as a probability."""
        return self.loss in ("non_saturating", "minimax")

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
        game = self.game(start.step if start else 0, moments.block)
        step = game.load(start) if start else 0
        if start is None:
            yield game.snapshot(0)
            yield game.checkpoint(0)
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
            yield from game.engines(step)
            due = moments.due(step)
            if due.snapshot or step == self.steps:
                yield game.snapshot(step)
            if due.checkpoint or step == self.steps:
                yield game.checkpoint(step)

    def game(self, step: int, block: int = 1) -> Game | DiracGame:
        """Players as they are at the very first, by the knobs in force at `step`."""
        return (DiracGame if self.data == "dirac" else Game)(self.at(step), block)

    def revive(self, checkpoint: Checkpoint) -> Game:
        """Both players, and the data they saw, as they were after `checkpoint.step` steps.

        Raises `ValueError` for the Dirac-GAN, which has none.
        """
        game = self.game(checkpoint.step)
        if not isinstance(game, Game):
            raise ValueError("The Dirac-GAN has no networks.")
        game.load(checkpoint)
        return game

    def sitter(self) -> Game | None:
        """See `Experiment.sitter`."""
        return None if self.data == "dirac" else Game(self.at(0))

    def measure(self, snapshot: Snapshot) -> Mapping[str, float]:
        """Mode coverage, quality and distances of the recorded samples: those of the average of G where one is kept."""
        if self.data == "dirac":
            return {"distance": distance(snapshot.arrays["path"])}
        if not self.on_plane:
            return quality(*self._source, torch.from_numpy(snapshot.arrays["images"]).float() / 127.5 - 1)
        name = "samples_ema" if "samples_ema" in snapshot.arrays else "samples"
        return quality(*self._source, torch.from_numpy(snapshot.arrays[name]))

    def references(self) -> Mapping[str, Reference]:
        """What a perfect generator and one that knows only mean and covariance reach at this sample size."""
        if self.data == "dirac":
            return {"distance": Reference(perfect=0.0, low=0.0, high=0.0, null=1.0)}
        return quality_references(*self._source, SAMPLES if self.on_plane else IMAGES)
