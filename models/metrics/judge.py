"""A small classifier that judges pictures: which class, how sure, and by which features they are like real ones.

Letters: N pictures, X pixels, F = 64 features, C classes.

One perceptron X-128-64-C per data set, trained on the pictures to learn from in a few seconds, always the same. The
Fréchet distance between Gaussians fitted to its features is that of Heusel et al. 2017, arXiv 1706.08500, eq. 6, with
this classifier in the place of Inception: its values compare models on one data set here, and nothing else.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.data.pictures import Name, pictures
from models.layers.encoder_decoder import fresh, perceptron
from models.layers.flat import Flat
from models.layers.mlp import Adam

STEPS, BATCH, LR = 600, 128, 2e-3
HIDDEN, FEATURES = 128, 64


class Judge(nn.Module):
    """Features (N, F) and logits (N, C) of pictures (N, X)."""

    def __init__(self, pixels: int, classes: int) -> None:
        super().__init__()
        self.body = perceptron([pixels, HIDDEN, FEATURES], last=True)
        self.last = nn.Linear(FEATURES, classes)

    def forward(self, x_NX: Tensor) -> tuple[Tensor, Tensor]:
        feature_NF = self.body(x_NX)
        return feature_NF, self.last(feature_NF)


@lru_cache(maxsize=8)
@torch.enable_grad()  # It may be asked for the first time where gradients are switched off.
def judge(name: Name) -> Judge:
    """The judge of a data set; some seconds at the first call."""
    data, random = pictures(name), torch.Generator().manual_seed(0)
    found = Judge(data.side**2, data.classes)
    fresh(found, random)
    flat = Flat(found)
    optimizer = Adam(flat.weights_P, LR, 0.9)
    for _step in range(STEPS):
        row_B = torch.randint(len(data.train_NX), (BATCH,), generator=random)
        # Noise on the pixels: decoded pictures are softer than real ones, and should not be judged by that alone.
        x_BX = data.train_NX[row_B]
        x_BX = x_BX + 0.1 * torch.randn(x_BX.shape, generator=random)
        flat.differentiate(F.cross_entropy(found(x_BX)[1], data.train_label_N[row_B]))
        with torch.no_grad():
            optimizer.step(flat.gradient_P)
    return found


@torch.no_grad()
def certainty(name: Name, x_NX: Tensor) -> Tensor:
    """(N, C): the judge's probability of every class."""
    return torch.softmax(judge(name)(x_NX)[1], -1)


@torch.no_grad()
def frechet(name: Name, one_NX: Tensor, other_NX: Tensor) -> float:
    """|μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁Σ₂)^½) between the judge's features of two sets of pictures."""
    first, second = (judge(name)(x_NX)[0].double() for x_NX in (one_NX, other_NX))
    one_FF, other_FF = torch.cov(first.T), torch.cov(second.T)
    # The trace of the root of a product of covariances is the sum of its eigenvalues' roots; they are not negative.
    roots = torch.linalg.eigvals(one_FF @ other_FF).real.clamp(min=0).sqrt().sum()
    return float((first.mean(0) - second.mean(0)).square().sum() + one_FF.trace() + other_FF.trace() - 2 * roots)
