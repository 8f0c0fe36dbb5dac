"""A VAE against a GAN on the same digits, row by row, each row a measurement: how sharp, how diverse, how stable.

Letters: N samples, M real pictures, X pixels, R seeds.

Sharpness is the mean squared difference of neighbouring pixels, as a share of real pictures' (1: as sharp as they are).
Coverage: the share of real pictures that have a sample within the distance to their fifth real neighbour, Naeem et al.
2020, arXiv 2002.09797, eq. 5. Interpolation: the share of pictures halfway between two random samples, by `slerp` of
their noise, that are of high quality (`models/metrics/digits.py`). Rebuilding: the mean squared error of held-out
digits from their code; a GAN has no encoder, so noise that draws the digit is searched by `DESCENT` steps of Adam.
Anomalies: held-out digits against the same digits upside down, by the cost of rebuilding them, or, for a GAN, by how
little the discriminator believes in them; the area under the ROC is the chance that a random anomaly ranks higher.
An interval is the mean over seeds ± its standard error times Student's t (95 %); that of a standard deviation over
seeds comes from χ². Both suppose that seeds scatter normally.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import chi2, rankdata, t
from torch import Tensor

from models.data.pictures import pictures
from models.layers.autoencoding import Autoencoding
from models.layers.elbo import log_likelihood
from models.layers.game import Game
from models.layers.paths import slerp
from models.metrics.digits import digit_quality

SAMPLES, PAIRS, NEIGHBOUR = 500, 100, 5
REBUILT, DESCENT, RATE = 200, 150, 0.1


@dataclass(frozen=True)
class Interval:
    """A mean over seeds, and half the width of its 95 % interval."""

    mean: float
    half: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """At least two values."""
        spread = float(np.std(values, ddof=1) / len(values) ** 0.5)
        return cls(float(np.mean(values)), spread * float(t.ppf(0.975, len(values) - 1)))


def scatter(values: Sequence[float]) -> tuple[float, float, float]:
    """The standard deviation over seeds, and the 95 % interval of the true one; at least two values."""
    found, degrees = float(np.std(values, ddof=1)), len(values) - 1
    low, high = (found * float((degrees / chi2.ppf(share, degrees)) ** 0.5) for share in (0.975, 0.025))
    return found, low, high


def roughness(x_NX: Tensor, side: int) -> float:
    """Mean squared difference of neighbouring pixels."""
    image = x_NX.view(-1, side, side)
    return float((image.diff(dim=1).square().mean() + image.diff(dim=2).square().mean()) / 2)


def coverage(sample_NX: Tensor, real_MX: Tensor) -> float:
    """Share of real pictures with a sample nearer than their fifth real neighbour."""
    near_M = torch.cdist(real_MX, real_MX).kthvalue(NEIGHBOUR + 1, dim=1).values
    return float((torch.cdist(real_MX, sample_NX).amin(1) <= near_M).float().mean())


def roc(normal_N: np.ndarray, odd_M: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """False and true alarms as the threshold falls, and the area under that curve (ties count half)."""
    scores = np.concatenate((normal_N, odd_M))
    order = np.argsort(-scores, kind="stable")
    is_odd = order >= len(normal_N)
    true = np.concatenate(([0.0], is_odd.cumsum() / len(odd_M)))
    false = np.concatenate(([0.0], (~is_odd).cumsum() / len(normal_N)))
    ranks = rankdata(scores)[len(normal_N) :]
    area = (ranks.sum() - len(odd_M) * (len(odd_M) + 1) / 2) / (len(normal_N) * len(odd_M))
    return false, true, float(area)


def sampled(decode: Callable[[Tensor], Tensor], noise: int, real_MX: Tensor, seed: int) -> dict[str, float]:
    """The rows that need samples only; pictures in 0 … 1, `decode` maps standard normal noise to them."""
    random = torch.Generator().manual_seed(seed)
    made_NX = decode(torch.randn(SAMPLES, noise, generator=random))
    ends = torch.randn(PAIRS, 2, noise, generator=random)
    middle_PZ = torch.cat([slerp(one, other, torch.tensor([0.5])) for one, other in ends])
    good = digit_quality(2 * made_NX - 1)
    return {
        "sharpness": roughness(made_NX, 8) / roughness(real_MX, 8), "classes": good["classes_covered"],
        "coverage": coverage(made_NX, real_MX), "high_quality": good["high_quality"],
        "energy_distance": good["energy_distance"],
        "interpolation": digit_quality(2 * decode(middle_PZ) - 1)["high_quality"],
    }  # fmt: skip


@torch.no_grad()
def of_vae(study: Autoencoding, seed: int) -> dict[str, float]:
    """All rows of a trained VAE on the 8×8 digits."""
    found = sampled(lambda z_NZ: study.model.decode(z_NZ).sigmoid(), study.model.latent, study.data.train_NX, seed)
    x_NX = study.data.test_MX[:REBUILT].to(study.where)
    rebuilt_NX = study.model.decode(study.model.encode(x_NX).mean_BZ).sigmoid()
    error = float((rebuilt_NX - x_NX).square().mean())
    return {**found, "rebuilding": error, "anomalies": roc(*costs(study))[2]}


def of_gan(game: Game, seed: int) -> dict[str, float]:
    """All rows of a trained GAN on the 8×8 digits; `game` keeps its averaged generator, if it has one."""
    real_MX = (game.knobs.points(5000, "data") + 1) / 2
    if game.knobs.ema_decay > 0:
        game.g.flat_P.data.copy_(game.ema)

    def decode(z_NZ: Tensor) -> Tensor:
        made_NX: Tensor = game.g(z_NZ.to(game.where))
        made_NX = made_NX.tanh() if game.knobs.output == "tanh" else made_NX
        return ((made_NX.cpu() + 1) / 2).clamp(0, 1)

    with torch.no_grad():
        found = sampled(decode, game.knobs.noise_dim, real_MX, seed)
    held_out_MX = pictures("digits").test_MX
    error = rebuilding(decode, game.knobs.noise_dim, held_out_MX[:REBUILT], seed)
    believed, odd = (
        -game.judge(2 * x_MX.to(game.where) - 1).cpu().numpy() for x_MX in (held_out_MX, upside_down(held_out_MX, 8))
    )
    return {**found, "rebuilding": error, "anomalies": roc(believed, odd)[2]}


def rebuilding(decode: Callable[[Tensor], Tensor], noise: int, x_NX: Tensor, seed: int) -> float:
    """Mean squared error of the pictures drawn from the best noise that descent finds, from a random beginning."""
    z_NZ = torch.randn(len(x_NX), noise, generator=torch.Generator().manual_seed(seed)).requires_grad_(True)
    optimizer, best_N = torch.optim.Adam([z_NZ], lr=RATE), torch.full((len(x_NX),), torch.inf)
    with torch.enable_grad():
        for _step in range(DESCENT):
            error_N = (decode(z_NZ) - x_NX).square().mean(1)
            best_N = torch.minimum(best_N, error_N.detach())
            z_NZ.grad = torch.autograd.grad(error_N.sum(), z_NZ)[0]
            optimizer.step()
    return float(best_N.mean())


def upside_down(x_NX: Tensor, side: int) -> Tensor:
    return x_NX.view(-1, side, side).flip(1).flatten(1)


@torch.no_grad()
def costs(study: Autoencoding) -> tuple[np.ndarray, np.ndarray]:
    """What held-out digits cost to rebuild from their mean code, and what the same digits cost upside down."""
    x_MX = study.data.test_MX.to(study.where)
    found = []
    for picture_MX in (x_MX, upside_down(x_MX, study.data.side)):
        logits = study.model.decode(study.model.encode(picture_MX).mean_BZ)
        found.append(-log_likelihood("bernoulli", picture_MX, logits, study.model.log_sigma).cpu().numpy())
    return found[0], found[1]
