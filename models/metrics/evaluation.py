"""How well a Transformer does on examples it has not trained on, told at a few moments of the run.

Where the causal mask holds, writing alone (greedy decoding) is right throughout exactly where every prediction with
the right answer before it is right: as long as all tokens so far are right, both read the same. One forward pass tells
both. Without the mask the two come apart, and the answer must really be written.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.data.sequences import FIRST, PairTask
from models.data.sequences.arrange import Arranged, answer_start
from models.data.sequences.chains import bayes_bigram, unigram
from models.layers.attention import causal
from models.layers.decoding import greedy
from models.metrics.heads import ROLES, mass, roles, uniform
from models.running import power_after

if TYPE_CHECKING:
    from models.attention import AttentionTraining
    from models.layers.study import Study

WRITTEN = 64
"""Examples that are really written token by token, where that is needed."""
RATIO, FIRST_POWER = 1.25, 7


def evaluation_after(step: int) -> int:
    """The next step, later than `step`, at which the run is evaluated: 1.25ⁿ from 5 on, whatever happened before."""
    return power_after(step, RATIO, FIRST_POWER)


@torch.no_grad()
def evaluate(study: Study) -> dict[str, np.ndarray]:
    """The numbers of one moment, each of shape (1,), by the names of `AttentionTraining.columns`."""
    held = study.held
    logits_BTV = study.model(held.input_BT, held.encoder_BN)
    right_BT = (logits_BTV.argmax(-1) == held.target_BT) | ~held.scored_BT
    total = held.scored_BT.sum().clamp(min=1)
    found = {"held_out": float((right_BT & held.scored_BT).sum() / total)}
    if isinstance(study.task, PairTask):
        if study.model.plan.causal or study.shape == "encoder":
            found["exact"] = float(right_BT.all(-1).float().mean())
        else:
            found["exact"] = float(written_alone(study, held).float().mean())
    if study.knobs.task == "markov":
        found.update(divergences(study, logits_BTV))
    return {name: np.array([value], np.float64) for name, value in found.items()}


def written_alone(study: Study, held: Arranged, most: int = WRITTEN) -> Tensor:
    """Whether each of the first `most` answers, written token by token, is right throughout: (B,) bool."""
    start = answer_start(study.task, study.shape)
    target_BT = held.target_BT[:most, start:]
    encoder_BN = None if held.encoder_BN is None else held.encoder_BN[:most]
    written_BT = greedy(study.model, held.input_BT[:most, : start + 1], encoder_BN, target_BT.shape[1])
    return ((written_BT == target_BT) | ~held.scored_BT[:most, start:]).all(-1)


def divergences(study: Study, logits_BTV: Tensor) -> dict[str, float]:
    """Mean KL(reference ‖ model) in nats per token: of the Bayes-optimal bigram predictor and of a mere counter."""
    states, held = study.knobs.symbols, study.held
    log_BTK = logits_BTV.log_softmax(-1)[..., FIRST : FIRST + states].cpu().double()
    tokens_BS = torch.cat((held.input_BT, held.target_BT[:, -1:]), 1).cpu()
    scored_BT = held.scored_BT.cpu()
    kls = {}
    for name, reference in (("kl_bigram", bayes_bigram), ("kl_unigram", unigram)):
        p_BTK = reference(tokens_BS, states).double()
        kl_BT = (p_BTK * (p_BTK.log() - log_BTK)).sum(-1)
        kls[name] = float(kl_BT[scored_BT].mean())
    return kls


def null_scores(experiment: AttentionTraining) -> dict[str, float]:
    """What a head that looks evenly at everything it may see would score, by role, and for "agreement"."""
    knobs = {"task", "own", "architecture", "length", "symbols", "digits", "causal"}
    return dict(_null_scores(type(experiment).of(experiment.model_dump(include=knobs))))


@lru_cache(maxsize=64)
def _null_scores(experiment: AttentionTraining) -> dict[str, float]:
    probe = experiment.probe()
    tokens_BT = probe.input_BT
    visible_BTT = (tokens_BT != 0)[:, None, :].expand(-1, tokens_BT.shape[1], -1)
    if experiment.causal and experiment.shape != "encoder":
        visible_BTT = visible_BTT & causal(tokens_BT.shape[1], tokens_BT.shape[1])
    even_BHTT = uniform(visible_BTT)
    scores_R = roles(even_BHTT[None], tokens_BT)[0, 0]
    demanded = even_BHTT
    if probe.encoder_BN is not None:
        demanded = uniform((probe.encoder_BN != 0)[:, None, :].expand(-1, tokens_BT.shape[1], -1))
    found = {name: float(score) for name, score in zip(ROLES, scores_R, strict=True)}
    return {**found, "agreement": float(mass(demanded, probe.needs_BTS)[0])}
