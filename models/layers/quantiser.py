"""A codebook between encoder and decoder: every place of a picture gets the nearest of K learned vectors.

Letters: B pictures, S places of the code map, K codes, D numbers per code.

Source: van den Oord et al. 2017, "Neural discrete representation learning", arXiv 1711.00937: straight-through
gradient and commitment (eq. 3), codebook by moving averages (appendix A.1). Dead codes: Dhariwal et al. 2020,
"Jukebox", arXiv 2005.00341, section 3.1: a code that hardly anybody chooses restarts at a random encoding. Perplexity
depends on how much is counted over: the page counts over a fixed held-out set, not over a batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

DECAY = 0.99
DEAD = 0.5
"""Places per batch, on average, below which a code counts as dead."""
REVIVED_EVERY = 50
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
        """Where `due` (a bool scalar on the device), dead codes restart at random encodings of this batch."""
        picks_K = torch.randint(len(encoded_ND), (len(self.codes_KD),), generator=random, device=encoded_ND.device)
        dead_K1 = ((self.count_K < DEAD) & due)[:, None]
        self.codes_KD.copy_(torch.where(dead_K1, encoded_ND[picks_K], self.codes_KD))
        self.sum_KD.copy_(torch.where(dead_K1, encoded_ND[picks_K], self.sum_KD))
        self.count_K.copy_(torch.where(dead_K1[:, 0], torch.ones_like(self.count_K), self.count_K))

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
