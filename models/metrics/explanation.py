"""Which tokens an answer hangs on, told in four ways, and whether attention ranks them as an experiment does.

    raw            attention of the last layer at the predicting position, mean over heads (or one chosen head)
    rollout        attention multiplied through all layers, each keeping half of what it held (the residual stream)
    gradient       |∂ log p(answer) / ∂x · x| at the token's embedding x: gradient × input
    leave_one_out  how much log p(answer) drops, in nats, when the token is replaced by others of the task, mean over
                   them: the experiment, which the other three are held against

Letters: B examples, T positions, N positions of the encoder, S source tokens (N of an encoder-decoder, else T),
L layers, H heads.

Source: the question: Jain and Wallace 2019, arXiv 1902.10186; rollout: Abnar and Zuidema 2020, arXiv 2005.00928, eq. 1,
through the cross-attention as in `across`; gradient × input: Shrikumar et al. 2017, arXiv 1704.02685, §1.
Where it stops being true: rollout knows routes, not what values and feed-forward networks make of them; a replaced
token is a sequence that may never occur in training; and where two tokens can each stand in for the other, leaving out
one of them shows neither.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.data.sequences import FIRST
from models.data.sequences.arrange import Arranged, answer_start
from models.layers.attention import Trace
from models.running import stream

if TYPE_CHECKING:
    from models.attention import AttentionTraining
    from models.layers.study import Study

METHODS = ("raw", "rollout", "gradient", "leave_one_out")
REPLACEMENTS = 9
"""A token is replaced by each other symbol, or by so many drawn at random where there are more; large models take
fewer."""
REFERENCE = 128
AT_ONCE = 256


@dataclass(frozen=True)
class Question:
    """One prediction to be explained: why this `answer` at this position of this example (B = 1)?"""

    example: Arranged
    position: int
    answer: int
    """The right token where it is known, else the predicted one."""

    @property
    def source(self) -> Tensor:
        """(S,) the tokens that are asked about."""
        return (self.example.input_BT if self.example.encoder_BN is None else self.example.encoder_BN)[0]

    def to(self, where: torch.device | str) -> Question:
        """The same question on another device."""
        return replace(self, example=self.example.to(where))


def candidates(study: Study, question: Question) -> Tensor:
    """(S,) bool: the tokens that can be compared: those the position may see, without marks and padding."""
    source_S = question.source
    real_S = source_S >= FIRST
    if question.example.encoder_BN is None and study.shape == "decoder" and study.model.plan.causal:
        real_S = real_S & (torch.arange(len(source_S), device=source_S.device) <= question.position)
    return real_S


def raw(trace: Trace, position: int, head: tuple[int, int] | None = None) -> Tensor:
    """(S,) the last layer's attention at `position`, mean over heads, or that of one head (layer, head)."""
    looks = trace.cross or trace.self
    layer, heads = (len(looks) - 1, slice(None)) if head is None else (head[0], slice(head[1], head[1] + 1))
    return looks[layer].weight_BHTS[0, heads, position].mean(0)


def rolled(weight_LHTT: Tensor, kept: float = 0.5) -> Tensor:
    """(T, T) what of each input token (columns) reaches each position (rows); every row sums to one."""
    reached_TT = torch.eye(weight_LHTT.shape[-1], dtype=weight_LHTT.dtype, device=weight_LHTT.device)
    for mean_TT in weight_LHTT.mean(1):
        reached_TT = kept * reached_TT + (1 - kept) * mean_TT @ reached_TT
    return reached_TT


