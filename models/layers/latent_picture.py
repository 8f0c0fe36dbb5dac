"""What is recorded of an autoencoder at one moment: the map of codes, a sheet decoded from a grid, pairs, samples.

Letters: M held-out pictures, X pixels, Z latent numbers, G pictures of a sheet, K codes.

The map is flat: with two latent numbers it is the latent space itself, with more its two principal directions
(`plane`: origin, first, second direction, each (Z,)), so that every place on the map is a code: z = origin + a·first +
b·second. Ellipses are posterior covariances seen in that plane. Beside it stand, with more than two numbers, the two
most active ones as they are (`active` names them): there the prior is a standard normal in the plane. A sheet covers
the prior where there is one (even steps of its quantiles, as in Kingma and Welling 2014, figure 4), else the middle
90 % of the codes. A conditional model's sheet has one row per class and one code per column. An AE has no prior: its
samples come from one Gaussian fitted to its codes; those of a VQ-VAE from each place's own code frequencies, as if
places knew nothing of each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.data.pictures import Pictures
from models.layers.elbo import kl_to_prior
from models.layers.latent_models import Code, Discrete
from models.running import stream

if TYPE_CHECKING:
    from models.autoencoder import LatentSpace
    from models.layers.autoencoding import Autoencoding

SHOWN = 800
"""Held-out pictures on the map."""
ELLIPSES = 40
GRID, FEW = 12, 8
"""Pictures along each side of the sheet, and of the smaller one along the two most active numbers."""
PAIRS = 32
ACROSS = torch.linspace(-4, 4, 65)
"""Where the aggregated posterior is looked at."""
SAMPLES = {8: 256, 16: 256, 28: 100}
"""Recorded samples by the picture's side: those of 28×28 would fill the disk."""
PATIENT = 40
"""Rounds of orthogonal iteration for the principal directions of large codes: the map needs no more digits."""
EXACT = 64


