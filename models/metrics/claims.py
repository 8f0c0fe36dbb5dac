"""What a paper says and whether it holds here: each claim becomes inequalities between means, and a test over seeds.

    low < mean over seeds < high            "better" has low = 0, "no worse" low = −margin, "equal" both margins

A claim of several inequalities holds where all of them do: its p is the largest of theirs (no correction is due). It is
refuted where one of them is reversed: then the smallest p counts, times their number. All p of one paper are corrected
by Holm's method, so that the chance of any false PASS is at most α; of any false FAIL likewise. What is neither shown
nor refuted is UNDECIDED: more seeds may tell.

Letters: S seeds (NaN where one is not there yet), n of them known, m claims.

Source: intersection-union tests, Berger 1982; two one-sided tests, Schuirmann 1987; Holm 1979. The t test takes
differences between seeds to be about normal, the sign test does not. Where it stops being true: seeds differ in data
order, labels and initial weights, never in the pair of tasks; a PASS says that the effect is here, not everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.metrics.comparison import FEWEST, band, difference, holm, sign_test

Floats = NDArray[np.float64]
Verdict = Literal["pass", "fail", "undecided"]
Test = Literal["t", "sign"]
Unit = Literal["points", "nats", "share", "ratio"]
ALPHA = 0.05


@dataclass(frozen=True)
class Part:
    """One inequality: the mean of a quantity (S,) lies above `low` and below `high`."""

    of: str
    """Which variant is meant."""
    values: ArrayLike
    low: float = -math.inf
    high: float = math.inf

    def bounds(self) -> list[tuple[Floats, Floats]]:
        """Quantity and bound (S,) for each finite bound, so turned that the first must be the larger."""
        value_S = np.asarray(self.values, dtype=np.float64)
        found = []
        if math.isfinite(self.low):
            found.append((value_S, np.full_like(value_S, self.low)))
        if math.isfinite(self.high):
            found.append((-value_S, np.full_like(value_S, -self.high)))
        return found


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper, what the paper measured, and the inequalities that it means here."""

    text: str
    published: str
    parts: Sequence[Part]
    unit: Unit = "points"
    test: Test = "t"


@dataclass(frozen=True)
class Finding:
    """A claim held against the seeds: `p_holds` and `p_breaks` are corrected for all claims of the paper."""

    claim: Claim
    verdict: Verdict
    p_holds: float
    p_breaks: float
    n: int
    weakest: int
    """Which of its inequalities is farthest from being shown."""
    mean: float
    low: float
    high: float
    """Of that inequality's quantity: its mean over seeds and Student's interval."""


def judge(claims: Sequence[Claim], alpha: float = ALPHA) -> list[Finding]:
    """Every claim of one paper, tested together."""
    tested = [tests(claim) for claim in claims]
    holds_m = holm([float(np.max(holds)) for holds, _breaks in tested])
    breaks_m = holm([min(1.0, float(np.min(breaks)) * len(breaks)) for _holds, breaks in tested])
    found = []
    for claim, (holds, _breaks), p_holds, p_breaks in zip(claims, tested, holds_m, breaks_m, strict=True):
        verdict: Verdict = "pass" if p_holds <= alpha else "fail" if p_breaks <= alpha else "undecided"
        weakest = int(np.argmax(holds)) if holds and np.isfinite(holds).all() else 0
        value_S = np.asarray(claim.parts[weakest].values, dtype=np.float64)
        middle = band(value_S)
        n = min(int(np.isfinite(np.asarray(part.values, dtype=np.float64)).sum()) for part in claim.parts)
        found.append(
            Finding(claim, verdict, float(p_holds), float(p_breaks), n, weakest,
                    float(middle.mean), float(middle.low), float(middle.high))
        )  # fmt: skip
    return found


def tests(claim: Claim) -> tuple[list[float], list[float]]:
    """P of each inequality against its opposite, and the other way round; NaN below three seeds."""
    holds, breaks = [], []
    for part in claim.parts:
        sides = [one_sided(value_S, bound_S, claim.test) for value_S, bound_S in part.bounds()]
        # Two bounds of one part: both must be kept, and breaking either breaks it.
        holds.append(float(np.max([p for p, _reverse in sides])))
        breaks.append(float(np.min([reverse for _p, reverse in sides])) * len(sides))
    return holds, breaks


def one_sided(value_S: Floats, bound_S: Floats, test: Test) -> tuple[float, float]:
    """P that the values are not above the bound, and that they are not below it."""
    found = difference(value_S, bound_S)
    if found.n < FEWEST:
        return math.nan, math.nan
    if test == "sign":
        apart_S = value_S - bound_S
        return sign_test(apart_S, "greater"), sign_test(-apart_S, "greater")
    half = found.p / 2
    return (half, 1 - half) if found.mean > 0 else (1 - half, half)
