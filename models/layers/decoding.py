"""How a trained Transformer writes: one token after the other, each chosen from the distribution over the next.

Letters: B sequences, T written so far, V vocabulary.

Source: temperature: Ackley, Hinton and Sejnowski 1985; top-k: Fan et al. 2018, arXiv 1805.04833; nucleus (top-p):
Holtzman et al. 2020, arXiv 1904.09751, eq. 2; beam search with length-normalised log-probability: Wu et al. 2016,
arXiv 1609.08144, eq. 14 (with α = 1, the mean log-probability per token, unless another α is given).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.layers.transformer import Transformer


def truncated(logits_V: Tensor, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> Tensor:
    """The distribution (…, V) that is sampled from: the softmax at `temperature`, cut to the `top_k` most probable
    tokens (0: all) and to the fewest that together carry `top_p` of it, and scaled to sum to one.

    Both cuts are made on the same distribution, over the full vocabulary, and never leave it empty. Temperature 0 is
    greedy. Ties at the edge are kept by token order.
    """
    if temperature <= 0:
        return torch.nn.functional.one_hot(logits_V.argmax(-1), logits_V.shape[-1]).to(logits_V.dtype)
    sorted_V, order_V = (logits_V / temperature).softmax(-1).sort(dim=-1, descending=True, stable=True)
    rank_V = torch.arange(sorted_V.shape[-1], device=logits_V.device)
    kept_V = torch.ones_like(sorted_V, dtype=torch.bool)
    if top_p < 1:  # summed in floats, the larger ones may reach 1 before the end
        before_V = torch.nn.functional.pad(sorted_V.cumsum(-1)[..., :-1], (1, 0))
        kept_V = (before_V < top_p) | (rank_V == 0)
    if top_k > 0:
        kept_V &= rank_V < top_k
    cut_V = torch.zeros_like(sorted_V).scatter(-1, order_V, sorted_V * kept_V)
    return cut_V / cut_V.sum(-1, keepdim=True)


@torch.no_grad()
def next_logits(model: Transformer, tokens_BT: Tensor, encoder_BN: Tensor | None) -> Tensor:
    """Logits (B, V) of the token after the last one."""
    logits_BTV: Tensor = model(tokens_BT, encoder_BN)
    return logits_BTV[:, -1]


def greedy(model: Transformer, prompt_BT: Tensor, encoder_BN: Tensor | None, count: int) -> Tensor:
    """The `count` most probable next tokens, one by one: (B, count).

    Every step reads all that stands there anew. Under the causal mask that is what training saw; a model trained
    without the mask meets, for the first time, sequences that end where it must go on.
    """
    tokens_BT = prompt_BT
    for _ in range(count):
        tokens_BT = torch.cat((tokens_BT, next_logits(model, tokens_BT, encoder_BN).argmax(-1, keepdim=True)), 1)
    return tokens_BT[:, prompt_BT.shape[1] :]


@dataclass(frozen=True)
class Written:
    """What was written, and what the model said before each token."""

    tokens: tuple[int, ...]
    logits_TV: Tensor


def write(
    model: Transformer,
    prompt_T: Tensor,
    encoder_N: Tensor | None,
    count: int,
    end: int,
    random: torch.Generator,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
) -> Written:  # fmt: skip
    """At most `count` tokens, each drawn by `random` (on the CPU) from the truncated distribution, up to `end`."""
    tokens: list[int] = []
    said: list[Tensor] = []
    encoder_BN = None if encoder_N is None else encoder_N[None]
    while len(tokens) < count and (not tokens or tokens[-1] != end):
        read_T = torch.cat((prompt_T, prompt_T.new_tensor(tokens)))
        logits_V = next_logits(model, read_T[None], encoder_BN)[0].cpu()
        p_V = truncated(logits_V.double(), temperature, top_k, top_p)
        tokens.append(int(torch.multinomial(p_V, 1, generator=random)))
        said.append(logits_V)
    return Written(tuple(tokens), torch.stack(said) if said else torch.empty(0, model.plan.vocabulary))


@dataclass(frozen=True)
class Beam:
    """One hypothesis of a beam search."""

    tokens: tuple[int, ...]
    log_probability: float
    """Of all written tokens together, in nats."""
    score: float
    """What hypotheses are ranked by: the log-probability divided by the length to the power α."""


def beam_search(
    model: Transformer,
    prompt_T: Tensor,
    encoder_N: Tensor | None,
    count: int,
    end: int,
    width: int = 4,
    alpha: float = 1.0,
) -> list[Beam]:  # fmt: skip
    """The `width` best hypotheses found, best first, each `count` tokens long, or shorter where it ends in `end`.

    The search is over once `width` hypotheses have ended, or nothing else is left. One ends only where `end` is among
    the `width` best continuations of all: with a width of 1 this is greedy decoding.
    """
    alive: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    done: list[tuple[tuple[int, ...], float]] = []
    for _ in range(count):
        grown = _grown(model, prompt_T, encoder_N, alive, 2 * width)
        done += [hypothesis for hypothesis in grown[:width] if hypothesis[0][-1] == end]
        alive = [hypothesis for hypothesis in grown if hypothesis[0][-1] != end][:width]
        if len(done) >= width:
            alive = []  # cut off in the middle: no hypotheses to be ranked with the others
        if not alive:
            break
    ranked = [Beam(tokens, score, score / len(tokens) ** alpha) for tokens, score in (*done, *alive)]
    return sorted(ranked, key=lambda beam: -beam.score)[:width]


def _grown(
    model: Transformer,
    prompt_T: Tensor,
    encoder_N: Tensor | None,
    alive: list[tuple[tuple[int, ...], float]],
    most: int,
) -> list[tuple[tuple[int, ...], float]]:  # fmt: skip
    """The `most` likeliest continuations by one token of the hypotheses `alive`, likeliest first."""
    tokens_BT = torch.stack([torch.cat((prompt_T, prompt_T.new_tensor(tokens))) for tokens, _score in alive])
    encoder_BN = None if encoder_N is None else encoder_N.expand(len(alive), -1)
    log_BV = next_logits(model, tokens_BT, encoder_BN).cpu().double().log_softmax(-1)
    total_BV = log_BV + log_BV.new_tensor([score for _tokens, score in alive])[:, None]
    best, order = total_BV.flatten().topk(min(most, total_BV.numel()))
    return [
        ((*alive[place // log_BV.shape[1]][0], place % log_BV.shape[1]), score)
        for place, score in zip(order.tolist(), best.tolist(), strict=True)
    ]
