"""How alike two measures rank the same tokens, with the interval that a handful of examples leaves.

Every measure is first written as shares of the whole, over the tokens that can be compared; negative ones are none. A
share below an even one (one in S) is less than knowing nothing would give: such tokens count as equal, and equal
shares share their rank. Without that, where one token of sixteen matters, ρ would compare fifteen zeros by their
noise: `plain` is that ρ, told beside.

Letters: E examples, S tokens, M methods.

Source: Spearman's ρ with mean ranks for ties, the bootstrap over examples: Efron and Tibshirani 1993, ch. 13. Where it
stops being true: ρ knows order alone, not by how much; a method that finds the one token that matters, and nothing
else, can differ from another in ρ only by noise: so the share of examples whose first token is the same stands beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import rankdata

from models.data.sequences.arrange import Arranged
from models.metrics.ablation import operations
from models.metrics.explanation import REPLACEMENTS, Question, candidates, explain
from models.running import stream

if TYPE_CHECKING:
    from models.attention import AttentionTraining
    from models.layers.study import Study

EXAMPLES = 32
LEAST_EXAMPLES, FEWEST = 12, 2
OPERATIONS = 120e9
"""Multiplications that a comparison may cost: some seconds of one core."""
DRAWS = 2000
LEAST = 3
"""Tokens that must be comparable for an order to mean anything."""


@dataclass(frozen=True)
class Agreement:
    """How one method ranks tokens, held against leave-one-out: mean ρ over examples, and its 95 % interval."""

    method: str
    rho: float
    low: float
    high: float
    top: float
    """Share of examples whose most important token is (one of) leave-one-out's."""
    plain: float
    """Mean ρ of the importances as they are, every difference counting."""


@dataclass(frozen=True)
class Comparison:
    """All methods over the same examples."""

    examples: int
    agreements: tuple[Agreement, ...]
    best: str | None
    """The method ahead of every other by more than a paired 95 % interval; None where the examples cannot tell."""


def shares(importance_S: np.ndarray) -> np.ndarray:
    """Importance as shares of the whole; those below an even share are 0, and all are where nothing is important."""
    positive_S = np.clip(np.asarray(importance_S, np.float64), 0, None)
    total = positive_S.sum()
    share_S = positive_S / total if total > 0 else positive_S
    return np.where(share_S < 1 / max(1, len(share_S)), 0.0, share_S)


def spearman(one_S: np.ndarray, other_S: np.ndarray) -> float:
    """Pearson's correlation of the ranks; 0 where one of them ranks nothing."""
    if np.ptp(one_S) == 0 or np.ptp(other_S) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(one_S), rankdata(other_S))[0, 1])


def same_first(one_S: np.ndarray, experiment_S: np.ndarray) -> bool:
    """Whether the most important token, if there is one alone, is among the experiment's most important ones."""
    first = np.flatnonzero(one_S == one_S.max())
    return len(first) == 1 and bool(experiment_S[first[0]] == experiment_S.max())


def compare(found: Sequence[Mapping[str, np.ndarray]], seed: int = 0) -> Comparison:
    """The methods of `found` (one mapping of importances per example) against "leave_one_out".

    Examples whose answer hangs on no token, or on all alike, have no order to be held against and are left out.
    """
    kept = [each for each in found if len(each["leave_one_out"]) >= LEAST and np.ptp(shares(each["leave_one_out"])) > 0]
    if not kept:
        return Comparison(0, (), None)
    told = [{name: shares(part) for name, part in each.items()} for each in kept]
    methods = [name for name in kept[0] if name != "leave_one_out"]
    rho_ME, plain_ME = (
        np.array([[spearman(each[name], each["leave_one_out"]) for each in how] for name in methods])
        for how in (told, kept)
    )
    top_ME = np.array([[same_first(each[name], each["leave_one_out"]) for each in told] for name in methods])
    draws = np.random.default_rng(seed).integers(len(told), size=(DRAWS, len(kept)))
    drawn_MD = rho_ME[:, draws].mean(-1)
    low_M, high_M = np.percentile(drawn_MD, [2.5, 97.5], axis=1)
    agreements = tuple(
        Agreement(name, *map(float, numbers))
        for name, *numbers in zip(methods, rho_ME.mean(1), low_M, high_M, top_ME.mean(1), plain_ME.mean(1), strict=True)
    )
    first = int(rho_ME.mean(1).argmax())
    ahead = [
        np.percentile(drawn_MD[first] - drawn_MD[other], 2.5) > 0 for other in range(len(methods)) if other != first
    ]
    return Comparison(len(kept), agreements, methods[first] if ahead and all(ahead) else None)


def reach(study: Study) -> tuple[int, int]:
    """How many examples are compared, and by how many others each token is replaced: fewer for large models."""
    tokens = study.probe.input_BT if study.probe.encoder_BN is None else study.probe.encoder_BN
    each = operations(study) * tokens.shape[1]
    others = int(np.clip(OPERATIONS / (each * EXAMPLES), FEWEST, REPLACEMENTS))
    return int(np.clip(OPERATIONS / (each * others), LEAST_EXAMPLES, EXAMPLES)), others


def questions_of(knobs: AttentionTraining, count: int = EXAMPLES) -> list[list[Question]]:
    """Every scored position of each of `count` held-out examples of the run's own stream, on the CPU."""
    held = knobs.arranged(count, "explained")
    return [
        [Question(one(held, b), t, int(held.target_BT[b, t])) for t in held.scored_BT[b].nonzero()[:, 0].tolist()]
        for b in range(count)
    ]


def questions(study: Study, count: int = EXAMPLES) -> list[Question]:
    """One scored position of each of `count` held-out examples, where there is one, drawn from the run's own stream."""
    random = stream(study.knobs.seed, "explained positions")
    return [
        asked[int(torch.randint(len(asked), (), generator=random))].to(study.where)
        for asked in questions_of(study.knobs, count)
        if asked
    ]


def one(held: Arranged, b: int) -> Arranged:
    """Example `b` alone."""
    encoder_BN = None if held.encoder_BN is None else held.encoder_BN[b : b + 1]
    return Arranged(encoder_BN, *(getattr(held, each.name)[b : b + 1] for each in fields(held)[1:]))


def against_leave_one_out(study: Study, head: tuple[int, int] | None = None, most: int = EXAMPLES) -> Comparison:
    """Every method against leave-one-out on held-out examples of this run, at most `most` of them."""
    found, (count, others) = [], reach(study)
    for question in questions(study, min(count, most)):
        kept_S = candidates(study, question).cpu()
        importances = explain(study, question, head, others)
        found.append({name: part[kept_S].numpy() for name, part in importances.items()})
    return compare(found, study.knobs.seed)
