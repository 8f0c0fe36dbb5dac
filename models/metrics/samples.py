"""How like the data are an autoencoder's samples? Measured on the recorded pictures, beside training.

Dimensions: N samples, X pixels. On 8×8 digits the numbers are those of the GAN page, so that both can be compared;
elsewhere the energy distance between pixels, of samples to held-out pictures: it sees blur and lost kinds of pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor

from models.data.pictures import Name, pictures
from models.experiment import Reference
from models.layers.latent_picture import SAMPLES
from models.metrics.digits import digit_quality
from models.metrics.distances import EnergyDistance
from models.metrics.quality import quality_references
from models.metrics.references import reference

COMPARED = 400
"""Held-out pictures that samples are compared with."""
REPEATS = 20


@lru_cache(maxsize=8)
def _to_held_out(name: Name) -> EnergyDistance:
    return EnergyDistance(pictures(name).test_MX[:COMPARED])


def sample_quality(name: Name, samples_NX: Tensor) -> Mapping[str, float]:
    """Measured numbers of samples (N, X) in 0 … 1."""
    if name == "digits":
        return digit_quality(2 * samples_NX - 1)
    return {"energy_distance": _to_held_out(name)(samples_NX)}


@lru_cache(maxsize=8)
def sample_references(name: Name) -> Mapping[str, Reference]:
    """What as many real pictures, and as many draws of one Gaussian with their mean and covariance, score."""
    data = pictures(name)
    count = SAMPLES[data.side]
    if name == "digits":
        return quality_references("digits", "", count)
    pool_NX = data.train_NX
    mean_X = pool_NX.mean(0)
    root_XX = torch.linalg.cholesky(torch.cov(pool_NX.T) + 1e-5 * torch.eye(len(mean_X)))

    def perfect(seed: int) -> Tensor:
        return pool_NX[torch.randint(len(pool_NX), (count,), generator=torch.Generator().manual_seed(100 + seed))]

    def null(seed: int) -> Tensor:
        noise = torch.randn(count, len(mean_X), generator=torch.Generator().manual_seed(500 + seed))
        return torch.addmm(mean_X, noise, root_XX.T)

    return reference(lambda samples: sample_quality(name, samples), perfect, null, REPEATS)
