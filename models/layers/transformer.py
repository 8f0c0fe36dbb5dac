"""Transformers in the three shapes of the literature: encoder (BERT), decoder (GPT), encoder-decoder (T5).

A token becomes a vector; each layer lets positions exchange information (attention) and then think for themselves
(feed-forward), each time adding what it found to the stream; at the end every position names the token it expects.

Letters: B batch, T positions of the stack that predicts, N positions of the encoder, X width, H heads, V vocabulary,
L layers. Token 0 is padding: nobody looks at it.

Source: Vaswani et al. 2017, arXiv 1706.03762, §3; pre-norm: Xiong et al. 2020, arXiv 2002.04745, fig. 1; GELU is not
used: the paper's ReLU is. The parts can be left out one by one (mask, positions, √D, residual, norm), which is how the
page shows what each is for. Embeddings and the last layer do not share weights, and embeddings are not scaled by √X.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from models.layers.attention import Looked, MultiHeadAttention, Silence, Trace, causal, head_width
from models.layers.positions import alibi_bias, rotary_angles, sinusoidal

Shape = Literal["encoder", "decoder", "encoder_decoder"]
Positions = Literal["none", "sinusoidal", "learned", "rope", "alibi"]
Norm = Literal["pre", "post", "none"]


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a Transformer is made of."""

    shape: Shape
    vocabulary: int
    width: int
    heads: int
    layers: int
    longest: int
    """Rows of a learned table of positions; the other kinds know no end."""
    encoder_layers: int = 1
    feed_forward: int = 4
    """Hidden width as a multiple of the stream's; 0 for attention alone."""
    norm: Norm = "pre"
    positions: Positions = "learned"
    causal: bool = True
    scaled: bool = True
    residual: bool = True
    dropout: float = 0.0


def dropped(x: Tensor, share: float, random: torch.Generator | None) -> Tensor:
    """`x` with a random share of its numbers set to 0 and the rest scaled up; itself where `random` is None."""
    if random is None or share <= 0:
        return x
    kept = torch.rand(x.shape, generator=random, device=x.device) >= share
    return x * kept / (1 - share)


class FeedForward(nn.Module):
    """Two linear layers with a ReLU between, the same at every position (§3.3)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.widen, self.narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x_BTX: Tensor) -> Tensor:
        narrowed: Tensor = self.narrow(torch.relu(self.widen(x_BTX)))
        return narrowed


@dataclass
class Sight:
    """What the queries of one stack may see, and how their positions are told to them."""

    mask: Tensor | None
    bias: Tensor | None = None
    turn: tuple[Tensor, Tensor] | None = None


class Layer(nn.Module):
    """Self-attention, then attention to the encoder where there is one, then the feed-forward network."""

    def __init__(self, plan: Plan, cross: bool) -> None:
        super().__init__()
        self.plan = plan
        self.self_attention = MultiHeadAttention(plan.width, plan.heads, scaled=plan.scaled)
        self.cross_attention = (
            MultiHeadAttention(plan.width, plan.heads, cross=True, scaled=plan.scaled) if cross else None
        )
        self.feed_forward = FeedForward(plan.width, plan.feed_forward * plan.width) if plan.feed_forward else None
        parts = 1 + cross + bool(plan.feed_forward)
        self.norms = nn.ModuleList(nn.LayerNorm(plan.width) for _ in range(parts if plan.norm != "none" else 0))

    def forward(
        self, x_BTX: Tensor, sight: Sight, memory_BNX: Tensor | None, memory_sight: Sight | None,
        trace: tuple[list[Looked] | None, list[Looked] | None], random: torch.Generator | None,
    ) -> Tensor:  # fmt: skip
        norms = iter(self.norms)
        x_BTX = self.join(
            x_BTX, norms, random, lambda x: self.self_attention(x, None, sight.mask, sight.bias, sight.turn, trace[0])
        )
        if self.cross_attention is not None and memory_sight is not None:
            cross, mask = self.cross_attention, memory_sight.mask
            x_BTX = self.join(x_BTX, norms, random, lambda x: cross(x, memory_BNX, mask, None, None, trace[1]))
        if self.feed_forward is not None:
            x_BTX = self.join(x_BTX, norms, random, self.feed_forward)
        return x_BTX

    def join(
        self,
        x_BTX: Tensor,
        norms: Iterator[nn.Module],
        random: torch.Generator | None,
        part: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """One part's contribution, added to the stream; the norm stands before the part or after the sum."""
        norm = next(norms, None)
        found = part(norm(x_BTX) if norm is not None and self.plan.norm == "pre" else x_BTX)
        found = dropped(found, self.plan.dropout, random)
        x_BTX = x_BTX + found if self.plan.residual else found
        return norm(x_BTX) if norm is not None and self.plan.norm == "post" else x_BTX


