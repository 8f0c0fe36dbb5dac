"""An image GAN in training: two players, an average of one of them, batches, and one training step.

Letters: B batch, N pictures to learn from, X pixels in 0 … 1, Z noise numbers, C classes, P parameters.

Which pictures a step sees is a function of seed and step alone: twins see the same ones. R1 is taken at every
`EVERY`th step and weighs `EVERY` times as much (Karras et al. 2020, arXiv 1912.04958, appendix B: "lazy").
"""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from models.data.pictures import pictures
from models.experiment import Snapshot
from models.layers.encoder_decoder import fresh
from models.layers.flat import Flat
from models.layers.image_gan.augmentation import shifted, shifts
from models.layers.image_gan.discriminators import discriminator, one_hot
from models.layers.image_gan.generators import LAYERS, MEAN_DECAY, StyleGenerator, generator, settle
from models.layers.image_gan.losses import critic_loss, forger_loss, steepness
from models.layers.image_gan.portrait import Probe, portrait
from models.layers.mlp import Adam
from models.layers.resumable import Capturable
from models.layers.rows import Rows
from models.running import device, stream

if TYPE_CHECKING:
    from models.image_gan import ImageGan

COLUMNS = ("loss_d", "loss_g", "d_real", "d_fake", "gradient_d", "gradient_g", "penalty")
BETAS = (0.5, 0.99)
EVERY = 4
MIXED = 0.5
"""Share of batches whose pictures take two styles (Karras et al. 2019, section 3.1)."""