def across(
    self_LHTT: Tensor, cross_LHTN: Tensor, encoder_LHNN: Tensor, kept: float = 0.5
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What reaches each position of a decoder with cross-attention: from its own tokens (T, T), from the source (T, N).

    Each layer first mixes positions by its self-attention, then keeps half and takes half from the encoder, whose
    positions hold what its own rollout says. A position's two rows together sum to one.
    """
    memory_NN = rolled(encoder_LHNN, kept)
    own_TT = torch.eye(self_LHTT.shape[-1], dtype=self_LHTT.dtype, device=self_LHTT.device)
    source_TN = cross_LHTN.new_zeros(cross_LHTN.shape[-2:])
    for mean_TT, mean_TN in zip(self_LHTT.mean(1), cross_LHTN.mean(1), strict=True):
        own_TT, source_TN = (kept * part + (1 - kept) * mean_TT @ part for part in (own_TT, source_TN))
        own_TT, source_TN = kept * own_TT, kept * source_TN + (1 - kept) * mean_TN @ memory_NN
    return own_TT, source_TN


def rollout(trace: Trace, position: int, residual: bool = True) -> Tensor:
    """(S,) what of each source token reaches `position`. A model without residual connections keeps nothing."""
    kept = 0.5 if residual else 0.0
    own_LHTT, cross_LHTN, encoder_LHNN = (
        torch.stack([look.weight_BHTS[0] for look in looks]) if looks else torch.empty(0)
        for looks in (trace.self, trace.cross, trace.encoder)
    )
    if not trace.cross:
        return rolled(own_LHTT, kept)[position]
    return across(own_LHTT, cross_LHTN, encoder_LHNN, kept)[1][position]


def gradient_times_input(study: Study, question: Question) -> Tensor:
    """(S,) how much log p(answer) would change if the token's embedding shrank a little, per share of shrinking."""
    model, example = study.model, question.example
    embedded_BSX = model.embedding(question.source)[None].detach().requires_grad_()
    logits_BTV = model(example.input_BT, example.encoder_BN, embedded=embedded_BSX)
    log_p = logits_BTV[0, question.position].log_softmax(-1)[question.answer]
    (gradient_BSX,) = torch.autograd.grad(log_p, embedded_BSX)
    slope_S: Tensor = (gradient_BSX * embedded_BSX.detach())[0].sum(-1)
    return slope_S.abs()


@torch.no_grad()
def leave_one_out(study: Study, question: Question, padding: bool = False, most: int = REPLACEMENTS) -> Tensor:
    """(S,) by how many nats log p(answer) drops without the token; 0 for tokens that are no candidates.

    Without: replaced by each other symbol that stands in that part of the task's examples, the mean over them, or over
    `most` where there are more; with `padding` by a blank that nobody looks at.
    """
    source_S = question.source
    places = candidates(study, question).nonzero()[:, 0].tolist()
    others = [[0] if padding else replacements(study, question, place, most) for place in places]
    rows = [(place, token) for place, tokens in zip(places, others, strict=True) for token in tokens]
    if not rows:
        return torch.zeros(len(source_S), device=source_S.device)
    changed_RS = source_S.repeat(len(rows), 1)
    index_R, token_R = torch.tensor(rows, device=source_S.device).T
    changed_RS[torch.arange(len(rows), device=source_S.device), index_R] = token_R
    log_R = torch.cat([_log_p(study, question, part) for part in torch.split(changed_RS, AT_ONCE)])
    drop_R = _log_p(study, question, source_S[None]) - log_R
    none_S = log_R.new_zeros(len(source_S))
    counts_S = none_S.index_add(0, index_R, torch.ones_like(log_R))
    return none_S.index_add(0, index_R, drop_R) / counts_S.clamp(min=1)


def _log_p(study: Study, question: Question, source_RS: Tensor) -> Tensor:
    """(R,) log-probability of the answer, the source being each row."""
    example, count = question.example, len(source_RS)
    if example.encoder_BN is None:
        logits_RTV = study.model(source_RS)
    else:
        logits_RTV = study.model(example.input_BT.expand(count, -1), source_RS)
    log_R: Tensor = logits_RTV[:, question.position].log_softmax(-1)[:, question.answer]
    return log_R


def replacements(study: Study, question: Question, place: int, most: int = REPLACEMENTS) -> list[int]:
    """The other symbols that stand where `place` is: in the source, or in the answer. At most `most` of them."""
    task, shape = study.task, study.shape
    symbols, start = _symbols(study.knobs), answer_start(task, shape) + 1
    answering = task.kind == "pairs" and shape == "decoder" and place >= start
    own = int(question.source[place])
    found = [token for token in symbols[answering] if token != own]
    if len(found) > most:
        order = torch.randperm(len(found), generator=stream(study.knobs.seed, f"replacements {place}"))
        found = sorted(found[chosen] for chosen in order[:most].tolist())
    return found or [0]


@lru_cache(maxsize=64)
def _symbols(knobs: AttentionTraining) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The task's own symbols that stand in sources, and those that stand in a decoder's answers."""
    reference = knobs.arranged(REFERENCE, "reference")
    read_BS = reference.input_BT if reference.encoder_BN is None else reference.encoder_BN
    task = knobs.source()
    start = answer_start(task, knobs.shape) + 1 if task.kind == "pairs" and knobs.shape == "decoder" else None
    parts = (read_BS[:, :start], read_BS[:, start:] if start is not None else read_BS[:, :0])
    sources, answers = (tuple(token for token in torch.unique(part).tolist() if token >= FIRST) for part in parts)
    return sources, answers


def explain(
    study: Study, question: Question, head: tuple[int, int] | None = None, most: int = REPLACEMENTS
) -> dict[str, Tensor]:
    """Each method's importance of every source token (S,), and that of one chosen head as "head"."""
    trace = Trace()
    with torch.no_grad():
        study.model(question.example.input_BT, question.example.encoder_BN, trace)
        found = {
            "raw": raw(trace, question.position),
            "rollout": rollout(trace, question.position, study.model.plan.residual),
        }
        if head is not None:
            found["head"] = raw(trace, question.position, head)
    found["gradient"] = gradient_times_input(study, question)
    found["leave_one_out"] = leave_one_out(study, question, most=most)
    return {name: importance_S.cpu() for name, importance_S in found.items()}
