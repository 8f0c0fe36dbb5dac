"""BERT's encoder, written out: tokens look at each other through attention, layer after layer, in both directions.

Word, position and sentence-type vectors are added and normalised; then every layer lets each token gather from all
others (attention), adds what it gathered to itself, and thinks it over alone (two linear maps with GELU between).
Normalisation comes after each addition ("post-norm"). Nothing is masked: a sentence is read alone, without padding.

Letters: B sentences of equal length, T tokens, D width, H heads, K width of a head (D / H), L layers.

Source: Vaswani et al. 2017, arXiv 1706.03762, section 3; Devlin et al. 2019, arXiv 1810.04805, section 3 and its
published code (GELU with the error function, LayerNorm ε from the configuration, 1e-12). Differs from training BERT:
no dropout, no second sentence type, no masked-word head. Made for reading published weights, not for training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """The sizes of one BERT; raises `ValueError` for a configuration that describes none."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    inner: int
    positions: int
    types: int
    epsilon: float

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape:
        """The shape that a published `config.json` describes."""
        if config.get("hidden_act") != "gelu" or config.get("position_embedding_type", "absolute") != "absolute":
            raise ValueError("Only BERT with GELU and absolute positions is written out here")
        try:
            return cls(
                vocabulary=int(config["vocab_size"]), width=int(config["hidden_size"]),
                layers=int(config["num_hidden_layers"]), heads=int(config["num_attention_heads"]),
                inner=int(config["intermediate_size"]), positions=int(config["max_position_embeddings"]),
                types=int(config["type_vocab_size"]), epsilon=float(config["layer_norm_eps"]),
            )  # fmt: skip
        except KeyError as error:
            raise ValueError(f"The configuration lacks {error}") from error


class Attended(NamedTuple):
    """What one layer's attention computed on its way."""

    weight_BHTT: Tensor
    q_BHTK: Tensor
    k_BHTK: Tensor
    v_BHTK: Tensor


class Encoded(NamedTuple):
    """All that happened: L + 1 hidden states (the first is the embedding) and L times attention."""

    hidden_BTD: list[Tensor]
    attended: list[Attended]


class Attention(nn.Module):
    """Each token asks (q), every token answers (k) and hands over (v): softmax(q kᵀ / √K) v, once per head."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.q, self.k, self.v, self.out = (nn.Linear(shape.width, shape.width) for _each in range(4))

    def forward(self, x_BTD: Tensor) -> tuple[Tensor, Attended]:
        q_BHTK, k_BHTK, v_BHTK = (self.by_head(project(x_BTD)) for project in (self.q, self.k, self.v))
        weight_BHTT = (q_BHTK @ k_BHTK.mT * q_BHTK.shape[-1] ** -0.5).softmax(-1)
        gathered_BTD = (weight_BHTT @ v_BHTK).transpose(1, 2).flatten(2)
        return self.out(gathered_BTD), Attended(weight_BHTT, q_BHTK, k_BHTK, v_BHTK)

    def by_head(self, x_BTD: Tensor) -> Tensor:
        return x_BTD.view(*x_BTD.shape[:2], self.heads, -1).transpose(1, 2)


class Layer(nn.Module):
    """Attention, then a small network for each token alone, each added and normalised."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention = Attention(shape)
        self.norm1 = nn.LayerNorm(shape.width, shape.epsilon)
        self.widen = nn.Linear(shape.width, shape.inner)
        self.narrow = nn.Linear(shape.inner, shape.width)
        self.norm2 = nn.LayerNorm(shape.width, shape.epsilon)

    def forward(self, x_BTD: Tensor) -> tuple[Tensor, Attended]:
        gathered_BTD, attended = self.attention(x_BTD)
        x_BTD = self.norm1(x_BTD + gathered_BTD)
        return self.norm2(x_BTD + self.narrow(F.gelu(self.widen(x_BTD)))), attended


class Bert(nn.Module):
    """The encoder; forward maps token numbers (B, T) to `Encoded`. At most `shape.positions` tokens."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.vocabulary, shape.width)
        self.places = nn.Embedding(shape.positions, shape.width)
        self.types = nn.Embedding(shape.types, shape.width)
        self.norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.layers = nn.ModuleList(Layer(shape) for _each in range(shape.layers))

    def embed(self, ids_BT: Tensor) -> Tensor:
        """What enters the first layer, (B, T, D)."""
        # The same order of additions as the published code: float32 sums depend on it.
        words_BTD = self.words(ids_BT) + self.types.weight[0]
        embedded_BTD: Tensor = self.norm(words_BTD + self.places.weight[: ids_BT.shape[1]])
        return embedded_BTD

    def forward(self, ids_BT: Tensor) -> Encoded:
        hidden, all_attended = [self.embed(ids_BT)], []
        for layer in self.layers:
            x_BTD, attended = layer(hidden[-1])
            hidden.append(x_BTD)
            all_attended.append(attended)
        return Encoded(hidden, all_attended)

    def sentence(self, ids_BT: Tensor) -> Tensor:
        """The sentences' embeddings (B, D), of length one: the mean of the last hidden states."""
        x_BTD = self.embed(ids_BT)
        for layer in self.layers:
            x_BTD, _attended = layer(x_BTD)
        return pooled(x_BTD)


def pooled(hidden_BTD: Tensor) -> Tensor:
    """Mean over tokens, special ones included, scaled to length one: how the sentence model was trained."""
    return F.normalize(hidden_BTD.mean(1), dim=-1)


OURS: Mapping[str, str] = {
    "embeddings.word_embeddings.": "words.",
    "embeddings.position_embeddings.": "places.",
    "embeddings.token_type_embeddings.": "types.",
    "embeddings.LayerNorm.": "norm.",
    "encoder.layer.": "layers.",
    "attention.self.query.": "attention.q.",
    "attention.self.key.": "attention.k.",
    "attention.self.value.": "attention.v.",
    "attention.output.dense.": "attention.out.",
    "attention.output.LayerNorm.": "norm1.",
    "intermediate.dense.": "widen.",
    ".output.dense.": ".narrow.",
    ".output.LayerNorm.": ".norm2.",
}
"""Parts of published names, and ours, to be replaced in this order."""
UNUSED = ("pooler.", "embeddings.position_ids")


def named_as_ours(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published weights under the names that `Bert` uses."""
    renamed: dict[str, Tensor] = {}
    for name, weight in weights.items():
        name = name.removeprefix("bert.")
        if name.startswith(UNUSED):
            continue
        for theirs, ours in OURS.items():
            name = name.replace(theirs, ours)
        renamed[name] = weight
    return renamed


def bert(shape: Shape, weights: Mapping[str, Tensor]) -> Bert:
    """The encoder with published weights, ready to read; raises `ValueError` where they do not fit the shape."""
    with torch.device("meta"):
        model = Bert(shape)
    try:
        model.load_state_dict(named_as_ours(weights), assign=True)
    except RuntimeError as error:
        raise ValueError("The weights do not fit the configuration") from error
    return model.train(False).requires_grad_(False)
