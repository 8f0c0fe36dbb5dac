"""One cell of an attention map, taken apart: every number between a query, a key and what the head hands on.

Letters: S keys, D numbers per head. Everything is computed in float64 from the queries, keys and values that the run
recorded, so that the numbers on screen add up on screen.

    products_D   q_D · k_D, number by number; their sum is the raw score
    score_S      q·k for every key, divided by √D where the model does so, plus the position bias
    weight_S     softmax of the scores over the visible keys
    out_D        Σ weight_S · v_SD

Source: Vaswani et al. 2017, arXiv 1706.03762, eq. 1; the idea of the view: BertViz' neuron view (Vig 2019, arXiv
1906.05714).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.experiment import Snapshot
from models.layers.attention import attention, causal
from models.layers.positions import alibi_bias
from models.layers.transformer import Plan


@dataclass(frozen=True)
class Row:
    """What one query of one head does with all keys."""

    q_D: Tensor
    k_SD: Tensor
    v_SD: Tensor
    raw_S: Tensor
    """q·k, before anything else."""
    bias_S: Tensor
    """What the position adds (ALiBi); 0 elsewhere."""
    score_S: Tensor
    """What the softmax gets."""
    visible_S: Tensor
    weight_S: Tensor
    out_D: Tensor


def row(
    snapshot: Snapshot, plan: Plan, tokens: tuple[Tensor, Tensor], where: tuple[str, int, int, int], query: int
) -> Row | None:
    """The row of one query: `where` is kind of map, example, layer, head; `tokens` are those of queries and keys (T,).

    None where the picture holds no queries and keys (they were too large to record) or no such cell.
    """
    kind, example, layer, head = where
    arrays = [snapshot.arrays.get(f"{part}_{kind}") for part in "qkv"]
    if any(array is None for array in arrays):
        return None
    sizes = arrays[0].shape  # type: ignore[union-attr]
    if not (example < sizes[0] and layer < sizes[1] and head < sizes[2] and 0 <= query < sizes[3]):
        return None
    q_TD, k_SD, v_SD = (torch.from_numpy(array[example, layer, head]).double() for array in arrays)  # type: ignore[index]
    mask_TS, bias_TS = seen(plan, kind, tokens, head)
    out_TD, weight_TS = attention(q_TD, k_SD, v_SD, mask_TS, bias_TS, plan.scaled)
    raw_S = k_SD @ q_TD[query]
    score_S = raw_S / (len(q_TD[query]) ** 0.5 if plan.scaled else 1.0) + bias_TS[query]
    return Row(q_TD[query], k_SD, v_SD, raw_S, bias_TS[query], score_S, mask_TS[query], weight_TS[query], out_TD[query])


def seen(plan: Plan, kind: str, tokens: tuple[Tensor, Tensor], head: int) -> tuple[Tensor, Tensor]:
    """Where queries may look (T, S) bool, and what the position adds to each score (T, S), float64."""
    (queries,), (keys,) = tokens[0].shape, tokens[1].shape
    mask_TS = (tokens[1] != 0).expand(queries, -1)
    if kind == "self" and plan.causal and plan.shape != "encoder":
        mask_TS = mask_TS & causal(queries, keys)
    if plan.positions == "alibi" and kind != "cross":
        return mask_TS, alibi_bias(plan.heads, queries, keys)[head].double()
    return mask_TS, torch.zeros(queries, keys, dtype=torch.float64)
