"""What is recorded of a game on the plane: samples, the generator as a warped net, D, D*, and how samples are pulled.

Letters: N points, S nodes along the side of the surface, M nodes along the side of the net, X = 2 coordinates. Inside
the game coordinates are divided by `PlaneData.reach`; everything here is handed out in the data's own units.

samples, samples_ema   (N, 2) G and its average on the probe noise
surface                (S, S) D over the picture, row 0 at the bottom: a probability, or the critic's value
optimal                (S, S) D* for data and samples as they are, see `models/metrics/optimal.py`
net                    (M, M, 2) where G sends a net of evenly likely noise: narrow meshes are where samples are dense
arrows                 (A, 4) samples (x, y), and the gradient that pulls each (-∂loss of G/∂x, per unit of reach)

Source: the net and the arrows: Kahng et al. 2019 (GAN Lab), arXiv 1809.01587, figures 1 and 5.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.layers.adversarial import LOGISTIC
from models.metrics.optimal import data_density, grid_density, optimal

if TYPE_CHECKING:
    from models.layers.game import Game

SURFACE = 48
NET = 21
ARROWS = 144
"""A multiple of every pack size."""


class PlanePicture:
    """The fixed places at which a game on the plane is looked at."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self.data = game.knobs.plane()
        x0, x1, y0, y1 = self.data.extent
        ys, xs = torch.meshgrid(torch.linspace(y0, y1, SURFACE), torch.linspace(x0, x1, SURFACE), indexing="ij")
        self.grid_N2 = (torch.stack((xs, ys), -1).view(-1, 2) / self.data.reach).to(game.where)
        self.net_NZ = self._net().to(game.where)
        knobs = game.knobs
        self.p_SS = data_density(knobs.data, knobs.drawing if knobs.data == "drawing" else "", SURFACE)

    def of(self, game: Game) -> PlanePicture:
        """The same places, at which another game on the same data is looked at."""
        other = copy(self)
        other.game = game
        return other

    def _net(self) -> Tensor:
        """(M·M, Z) noise whose first two numbers run over their evenly spaced quantiles; the others are 0."""
        knobs = self.game.knobs
        share_M = (torch.arange(NET, dtype=torch.float64) + 0.5) / NET
        at_M = torch.special.ndtri(share_M) if knobs.noise == "normal" else 2 * share_M - 1
        net_NZ = torch.zeros(NET * NET, knobs.noise_dim)
        net_NZ[:, 0] = at_M.float().repeat(NET)
        if knobs.noise_dim > 1:
            net_NZ[:, 1] = at_M.float().repeat_interleave(NET)
        return net_NZ

    def arrays(self, samples: dict[str, Tensor]) -> dict[str, np.ndarray]:
        """Everything of one moment, from samples (N, 2) in the game's own units, by name."""
        game, reach = self.game, self.data.reach
        scaled = {name: samples_N2 * reach for name, samples_N2 in samples.items()}
        found = {name: samples_N2.cpu().numpy() for name, samples_N2 in scaled.items()}
        surface_N = self._surface(samples["samples"])
        found["surface"] = surface_N.view(SURFACE, SURFACE).cpu().numpy()
        q_SS = grid_density(scaled["samples"], self.data.extent, SURFACE)
        found["optimal"] = optimal(self.p_SS, q_SS, game.critic.smoothing).float().numpy()
        found["net"] = (game.generate(self.net_NZ) * reach).view(NET, NET, 2).cpu().numpy()
        shown_A2 = samples["samples"][:ARROWS]
        pull_A2 = game.pull(shown_A2, blurred=False)[1].mul_(-len(shown_A2))
        found["arrows"] = torch.cat((scaled["samples"][:ARROWS], pull_A2), 1).cpu().numpy()
        return found

    def _surface(self, samples_N2: Tensor) -> Tensor:
        """D at the nodes; where only differences of D mean something, around its mean between data and samples."""
        game = self.game
        logits_N = game.judge(self.grid_N2)
        if game.knobs.loss in ("wasserstein", "relativistic"):
            means = [game.judge(x_N2).mean() for x_N2 in (game.batches[0], samples_N2[: game.size])]
            return logits_N - (means[0] + means[1]) / 2
        return torch.sigmoid(logits_N) if game.knobs.loss in LOGISTIC else logits_N
