"""How a Transformer learns where a token stands: added sinusoids, rotated queries and keys, biased scores.

Attention itself does not see order: shuffle the tokens, and its outputs are shuffled alike. Three cures, all without a
weight to learn: `sinusoidal` adds to each token a row of clock hands, each pair of columns turning at a speed of its
own; `rotate` turns queries and keys by their position, so that their score knows only how far apart they are;
`alibi_bias` takes from each score a share of the distance.

Letters: B batch, H heads, T positions (queries), S positions of keys, D width of a head, X width of the model, P pairs
of columns. Angles are in radians, biases in the unit of scores (nats of attention weight).

Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.5; Su et al. 2021, arXiv 2104.09864, eq. 15 and 34; Press,
Smith and Lewis 2022, arXiv 2108.12409, section 3, and their published code for numbers of heads that are no power of
two. Unlike theirs the bias here is symmetric, to serve encoders too; under the causal mask both are the same.

Where it stops being true: the dot product of two sinusoid rows depends on their distance alone only for even widths.
It is largest at distance 0 and falls at first, but not steadily: it rises and falls again, and where slow pairs have
hardly turned it stays well above zero. Angles are computed in float64: float32 loses whole radians past 10⁷.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def frequencies(width: int, base: float = 10_000.0) -> Tensor:
    """Radians per position of each pair of columns, from 1 down to nearly 1/base: (⌈X/2⌉,) in float64."""
    if width < 1 or not base > 0:
        raise ValueError(f"width must be at least 1 and base positive, not {width} and {base}")
    return base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)


def sinusoidal(length: int, width: int, base: float = 10_000.0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Row `pos` is sin(pos·ω₀), cos(pos·ω₀), sin(pos·ω₁), …: (T, X); the last column of an odd width is a sine."""
    angles_TP = torch.arange(length, dtype=torch.float64)[:, None] * frequencies(width, base)
    return torch.stack([angles_TP.sin(), angles_TP.cos()], -1).flatten(1)[:, :width].to(dtype)


def rotary_angles(
    length: int, width: int, base: float = 10_000.0, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Cosines and sines of pos·θᵢ, each written twice, for columns 2i and 2i+1: two tables (T, D).

    Raises ValueError for an odd width: every column needs a partner to turn with.
    """
    if width % 2:
        raise ValueError(f"rotary positions need an even width of the head, not {width}")
    angles_TD = torch.arange(length, dtype=torch.float64)[:, None] * frequencies(width, base).repeat_interleave(2)
    return angles_TD.cos().to(dtype), angles_TD.sin().to(dtype)


def rotate(x_BHTD: Tensor, cos_TD: Tensor, sin_TD: Tensor, offset: int = 0) -> Tensor:
    """Each neighbouring pair of columns (2i, 2i+1) of `x_BHTD` turned by (offset + t)·θᵢ: the same shape.

    The tables come from `rotary_angles`; with `offset` decoding goes on where the keys of before ended. Raises
    ValueError where the tables end too early.
    """
    length = x_BHTD.shape[-2]
    if not 0 <= offset <= len(cos_TD) - length:
        raise ValueError(f"positions {offset} to {offset + length} lie outside the {len(cos_TD)} of the tables")
    cos_TD, sin_TD = cos_TD[offset : offset + length], sin_TD[offset : offset + length]
    # Eq. 34: (x₁, x₂, x₃, x₄, …) beside (-x₂, x₁, -x₄, x₃, …), the same vector a quarter turn on.
    turned_BHTD = torch.stack([-x_BHTD[..., 1::2], x_BHTD[..., 0::2]], -1).flatten(-2)
    return x_BHTD * cos_TD + turned_BHTD * sin_TD


def alibi_slopes(heads: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """How much each head's scores lose per position of distance: (H,).

    For 2ⁿ heads the powers of 2^(-8/2ⁿ), so that the last is 1/256; otherwise those of the next lower power of two,
    then every second one of the next higher.
    """
    if heads < 1:
        raise ValueError(f"there must be at least one head, not {heads}")
    lower = 2 ** int(math.log2(heads))
    first = [2 ** (-8 * (head + 1) / lower) for head in range(lower)]
    between = [2 ** (-8 * (2 * head + 1) / (2 * lower)) for head in range(heads - lower)]
    return torch.tensor(first + between, dtype=torch.float64).to(dtype)


def alibi_bias(heads: int, queries: int, keys: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """-slope·|distance| for every head, query and key: (H, T, S), zero where a query meets its own key.

    The last query stands at the last key, so that decoding may ask for fewer queries than keys; raises ValueError for
    more.
    """
    if queries > keys:
        raise ValueError(f"{queries} queries cannot end with the last of {keys} keys")
    distance_TS = (torch.arange(keys - queries, keys)[:, None] - torch.arange(keys)).abs()
    return -alibi_slopes(heads, torch.float64)[:, None, None].mul(distance_TS).to(dtype)
