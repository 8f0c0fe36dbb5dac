"""Two pictures in one, and the label is as mixed as they are: mixup fades them, CutMix pastes a piece of the other.

Letters: V nets, B pictures in a batch, S pixels a side; λ is the first picture's share, (V, B), or (V, 1) for one λ in
a batch. The loss of a mixture is λ times the loss on the first label plus 1 - λ times that on the second; cross-entropy
is linear in the truth, so this *is* the loss on the mixed label. λ = 1 changes no bit.
Training accuracy on mixtures is low by design: judge on clean pictures.

Source: Zhang et al. 2018 (arXiv 1710.09412, eq. 1-2); Yun et al. 2019 (arXiv 1905.04899, section 3.2): the pasted box
may leave the picture, so λ is counted again from the pixels that are left.
"""

from __future__ import annotations

import torch
from torch import Tensor


def shares(alpha_V1: Tensor, uniform: Tensor) -> Tensor:
    """λ of Beta(α, α) for uniform numbers in 0 … 1, broadcast to (V, B); α = 0 does not mix, λ = 1.

    Chance comes in as uniform numbers: with the same ones, nets that differ in α differ in nothing else.
    """
    from scipy.special import betaincinv  # PyTorch has no inverse of the incomplete beta function.

    # Where α is 0 it is replaced first: the inverse has no such limit.
    alpha, chance = alpha_V1.double().cpu().clamp(min=1e-3).numpy(), uniform.double().cpu().numpy()
    share = torch.from_numpy(betaincinv(alpha, alpha, chance)).to(uniform)
    return torch.where(alpha_V1 > 0, share, 1.0)


def partners(images_VBSS: Tensor, other_VB: Tensor) -> Tensor:
    """The pictures (or labels) of a batch that `other_VB` (int64, places in the batch) names."""
    net_V1 = torch.arange(len(images_VBSS), device=images_VBSS.device)[:, None]
    return images_VBSS[net_V1, other_VB]


def mixup(images_VBSS: Tensor, other_VB: Tensor, share: Tensor) -> Tensor:
    """λ of each picture and 1 - λ of its partner, pixel by pixel."""
    share = share[..., None, None]
    return share * images_VBSS + (1 - share) * partners(images_VBSS, other_VB)


def cutmix(images_VBSS: Tensor, other_VB: Tensor, share: Tensor, centre_2: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures with a box of their partner's pixels pasted in, and their own share of the pixels, like `share`.

    The box has about (1 - λ) S² pixels around `centre_2` (uniform in 0 … 1, across and down, the shape of `share` with
    2 more), and what lies outside of the picture is cut off.
    """
    side = images_VBSS.shape[-1]
    half = torch.floor(side * (1 - share).clamp(min=0).sqrt() / 2 + 1e-6)[..., None]
    middle = torch.floor(centre_2 * side)
    tick_S = torch.arange(side, device=images_VBSS.device)
    inside = [
        (tick_S >= middle[..., axis, None] - half) & (tick_S < middle[..., axis, None] + half) for axis in range(2)
    ]
    box_SS = inside[1][..., :, None] & inside[0][..., None, :]
    mixed = torch.where(box_SS, partners(images_VBSS, other_VB), images_VBSS)
    return mixed, 1 - box_SS.to(share.dtype).mean((-2, -1))
