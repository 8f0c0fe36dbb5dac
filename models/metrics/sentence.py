"""What the attention heads of a sentence encoder do, what reaches where, and what the sentence's embedding hangs on.

Letters: L layers, H heads, T tokens (queries in rows, keys in columns), R roles. Weights and scores lie in 0 … 1.

- *Roles*: the mean weight, over the queries that have such a key, on the token before, itself, the token after, the
  first token ([CLS]), the last one ([SEP]), and on other occurrences of the same token.
- *Rollout*: what of each input token reaches a position if every layer passed on half of what it holds and half of
  the mean of what its heads gathered: R₀ = I, R_l = ½ (mean over heads + I) R_{l-1}. Its rows sum to one.
- *Importance*: how far the sentence's embedding turns, 1 - cos, when one token is left out. This is a fact about the
  model, where attention is only a guess; `agreement` says how well the guess ranks the tokens.

Source: Clark et al. 2019, arXiv 1906.04341 (roles of BERT's heads); Abnar and Zuidema 2020, arXiv 2005.00928,
equation 1; Jain and Wallace 2019, arXiv 1902.10186 (attention against leave-one-out). The ½ stands for the residual
connection and ignores the values' sizes and the feed-forward networks: rollout is a picture of routes, not of effects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

ROLES: tuple[str, ...] = ("previous", "current", "next", "first", "separator", "same_token")
TOKENS_AT_ONCE = 1024
"""Sentences without one token are read together up to so many tokens: larger batches are no faster."""
DRAWS = 1000


def roles(weight_LHTT: Tensor, tokens: Sequence[str]) -> Tensor:
    """Scores (L, H, R) in the order of `ROLES`; NaN for `same_token` where no token occurs twice."""
    T = len(tokens)
    same_TT = torch.tensor([[a == b for b in tokens] for a in tokens]) & ~torch.eye(T, dtype=torch.bool)
    once = torch.ones(T, T, dtype=torch.bool)
    looked_at = {
        "previous": torch.eye(T).roll(-1, 1).tril().bool(),
        "current": torch.eye(T).bool(),
        "next": torch.eye(T).roll(1, 1).triu(1).bool(),
        "first": once.tril(-1) & (torch.arange(T) == 0),
        "separator": once.triu(1) & (torch.arange(T) == T - 1),
        "same_token": same_TT,
    }
    scores = []
    for role in ROLES:
        wanted_TT = looked_at[role]
        asked_T = wanted_TT.any(1)
        scores.append((weight_LHTT * wanted_TT).sum(-1)[..., asked_T].mean(-1))
    return torch.stack(scores, -1)


def rollout(weight_LHTT: Tensor) -> Tensor:
    """What of each input token (columns) reaches each position (rows) after every layer, (L, T, T)."""
    identity_TT = torch.eye(weight_LHTT.shape[-1], dtype=weight_LHTT.dtype)
    reached, so_far_TT = [], identity_TT
    for mean_TT in weight_LHTT.mean(1):
        so_far_TT = (mean_TT + identity_TT) / 2 @ so_far_TT
        reached.append(so_far_TT)
    return torch.stack(reached)


def importance(sentence: Callable[[Tensor], Tensor], ids_T: Tensor) -> Tensor:
    """1 - cos between the embedding that `sentence` (B, T) -> (B, D) finds and that without token t, (T,).

    The first and the last token are no words and stay: their importance is 0.
    """
    T = len(ids_T)
    others = [torch.cat((ids_T[:t], ids_T[t + 1 :])) for t in range(1, T - 1)]
    turned_T = torch.zeros(T)
    if others and T > 3:
        whole_D = sentence(ids_T[None])[0]
        batches = torch.split(torch.stack(others), max(1, TOKENS_AT_ONCE // T))
        turned_T[1:-1] = torch.cat([1 - sentence(batch_BT) @ whole_D for batch_BT in batches]).clamp(min=0)
    return turned_T


@dataclass(frozen=True)
class Agreement:
    """Spearman's ρ and the 95 % interval of its bootstrap over tokens."""

    rho: float
    low: float
    high: float


def agreement(one_T: np.ndarray, other_T: np.ndarray, seed: int = 0) -> Agreement | None:
    """How alike two measures rank the tokens; None where there are fewer than four, or one measure is constant."""
    if len(one_T) < 4 or np.ptp(one_T) == 0 or np.ptp(other_T) == 0:
        return None
    draws = np.random.default_rng(seed).integers(len(one_T), size=(DRAWS, len(one_T)))
    rho = _spearman(one_T[None], other_T[None])[0]
    drawn = _spearman(one_T[draws], other_T[draws])
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Agreement(float(rho), float(low), float(high))


def _spearman(one_NT: np.ndarray, other_NT: np.ndarray) -> np.ndarray:
    """Pearson's correlation of ranks, row by row; NaN where a draw repeats a single token."""
    a_NT, b_NT = (rankdata(values, axis=1) for values in (one_NT, other_NT))
    a_NT, b_NT = a_NT - a_NT.mean(1, keepdims=True), b_NT - b_NT.mean(1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray((a_NT * b_NT).sum(1) / np.sqrt((a_NT**2).sum(1) * (b_NT**2).sum(1)))
