"""What a head is worth: how much accuracy the model loses on held-out examples when that head is silenced.

A silenced head contributes nothing (zero ablation), or always its own mean output (mean ablation), which takes away
what it says about this example and keeps what it always says. Two heads that can stand in for each other each cost
little alone, and much together: joint ablation tells.

Letters: B examples, L layers, H heads, D numbers per head. Accuracies and drops are shares of the scored tokens, 0 … 1.

Source: single-head ablation: Michel, Levy and Neubig 2019, arXiv 1905.10650, §3; zero and mean ablation: Wang et al.
2023, arXiv 2211.00593, §2.1. The mean is taken over all real positions of `REFERENCE` examples that are not those of
the test. Where it stops being true: a silenced head leaves the model in a place it was never trained in, so a drop is
what this model misses, not what the task needs; heads that were silent in training stay silent and cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from models.data.sequences.arrange import Arranged
from models.layers.attention import Trace

if TYPE_CHECKING:
    from models.layers.study import Study

How = Literal["zero", "mean"]
Head = tuple[str, int, int]
"""Kind of map ("encoder", "self" or "cross"), layer, head, counted from 0."""

HELD_OUT = 256
LEAST = 16
REFERENCE = 64
OPERATIONS = 80e9
"""Multiplications that a whole matrix may cost: two or three seconds of one core."""


@dataclass(frozen=True)
class Drop:
    """How much accuracy is lost, and the standard error of that loss, the examples being what was drawn."""

    value: float
    error: float


@dataclass(frozen=True)
class Matrix:
    """The drop of every head alone, (L, H) per kind of map, with its standard errors."""

    accuracy: float
    """Of the whole model on the same examples."""
    examples: int
    drop: Mapping[str, np.ndarray]
    error: Mapping[str, np.ndarray]


def operations(study: Study) -> float:
    """Multiplications of one forward pass over one example, nearly."""
    plan, tokens = study.model.plan, study.probe.input_BT.shape[1]
    if study.probe.encoder_BN is not None:
        tokens = (tokens + study.probe.encoder_BN.shape[1]) // 2
    layers = plan.layers + (plan.encoder_layers if plan.shape == "encoder_decoder" else 0)
    return tokens * layers * plan.width * ((4 + 2 * plan.feed_forward) * plan.width + 2 * tokens)


def examples(study: Study, most: int = HELD_OUT) -> int:
    """How many held-out examples the matrix is measured on: fewer for large models."""
    return int(np.clip(OPERATIONS / (operations(study) * len(heads(study))), min(LEAST, most), most))


def heads(study: Study) -> list[Head]:
    """Every head of the model."""
    model = study.model
    return [
        (kind, layer, head)
        for kind in ("encoder", "self", "cross")
        for layer, attention in enumerate(model.attentions(kind))
        for head in range(attention.heads)
    ]


@torch.no_grad()
def matrix(study: Study, how: How = "zero", most: int = HELD_OUT) -> Matrix:
    """Every head silenced alone, one pass each."""
    held = study.knobs.arranged(examples(study, most), "ablation").to(study.where)
    whole_B, of_B = right(study, held)
    means = mean_outputs(study) if how == "mean" else None
    drop: dict[str, np.ndarray] = {}
    error: dict[str, np.ndarray] = {}
    for kind, layer, head in heads(study):
        if kind not in drop:
            shape = (len(study.model.attentions(kind)), study.model.plan.heads)
            drop[kind], error[kind] = np.zeros(shape), np.zeros(shape)
        with silenced(study, [(kind, layer, head)], means):
            found = paired(whole_B, right(study, held)[0], of_B)
        drop[kind][layer, head], error[kind][layer, head] = found.value, found.error
    return Matrix(float(whole_B.sum() / of_B.sum().clamp(min=1)), len(of_B), drop, error)


@torch.no_grad()
def joint(study: Study, out: Iterable[Head], how: How = "zero", most: int = HELD_OUT) -> Drop:
    """The drop when all heads of `out` are silenced at once, on the examples of `matrix`."""
    held = study.knobs.arranged(examples(study, most), "ablation").to(study.where)
    whole_B, of_B = right(study, held)
    with silenced(study, out, mean_outputs(study) if how == "mean" else None):
        return paired(whole_B, right(study, held)[0], of_B)


def ablation(study: Study, out: Iterable[Head], how: How = "zero", count: int = HELD_OUT) -> float:
    """Accuracy on `count` held-out examples with the heads of `out` silenced."""
    held = study.knobs.arranged(count, "ablation").to(study.where)
    with torch.no_grad(), silenced(study, out, mean_outputs(study) if how == "mean" else None):
        right_B, of_B = right(study, held)
    return float(right_B.sum() / of_B.sum().clamp(min=1))


@contextmanager
def silenced(study: Study, out: Iterable[Head], means: Mapping[str, Tensor] | None) -> Iterator[None]:
    """These heads are silent inside, beside those that the run silences; afterwards only the latter."""
    mute = set(study.knobs.silenced)
    if means is not None:
        means = {kind: mean_LHD.clone() for kind, mean_LHD in means.items()}
        for kind, layer, head in mute:
            # The run's own silence is zero, also where others are replaced by their mean.
            if kind in means and layer < means[kind].shape[0] and head < means[kind].shape[1]:
                means[kind][layer, head] = 0
    study.model.knock_out(mute | set(out), means)
    try:
        yield
    finally:
        study.model.knock_out(mute)


@torch.no_grad()
def mean_outputs(study: Study, count: int = REFERENCE) -> dict[str, Tensor]:
    """The mean output of every head over all real positions of `count` reference examples: (L, H, D) by kind."""
    reference, trace = study.knobs.arranged(count, "reference").to(study.where), Trace()
    study.model(reference.input_BT, reference.encoder_BN, trace)
    found = {}
    for kind in ("encoder", "self", "cross"):
        read_BT = reference.encoder_BN if kind == "encoder" else reference.input_BT
        looks = getattr(trace, kind)
        if looks and read_BT is not None:
            real_BT = read_BT != 0
            found[kind] = torch.stack([look.out_BHTD.transpose(1, 2)[real_BT].mean(0) for look in looks])
    return found


def right(study: Study, held: Arranged) -> tuple[Tensor, Tensor]:
    """Per example, how many scored tokens are predicted rightly, and how many there are: (B,) float64 each."""
    predicted_BT = study.model(held.input_BT, held.encoder_BN).argmax(-1)
    right_BT = (predicted_BT == held.target_BT) & held.scored_BT
    return right_BT.sum(-1).cpu().double(), held.scored_BT.sum(-1).cpu().double()


def paired(whole_B: Tensor, without_B: Tensor, of_B: Tensor) -> Drop:
    """The drop in accuracy, both models seeing the same examples.

    The error is that of a ratio over examples (Cochran 1977, Sampling Techniques, eq. 6.13): tokens of one example are
    right or wrong together.
    """
    lost_B, total = whole_B - without_B, of_B.sum().clamp(min=1)
    value = float(lost_B.sum() / total)
    residual_B = lost_B - value * of_B
    scale = len(of_B) / max(1, len(of_B) - 1)
    return Drop(value, float((residual_B.square().sum() * scale).sqrt() / total))
