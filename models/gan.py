"""Two networks in a game: the generator makes points or digits out of noise, the discriminator tells them from data.

Letters: B batch, X numbers per datum (2 on the plane, 64 for an 8×8 digit), Z noise numbers, N recorded samples.
Inside the game data are divided by `PlaneData.reach`; everything recorded is in the data's own units.

Source: Goodfellow et al. 2014, arXiv 1406.2661 (the game, eq. 1; the non-saturating generator loss, section 3);
least squares: Mao et al. 2017, arXiv 1611.04076, eq. 2; hinge: Lim and Ye 2017, arXiv 1705.02894; R1 penalty:
Mescheder et al. 2018, arXiv 1801.04406, eq. 9; generator average: Yazıcı et al. 2019, arXiv 1806.04498; the setting
"GAN Lab default": Kahng et al. 2019, arXiv 1809.01587. The discriminator ends in a logit; the sigmoid of the papers
sits inside the loss, where it cannot saturate to log(0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import field_validator
from torch import Tensor, nn

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
from models.layers.mlp import Adam, Mlp, Sgd
from models.metrics.quality import quality, quality_references
from models.running import Moments, captured, device, stream

SAMPLES = 2500
"""Recorded samples on the plane: the sample size of the published mode-coverage tables (PacGAN, arXiv 1712.04086)."""
IMAGES = 500
SURFACE = 48
POINTS = 12_000
COLUMNS = ("loss_d", "loss_g", "d_real", "d_fake", "gradient_d", "gradient_g")
GAN_LAB = (
    "The work of GAN Lab, number for number, so that speed can be compared. With plain settings like these the seed "
    "decides: some runs find both blobs, others collapse."
)
CALM = (
    "Adam, a leaky slope, an R1 penalty and an average of G: the same data, and every seed ends nearer to them than "
    "one Gaussian can."
)
RING = "Eight small modes on a circle. The average of G finds all eight, with nine of ten samples inside three sigma."
DIGITS = "Real handwritten digits, 8×8 pixels each, made from 16 random numbers: all ten classes appear."
DIVERGED = "The run diverged: {tensor} became NaN or infinite at step {step}. Step {good} is the last good one."


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
    note_templates: ClassVar[tuple[str, ...]] = (DIVERGED,)

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
        while step < self.steps:
            game.play_by(self.at(step))
            good, begin = game.state(), step
            stop = min([moments.after(step), self.steps, *(when for when, *_ in self.changes if when > step)])
            while step < stop:
                game.iterate()
                step += 1
                if moments.asked:
                    break
            columns = game.told()
            if not all(np.isfinite(column).all() for column in columns.values()):
                yield from _divergence(game, good, begin, columns)
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
            return quality("digits", "", torch.from_numpy(snapshot.arrays["images"]).float() / 127.5 - 1)
        name = "samples_ema" if "samples_ema" in snapshot.arrays else "samples"
        return quality(self.data, self.drawing, torch.from_numpy(snapshot.arrays[name]))

    def references(self) -> Mapping[str, Reference]:
        """What a perfect generator and one that knows only mean and covariance reach at this sample size."""
        return quality_references(self.data, self.drawing, SAMPLES if self.on_plane else IMAGES)


def discriminator_loss(loss: str, logits_2B: Tensor, sign_2B: Tensor) -> Tensor:
    """The loss of D for logits of B data, then of B samples: its mean over data plus its mean over samples.

    `sign_2B` is +1 for data and -1 for samples.
    """
    batch = len(logits_2B) // 2
    match loss:
        case "non_saturating" | "minimax":
            return F.softplus(-sign_2B * logits_2B).sum() / batch
        case "least_squares":
            # (D(x) - 1)² for data and D(x)² for samples: targets (sign + 1) / 2.
            return (logits_2B - (sign_2B + 1) / 2).square().sum() / (2 * batch)
        case "hinge":
            return F.relu(1 - sign_2B * logits_2B).sum() / batch
    raise ValueError(f"no such loss: {loss}")


def discriminator_slope(loss: str, logits_2B: Tensor, sign_2B: Tensor) -> Tensor:
    """∂`discriminator_loss`/∂logits (2B,)."""
    batch = len(logits_2B) // 2
    match loss:
        case "non_saturating" | "minimax":
            return torch.sigmoid(-sign_2B * logits_2B).mul_(sign_2B).div_(-batch)
        case "least_squares":
            return (logits_2B - (sign_2B + 1) / 2) / batch
        case "hinge":
            return -sign_2B * (sign_2B * logits_2B < 1) / batch
    raise ValueError(f"no such loss: {loss}")


def generator_loss(loss: str, logits_B: Tensor) -> Tensor:
    """The loss of G for the discriminator's logits of B samples."""
    match loss:
        case "non_saturating":
            return F.softplus(-logits_B).mean()
        case "minimax":
            return -F.softplus(logits_B).mean()
        case "least_squares":
            return (logits_B - 1).square().mean() / 2
        case "hinge":
            return -logits_B.mean()
    raise ValueError(f"no such loss: {loss}")


