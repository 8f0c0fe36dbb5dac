"""A codebook between encoder and decoder: every place of a picture gets the nearest of K learned vectors.

Letters: B pictures, S places of the code map, K codes, D numbers per code.

Source: van den Oord et al. 2017, "Neural discrete representation learning", arXiv 1711.00937: straight-through
gradient and commitment (eq. 3), codebook by moving averages (appendix A.1). Dead codes: Dhariwal et al. 2020,
"Jukebox", arXiv 2005.00341, section 3.1: a code that hardly anybody chooses restarts at an encoding of the batch. Here
not at any: most places of a digit are blank and alike, so encodings far from every code are likelier, as the seeds of
k-means++ are (Arthur and Vassilvitskii 2007, section 2.2); all different, by weighted sampling without replacement
(Efraimidis and Spirakis 2006). Perplexity depends on how much is counted over: the page counts over a fixed held-out
set, not over a batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

DECAY = 0.99
DEAD = 1.0
"""Places per batch, on average, below which a code counts as dead."""
REVIVED_EVERY = 25
"""Steps between two looks for dead codes."""


class Codebook:
    """K vectors that follow the encodings assigned to them; all in one buffer, so that a step can be captured."""

    def __init__(self, count: int, dims: int, random: torch.Generator, where: torch.device) -> None:
        self.codes_KD = (0.1 * torch.randn(count, dims, generator=random)).to(where)
        self.count_K = torch.ones(count, device=where)
        self.sum_KD = self.codes_KD.clone()

    def nearest(self, encoded_ND: Tensor) -> Tensor:
        """(N,) int64: the code nearest to each encoding."""
        far_NK = self.codes_KD.square().sum(1) - 2 * encoded_ND @ self.codes_KD.T
        return far_NK.argmin(1)

    @torch.no_grad()
    def follow(self, encoded_ND: Tensor, chosen_N: Tensor) -> None:
        """Every code moves towards the mean of the encodings that chose it."""
        ones_N = encoded_ND.new_ones(len(chosen_N))
        count_K = torch.zeros_like(self.count_K).index_add_(0, chosen_N, ones_N)
        sum_KD = torch.zeros_like(self.sum_KD).index_add_(0, chosen_N, encoded_ND)
        self.count_K.lerp_(count_K, 1 - DECAY)
        self.sum_KD.lerp_(sum_KD, 1 - DECAY)
        # Laplace smoothing: a code that nobody chose stays where it is instead of dividing by zero.
        self.codes_KD.copy_(self.sum_KD / self.count_K.clamp(min=1e-5)[:, None])

    @torch.no_grad()
    def revive(self, encoded_ND: Tensor, random: torch.Generator, due: Tensor) -> None:
        """Where `due` (a bool scalar on the device), dead codes restart at encodings of this batch, far ones first."""
        picks_K = self._far(encoded_ND, random)
        dead_K = (self.count_K < DEAD) & due
        # The first dead code gets the first pick, and so on: the likeliest are not lost on living codes.
        fresh_KD = encoded_ND[picks_K[(dead_K.long().cumsum(0) - 1).clamp(min=0)]]
        self.codes_KD.copy_(torch.where(dead_K[:, None], fresh_KD, self.codes_KD))
        self.sum_KD.copy_(torch.where(dead_K[:, None], fresh_KD, self.sum_KD))
        self.count_K.copy_(torch.where(dead_K, torch.ones_like(self.count_K), self.count_K))

    def _far(self, encoded_ND: Tensor, random: torch.Generator) -> Tensor:
        """(K,) rows of `encoded_ND`, drawn in proportion to the squared distance to the nearest code."""
        squared_NK = self.codes_KD.square().sum(1) - 2 * encoded_ND @ self.codes_KD.T
        far_N = (squared_NK.amin(1) + encoded_ND.square().sum(1)).clamp(min=1e-9)
        chance_N = torch.rand(len(encoded_ND), generator=random, device=encoded_ND.device).clamp(min=1e-9)
        order_N = (chance_N.log() / far_N).topk(min(len(encoded_ND), len(self.codes_KD))).indices
        return order_N[torch.arange(len(self.codes_KD), device=order_N.device) % len(order_N)]

    def tensors(self) -> dict[str, Tensor]:
        return {"codes": self.codes_KD, "code_count": self.count_K, "code_sum": self.sum_KD}


def straight_through(encoded: Tensor, quantised: Tensor) -> Tensor:
    """The quantised value going forward; going backward, the gradient reaches the encoder unchanged."""
    return encoded + (quantised - encoded).detach()


def perplexity(usage_K: Tensor) -> float:
    """exp of the entropy of the codes' usage: how many codes would be in use if all were used alike, 1 … K."""
    share_K = usage_K.double() / usage_K.sum().clamp(min=1)
    share_K = share_K[share_K > 0]
    return float(torch.exp(-(share_K * share_K.log()).sum()))
