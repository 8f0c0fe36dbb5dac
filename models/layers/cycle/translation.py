"""A CycleGAN in training: G from X to Y, F from Y to X, a discriminator for each set, and one training step.

Letters: B batch, X numbers per datum, N shown data, P parameters. A batch is a function of seed and step alone.

Source: Zhu et al. 2017, arXiv 1703.10593, eq. 1 to 4, with the least-squares losses of its section 4 and without its
image buffer; R1 at both discriminators (Mescheder et al. 2018, arXiv 1801.04406) is ours.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from models.experiment import Snapshot
from models.layers.cycle.domains import REACH, Domains
from models.layers.encoder_decoder import fresh, perceptron
from models.layers.flat import Flat
from models.layers.image_gan.losses import steepness
from models.layers.image_gan.portrait import as_bytes
from models.layers.mlp import Adam
from models.layers.resumable import Capturable
from models.layers.rows import Rows
from models.running import device

if TYPE_CHECKING:
    from models.cycle_gan import CycleGan

COLUMNS = ("loss_d", "loss_g", "loss_cycle", "gradient_d", "gradient_g")
BETAS = (0.5, 0.99)
SHOWN = 300
FILMS = 20
"""Pictures of each set that a snapshot holds, each with what became of it and its way back."""
GRID = 40
EVERY = 4
"""Steps from one R1 penalty to the next; it then weighs as many times as much."""


class Translator(nn.Module):
    """From one set to the other: (B, X) → (B, X)."""

    def __init__(self, size: int, width: int, pictured: bool) -> None:
        super().__init__()
        self.pictured = pictured
        self.layers = perceptron([size, width, width, size], last=False)

    def forward(self, x_BX: Tensor) -> Tensor:
        if not self.pictured:
            found: Tensor = self.layers(x_BX)
            return found
        pixels: Tensor = self.layers(2 * x_BX - 1).sigmoid()
        return pixels


class Critic(nn.Module):
    """How much a datum looks like one of a set: (B, X) → (B,), 1 for members and 0 for forgeries."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        sizes = [size, width, width, 1]
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in itertools.pairwise(sizes))

    def forward(self, x_BX: Tensor) -> Tensor:
        *hidden, last = self.layers
        for layer in hidden:
            x_BX = nn.functional.leaky_relu(layer(x_BX), 0.2)
        found: Tensor = last(x_BX)[:, 0]
        return found


