"""A sentence, read by a language model with real weights: what every head looked at and what came of it.

The model of the house is MiniLM (`models/data/minilm.py`); others come from a hub where the operator allows it
(`models/data/hub.py`). No experiment: nothing is trained here.

Letters: L layers, H heads, T tokens, K width of a head, D width, G blocks of a map that is too large to be drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.data.wordpiece import Token
from models.metrics.cell import Row
from models.metrics.sentence import roles, rollout

MOST_TOKENS = 512
DRAWN = 128
"""Maps of at most so many tokens are drawn cell by cell; larger ones are max-pooled to at most as many blocks."""


class Thought(NamedTuple):
    """What a model computed for one sentence; q, k, v only where the encoder is our own."""

    weight_LHTT: Tensor
    hidden_TD: Tensor
    qkv_LHTK: tuple[Tensor, Tensor, Tensor] | None


class SentenceModel(Protocol):
    """What a page asks of any encoder."""

    @property
    def name(self) -> str: ...
    @property
    def mask(self) -> int | None:
        """The number of [MASK]; None where the model knows none."""

    def tokens(self, text: str) -> tuple[list[Token], int]:
        """The tokens of a text, as many as the model can read, and how many were left out."""

    def think(self, ids_T: Tensor) -> Thought: ...

    def sentence(self, ids_BT: Tensor) -> Tensor:
        """Embeddings (B, D) of length one."""


@dataclass(frozen=True)
class Drawn:
    """What a browser gets of a sentence: maps as bytes, and what stands at their sides."""

    names: list[str]
    maps_LHGG: np.ndarray
    rollout_LGG: np.ndarray
    roles_LHR: np.ndarray
    """0 where the role names no key, float32."""
    side: int
    """Tokens per side of a drawn cell."""


@dataclass(frozen=True)
class Reading:
    """One sentence as one model read it; of long sentences the weights are kept as q and k, from which they follow."""

    tokens: Sequence[Token]
    left_out: int
    roles_LHR: Tensor
    rollout_LTT: Tensor
    received_LT: Tensor
    """The mean weight that each token gets in a layer, over heads and queries."""
    hidden_TD: Tensor
    qkv_LHTK: tuple[Tensor, Tensor, Tensor] | None
    weight_LHTT: Tensor | None
    drawn: Drawn

    @property
    def names(self) -> list[str]:
        return [token.text for token in self.tokens]

    @property
    def ids(self) -> Tensor:
        return torch.tensor([token.id for token in self.tokens])

    @cached_property
    def embedding(self) -> Tensor:
        """(D,), of length one; the mean of what all positions hold in the end."""
        return F.normalize(self.hidden_TD.mean(0), dim=0)

    def row(self, layer: int, head: int, query: int) -> Row | None:
        """All that one query does in one head, in float64; None where the model keeps no q and k."""
        if self.qkv_LHTK is None:
            return None
        q_TK, k_TK, v_TK = (each_LHTK[layer, head].double() for each_LHTK in self.qkv_LHTK)
        raw_T = k_TK @ q_TK[query]
        score_T = raw_T / q_TK.shape[-1] ** 0.5
        weight_T = score_T.softmax(-1)
        nothing_T = torch.zeros_like(raw_T)
        return Row(q_TK[query], k_TK, v_TK, raw_T, nothing_T, score_T, nothing_T == 0, weight_T, weight_T @ v_TK)

    def weight(self, layer: int, head: int) -> Tensor:
        """The exact weights of one head."""
        if self.weight_LHTT is not None:
            return self.weight_LHTT[layer, head]
        assert self.qkv_LHTK is not None
        q_TK, k_TK = (each_LHTK[layer, head] for each_LHTK in self.qkv_LHTK[:2])
        scores_TT: Tensor = q_TK @ k_TK.mT * q_TK.shape[-1] ** -0.5
        return scores_TT.softmax(-1)


def read(model: SentenceModel, text: str, masked: int | None = None) -> Reading:
    """`text` as `model` reads it; with `masked`, the token at that position replaced by [MASK]."""
    tokens, left_out = model.tokens(text)
    if masked is not None and model.mask is not None and 0 < masked < len(tokens) - 1:
        hidden = tokens[masked]
        tokens[masked] = Token(model.mask, "[MASK]", hidden.start, hidden.end)
    with torch.inference_mode():
        thought = model.think(torch.tensor([token.id for token in tokens]))
        weight_LHTT = thought.weight_LHTT
        rollout_LTT = rollout(weight_LHTT)
        keep = thought.qkv_LHTK is None or len(tokens) <= DRAWN
        return Reading(
            tokens=tokens, left_out=left_out, roles_LHR=roles(weight_LHTT, [token.text for token in tokens]),
            rollout_LTT=rollout_LTT, received_LT=weight_LHTT.mean((1, 2)), hidden_TD=thought.hidden_TD,
            qkv_LHTK=thought.qkv_LHTK, weight_LHTT=weight_LHTT if keep else None,
            drawn=draw([token.text for token in tokens], weight_LHTT, rollout_LTT),
        )  # fmt: skip


def draw(names: list[str], weight_LHTT: Tensor, rollout_LTT: Tensor) -> Drawn:
    """The picture of these maps."""
    side = -(-len(names) // DRAWN)
    roles_LHR = roles(weight_LHTT, names).nan_to_num().float().numpy()
    return Drawn(blocks(names, side), picture(weight_LHTT, side), picture(rollout_LTT, side), roles_LHR, side)


def picture(weight_XTT: Tensor, side: int) -> np.ndarray:
    """Maps as bytes, (…, T, T) to (…, G, G): each block of `side` × `side` cells shows its largest weight × 255."""
    if side > 1:
        weight_XTT = F.max_pool2d(weight_XTT, side, ceil_mode=True)
    return (weight_XTT * 255).round().to(torch.uint8).numpy()


def blocks(names: Sequence[str], side: int) -> list[str]:
    """What stands at the sides of a pooled map: the first token of each block, and the last where there are more."""
    parts = [names[start : start + side] for start in range(0, len(names), side)]
    return [part[0] if len(part) == 1 else f"{part[0]} … {part[-1]}" for part in parts]


def shares(reading: Reading, other: Reading) -> Tensor:
    """What each token of `reading` adds to the cosine of both embeddings, (T,): the cosine is their sum.

    The embedding is a mean over tokens, so the cosine falls into one share per token; a token's share speaks for the
    position, which holds something of every other token by then.
    """
    length: Tensor = len(reading.tokens) * reading.hidden_TD.mean(0).norm()
    return reading.hidden_TD @ other.embedding / length


def recorded() -> Drawn:
    """How MiniLM read the first example, stored here for those who have not installed its weights."""
    with np.load(Path(__file__).parent / "data" / "minilm_example.npz", allow_pickle=False) as stored:
        names = [str(name) for name in stored["names"]]
        return Drawn(names, stored["maps"], stored["rollout"], stored["roles"], 1)