class Duel(Capturable["ImageGan"]):
    """Both players, the average of G, data, optimizers and chance: all that a training step touches."""

    chance = "noise"

    def __init__(self, knobs: ImageGan, block: int = 1) -> None:
        self.where, self.knobs = device(), knobs
        self.data = pictures(knobs.data)
        self.side, self.classes = self.data.side, self.data.classes if knobs.conditional else 0
        weights = stream(knobs.seed, "weights")
        network = generator(knobs.architecture, self.side, self.classes, knobs.width, knobs.latent_dim)
        opponent = discriminator(knobs.architecture, self.side, self.classes, knobs.width)
        for player in (network, opponent):
            fresh(player, weights)
        if isinstance(network, StyleGenerator):
            network.awaken(weights)
        self.g, self.d = network.to(self.where), opponent.to(self.where)
        self.average = copy.deepcopy(self.g)
        self.g_flat, self.d_flat = Flat(self.g, self.where), Flat(self.d, self.where)
        self.average_flat = Flat(self.average, self.where)
        self.g_adam = Adam(self.g_flat.weights_P, knobs.lr_g, *BETAS)
        self.d_adam = Adam(self.d_flat.weights_P, knobs.lr_d, *BETAS)
        self.train_NX, self.label_N = self.data.train_NX.to(self.where), self.data.train_label_N.to(self.where)
        self.size = min(knobs.batch_size, len(self.train_NX))
        self.random = stream(knobs.seed, "noise", self.where)
        self.epoch = -1
        self.batches = torch.zeros(len(self.train_NX) // self.size, self.size, dtype=torch.int64, device=self.where)
        self.cursor = torch.zeros(1, dtype=torch.int64, device=self.where)
        self.blend = torch.zeros((), device=self.where)
        self.probe = Probe.of(knobs, self.data, self.where)
        self.penalty = torch.zeros((), device=self.where)
        self.rows = Rows(block, len(COLUMNS), where=self.where)
        self.launches = {}

    def prepare(self, step: int) -> None:
        """Have ready what the update that leads from `step` to `step + 1` reads: pictures, the average's weight."""
        epoch, place = divmod(step, len(self.batches))
        if epoch != self.epoch:
            self.epoch = epoch
            order = torch.randperm(len(self.train_NX), generator=stream(self.knobs.seed, f"order {epoch}"))
            self.batches.copy_(order[: self.batches.numel()].view_as(self.batches))
        self.cursor.fill_(place)
        self.blend.fill_(1 - min(self.knobs.ema_decay, (step + 1) / (step + 10)))

    def batch(self) -> tuple[Tensor, Tensor | None]:
        """The pictures (B, X) and classes (B, C) whose turn it is."""
        row_B = self.batches.index_select(0, self.cursor)[0]
        return self.train_NX.index_select(0, row_B), one_hot(self.label_N.index_select(0, row_B), self.classes)

    def noise(self, count: int) -> Tensor:
        return torch.randn(count, self.knobs.latent_dim, generator=self.random, device=self.where)

    def forged(self, class_BC: Tensor | None) -> Tensor:
        """Fresh pictures of the player G (B, X), one per row; half of the time, of two styles each."""
        z_BZ = self.noise(self.size)
        if not isinstance(self.g, StyleGenerator):
            found: Tensor = self.g(z_BZ, class_BC)
            return found
        w_BW, other_BW = (self.g.style(each, class_BC) for each in (z_BZ, self.noise(self.size)))
        with torch.no_grad():
            self.g.mean_W.lerp_(w_BW.mean(0), 1 - MEAN_DECAY)
        chance = torch.rand(2, generator=self.random, device=self.where)
        cut = torch.where(chance[0] < MIXED, 1 + (chance[1] * (LAYERS - 1)).floor(), LAYERS)
        return self.g.mixed(w_BW, other_BW, cut, self.random)

    def seen(self, x_BX: Tensor) -> Tensor:
        """What D is shown of the pictures."""
        if not self.knobs.augment:
            return x_BX
        return shifted(x_BX, shifts(len(x_BX), self.side, self.random, self.where), self.side)

    def iterate(self, step: int) -> None:
        """One training step, from `step` to `step + 1`."""
        self.prepare(step)
        due = self.knobs.r1_gamma > 0 and step % EVERY == 0
        self.run(due, partial(self._advance, due))

    def _advance(self, due: bool) -> None:
        """D, then G, then the average of G."""
        x_BX, class_BC = self.batch()
        with torch.no_grad():
            fake_BX = self.forged(class_BC)
        told = [*self._teach_critic(due, self.seen(x_BX), self.seen(fake_BX), class_BC)]
        loss_g, gradient_g = self._teach_forger(x_BX, class_BC)
        self.average_flat.weights_P.lerp_(self.g_flat.weights_P, self.blend)
        if isinstance(self.g, StyleGenerator) and isinstance(self.average, StyleGenerator):
            self.average.mean_W.copy_(self.g.mean_W)
        loss_d, d_real, d_fake, gradient_d = told
        row = torch.stack((loss_d, loss_g, d_real, d_fake, gradient_d, gradient_g, self.penalty))
        self.rows.write(row)

    def _teach_critic(
        self, due: bool, x_BX: Tensor, fake_BX: Tensor, class_BC: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """One update of D: its loss, its mean on pictures and on forgeries, its gradient norm."""
        loss, gamma = self.knobs.loss, self.knobs.r1_gamma
        both_BC = None if class_BC is None else torch.cat((class_BC, class_BC))
        real_B, fake_B = self.d(torch.cat((x_BX, fake_BX)), both_BC).chunk(2)
        lost = critic_loss(loss, real_B, fake_B)
        whole = lost
        if due:
            at = (x_BX, fake_BX) if loss == "relativistic" else (x_BX,)
            parts = [steepness(lambda each_BX: self.d(each_BX, class_BC), each_BX) for each_BX in at]
            penalty = torch.stack(parts).sum()
            self.penalty.copy_(penalty.detach())
            whole = whole + EVERY * gamma / 2 * penalty
        self.d_flat.differentiate(whole)
        with torch.no_grad():
            norm = torch.linalg.vector_norm(self.d_flat.gradient_P)
            self.d_adam.step(self.d_flat.gradient_P)
            believed = [self.belief(each_B).mean() for each_B in (real_B, fake_B)]
        return lost.detach(), believed[0], believed[1], norm

    def _teach_forger(self, x_BX: Tensor, class_BC: Tensor | None) -> tuple[Tensor, Tensor]:
        """One update of G: its loss and its gradient norm."""
        self.d.requires_grad_(False)
        fake_B = self.d(self.seen(self.forged(class_BC)), class_BC)
        real_B = self.d(self.seen(x_BX), class_BC) if self.knobs.loss == "relativistic" else None
        lost = forger_loss(self.knobs.loss, real_B, fake_B)
        self.g_flat.differentiate(lost)
        self.d.requires_grad_(True)
        with torch.no_grad():
            norm = torch.linalg.vector_norm(self.g_flat.gradient_P)
            self.g_adam.step(self.g_flat.gradient_P)
        return lost.detach(), norm

    def belief(self, logits_B: Tensor) -> Tensor:
        """What D says, as a probability where the loss makes it one."""
        return logits_B.sigmoid() if self.knobs.loss == "non_saturating" else logits_B

    def players(self) -> tuple[nn.Module, nn.Module]:
        """G and its average, ready to be looked at: neither is left in training mode."""
        for player in (self.g, self.average):
            settle(player, self.probe.noise_GZ, self.probe.class_GC)
        return self.g, self.average

    def play_by(self, knobs: ImageGan) -> None:
        """Take over knobs that changed during training."""
        if knobs == self.knobs:
            return
        self.knobs, self.launches = knobs, {}
        self.g_adam.lr, self.d_adam.lr = knobs.lr_g, knobs.lr_d

    def non_finite(self) -> str | None:
        """The first weight or gradient, by name, that holds a NaN or an infinity."""
        for name, flat in (("D", self.d_flat), ("G", self.g_flat)):
            if (found := flat.non_finite()) is not None:
                return f"{name}.{found}"
        return None

    def told(self) -> dict[str, np.ndarray]:
        """The numbers of the steps since the last call, column by column; empties the rows."""
        rows = self.rows.read()
        kept = [name for name in COLUMNS if name != "penalty" or self.knobs.r1_gamma > 0]
        return {name: rows[:, COLUMNS.index(name)].copy() for name in kept}

    @torch.no_grad()
    def snapshot(self, step: int) -> Snapshot:
        """Pictures from fixed noise and what D says of them; see `ImageGan.wire`."""
        arrays = portrait(self)
        self.g.train()
        return Snapshot(step, {name: part.cpu().numpy() for name, part in arrays.items()})

    def _tensors(self) -> dict[str, Tensor]:
        held = {
            "g": self.g_flat.weights_P, "d": self.d_flat.weights_P, "average": self.average_flat.weights_P,
            "penalty": self.penalty,
        }  # fmt: skip
        if isinstance(self.g, StyleGenerator) and isinstance(self.average, StyleGenerator):
            held |= {"mean_style": self.g.mean_W, "mean_style_average": self.average.mean_W}
        for name, adam in (("g", self.g_adam), ("d", self.d_adam)):
            held |= {f"{name}.{part}": tensor for part, tensor in adam.state().items()}
        return held