class Transformer(nn.Module):
    """A Transformer after `plan`; forward maps tokens to logits (B, T, V)."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        both = plan.shape == "encoder_decoder"
        self.embedding = nn.Embedding(plan.vocabulary, plan.width)
        learned = plan.positions == "learned"
        self.places = nn.Embedding(plan.longest, plan.width) if learned else None
        self.encoder_places = nn.Embedding(plan.longest, plan.width) if learned and both else None
        self.encoder = nn.ModuleList(Layer(plan, cross=False) for _ in range(plan.encoder_layers if both else 0))
        self.layers = nn.ModuleList(Layer(plan, cross=both) for _ in range(plan.layers))
        pre = plan.norm == "pre"
        self.encoder_norm = nn.LayerNorm(plan.width) if pre and both else None
        self.final_norm = nn.LayerNorm(plan.width) if pre else None
        self.unembedding = nn.Linear(plan.width, plan.vocabulary)
        self._constants: dict[tuple[str, int, torch.device, torch.dtype], Tensor] = {}

    def forward(
        self, tokens_BT: Tensor, encoder_BN: Tensor | None = None, trace: Trace | None = None,
        random: torch.Generator | None = None, embedded: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Logits (B, T, V). A `trace` is filled with what every attention layer did; `random` switches dropout on.

        `embedded` (B, T, X), or of the encoder's shape where there is one, stands in for the embedded source: gradients
        with respect to the input are taken there. Raises `ValueError` for more positions than a learned table has.
        """
        both = self.plan.shape == "encoder_decoder"
        memory_BNX, memory_sight = None, None
        if both:
            assert encoder_BN is not None
            memory_BNX = self.encode(encoder_BN, trace, random, embedded)
            memory_sight = Sight(self.visible(encoder_BN))
        x_BTX = self.embed(tokens_BT, self.places, random, None if both else embedded)
        sight = self.sight(tokens_BT, self.plan.causal and self.plan.shape != "encoder")
        seen = (trace.self, trace.cross) if trace is not None else (None, None)
        for layer in self.layers:
            x_BTX = layer(x_BTX, sight, memory_BNX, memory_sight, seen, random)
        if self.final_norm is not None:
            x_BTX = self.final_norm(x_BTX)
        logits_BTV: Tensor = self.unembedding(x_BTX)
        return logits_BTV

    def encode(
        self, encoder_BN: Tensor, trace: Trace | None = None, random: torch.Generator | None = None,
        embedded: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """What the encoder makes of the source: the memory (B, N, X) that the decoder looks at."""
        x_BNX = self.embed(encoder_BN, self.encoder_places, random, embedded)
        sight = self.sight(encoder_BN, False)
        seen = trace.encoder if trace is not None else None
        for layer in self.encoder:
            x_BNX = layer(x_BNX, sight, None, None, (seen, None), random)
        return x_BNX if self.encoder_norm is None else self.encoder_norm(x_BNX)

    def embed(
        self, tokens_BT: Tensor, places: nn.Embedding | None, random: torch.Generator | None, embedded: Tensor | None
    ) -> Tensor:
        """Tokens as vectors, with their positions added where these are a sum (B, T, X)."""
        x_BTX = self.embedding(tokens_BT) if embedded is None else embedded
        length = tokens_BT.shape[1]
        if places is not None:
            if length > self.plan.longest:
                raise ValueError(f"{length} positions are more than the learned table's {self.plan.longest}")
            x_BTX = x_BTX + places.weight[:length]
        elif self.plan.positions == "sinusoidal":
            x_BTX = x_BTX + self.constant("sinusoidal", length, x_BTX)
        return dropped(x_BTX, self.plan.dropout, random)

    def visible(self, tokens_BS: Tensor) -> Tensor:
        """(B, 1, 1, S) bool: padding is never looked at."""
        return (tokens_BS != 0)[:, None, None]

    def sight(self, tokens_BT: Tensor, forward_only: bool) -> Sight:
        length, like = tokens_BT.shape[1], self.unembedding.weight
        mask = self.visible(tokens_BT)
        if forward_only:
            mask = mask & self.constant("causal", length, like)
        match self.plan.positions:
            case "rope":
                return Sight(mask, turn=(self.constant("cos", length, like), self.constant("sin", length, like)))
            case "alibi":
                return Sight(mask, bias=self.constant("alibi", length, like))
        return Sight(mask)

    def constant(self, kind: str, length: int, like: Tensor) -> Tensor:
        """A table that depends on the length alone, made once per length: a captured step needs it at one address."""
        key = (kind, length, like.device, like.dtype)
        if key not in self._constants:
            width = head_width(self.plan.width, self.plan.heads)
            match kind:
                case "causal":
                    made = causal(length, length)
                case "sinusoidal":
                    made = sinusoidal(length, self.plan.width, dtype=like.dtype)
                case "alibi":
                    made = alibi_bias(self.plan.heads, length, length, like.dtype)
                case _:
                    made = rotary_angles(length, width, dtype=like.dtype)[kind == "sin"]
            self._constants[key] = made.to(like.device)
        return self._constants[key]

    def attentions(self, kind: str) -> list[MultiHeadAttention]:
        """The attention layers of one kind of map: "encoder", "self" or "cross"."""
        stack = [layer for layer in (self.encoder if kind == "encoder" else self.layers) if isinstance(layer, Layer)]
        if kind == "cross":
            return [layer.cross_attention for layer in stack if layer.cross_attention is not None]
        return [layer.self_attention for layer in stack]

    def knock_out(self, heads: Iterable[tuple[str, int, int]], means: Mapping[str, Tensor] | None = None) -> None:
        """Silence exactly these heads (kind, layer, head), all others speak; `means[kind]` (L, H, D) replaces 0."""
        out = set(heads)
        for kind in ("encoder", "self", "cross"):
            for place, layer in enumerate(self.attentions(kind)):
                silent = [(kind, place, head) in out for head in range(layer.heads)]
                like = layer.output.weight
                gate_H = torch.tensor([0.0 if quiet else 1.0 for quiet in silent], dtype=like.dtype, device=like.device)
                instead_HD = gate_H.new_zeros(layer.heads, layer.head_width) if means is None else means[kind][place]
                layer.silence = Silence(gate_H, instead_HD) if any(silent) else None
