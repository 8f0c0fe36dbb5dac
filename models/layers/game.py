"""The game that a GAN trains by: two players, their optimizers, the data, and one training step.

Letters: B batch, X numbers per datum (2 on the plane, 64 for an 8×8 digit), Z noise numbers, N recorded samples, m data
that D judges together (`pack`). Inside the game data are divided by `PlaneData.reach`; everything recorded is in the
data's own units.

All runs on the backpropagation written out in `mlp.py`, but for penalties (`critic.py`) and the unrolled generator
(`unrolled.py`), where a gradient is differentiated once more: there autograd works on the same flat weights.

Source: packs: Lin et al. 2018 (PacGAN), arXiv 1712.04086, section 2; noise on what D sees: Sønderby et al. 2017, arXiv
1610.04490, section 3.1. A packed D is drawn as it judges packs of m copies of one point.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.layers.adversarial import LOGISTIC, PAIRED, generator_loss, generator_slope
from models.layers.critic import Critic, optimizer_of
from models.layers.later import Pictured
from models.layers.mlp import Mlp
from models.layers.plane_picture import PlanePicture
from models.layers.rows import Rows, Told, named
from models.layers.unrolled import unrolled_loss
from models.running import device, stream

if TYPE_CHECKING:
    from models.gan import GanTraining

SAMPLES = 2500
"""Recorded samples on the plane: the sample size of the published mode-coverage tables (PacGAN, arXiv 1712.04086)."""
IMAGES = 500
POINTS = 12_000
COLUMNS = ("loss_d", "loss_g", "d_real", "d_fake", "gradient_d", "gradient_g", "clipped")


class Game(Pictured["GanTraining"]):
    """The two players, their optimizers, the data and the random stream: all that a training step touches."""

    chance = "noise"

    def __init__(self, knobs: GanTraining, block: int = 1) -> None:
        self.where = device()
        self.knobs = knobs
        self.reach = knobs.plane().reach if knobs.on_plane else 1.0
        data_NX = knobs.points(POINTS, "data") / self.reach
        self.deviation = float(data_NX.var(0).sum()) ** 0.5 or 1.0
        self.batches = cut(data_NX, knobs.batch_size, knobs.pack).to(self.where)
        self.size, x = self.batches.shape[1:]
        weights = stream(knobs.seed, "weights")
        hidden = [knobs.width] * knobs.depth
        self.g = Mlp([knobs.noise_dim, *hidden, x], knobs.activation, weights, self.where)
        self.critic = Critic(knobs, knobs.pack * x, weights, self.where)
        self.d = self.critic.net
        self.ema = self.g.flat_P.clone()
        self.optimizers = {"d": self.critic.optimizer, "g": optimizer_of(knobs, self.g.flat_P, knobs.lr_g)}
        self.random = stream(knobs.seed, "noise", self.where)
        self.cursor = torch.zeros(1, dtype=torch.int64, device=self.where)
        width = len(COLUMNS) + (x if knobs.on_plane else 0)
        self.rows = Rows(block, width, where=self.where)
        packs = self.size // knobs.pack
        self.sign_2B = torch.ones(2 * packs, device=self.where)
        self.sign_2B[packs:] = -1
        self.none = torch.zeros((), device=self.where)
        self.probe_NZ = self._noise((SAMPLES if knobs.on_plane else IMAGES,), stream(knobs.seed, "probe")).to(
            self.where
        )
        self.picture = PlanePicture(self) if knobs.on_plane else None
        self._capture()

    def _capture(self) -> None:
        self.advance = self.launch(self._iterate, self.d.flat_P)

    def _noise(self, shape: tuple[int, ...], random: torch.Generator) -> Tensor:
        draw = torch.randn if self.knobs.noise == "normal" else torch.rand
        noise = draw((*shape, self.knobs.noise_dim), generator=random, device=random.device)
        return noise if self.knobs.noise == "normal" else noise.mul_(2).sub_(1)

    def play_by(self, knobs: GanTraining) -> None:
        """Take over knobs that changed during training."""
        if knobs == self.knobs:
            return
        self.knobs = knobs
        self.critic.play_by(knobs)
        self.optimizers["g"].lr = knobs.lr_g
        self._capture()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Resumable.restore`; checkpoints older than spectral normalisation have no vectors for it."""
        super().restore({"u": self.critic.spectral.u_S, **state})
        self.critic.settle()

    def generate(self, noise_BZ: Tensor) -> Tensor:
        """Samples (B, X) in the game's own units."""
        x_BX = self.g.trace(noise_BZ)[-1]
        return x_BX.tanh_() if self.knobs.output == "tanh" else x_BX

    def iterate(self, step: int) -> None:
        """One training step; which one it is, the game knows by itself."""
        self.advance()

    def non_finite(self) -> str | None:
        """The first weight or gradient of either player, by name, that holds a NaN or an infinity."""
        found = (("D", self.d.non_finite()), ("G", self.g.non_finite()))
        return next((f"{player}: {tensor}" for player, tensor in found if tensor), None)

    @torch.no_grad()
    def _iterate(self) -> None:
        """One training step: k_d updates of D, then k_g of G; its numbers go to the next row of `rows`."""
        knobs = self.knobs
        noise = self._noise((knobs.k_d + knobs.k_g, self.size), self.random).unbind()
        for noise_BZ in noise[: knobs.k_d]:
            fake_BX = self.generate(noise_BZ)
            real_BX = self.data()
            self.cursor.add_(1).remainder_(len(self.batches))
            loss_d, logits_2B = self.critic.learn(real_BX, self.seen(fake_BX), self.sign_2B, self.random)
        for noise_BZ in noise[knobs.k_d :]:
            loss_g = self._unrolled_update(noise_BZ) if knobs.unroll else self._update_generator(noise_BZ)
        if knobs.ema_decay > 0:
            self.ema.lerp_(self.g.flat_P, 1 - knobs.ema_decay)
        d_real, d_fake = self.belief(logits_2B).view(2, -1).mean(1).unbind()
        norms = torch.linalg.vector_norm(self.d.gradient_P), torch.linalg.vector_norm(self.g.gradient_P)
        clipped = self.critic.clipped() if knobs.constraint == "clip" else self.none
        row = torch.stack((loss_d, loss_g, d_real, d_fake, *norms, clipped))
        if knobs.on_plane:
            row = torch.cat((row, fake_BX.var(0)))
        self.rows.write(row)

    def data(self, blurred: bool = True) -> Tensor:
        """The batch of data whose turn it is, as D gets it."""
        return self.seen(self.batches.index_select(0, self.cursor)[0], blurred)

    def seen(self, x_BX: Tensor, blurred: bool = True) -> Tensor:
        """Data or samples as D gets them: with noise where the knob says so, m to a pack (B/m, mX)."""
        if blurred and self.knobs.instance_noise > 0:
            noise = torch.randn(x_BX.shape, generator=self.random, device=self.where)
            x_BX = x_BX.add(noise, alpha=self.knobs.instance_noise)
        return x_BX.reshape(len(x_BX) // self.knobs.pack, -1)

    def _update_generator(self, noise_BZ: Tensor) -> Tensor:
        """One update of G through a D that holds still; tells the loss."""
        trace_g = self.g.trace(noise_BZ)
        fake_BX = trace_g[-1].tanh_() if self.knobs.output == "tanh" else trace_g[-1]
        loss_g, d_BX = self.pull(fake_BX)
        if self.knobs.output == "tanh":
            d_BX = d_BX.mul_(1 - fake_BX * fake_BX)
        self.g.backpropagate(trace_g, d_BX)
        self.optimizers["g"].step(self.g.gradient_P)
        return loss_g

    @torch.no_grad()
    def pull(self, fake_BX: Tensor, blurred: bool = True) -> tuple[Tensor, Tensor]:
        """The loss of G for these samples, and its gradient (B, X) with respect to each of them."""
        trace_d = self.d.trace(self.seen(fake_BX, blurred))
        logits_B, real_B = trace_d[-1][:, 0], None
        if self.knobs.loss in PAIRED:
            real_B = self.d.trace(self.data(blurred))[-1][:, 0]
            # Looked at from outside there may be more samples than data in a batch: then all against the mean.
            real_B = real_B if len(real_B) == len(logits_B) else real_B.mean().expand(len(logits_B))
        slope_B = generator_slope(self.knobs.loss, logits_B, real_B)
        d_BX = self.d.backpropagate(trace_d, slope_B[:, None], weights=False).reshape(fake_BX.shape)
        return generator_loss(self.knobs.loss, logits_B, real_B), d_BX

    def _unrolled_update(self, noise_BZ: Tensor) -> Tensor:
        """One update of G through the steps that D would make in answer; tells the loss."""
        with torch.enable_grad():
            fake_BX = self.g(noise_BZ)
            fake_BX = self.seen(fake_BX.tanh() if self.knobs.output == "tanh" else fake_BX)
            loss_g = unrolled_loss(
                self.d, self.critic.optimizer, self.knobs.loss, self.data(), fake_BX, self.sign_2B, self.knobs.unroll,
                self.critic.smoothing,
            )  # fmt: skip
            self.g.differentiate(loss_g)
        self.optimizers["g"].step(self.g.gradient_P)
        return loss_g.detach()

    @torch.no_grad()
    def judge(self, x_NX: Tensor) -> Tensor:
        """Logits (N,) of single points: each as a pack of copies of itself, in a batch as varied as the data."""
        companions = self.batches[0].reshape(self.size // self.knobs.pack, -1)
        return self.d.among(x_NX.repeat(1, self.knobs.pack), companions)[:, 0]

    def belief(self, logits: Tensor) -> Tensor:
        """D(x) as the loss reads it: a probability for the logistic losses, the raw output for the others."""
        return torch.sigmoid(logits) if self.knobs.loss in LOGISTIC else logits

    def told(self) -> Told:
        """The numbers of the steps since the last call, column by column; empties the rows."""
        return self.rows.told(partial(split, self.knobs.constraint == "clip", self.deviation))

    def _seen(self) -> tuple[Tensor, ...]:
        return self.g.flat_P, self.d.flat_P, self.ema, self.cursor

    def _part(self, double: Game) -> None:
        double.g, double.d, double.critic = self.g.twin(), self.d.twin(), copy(self.critic)
        double.critic.net = double.d
        double.ema, double.cursor = self.ema.clone(), self.cursor.clone()
        double.picture = self.picture and self.picture.of(double)

    def look_by(self, knobs: GanTraining) -> None:
        """See `Pictured.look_by`."""
        self.knobs = self.critic.knobs = knobs

    @torch.no_grad()
    def arrays(self) -> dict[str, np.ndarray]:
        """The samples of the fixed probe noise, and on the plane everything of `plane_picture.py`."""
        samples = {"samples": self.generate(self.probe_NZ)}
        if self.knobs.ema_decay > 0:
            current = self.g.flat_P.clone()
            self.g.flat_P.copy_(self.ema)
            samples["samples_ema"] = self.generate(self.probe_NZ)
            self.g.flat_P.copy_(current)
        if self.picture is not None:
            return self.picture.arrays(samples)
        shown = samples.get("samples_ema", samples["samples"])
        # Eight bits are more than the 17 grey levels that the digits have.
        return {"images": shown.clamp(-1, 1).add_(1).mul_(127.5).round_().to("cpu", torch.uint8).numpy()}

    def _tensors(self) -> dict[str, Tensor]:
        own = {"g": self.g.flat_P, "d": self.critic.trained_P, "ema": self.ema, "cursor": self.cursor}
        own["u"] = self.critic.spectral.u_S
        for name, optimizer in self.optimizers.items():
            own.update({f"{name}.{part}": tensor for part, tensor in optimizer.state().items()})
        return own


def split(clips: bool, deviation: float, rows_SC: np.ndarray) -> dict[str, np.ndarray]:
    """Columns (S,) of rows that `Game` wrote; on the plane these end with the variances of samples, in a unit of the
    game's own."""
    found = named(COLUMNS, rows_SC)
    if not clips:
        del found["clipped"]
    if rows_SC.shape[1] > len(COLUMNS):
        found["spread"] = np.sqrt(rows_SC[:, len(COLUMNS) :].sum(1)) / deviation
    return found


def cut(data_NX: Tensor, batch_size: int, pack: int) -> Tensor:
    """The data as batches (batches, B, X), each of whole packs."""
    size = min(batch_size, len(data_NX))
    count = max(1, len(data_NX) // size)
    size = max(pack, size - size % pack)
    count = min(count, len(data_NX) // size)
    return data_NX[: count * size].view(count, size, -1)
