"""Five ways to let every position look back: one answer each to the square that full attention costs.

All are causal and share one signature, `(q_BHTD, k_BHTD, v_BHTD) -> out_BHTD`:

    full       every position before it, scores written out           T² scores in memory, T² work
    fused      the same numbers, without ever storing the scores      T in memory, T² work
    windowed   the nearest `window` positions                         T·window
    dilated    as many, but only every `dilation`-th                  T·window, reaches `dilation` times as far
    linear     every position before it, through a sum kept so far    T·D²: no scores at all

Letters: B batch, H heads, T positions, D numbers per head, C blocks, W positions in a block.

Source: full: Vaswani et al. 2017, arXiv 1706.03762, eq. 1; fused: Dao et al. 2022, arXiv 2205.14135 (here torch's
own); windowed and dilated: Beltagy et al. 2020, arXiv 2004.05150, section 3.1 (their windows look both ways, ours only
back); linear: Katharopoulos et al. 2020, arXiv 2006.16236, eq. 7 and 9, φ(x) = elu(x) + 1, summed block by block.
Where it stops being true: linear attention is another function, not an approximation of the softmax; and fast GPU
kernels would move all constants, not the slopes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 64
"""Positions that linear attention sums up at once: longer blocks waste work, shorter ones waste launches."""


def visible(positions: int, window: int | None = None, dilation: int = 1) -> Tensor:
    """Bool (T, T): which positions (columns) each position (row) may look at; without a window all before it."""
    if window is None:
        return torch.ones(positions, positions, dtype=torch.bool).tril_()
    back = torch.arange(positions)[:, None] - torch.arange(positions)
    return (back >= 0) & (back < window * dilation) & (back % dilation == 0)


def full(q_BHTD: Tensor, k_BHTD: Tensor, v_BHTD: Tensor) -> Tensor:
    """softmax(q·k/√D)·v over all earlier positions, with every score in memory."""
    return softmax_weights(q_BHTD, k_BHTD) @ v_BHTD


def fused(q_BHTD: Tensor, k_BHTD: Tensor, v_BHTD: Tensor) -> Tensor:
    """The same numbers as `full`, computed tile by tile."""
    return F.scaled_dot_product_attention(q_BHTD, k_BHTD, v_BHTD, is_causal=True)


def windowed(q_BHTD: Tensor, k_BHTD: Tensor, v_BHTD: Tensor, window: int = 32) -> Tensor:
    """softmax over the nearest `window` positions, the own one included.

    The sequence is cut into blocks as long as the window: what a position may see lies in its own block or in the
    one before.
    """
    length, width = q_BHTD.shape[-2], q_BHTD.shape[-1]
    q, k, v = (cut(x, window) for x in (q_BHTD, k_BHTD, v_BHTD))
    k_BHCWD, v_BHCWD = (torch.cat((F.pad(x, (0, 0, 0, 0, 1, 0))[..., :-1, :, :], x), -2) for x in (k, v))
    scores = q @ k_BHCWD.transpose(-1, -2) * width**-0.5
    blocks = torch.arange(q.shape[-3], device=q.device)[:, None, None]
    own, other = torch.arange(window, device=q.device), torch.arange(2 * window, device=q.device)
    back_WW = own[:, None] + window - other
    hidden_CWW = (back_WW < 0) | (back_WW >= window) | ((blocks == 0) & (other < window))
    out: Tensor = scores.masked_fill(hidden_CWW, -torch.inf).softmax(-1) @ v_BHCWD
    return out.flatten(-3, -2)[..., :length, :]


def dilated(q_BHTD: Tensor, k_BHTD: Tensor, v_BHTD: Tensor, window: int = 32, dilation: int = 4) -> Tensor:
    """softmax over `window` positions, every `dilation`-th one back from the own.

    Positions with the same remainder form a sequence of their own, and there it is a plain window.
    """
    heads, length = q_BHTD.shape[1], q_BHTD.shape[-2]
    q, k, v = (cut(x, dilation).transpose(-3, -2).flatten(1, 2) for x in (q_BHTD, k_BHTD, v_BHTD))
    out = windowed(q, k, v, window)
    parts = out.view(len(out), heads, dilation, -1, out.shape[-1])
    return parts.transpose(-3, -2).flatten(-3, -2)[..., :length, :]


def linear(q_BHTD: Tensor, k_BHTD: Tensor, v_BHTD: Tensor) -> Tensor:
    """φ(q)·Σ φ(k)vᵀ / φ(q)·Σ φ(k), the sums running over all positions so far.

    Inside a block the sum is taken position by position, as a small masked product; before it, as one D×D state.
    """
    length = q_BHTD.shape[-2]
    block = min(BLOCK, length)
    # A padded key counts for nothing: φ is taken before the zeros are added.
    q, k, v = (cut(x, block) for x in (feature(q_BHTD), feature(k_BHTD), with_one(v_BHTD)))
    own = (q @ k.transpose(-1, -2)).tril() @ v
    states = (k.transpose(-1, -2) @ v).cumsum(-3)
    before = F.pad(states, (0, 0, 0, 0, 1, 0))[..., :-1, :, :]
    summed: Tensor = (own + q @ before).flatten(-3, -2)[..., :length, :]
    return summed[..., :-1] / summed[..., -1:]


def cut(x_BHTD: Tensor, size: int) -> Tensor:
    """The sequence in blocks of `size`, the last filled up with zeros: (B, H, C, size, D)."""
    padded = F.pad(x_BHTD, (0, 0, 0, -x_BHTD.shape[-2] % size))
    return padded.view(*padded.shape[:2], -1, size, padded.shape[-1])


def feature(x: Tensor) -> Tensor:
    """φ(x) = elu(x) + 1: positive everywhere, so that weights are, too."""
    return F.elu(x) + 1


def with_one(v_BHTD: Tensor) -> Tensor:
    """Values with a one behind them: its weighted sum is the sum of the weights."""
    return torch.cat((v_BHTD, torch.ones_like(v_BHTD[..., :1])), -1)


def softmax_weights(q_BHTD: Tensor, k_BHTD: Tensor, window: int | None = None, dilation: int = 1) -> Tensor:
    """Attention weights (B, H, T, T), rows sum to 1, of full, fused, windowed and dilated attention."""
    scores_BHTT: Tensor = (q_BHTD * q_BHTD.shape[-1] ** -0.5) @ k_BHTD.transpose(-1, -2)
    hidden_TT = visible(q_BHTD.shape[-2], window, dilation).logical_not_().to(scores_BHTT.device)
    # In place: at 4,096 tokens and four heads the scores take 268 MB, once is enough.
    return scores_BHTT.masked_fill_(hidden_TT, -torch.inf).softmax(-1)


def linear_weights(q_BHTD: Tensor, k_BHTD: Tensor) -> Tensor:
    """The weights (B, H, T, T) that linear attention never writes down: φ(q)·φ(k), rows divided by their sum."""
    weights_BHTT: Tensor = (feature(q_BHTD) @ feature(k_BHTD).transpose(-1, -2)).tril()
    return weights_BHTT / weights_BHTT.sum(-1, keepdim=True)
