"""The contestants of the memory contest: networks that look back by attention, and networks that carry a state along.

All read tokens (B, T), give every position a vector, and tell from it the symbol to say there.

Letters: B batch, T positions, W width, H heads, D = W / H, V tokens, S symbols, U units of a recurrent state.

Source: attention: Vaswani et al. 2017, arXiv 1706.03762, causal, layer norm first (Xiong et al. 2020, arXiv
2002.04745), learned positions, and no feed-forward layers: the copy task needs none. Kinds of attention:
`efficient.py`. Recurrent: `recurrent.py`, one layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from models.layers import efficient, recurrent
from models.layers.flat import initialise

HEADS = 4
ATTENTION = ("transformer", "window", "dilated", "linear")
RECURRENT = ("lstm", "gru", "rnn")


@dataclass(frozen=True)
class Plan:
    """What a contestant looks like: its kind, how long and how many-voiced its sequences are, and its size."""

    kind: str
    tokens: int
    symbols: int
    positions: int
    width: int
    layers: int
    window: int

    @property
    def attends(self) -> bool:
        return self.kind in ATTENTION

    def dilation(self, layer: int) -> int:
        """Each layer of dilated attention strides as far as the ones below it see: 1, window, window² …"""
        return min(self.window**layer, self.positions) if self.kind == "dilated" else 1

    @property
    def reach(self) -> int | None:
        """How many positions back something can still be known, through all layers; None: all the way."""
        if self.kind == "window":
            return self.layers * (self.window - 1)
        return self.window**self.layers - 1 if self.kind == "dilated" else None

    def parameters(self) -> int:
        """How many numbers are trained."""
        if self.attends:
            w = self.width
            return (self.tokens + self.positions) * w + self.layers * (4 * w * w + 6 * w) + 2 * w + self._head(w)
        return self._recurrent(self.units())

    def units(self) -> int:
        """The units of a recurrent net that has as many parameters as the attention net of this width, or nearly."""
        wanted, most = replace(self, kind="transformer").parameters(), 1
        while self._recurrent(most) < wanted:
            most += 1
        return min(max(1, most - 1), most, key=lambda units: abs(self._recurrent(units) - wanted))

    def _recurrent(self, units: int) -> int:
        gates = recurrent.CELLS[self.kind][1]
        return self.tokens * units + gates * (2 * units * units + 2 * units) + self._head(units)

    def _head(self, width: int) -> int:
        return self.symbols * (width + 1)


class Contestant(nn.Module):
    """From tokens to what is to be said: `embed`, then `think`, then `say`."""

    def __init__(self, plan: Plan, width: int) -> None:
        super().__init__()
        self.plan = plan
        self.tokens = nn.Embedding(plan.tokens, width)
        self.head = nn.Linear(width, plan.symbols)

    def embed(self, ids_BT: Tensor) -> Tensor:
        """What the first layer reads, (B, T, W)."""
        x_BTW: Tensor = self.tokens(ids_BT)
        return x_BTW

    def think(self, x_BTW: Tensor) -> Tensor:
        """One vector per position, (B, T, W), made of nothing that comes later."""
        raise NotImplementedError

    def say(self, x_BTW: Tensor) -> Tensor:
        """Logits over the symbols, (B, T, S)."""
        logits_BTS: Tensor = self.head(x_BTW)
        return logits_BTS

    def forward(self, ids_BT: Tensor) -> Tensor:
        return self.say(self.think(self.embed(ids_BT)))


class Recurrent(Contestant):
    """An RNN, GRU or LSTM: what it knows of the past is its state, and nothing else."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, plan.units())
        self.layer = recurrent.fast(plan.kind, plan.units(), plan.units())

    def think(self, x_BTW: Tensor) -> Tensor:
        h_BTU: Tensor = self.layer(x_BTW)[0]
        return h_BTU


class Attentive(Contestant):
    """Layers of attention of one kind, each added to what it reads."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, plan.width)
        self.places = nn.Embedding(plan.positions, plan.width)
        self.layers = nn.ModuleList(Attention(plan, number) for number in range(plan.layers))
        self.norm = nn.LayerNorm(plan.width)

    def embed(self, ids_BT: Tensor) -> Tensor:
        return super().embed(ids_BT) + self.places.weight[: ids_BT.shape[1]]

    def think(self, x_BTW: Tensor) -> Tensor:
        for layer in self.layers:
            x_BTW = x_BTW + layer(x_BTW)
        normed_BTW: Tensor = self.norm(x_BTW)
        return normed_BTW

    def maps(self, ids_BT: Tensor) -> Tensor:
        """Attention weights (B, L, H, T, T); rows sum to 1."""
        x_BTW, maps = self.embed(ids_BT), []
        for layer in self.layers:
            assert isinstance(layer, Attention)
            maps.append(layer.weights(x_BTW))
            x_BTW = x_BTW + layer(x_BTW)
        return torch.stack(maps, 1)


class Attention(nn.Module):
    """One layer: norm, queries, keys and values, attention of the plan's kind, and the way back into the stream."""

    def __init__(self, plan: Plan, number: int) -> None:
        super().__init__()
        self.kind, self.window, self.dilation = plan.kind, plan.window, plan.dilation(number)
        self.norm = nn.LayerNorm(plan.width)
        self.qkv = nn.Linear(plan.width, 3 * plan.width)
        self.out = nn.Linear(plan.width, plan.width)

    def parts(self, x_BTW: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values of every head, (B, H, T, D) each."""
        qkv: Tensor = self.qkv(self.norm(x_BTW))
        return qkv.view(*x_BTW.shape[:2], 3, HEADS, -1).permute(2, 0, 3, 1, 4).unbind()

    def forward(self, x_BTW: Tensor) -> Tensor:
        q, k, v = self.parts(x_BTW)
        match self.kind:
            case "window":
                out_BHTD = efficient.windowed(q, k, v, self.window)
            case "dilated":
                out_BHTD = efficient.dilated(q, k, v, self.window, self.dilation)
            case "linear":
                out_BHTD = efficient.linear(q, k, v)
            case _:
                out_BHTD = efficient.fused(q, k, v)
        out_BTW: Tensor = self.out(out_BHTD.transpose(1, 2).flatten(2))
        return out_BTW

    def weights(self, x_BTW: Tensor) -> Tensor:
        """The same layer's attention weights, written out, (B, H, T, T)."""
        q, k, _v = self.parts(x_BTW)
        if self.kind == "linear":
            return efficient.linear_weights(q, k)
        return efficient.softmax_weights(q, k, None if self.kind == "transformer" else self.window, self.dilation)


def contestant(plan: Plan, random: torch.Generator) -> Contestant:
    """The network of this plan with fresh weights, on the CPU."""
    if plan.attends:
        network: Contestant = Attentive(plan)
        initialise(network, random)
        return network
    network = Recurrent(plan)
    initialise(network, random)
    recurrent.begin(plan.kind, recurrent.weights_of(network.layer), random)
    return network