@dataclass(frozen=True)
class Probe:
    """The pictures and the chance by which every moment of a run is looked at."""

    x_MX: Tensor
    label_M: Tensor
    noise_GZ: Tensor
    pick_GS: Tensor
    chance_GX: Tensor | None
    """By what the pixels of the samples are drawn, where they are drawn one by one."""

    @classmethod
    def of(cls, knobs: LatentSpace, data: Pictures, latent: int, where: torch.device) -> Probe:
        random = stream(knobs.seed, "probe")
        count = SAMPLES[data.side]
        return cls(
            data.test_MX[:SHOWN].to(where), data.test_label_M[:SHOWN].to(where),
            torch.randn(count, latent, generator=random).to(where),
            torch.rand(count, (data.side // 4) ** 2, generator=random).to(where),
            torch.rand(count, data.side**2, generator=random).to(where) if knobs.is_autoregressive else None,
        )  # fmt: skip


def picture(study: Autoencoding) -> dict[str, Tensor]:
    """All arrays of a snapshot."""
    model, probe = study.model, study.probe
    code = model.encode(probe.x_MX, probe.label_M)
    plane_3Z = plane_of(code.mean_BZ)
    codes_M2 = (code.mean_BZ - plane_3Z[0]) @ plane_3Z[1:].T
    arrays = {
        "codes": codes_M2,
        "labels": probe.label_M.to(torch.int32),
        "plane": plane_3Z,
        "manifold": pixels(manifold(study, code, plane_3Z, codes_M2)),
        "pairs": pairs(study, code),
        "samples": pixels(samples(study, code)),
    }
    active_2 = active(code)
    if code.log_variance_BZ is not None:
        variance_MZ = code.log_variance_BZ.exp()
        arrays["spread"] = ellipses(variance_MZ[:ELLIPSES], plane_3Z[1:])
        arrays["kl_per_dimension"] = kl_to_prior(code.mean_BZ, code.log_variance_BZ).mean(0)
        arrays["aggregate"] = aggregate(code.mean_BZ[:, active_2], variance_MZ[:, active_2])
    if not isinstance(model, Discrete) and model.latent > 2:
        arrays |= {"active": active_2.to(torch.int32), "active_codes": code.mean_BZ[:, active_2]}
        if not model.classes:
            axes_3Z = axes_of(code.mean_BZ, active_2)
            arrays["active_sheet"] = pixels(model.decode(spread_out(study, axes_3Z, arrays["active_codes"], FEW)))
        if code.log_variance_BZ is not None:
            arrays["active_spread"] = ellipses(variance_MZ[:ELLIPSES], axes_of(code.mean_BZ, active_2)[1:])
    if isinstance(model, Discrete):
        chosen_MS = model.book.nearest(model.places(probe.x_MX)).view(len(probe.x_MX), -1)
        arrays["usage"] = torch.bincount(chosen_MS.flatten(), minlength=len(model.book.codes_KD)).to(torch.int32)
    return arrays


def active(code: Code) -> Tensor:
    """(2,) the two dimensions that carry most: the largest KL, or variance where there is no posterior; by number."""
    if code.log_variance_BZ is None:
        told_Z = code.mean_BZ.var(0)
    else:
        told_Z = kl_to_prior(code.mean_BZ, code.log_variance_BZ).mean(0)
    return told_Z.topk(2).indices.sort().values


def axes_of(mean_MZ: Tensor, active_2: Tensor) -> Tensor:
    """(3, Z): the plane of two dimensions as they are, all others at their mean."""
    origin_Z = mean_MZ.mean(0).index_fill(0, active_2, 0.0)
    return torch.cat((origin_Z[None], torch.eye(mean_MZ.shape[1], device=mean_MZ.device)[active_2]))


def aggregate(mean_M2: Tensor, variance_M2: Tensor) -> Tensor:
    """(3, 65) densities at `ACROSS`: all posteriors together in each of two dimensions, and the prior."""
    at_T = ACROSS.to(mean_M2.device)
    off_TM2 = (at_T[:, None, None] - mean_M2).square() / variance_M2
    each_TM2 = (-0.5 * off_TM2).exp() / (2 * torch.pi * variance_M2).sqrt()
    prior_T = (-0.5 * at_T.square()).exp() / (2 * torch.pi) ** 0.5
    return torch.cat((each_TM2.mean(1).T, prior_T[None]))


def pixels(logits_GX: Tensor) -> Tensor:
    """Pictures as bytes."""
    return logits_GX.sigmoid().mul(255).round_().to(torch.uint8)


def plane_of(mean_MZ: Tensor) -> Tensor:
    """(3, Z): origin and two directions of length 1; a two-dimensional latent space is its own plane.

    A direction's sign is free: its largest part is made positive, so that the map does not flip at every step.
    """
    if mean_MZ.shape[1] == 2:
        return torch.cat((torch.zeros(1, 2), torch.eye(2))).to(mean_MZ.device)
    origin_Z = mean_MZ.mean(0)
    centred_MZ = (mean_MZ - origin_Z).double()
    if mean_MZ.shape[1] <= EXACT:
        first_Z2 = torch.linalg.eigh(centred_MZ.T @ centred_MZ)[1][:, -2:].flip(1)
    else:
        random = torch.Generator().manual_seed(0)
        first_Z2 = torch.randn(mean_MZ.shape[1], 2, generator=random, dtype=torch.float64).to(mean_MZ.device)
        for _ in range(PATIENT):
            first_Z2 = torch.linalg.qr(centred_MZ.T @ (centred_MZ @ first_Z2))[0]
    largest = first_Z2.abs().argmax(0, keepdim=True)
    directions = (first_Z2 * first_Z2.gather(0, largest).sign()).T
    return torch.cat((origin_Z[None], directions.to(mean_MZ.dtype)))


def ellipses(variance_MZ: Tensor, directions_2Z: Tensor) -> Tensor:
    """(M, 3): xx, xy and yy of every posterior's covariance in the plane."""
    first, second = directions_2Z
    return torch.stack([variance_MZ @ weight for weight in (first * first, first * second, second * second)], 1)


def manifold(study: Autoencoding, code: Code, plane_3Z: Tensor, codes_M2: Tensor) -> Tensor:
    """Logits of the sheet, row by row from the top: (144, X), or (12 a class, X) for a conditional model."""
    model = study.model
    if not model.classes:
        return model.decode(spread_out(study, plane_3Z, codes_M2, GRID))
    label_G = torch.arange(model.classes, device=code.mean_BZ.device).repeat_interleave(GRID)
    across_GZ = study.probe.noise_GZ[:GRID].repeat(model.classes, 1)
    return model.decode(across_GZ, label_G)


def spread_out(study: Autoencoding, plane_3Z: Tensor, codes_M2: Tensor, count: int) -> Tensor:
    """(count², Z) codes all over a plane, row by row from the top, as the prior lies there, or the codes."""
    share = (torch.arange(count) + 0.5) / count
    across, down = torch.meshgrid(share, share.flip(0), indexing="xy")
    grid_G2 = torch.stack((across, down), -1).view(-1, 2).to(plane_3Z.device)
    if study.knobs.has_prior:
        quantile_G2: Tensor = torch.special.ndtri(grid_G2)
        return quantile_G2 @ plane_3Z[1:]
    low, high = codes_M2.quantile(0.05, 0), codes_M2.quantile(0.95, 0)
    return plane_3Z[0] + (low + grid_G2 * (high - low)) @ plane_3Z[1:]


def pairs(study: Autoencoding, code: Code) -> Tensor:
    """(64, X) bytes: eight held-out pictures, below them what became of them, and so on."""
    probe = study.probe
    rebuilt = pixels(study.model.decode(code.mean_BZ[:PAIRS], probe.label_M[:PAIRS]))
    real = probe.x_MX[:PAIRS].mul(255).round_().to(torch.uint8)
    return torch.stack((real.view(-1, 8, real.shape[1]), rebuilt.view(-1, 8, real.shape[1])), 1).flatten(0, 2)


def samples(study: Autoencoding, code: Code) -> Tensor:
    """Logits of new pictures, from the same chance at every moment."""
    model, probe = study.model, study.probe
    if isinstance(model, Discrete):
        chosen_MS = model.book.nearest(model.places(probe.x_MX)).view(len(probe.x_MX), -1)
        pick_GS = (probe.pick_GS * len(chosen_MS)).long()
        side = model.side
        return model.decode_codes(chosen_MS.gather(0, pick_GS).view(-1, side, side))
    z_GZ = probe.noise_GZ
    if study.knobs.model == "ae":
        mean_Z, covariance_ZZ = code.mean_BZ.mean(0), torch.cov(code.mean_BZ.T).view(model.latent, -1)
        ridge_ZZ = 1e-6 * (1 + covariance_ZZ.diagonal().max()) * torch.eye(model.latent, device=z_GZ.device)
        z_GZ = mean_Z + z_GZ @ torch.linalg.cholesky_ex(covariance_ZZ + ridge_ZZ)[0].T
    label_G = torch.arange(len(z_GZ), device=z_GZ.device) % model.classes if model.classes else None
    return model.decode(z_GZ, label_G, probe.chance_GX)
