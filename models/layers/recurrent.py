"""Three networks that read one token after another and keep what they know in a state of fixed size.

`rnn_cell`, `gru_cell` and `lstm_cell` are one step each, as the papers write them; `unroll` repeats a step along a
sequence. `fast` computes the same numbers with torch's own loops, three to four times as fast (7 against 26 ms for a
training step of an LSTM with 67 units, 61 tokens, 64 sequences, one thread); a test holds both to be equal.

Letters: B batch, T positions, I inputs, U units of the state, G = U × gates.

Source: rnn: Elman 1990, Cognitive Science 14, 179; lstm: Hochreiter and Schmidhuber 1997, Neural Computation 9, 1735,
with the forget gate of Gers et al. 2000; gru: Cho et al. 2014, arXiv 1406.1078, with the reset gate after the matrix
product, as cuDNN and torch have it. Beginnings: orthogonal recurrent matrices (Saxe et al. 2014, arXiv 1312.6120), a
forget bias of 1 (Jozefowicz et al. 2015, ICML).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Weights(NamedTuple):
    """Of one recurrent layer, in torch's order of gates: input, forget, cell, output; or reset, update, new."""

    input_GI: Tensor
    state_GU: Tensor
    input_bias_G: Tensor
    state_bias_G: Tensor


State = tuple[Tensor, ...]
"""The state that is handed on: h (B, U), and for an LSTM its cell c (B, U)."""
Cell = Callable[[Tensor, State, Weights], State]


def rnn_cell(x_BI: Tensor, state: State, weights: Weights) -> State:
    """h ← tanh(W x + b + U h + c)."""
    (h_BU,) = state
    return (torch.tanh(from_input(x_BI, weights) + from_state(h_BU, weights)),)


def gru_cell(x_BI: Tensor, state: State, weights: Weights) -> State:
    """A new state n, mixed with the old one: h ← (1 - z)·n + z·h. The reset gate r hides the old one from n."""
    (h_BU,) = state
    xr, xz, xn = from_input(x_BI, weights).chunk(3, -1)
    hr, hz, hn = from_state(h_BU, weights).chunk(3, -1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    n = torch.tanh(xn + r * hn)
    return ((1 - z) * n + z * h_BU,)


def lstm_cell(x_BI: Tensor, state: State, weights: Weights) -> State:
    """A cell that only adds and forgets: c ← f·c + i·g; what is shown of it is h ← o·tanh(c)."""
    h_BU, c_BU = state
    i, f, g, o = (from_input(x_BI, weights) + from_state(h_BU, weights)).chunk(4, -1)
    c_BU = torch.sigmoid(f) * c_BU + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_BU), c_BU


def from_input(x_BI: Tensor, weights: Weights) -> Tensor:
    return x_BI @ weights.input_GI.T + weights.input_bias_G


def from_state(h_BU: Tensor, weights: Weights) -> Tensor:
    return h_BU @ weights.state_GU.T + weights.state_bias_G


CELLS: Mapping[str, tuple[Cell, int]] = {"rnn": (rnn_cell, 1), "gru": (gru_cell, 3), "lstm": (lstm_cell, 4)}
"""Each cell, and how many gates it has."""


def unroll(kind: str, x_BTI: Tensor, weights: Weights) -> Tensor:
    """The states h (B, T, U) of a sequence, from a state of zeros; one cell after another."""
    cell = CELLS[kind][0]
    state = zeros(kind, x_BTI, weights)
    shown = []
    for x_BI in x_BTI.unbind(1):
        state = cell(x_BI, state, weights)
        shown.append(state[0])
    return torch.stack(shown, 1)


def zeros(kind: str, x_BTI: Tensor, weights: Weights) -> State:
    empty_BU = x_BTI.new_zeros(len(x_BTI), weights.state_GU.shape[1])
    return (empty_BU, empty_BU.clone()) if kind == "lstm" else (empty_BU,)


def fast(kind: str, inputs: int, units: int) -> nn.RNNBase:
    """torch's own loop over the same cell; maps (B, T, I) to the states (B, T, U) and the last state."""
    loop = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[kind]
    layer: nn.RNNBase = loop(inputs, units, batch_first=True)
    return layer


def weights_of(layer: nn.RNNBase) -> Weights:
    """The weights of torch's layer, as the cells here take them."""
    return Weights(layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)  # type: ignore[arg-type]


@torch.no_grad()
def begin(kind: str, weights: Weights, random: torch.Generator) -> None:
    """Where training starts: orthogonal recurrent matrices, an LSTM that at first forgets little, and an RNN that is
    at first almost linear, so that its state turns but does not fade (Henaff et al. 2016, arXiv 1602.06662)."""
    inputs, units = weights.input_GI.shape[1], weights.state_GU.shape[1]
    scale = inputs**-0.5 * (0.1 if kind == "rnn" else 1.0)
    weights.input_GI.copy_(torch.randn(weights.input_GI.shape, generator=random) * scale)
    for gate_UU in torch.split(weights.state_GU, units):
        gate_UU.copy_(torch.linalg.qr(torch.randn(units, units, generator=random))[0])
    weights.input_bias_G.zero_()
    weights.state_bias_G.zero_()
    if kind == "lstm":
        weights.input_bias_G[units : 2 * units] = 1.0
