"""The game that a GAN trains by: two players, their optimizers, the data, and one training step.

Letters: B batch, X numbers per datum (2 on the plane, 64 for an 8×8 digit), Z noise numbers, N recorded samples.
Inside the game data are divided by `PlaneData.reach`; everything recorded is in the data's own units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.experiment import Snapshot
from models.layers.adversarial import (
    discriminator_loss,
    discriminator_slope,
    generator_loss,
    generator_slope,
    r1_penalty,
)
from models.layers.mlp import Adam, Mlp, Sgd
from models.layers.resumable import Resumable
from models.running import captured, device, stream

if TYPE_CHECKING:
    from models.gan import GanTraining

SAMPLES = 2500
"""Recorded samples on the plane: the sample size of the published mode-coverage tables (PacGAN, arXiv 1712.04086)."""
IMAGES = 500
SURFACE = 48
POINTS = 12_000
COLUMNS = ("loss_d", "loss_g", "d_real", "d_fake", "gradient_d", "gradient_g")


class Game(Resumable["GanTraining"]):
    """The two players, their optimizers, the data and the random stream: all that a training step touches."""

    chance = "noise"

    def __init__(self, knobs: GanTraining, block: int = 1) -> None:
        self.where = device()
        self.capturing = True
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
        # The warm-up before a capture writes three rows.
        self.rows = torch.zeros(max(block, 4), len(COLUMNS), device=self.where)
        self.row = torch.zeros(1, dtype=torch.int64, device=self.where)
        self.sign_2B = torch.ones(2 * self.size, device=self.where)
        self.sign_2B[self.size :] = -1
        self.probe_NZ = self._noise((SAMPLES if knobs.on_plane else IMAGES,), stream(knobs.seed, "probe")).to(
            self.where
        )
        self.grid = self._grid() if knobs.on_plane else None
        self._capture()

    def _capture(self) -> None:
        self.advance: Callable[[], None] = self._iterate
        if self.where.type != "cuda" or not self.capturing:
            return
        state = self.random.get_state()
        graph = captured(self._iterate, self.random, (*self._tensors().values(), self.rows, self.row))
        if graph is None:
            self.capturing = False
            self.random = torch.Generator(self.where)
            self.random.set_state(state)
        else:
            self.advance = graph

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
        rows = self.rows[:count].cpu().double().numpy()
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
