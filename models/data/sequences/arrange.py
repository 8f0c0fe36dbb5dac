"""Examples as a Transformer reads them: what goes in, and at which position which token must come out.

encoder          equal pairs: the source itself. Others: source, separator, a blank for each target token.
decoder          source (padded to its column), separator, target; each position predicts the next token.
encoder_decoder  the source for the encoder; begin mark and target for the decoder.
Sequences are always read as by a decoder.

Dimensions: B examples, N source and M target tokens, T positions that predict, S positions that are looked at
(T of a self-attention, N of a cross-attention).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import pad

from models.data.sequences.task import BEGIN, BLANK, PAD, SEPARATOR, Pairs, Sequences, Task

Shape = Literal["encoder", "decoder", "encoder_decoder"]


@dataclass(frozen=True, eq=False)
class Arranged:
    """A batch for a model of one shape. Positions without a task have target 0 and weight 0."""

    encoder_BN: Tensor | None
    """What the encoder of an encoder-decoder reads; padding is 0, and must not be attended to."""
    input_BT: Tensor
    target_BT: Tensor
    weight_BT: Tensor
    """float32: 1 where the loss counts, 0 elsewhere."""
    scored_BT: Tensor
    """bool: counts for the accuracy."""
    needs_BTS: Tensor
    """bool: where position t should look, in self-attention, or in cross-attention (S = N) of an encoder-decoder."""

    def to(self, where: torch.device | str) -> Arranged:
        """The same arrangement on another device."""
        encoder_BN = None if self.encoder_BN is None else self.encoder_BN.to(where)
        rest = [getattr(self, each.name).to(where) for each in fields(self)[1:]]
        return Arranged(encoder_BN, *rest)


def vocabulary_size(task: Task) -> int:
    """Tokens of the task, special ones included."""
    return len(task.vocabulary)


def answer_start(task: Task, shape: Shape) -> int:
    """The first position whose prediction belongs to the answer; the next M positions predict the rest of it."""
    if task.kind == "sequences" or shape == "encoder_decoder":
        return 0
    if shape == "decoder":
        return task.longest[0]
    return 0 if task.equal else task.longest[0] + 1


def positions(task: Task, shape: Shape) -> int:
    """T, the same for all examples of a task."""
    n, m = task.longest
    if task.kind == "sequences":
        return n
    if shape == "decoder":
        return n + m
    return m if shape == "encoder_decoder" or task.equal else n + 1 + m


def arrange(drawn: Pairs | Sequences, task: Task, shape: Shape) -> Arranged:
    """The examples for a model of that shape."""
    if isinstance(drawn, Sequences):
        return _following(drawn, task)
    source_BN, target_BM = drawn.source_BN, drawn.target_BM
    if shape == "encoder_decoder":
        return _answering(source_BN, _shifted(target_BM, BEGIN), target_BM, drawn.needs_BMN)
    if shape == "decoder":
        input_BT = torch.cat([source_BN, _shifted(target_BM, SEPARATOR)], dim=1)
    elif task.equal:
        input_BT = source_BN
    else:
        separator_B1 = torch.full_like(source_BN[:, :1], SEPARATOR)
        input_BT = torch.cat([source_BN, separator_B1, torch.full_like(target_BM, BLANK)], dim=1)
    start, length, n = answer_start(task, shape), input_BT.shape[1], source_BN.shape[1]
    target_BT = pad(target_BM, (start, 0))
    return _answering(None, input_BT, target_BT, pad(drawn.needs_BMN, (0, length - n, start, 0)))


def prompt(arranged: Arranged, task: Task, shape: Shape) -> Tensor:
    """(B, T) the input without the answers, which become padding: where greedy decoding starts.

    Decoding writes the token predicted at t into position t + 1, from `answer_start` on. An encoder's input holds no
    answers, and a sequence is its own prompt.
    """
    input_BT = arranged.input_BT.clone()
    if task.kind == "pairs" and shape != "encoder":
        input_BT[:, answer_start(task, shape) + 1 :] = PAD
    return input_BT


def _shifted(target_BM: Tensor, first: int) -> Tensor:
    """(B, M) `first`, then the target without its last token."""
    return pad(target_BM[:, :-1], (1, 0), value=first)


def _answering(encoder_BN: Tensor | None, input_BT: Tensor, target_BT: Tensor, needs_BTS: Tensor) -> Arranged:
    known_BT = target_BT != PAD
    return Arranged(encoder_BN, input_BT, target_BT, known_BT.float(), known_BT, needs_BTS)


def _following(drawn: Sequences, task: Task) -> Arranged:
    target_BT = drawn.tokens_BS[:, 1:]
    weight_BT = drawn.scored_BT if task.loss_on == "scored" else target_BT != PAD
    scored_BT = drawn.scored_BT & (target_BT != PAD)
    return Arranged(None, drawn.tokens_BS[:, :-1], target_BT, weight_BT.float(), scored_BT, drawn.needs_BTT)