def generator_slope(loss: str, logits_B: Tensor) -> Tensor:
    """∂`generator_loss`/∂logits (B,)."""
    batch = len(logits_B)
    match loss:
        case "non_saturating":
            return torch.sigmoid(-logits_B).div_(-batch)
        case "minimax":
            return torch.sigmoid(logits_B).div_(-batch)
        case "least_squares":
            return (logits_B - 1) / batch
        case "hinge":
            return torch.full_like(logits_B, -1 / batch)
    raise ValueError(f"no such loss: {loss}")


def r1_penalty(discriminator: nn.Module, x_BX: Tensor, gamma: float) -> Tensor:
    """γ/2 · E‖∇ₓD(x)‖² over the data (Mescheder et al. 2018, eq. 9)."""
    x_BX = x_BX.detach().requires_grad_()
    (slope_BX,) = torch.autograd.grad(discriminator(x_BX).sum(), x_BX, create_graph=True)
    return gamma / 2 * slope_BX.square().sum(1).mean()


class Game:
    """The two players, their optimizers, the data and the random stream: all that a training step touches."""

    def __init__(self, knobs: GanTraining, block: int = 1) -> None:
        self.where = device()
        self.knobs = knobs
        self.reach = knobs.plane().reach if knobs.on_plane else 1.0
        data_NX = knobs.points(POINTS, "data") / self.reach
        count = max(1, len(data_NX) // knobs.batch_size)
        self.size = min(knobs.batch_size, len(data_NX))
        self.batches = data_NX[: count * self.size].view(count, self.size, -1).to(self.where)
        x, hidden = self.batches.shape[-1], [knobs.width] * knobs.depth
        weights = stream(knobs.seed, "weights")
        self.g = Mlp([knobs.noise_dim, *hidden, x], knobs.activation, weights, self.where)
        self.d = Mlp([x, *hidden, 1], knobs.activation, weights, self.where)
        self.ema = self.g.flat_P.clone()
        self.optimizers = {name: self._optimizer(player) for name, player in (("d", self.d), ("g", self.g))}
        self.random = stream(knobs.seed, "noise", self.where)
        self.cursor = torch.zeros(1, dtype=torch.int64, device=self.where)
        self.rows = torch.zeros(block, len(COLUMNS), device=self.where)
        self.row = torch.zeros(1, dtype=torch.int64, device=self.where)
        self.sign_2B = torch.ones(2 * self.size, device=self.where)
        self.sign_2B[self.size :] = -1
        self.probe_NZ = self._noise((SAMPLES if knobs.on_plane else IMAGES,), stream(knobs.seed, "probe")).to(
            self.where
        )
        self.grid = self._grid() if knobs.on_plane else None
        self._capture()

    def _capture(self) -> None:
        changed = (*self._tensors().values(), self.rows, self.row)
        self.iterate = captured(self._iterate, self.where, self.random, changed)

    def _optimizer(self, player: Mlp) -> Sgd | Adam:
        lr = self.knobs.lr_d if player is self.d else self.knobs.lr_g
        return Sgd(player.flat_P, lr) if self.knobs.optimizer == "sgd" else Adam(player.flat_P, lr, self.knobs.beta1)

    def _noise(self, shape: tuple[int, ...], random: torch.Generator) -> Tensor:
        draw = torch.randn if self.knobs.noise == "normal" else torch.rand
        noise = draw((*shape, self.knobs.noise_dim), generator=random, device=random.device)
        return noise if self.knobs.noise == "normal" else noise.mul_(2).sub_(1)

    def _grid(self) -> Tensor:
        x0, x1, y0, y1 = self.knobs.plane().extent
        ys, xs = torch.meshgrid(torch.linspace(y0, y1, SURFACE), torch.linspace(x0, x1, SURFACE), indexing="ij")
        return (torch.stack((xs, ys), -1).view(-1, 2) / self.reach).to(self.where)

    def play_by(self, knobs: GanTraining) -> None:
        """Take over knobs that changed during training."""
        if knobs == self.knobs:
            return
        self.knobs = knobs
        self.optimizers["d"].lr, self.optimizers["g"].lr = knobs.lr_d, knobs.lr_g
        self._capture()

    def generate(self, noise_BZ: Tensor) -> Tensor:
        """Samples (B, X) in the game's own units."""
        x_BX = self.g.trace(noise_BZ)[-1]
        return x_BX.tanh_() if self.knobs.output == "tanh" else x_BX

    @torch.no_grad()
    def _iterate(self) -> None:
        """One training step: k_d updates of D, then k_g of G; its numbers go to the next row of `rows`."""
        knobs = self.knobs
        noise = self._noise((knobs.k_d + knobs.k_g, self.size), self.random).unbind()
        for noise_BZ in noise[: knobs.k_d]:
            loss_d, logits_2B, gradient_d = self._update_discriminator(noise_BZ)
        for noise_BZ in noise[knobs.k_d :]:
            loss_g, gradient_g = self._update_generator(noise_BZ)
        if knobs.ema_decay > 0:
            self.ema.lerp_(self.g.flat_P, 1 - knobs.ema_decay)
        d_real, d_fake = self.belief(logits_2B).view(2, -1).mean(1).unbind()
        norms = torch.linalg.vector_norm(gradient_d), torch.linalg.vector_norm(gradient_g)
        row = torch.stack((loss_d, loss_g, d_real, d_fake, *norms))
        self.rows.index_copy_(0, self.row, row[None])
        self.row.add_(1)

    def _update_discriminator(self, noise_BZ: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One update of D on a batch of data and one of samples; tells loss, logits (2B,) and gradient (P,)."""
        real_BX = self.batches.index_select(0, self.cursor)[0]
        self.cursor.add_(1).remainder_(len(self.batches))
        trace = self.d.trace(torch.cat((real_BX, self.generate(noise_BZ))))
        logits_2B = trace[-1][:, 0]
        slope_2B = discriminator_slope(self.knobs.loss, logits_2B, self.sign_2B)
        self.d.backpropagate(trace, slope_2B[:, None])
        if self.knobs.r1_gamma > 0:
            # The penalty is itself made of a gradient, so this part needs autograd.
            own_P = self.d.gradient_P.clone()
            with torch.enable_grad():
                penalty = r1_penalty(self.d, real_BX, self.knobs.r1_gamma)
            self.d.differentiate(penalty).add_(own_P)
        self.optimizers["d"].step(self.d.gradient_P)
        return discriminator_loss(self.knobs.loss, logits_2B, self.sign_2B), logits_2B, self.d.gradient_P

    def _update_generator(self, noise_BZ: Tensor) -> tuple[Tensor, Tensor]:
        """One update of G through a D that holds still; tells loss and gradient (P,)."""
        trace_g = self.g.trace(noise_BZ)
        fake_BX = trace_g[-1].tanh_() if self.knobs.output == "tanh" else trace_g[-1]
        trace_d = self.d.trace(fake_BX)
        logits_B = trace_d[-1][:, 0]
        slope_B = generator_slope(self.knobs.loss, logits_B)
        d_BX = self.d.backpropagate(trace_d, slope_B[:, None], weights=False)
        if self.knobs.output == "tanh":
            d_BX = d_BX.mul_(1 - fake_BX * fake_BX)
        self.g.backpropagate(trace_g, d_BX)
        self.optimizers["g"].step(self.g.gradient_P)
        return generator_loss(self.knobs.loss, logits_B), self.g.gradient_P

    def belief(self, logits: Tensor) -> Tensor:
        """D(x) as the loss reads it: a probability for the logistic losses, the raw output for the others."""
        return torch.sigmoid(logits) if self.knobs.loss in ("non_saturating", "minimax") else logits

    def told(self) -> dict[str, np.ndarray]:
        """The numbers of the steps since the last call, column by column; empties the rows."""
        count = int(self.row)
        rows = self.rows[:count].to("cpu", torch.float64).numpy()
        self.row.zero_()
        return {name: rows[:, column].copy() for column, name in enumerate(COLUMNS)}

    @torch.no_grad()
    def snapshot(self, step: int) -> Snapshot:
        """Samples of the fixed probe noise, and on the plane the discriminator over a grid (row 0 at the bottom)."""
        samples = {"samples": self.generate(self.probe_NZ)}
        if self.knobs.ema_decay > 0:
            current = self.g.flat_P.clone()
            self.g.flat_P.copy_(self.ema)
            samples["samples_ema"] = self.generate(self.probe_NZ)
            self.g.flat_P.copy_(current)
        if self.grid is None:
            shown = samples.get("samples_ema", samples["samples"])
            # Eight bits are more than the 17 grey levels that the digits have.
            images = shown.clamp(-1, 1).add_(1).mul_(127.5).round_().to("cpu", torch.uint8)
            return Snapshot(step, {"images": images.numpy()})
        arrays = {name: (samples_N2 * self.reach).cpu().numpy() for name, samples_N2 in samples.items()}
        surface = self.belief(self.d(self.grid)).view(SURFACE, SURFACE)
        return Snapshot(step, {**arrays, "surface": surface.cpu().numpy()})

    def _tensors(self) -> dict[str, Tensor]:
        own = {"g": self.g.flat_P, "d": self.d.flat_P, "ema": self.ema, "cursor": self.cursor}
        for name, optimizer in self.optimizers.items():
            own.update({f"{name}.{part}": tensor for part, tensor in optimizer.state().items()})
        return own

    def state(self) -> dict[str, Tensor]:
        """A copy of everything that the next step depends on."""
        return {**{name: tensor.clone() for name, tensor in self._tensors().items()}, "noise": self.random.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        for name, tensor in self._tensors().items():
            tensor.copy_(state[name])
        self.random.set_state(state["noise"].cpu())

    def checkpoint(self, step: int) -> Checkpoint:
        return Checkpoint(step, {name: tensor.cpu().numpy() for name, tensor in self.state().items()})

    def load(self, checkpoint: Checkpoint) -> int:
        """Continue from `checkpoint`; returns its step."""
        self.restore({name: torch.from_numpy(np.array(array)) for name, array in checkpoint.arrays.items()})
        return checkpoint.step


def _divergence(
    game: Game, good: Mapping[str, Tensor], begin: int, columns: Mapping[str, np.ndarray]
) -> Iterator[Event]:
    """Replays the stretch that went wrong, step by step, to tell the step, the tensor, and the last good state."""
    game.restore(good)
    bad = next(row for row in range(len(columns["loss_d"])) if not all(np.isfinite(c[row]) for c in columns.values()))
    for _ in range(bad):
        game.iterate()
    last_good = begin + bad
    if bad:
        yield Scalars(last_good, begin + 1, {name: column[:bad] for name, column in columns.items()})
    yield game.snapshot(last_good)
    yield game.checkpoint(last_good)
    game.iterate()
    lost = next((name for name, column in columns.items() if not np.isfinite(column[bad])), "loss_d")
    tensor = next((f"{p}: {t}" for p, t in (("D", game.d.non_finite()), ("G", game.g.non_finite())) if t), lost)
    yield Scalars(last_good + 1, last_good + 1, {name: column[bad : bad + 1] for name, column in columns.items()})
    yield Note(last_good + 1, "diverged", DIVERGED, {"tensor": tensor, "step": last_good + 1, "good": last_good})
