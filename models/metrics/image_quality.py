"""How good are the pictures of a GAN? Their distance to real ones, which classes they show, and whether they obey.

Letters: N pictures, X pixels in 0 … 1, C classes, F features.

All are told by our own small classifier (`judge.py`), which is wrong about some real pictures too: so each number has
its floor, the same number for as many real pictures that the generator learns from. The null value is that of as many
draws of one Gaussian with the data's mean and covariance. Covered is a class that gets 2 % of the pictures or more.

Source: Fréchet distance: Heusel et al. 2017, arXiv 1706.08500, eq. 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.data.pictures import Name, pictures
from models.experiment import Reference
from models.layers.image_gan.discriminators import one_hot
from models.metrics.judge import certainty, frechet
from models.metrics.references import reference
from models.running import stream

if TYPE_CHECKING:
    from models.layers.image_gan.duel import Duel

COVERED_SHARE = 0.02
COUNT = 1000
PART = 250
REPEATS = 10


def class_counts(name: Name, x_NX: Tensor) -> Tensor:
    """How many pictures the classifier gives each class: (C,) int64."""
    return torch.bincount(certainty(name, x_NX).argmax(1), minlength=pictures(name).classes)


def image_quality(name: Name, x_NX: Tensor, asked_N: Tensor | None = None) -> dict[str, float]:
    """`frechet` to the held-out pictures, `classes_covered`, `class_entropy` in nats, and, where classes were asked
    for, `obeyed`: the share of pictures that show them."""
    sure_NX = x_NX.nan_to_num(0.0)
    said_N = certainty(name, sure_NX).argmax(1)
    share_C = torch.bincount(said_N, minlength=pictures(name).classes) / len(said_N)
    found = {
        "frechet": frechet(name, sure_NX, pictures(name).test_MX),
        "classes_covered": float((share_C >= COVERED_SHARE).sum()),
        "class_entropy": float(torch.special.entr(share_C).sum()),
    }
    return found if asked_N is None else {**found, "obeyed": float((said_N == asked_N).float().mean())}


@torch.no_grad()
def sampled(duel: Duel, count: int = COUNT) -> tuple[Tensor, Tensor | None]:
    """Pictures of the average of G (count, X) from its own noise, always the same, and the classes asked for."""
    random = stream(duel.knobs.seed, "evaluation")
    _now, average = duel.players()
    z_NZ = torch.randn(count, duel.knobs.latent_dim, generator=random)
    asked_N = torch.arange(count) % max(duel.classes, 1)
    made = []
    for row in range(0, count, PART):
        class_BC = one_hot(asked_N[row : row + PART], duel.classes)
        class_BC = None if class_BC is None else class_BC.to(duel.where)
        made.append(average(z_NZ[row : row + PART].to(duel.where), class_BC).cpu())
    duel.g.train()
    return torch.cat(made), asked_N if duel.classes else None


def evaluate(duel: Duel) -> dict[str, np.ndarray]:
    """The numbers of one moment, each of shape (1,), by the names of `ImageGan.columns`."""
    found = image_quality(duel.knobs.data, *sampled(duel))
    return {name: np.array([value], np.float64) for name, value in found.items()}


@lru_cache(maxsize=8)
def floors(name: Name, conditional: bool) -> Mapping[str, Reference]:
    """What as many real pictures, and as many draws of one Gaussian, score."""
    data = pictures(name)
    pool_NX, label_N = data.train_NX, data.train_label_N
    mean_X = pool_NX.mean(0)
    root_XX = torch.linalg.cholesky(torch.cov(pool_NX.T) + 1e-5 * torch.eye(len(mean_X)))
    rows = [
        torch.randint(len(pool_NX), (COUNT,), generator=torch.Generator().manual_seed(100 + seed))
        for seed in range(REPEATS)
    ]

    def null(seed: int) -> Tensor:
        noise = torch.randn(COUNT, len(mean_X), generator=torch.Generator().manual_seed(500 + seed))
        return torch.addmm(mean_X, noise, root_XX.T).clamp(0, 1)

    found = reference(lambda x_NX: image_quality(name, x_NX), lambda seed: pool_NX[rows[seed]], null, REPEATS)
    if conditional:
        shares = [image_quality(name, pool_NX[row_N], label_N[row_N])["obeyed"] for row_N in rows]
        low, high = np.percentile(shares, (2.5, 97.5))
        found["obeyed"] = Reference(float(np.mean(shares)), float(low), float(high), 1 / data.classes)
    return found
