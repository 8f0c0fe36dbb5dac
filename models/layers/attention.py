"""Attention: every position asks a question (query), every position has a label (key), and where the two agree, the
content (value) flows.

Letters: B batch, H heads, T queries, S keys, D numbers per head, X width of the model (residual stream).

    scores_BHTS = q_BHTD · k_BHSD / √D           how well each query fits each key
    weight_BHTS = softmax over the visible keys   what fraction of its attention a query spends on each key
    out_BHTD    = weight_BHTS · v_BHSD            the mixture of values it takes home

Source: Vaswani et al. 2017, arXiv 1706.03762, §3.2.1 (eq. 1, scaled dot product) and §3.2.2 (heads). Differences: the
width of a head is X // H rounded down to an even number, so that any number of heads fits any width; queries and keys
can be turned by their position (`models/layers/positions.py`); single heads can be silenced.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.layers.positions import rotate


def attention(
    q_BHTD: Tensor, k_BHSD: Tensor, v_BHSD: Tensor, mask: Tensor | None, bias: Tensor | None, scaled: bool = True
) -> tuple[Tensor, Tensor]:
    """Attention written out: output (B, H, T, D) and weights (B, H, T, S).

    `mask` (broadcast to B, H, T, S) is True where a query may look. A query that may look nowhere gets weights and
    output 0. `bias` is added to the scores (ALiBi).
    """
    scores_BHTS = q_BHTD @ k_BHSD.transpose(-2, -1)
    if scaled:
        scores_BHTS = scores_BHTS / q_BHTD.shape[-1] ** 0.5
    if bias is not None:
        scores_BHTS = scores_BHTS + bias
    if mask is None:
        weight_BHTS = scores_BHTS.softmax(-1)
    else:
        # The lowest finite number, not -∞: a row without any visible key would turn into NaN.
        lowest = torch.finfo(scores_BHTS.dtype).min
        weight_BHTS = scores_BHTS.masked_fill(~mask, lowest).softmax(-1).masked_fill(~mask, 0.0)
    return weight_BHTS @ v_BHSD, weight_BHTS


def fused(
    q_BHTD: Tensor, k_BHSD: Tensor, v_BHSD: Tensor, mask: Tensor | None, bias: Tensor | None, scaled: bool = True
) -> Tensor:
    """The same output by PyTorch's fused kernel, which keeps no weights. Every query must see at least one key."""
    if bias is not None:
        mask = bias if mask is None else torch.where(mask, bias, -torch.inf)
    scale = None if scaled else 1.0
    return F.scaled_dot_product_attention(q_BHTD, k_BHSD, v_BHSD, attn_mask=mask, scale=scale)


@dataclass
class Looked:
    """What one attention layer did: all that its pictures and its arithmetic are made of."""

    q_BHTD: Tensor
    k_BHSD: Tensor
    v_BHSD: Tensor
    weight_BHTS: Tensor
    out_BHTD: Tensor


@dataclass
class Trace:
    """Filled by a forward pass that is watched: one `Looked` per layer, by the kind of map."""

    encoder: list[Looked] = field(default_factory=list)
    self: list[Looked] = field(default_factory=list)
    cross: list[Looked] = field(default_factory=list)


@dataclass
class Silence:
    """Heads that are knocked out: their output is replaced by `instead` (0, or the head's mean output)."""

    gate_H: Tensor
    """1 for a head that speaks, 0 for one that is silenced."""
    instead_HD: Tensor


class MultiHeadAttention(nn.Module):
    """H attentions side by side, each on its own projection of the stream; their outputs are added to it.

    Their concatenation times one matrix, as the paper writes it, is the same sum.
    """

    def __init__(self, width: int, heads: int, cross: bool = False, scaled: bool = True) -> None:
        super().__init__()
        self.heads, self.scaled = heads, scaled
        self.head_width = head_width(width, heads)
        inner = heads * self.head_width
        self.cross = cross
        self.project = nn.Linear(width, inner if cross else 3 * inner)
        self.project_memory = nn.Linear(width, 2 * inner) if cross else None
        self.output = nn.Linear(inner, width)
        self.silence: Silence | None = None

    def forward(
        self,
        x_BTX: Tensor,
        memory_BSX: Tensor | None = None,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
        turn: tuple[Tensor, Tensor] | None = None,
        seen: list[Looked] | None = None,
    ) -> Tensor:
        """The layer's contribution (B, T, X). `turn` holds cosines and sines (T, D/2) for rotary positions.

        With `seen` the weights are computed one by one and remembered there; without, by the fused kernel.
        """
        q_BHTD, k_BHSD, v_BHSD = self.looks(x_BTX, memory_BSX)
        if turn is not None:
            q_BHTD, k_BHSD = rotate(q_BHTD, *turn), rotate(k_BHSD, *turn)
        if seen is None:
            out_BHTD = fused(q_BHTD, k_BHSD, v_BHSD, mask, bias, self.scaled)
        else:
            out_BHTD, weight_BHTS = attention(q_BHTD, k_BHSD, v_BHSD, mask, bias, self.scaled)
            seen.append(Looked(q_BHTD, k_BHSD, v_BHSD, weight_BHTS, out_BHTD))
        if self.silence is not None:
            gate_H11 = self.silence.gate_H[:, None, None]
            out_BHTD = gate_H11 * out_BHTD + (1 - gate_H11) * self.silence.instead_HD[:, None]
        return F.linear(out_BHTD.transpose(1, 2).flatten(2), self.output.weight, self.output.bias)  # (B, T, X)

    def looks(self, x_BTX: Tensor, memory_BSX: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, H, T, D), keys and values (B, H, S, D)."""
        if self.project_memory is None:
            q, k, v = self.project(x_BTX).chunk(3, -1)
        else:
            q = self.project(x_BTX)
            k, v = self.project_memory(memory_BSX).chunk(2, -1)
        q_BHTD, k_BHSD, v_BHSD = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (q, k, v))
        return q_BHTD, k_BHSD, v_BHSD


def head_width(width: int, heads: int) -> int:
    """Numbers per head: an even share of the stream, even (rotary positions turn pairs), at least 2."""
    return max(2, width // heads // 2 * 2)


def causal(queries: int, keys: int, where: torch.device | str = "cpu") -> Tensor:
    """(T, S) bool: a query sees itself and what came before; the last query stands at the last key."""
    return torch.ones(queries, keys, dtype=torch.bool, device=where).tril(keys - queries)
