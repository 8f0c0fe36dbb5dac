"""One answer written by a trained model, with all that its pictures need: what was said before each token, the maps.

Letters: T tokens read (prompt and all that was written), N positions of the encoder, M written tokens, V vocabulary,
L layers, H heads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.data.sequences import END, Pairs, Sequences
from models.data.sequences.arrange import answer_start, arrange
from models.layers.attention import Trace
from models.layers.decoding import Beam, beam_search, truncated, write
from models.running import stream

if TYPE_CHECKING:
    from models.attention import AttentionTraining
    from models.layers.study import Study


CHANCE = ("markov", "own_text")
"""Tasks whose next token is a matter of chance: no continuation of them is right or wrong."""


@dataclass(frozen=True, eq=False)
class Prompt:
    """What a model is given to go on from, and what a right answer would be, token by token."""

    read_T: Tensor
    encoder_N: Tensor | None
    answer: tuple[int | None, ...]
    """None where nothing certain is known; as long as the answer may become."""
    known: bool
    """Whether the answer is known at all."""


@dataclass(frozen=True)
class Manner:
    """How tokens are chosen."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Answer:
    """What was written, the full and the truncated distribution before each token (M, V), and the maps, as bytes."""

    prompt: Prompt
    tokens: tuple[int, ...]
    whole_MV: np.ndarray
    cut_MV: np.ndarray
    maps: dict[str, np.ndarray]
    """"maps_self" and so on: uint8 (1, L, H, queries, keys), a byte b for the weight b / 255."""

    @property
    def right(self) -> tuple[bool | None, ...]:
        """Token by token, whether it is the right one; None where that is not known."""
        wanted = (*self.prompt.answer, *(None for _ in self.tokens))
        return tuple(None if want is None else token == want for token, want in zip(self.tokens, wanted, strict=False))


def prompt_of(experiment: AttentionTraining, drawn: Pairs | Sequences, given: int) -> Prompt:
    """The prompt of one example (B = 1). Of a sequence the first `given` tokens are read; the rest is the answer."""
    task = experiment.source()
    if isinstance(drawn, Sequences):
        row = drawn.tokens_BS[0]
        certain = experiment.task not in CHANCE
        known = [
            int(token) if certain and scored and token else None
            for token, scored in zip(row[given:].tolist(), drawn.scored_BT[0, given - 1 :].tolist(), strict=False)
        ]
        room = task.longest[0] - given
        return Prompt(row[:given], None, tuple((known + [None] * room)[:room]), any(each is not None for each in known))
    read = arrange(drawn, task, experiment.shape)
    start = answer_start(task, experiment.shape)
    target = [token or None for token in drawn.target_BM[0].tolist()]
    encoder_N = None if read.encoder_BN is None else read.encoder_BN[0]
    return Prompt(read.input_BT[0, : start + 1], encoder_N, tuple(target), any(target))


@torch.no_grad()
def answer(study: Study, prompt: Prompt, manner: Manner) -> Answer:
    """The prompt's answer, written token by token by a stream of its own."""
    read_T = prompt.read_T.to(study.where)
    encoder_N = None if prompt.encoder_N is None else prompt.encoder_N.to(study.where)
    random = stream(manner.seed, "writing")
    cut = (manner.temperature, manner.top_k, manner.top_p)
    written = write(study.model, read_T, encoder_N, len(prompt.answer), END, random, *cut)
    trace = Trace()
    whole_T = torch.cat((read_T, read_T.new_tensor(written.tokens)))
    study.model(whole_T[None], None if encoder_N is None else encoder_N[None], trace)
    maps = {
        f"maps_{kind}": torch.stack([look.weight_BHTS for look in looks], 1).mul(255).round_().to(torch.uint8)
        for kind in ("encoder", "self", "cross")
        if (looks := getattr(trace, kind))
    }
    logits_MV = written.logits_TV.double()
    return Answer(
        prompt, written.tokens, logits_MV.softmax(-1).numpy(), truncated(logits_MV, *cut).numpy(),
        {name: part.cpu().numpy() for name, part in maps.items()},
    )  # fmt: skip


def beams(study: Study, prompt: Prompt, width: int) -> list[Beam]:
    """The best hypotheses that a beam search of that width finds."""
    encoder_N = None if prompt.encoder_N is None else prompt.encoder_N.to(study.where)
    return beam_search(study.model, prompt.read_T.to(study.where), encoder_N, len(prompt.answer), END, width)
