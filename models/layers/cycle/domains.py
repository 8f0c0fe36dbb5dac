"""Two sets without pairs, to be translated into each other: moons and eight Gaussians, or digits upright and turned.

Letters: B batch, X numbers per datum (2, or 64 pixels in 0 … 1), N shown data.

Both sets on the plane have about unit spread. Turned digits are other digits than the upright ones: no picture of one
set is a picture of the other's, so that nothing but the two sets' shapes can be learned from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from models.data.curves import moons
from models.data.density import PlaneData
from models.data.mixtures import Mixture
from models.data.pictures import pictures
from models.running import stream

Name = Literal["moons_and_gaussians", "turned_digits"]
SIDE = 8
RADIUS, SIGMA = 1.6, 0.12
"""Of the eight Gaussians."""
REACH = 2.6
"""Half the side of the square that is drawn."""


@lru_cache(maxsize=1)
def eight() -> Mixture:
    """Eight equally likely Gaussians on a circle."""
    angle_M = torch.arange(8) * (2 * math.pi / 8)
    means_M2 = RADIUS * torch.stack((angle_M.cos(), angle_M.sin()), 1)
    return Mixture(
        "eight", (-REACH, REACH, -REACH, REACH), REACH, means_M2, SIGMA,
        means_M2=means_M2, sigmas_M2=torch.full_like(means_M2, SIGMA),
    )  # fmt: skip


@lru_cache(maxsize=1)
def _moons() -> tuple[PlaneData, Tensor, Tensor]:
    """The moons, and centre and spread by which they are brought to unit size."""
    found = moons()
    many_N2 = found.sample(20_000, torch.Generator().manual_seed(0))
    return found, many_N2.mean(0), many_N2.std(0)


def turned(x_BX: Tensor, quarters: int = 1) -> Tensor:
    """Pictures turned by quarters, anticlockwise."""
    return torch.rot90(x_BX.view(-1, SIDE, SIDE), quarters, (1, 2)).flatten(1)


@dataclass(frozen=True)
class Domains:
    """Batches of both sets, each from a stream of the run's own that a step's number opens."""

    name: Name
    seed: int

    @property
    def on_plane(self) -> bool:
        return self.name == "moons_and_gaussians"

    @property
    def size(self) -> int:
        """Numbers per datum."""
        return 2 if self.on_plane else SIDE**2

    def draw(self, count: int, use: str) -> tuple[Tensor, Tensor]:
        """(count, X) of each set, the same for the same use."""
        random = stream(self.seed, use)
        if self.on_plane:
            found, centre_2, spread_2 = _moons()
            return (found.sample(count, random) - centre_2) / spread_2, eight().sample(count, random)
        upright_NX, other_NX, _label_N = self._digits()
        row_B, other_B = (torch.randint(len(each), (count,), generator=random) for each in (upright_NX, other_NX))
        return upright_NX[row_B], other_NX[other_B]

    def shown(self, count: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """(count, X) of each set that training never draws, and the classes of the first where there are any."""
        if self.on_plane:
            return (*self.draw(count, "shown"), None)
        data = pictures("digits")
        half = len(data.test_MX) // 2
        count = min(count, half)
        return data.test_MX[:count], turned(data.test_MX[half : half + count]), data.test_label_M[:count]

    @staticmethod
    def _digits() -> tuple[Tensor, Tensor, Tensor]:
        data = pictures("digits")
        half = len(data.train_NX) // 2
        return data.train_NX[:half], turned(data.train_NX[half:]), data.train_label_N[:half]