class Translation(Capturable["CycleGan"]):
    """Four networks and their optimizers: all that a training step touches. Nothing is left to chance."""

    def __init__(self, knobs: CycleGan, block: int = 1) -> None:
        self.where, self.knobs = device(), knobs
        self.domains = Domains(knobs.data, knobs.seed)
        size, width = self.domains.size, knobs.width
        translators = nn.ModuleList(Translator(size, width, not self.domains.on_plane) for _ in range(2))
        critics = nn.ModuleList(Critic(size, width) for _ in range(2))
        weights = knobs.stream("weights")
        for networks in (translators, critics):
            fresh(networks, weights)
        self.g_flat, self.d_flat = (Flat(each.to(self.where), self.where) for each in (translators, critics))
        self.there, self.back = translators
        self.critic_x, self.critic_y = critics
        self.critics = critics
        self.g_adam, self.d_adam = (Adam(each.weights_P, knobs.lr, *BETAS) for each in (self.g_flat, self.d_flat))
        self.x_BX, self.y_BX = (torch.zeros(knobs.batch_size, size, device=self.where) for _ in range(2))
        self.rows = Rows(block, len(COLUMNS), where=self.where)
        self.launches = {}
        self.shown_x, self.shown_y = (each.to(self.where) for each in self.domains.shown(SHOWN)[:2])
        ticks = torch.linspace(-REACH, REACH, GRID, device=self.where)
        self.grid_N2 = torch.stack(torch.meshgrid(ticks, ticks, indexing="xy"), -1).view(-1, 2)

    def iterate(self, step: int) -> None:
        """One training step, from `step` to `step + 1`."""
        for place, drawn in zip(
            (self.x_BX, self.y_BX), self.domains.draw(self.knobs.batch_size, f"step {step}"), strict=True
        ):
            place.copy_(drawn)
        due = self.knobs.r1_gamma > 0 and step % EVERY == 0
        self.run(due, partial(self._advance, due))

    def _advance(self, due: bool) -> None:
        """Both translators, then both critics."""
        x_BX, y_BX = self.x_BX, self.y_BX
        self.critics.requires_grad_(False)
        y_fake, x_fake = self.there(x_BX), self.back(y_BX)
        fooled = (self.critic_y(y_fake) - 1).square().mean() + (self.critic_x(x_fake) - 1).square().mean()
        cycle = (self.back(y_fake) - x_BX).abs().mean() + (self.there(x_fake) - y_BX).abs().mean()
        self.g_flat.differentiate(fooled + self.knobs.cycle * cycle)
        self.critics.requires_grad_(True)
        caught = self._caught(self.critic_x, x_BX, x_fake.detach()) + self._caught(self.critic_y, y_BX, y_fake.detach())
        whole = caught
        if due:
            steep = steepness(self.critic_x, x_BX) + steepness(self.critic_y, y_BX)
            whole = whole + EVERY * self.knobs.r1_gamma / 2 * steep
        self.d_flat.differentiate(whole)
        with torch.no_grad():
            norms = [torch.linalg.vector_norm(flat.gradient_P) for flat in (self.d_flat, self.g_flat)]
            self.g_adam.step(self.g_flat.gradient_P)
            self.d_adam.step(self.d_flat.gradient_P)
            told = (caught.detach() / 2, fooled.detach() / 2, cycle.detach() / 2, *norms)
            self.rows.write(torch.stack(told))

    @staticmethod
    def _caught(critic: nn.Module, real_BX: Tensor, fake_BX: Tensor) -> Tensor:
        real_B, fake_B = critic(torch.cat((real_BX, fake_BX))).chunk(2)
        loss: Tensor = ((real_B - 1).square().mean() + fake_B.square().mean()) / 2
        return loss

    def play_by(self, knobs: CycleGan) -> None:
        """Take over knobs that changed during training."""
        if knobs == self.knobs:
            return
        self.knobs, self.launches = knobs, {}
        self.g_adam.lr = self.d_adam.lr = knobs.lr

    def non_finite(self) -> str | None:
        """The first weight or gradient, by name, that holds a NaN or an infinity."""
        return self.d_flat.non_finite() or self.g_flat.non_finite()

    def told(self) -> dict[str, np.ndarray]:
        """The numbers of the steps since the last call, column by column; empties the rows."""
        rows = self.rows.read()
        return {name: rows[:, place].copy() for place, name in enumerate(COLUMNS)}

    @torch.no_grad()
    def ways(self) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
        """Shown data of each set (N, X), what became of them, and what came back."""
        y_fake, x_fake = self.there(self.shown_x), self.back(self.shown_y)
        return (self.shown_x, y_fake, self.back(y_fake)), (self.shown_y, x_fake, self.there(x_fake))

    @torch.no_grad()
    def snapshot(self, step: int) -> Snapshot:
        """Both ways; see `CycleGan.wire`."""
        there, back = self.ways()
        if self.domains.on_plane:
            names = ("x", "x_there", "x_again", "y", "y_there", "y_again")
            arrays = dict(zip(names, (*there, *back), strict=True))
            arrays["surface"] = self.critic_y(self.grid_N2).view(GRID, GRID)
            arrays["samples"] = there[1]
        else:
            arrays = {"images": films(there), "images_back": films(back)}
        return Snapshot(step, {name: part.cpu().numpy() for name, part in arrays.items()})

    def _tensors(self) -> dict[str, Tensor]:
        held = {"translators": self.g_flat.weights_P, "critics": self.d_flat.weights_P}
        for name, adam in (("translators", self.g_adam), ("critics", self.d_adam)):
            held |= {f"{name}.{part}": tensor for part, tensor in adam.state().items()}
        return held


def films(way: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """(60, X) bytes: ten pictures, below them what became of them, below that what came back; twice."""
    half = FILMS // 2
    rows = [part[start : start + half] for start in (0, half) for part in way]
    return as_bytes(torch.cat(rows))
