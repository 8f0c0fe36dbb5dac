"""Is one way of training better than another, or were its seeds lucky? Paired differences, and what they allow to say.

Letters: A ways, S seeds (the last axis), n pairs without a gap, L label counts. With the same seed every way sees the
same data in the same order from the same start, so their *difference* moves less than they do: all is paired by seed.
A diverged seed is NaN: it is left out, together with its partner, and counted in `excluded`.
Intervals are Student's with n - 1 degrees of freedom (never 1.96: at n = 3 that covers 81 %, not 95); below three pairs
there is none. They cover what they say if differences are about normal; the exact tests at the end need no such thing.

Source: Student 1908; Wilson 1927; Page 1963; Holm 1979; two one-sided tests, Schuirmann 1987. Power: noncentral t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import permutations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, nctdtr, ndtr, ndtri, stdtr, stdtrit

Floats = NDArray[np.float64]
Verdict = Literal["better", "worse", "equal", "undecided"]
Side = Literal["two-sided", "greater"]
FEWEST = 3
"""Pairs below which there is no interval: dots should be drawn instead."""
MARGIN = 0.01
"""Differences of less than a point of accuracy are called equal, if the test allows it."""
MOST_SEEDS = 1000


@dataclass(frozen=True)
class Difference:
    """A way minus the baseline, over the seeds that both finished."""

    mean: float
    low: float
    high: float
    n: int
    p: float
    """Two-sided, of the paired t test of no difference; NaN below three pairs."""
    deviation: float
    """Standard deviation of the n differences."""
    equal_p: float
    """Of the two one-sided t tests that the difference is at least the margin, either way."""
    excluded: int
    """Seeds left out, because one of the two diverged."""


@dataclass(frozen=True)
class Band:
    """Mean and interval over seeds, in the shape of the values without their last axis; n without the gaps."""

    mean: Floats
    low: Floats
    high: Floats
    n: NDArray[np.int64]

    def columns(self, name: str, place: int | tuple[()] = ()) -> dict[str, float]:
        """Mean and both ends at a place, as the columns `name`, `name_low` and `name_high` of a run."""
        ends = {"": self.mean, "_low": self.low, "_high": self.high}
        return {f"{name}{end}": float(part[place]) for end, part in ends.items()}


@dataclass(frozen=True)
class Crossover:
    """How many labels it takes until one way overtakes another; 0 and infinity: outside of what was measured."""

    at: float
    low: float
    high: float


def band(values: ArrayLike, level: float = 0.95) -> Band:
    """The mean over the last axis and Student's interval around it, NaN below three values; gaps (NaN) are left out."""
    value_S = np.asarray(values, dtype=np.float64)
    known = np.isfinite(value_S)
    n = known.sum(-1)
    mean = np.where(known, value_S, 0).sum(-1) / np.where(n > 0, n, np.nan)
    square = np.where(known, np.square(value_S - mean[..., None]), 0).sum(-1)
    enough = np.where(n >= FEWEST, n, np.nan)
    half = stdtrit(enough - 1, (1 + level) / 2) * np.sqrt(square / (enough - 1) / enough)
    return Band(mean, mean - half, mean + half, n)


def difference(way_S: ArrayLike, baseline_S: ArrayLike, *, level: float = 0.95, margin: float = MARGIN) -> Difference:
    """A way's values (S,) minus the baseline's, seed by seed."""
    apart_S = np.asarray(way_S, dtype=np.float64) - np.asarray(baseline_S, dtype=np.float64)
    apart_n = apart_S[np.isfinite(apart_S)]
    n, excluded = len(apart_n), len(apart_S) - len(apart_n)
    mean = float(apart_n.mean()) if n else math.nan
    deviation = float(apart_n.std(ddof=1)) if n > 1 else math.nan
    if n < FEWEST:
        return Difference(mean, math.nan, math.nan, n, math.nan, deviation, math.nan, excluded)
    error = deviation / math.sqrt(n)
    half = float(stdtrit(n - 1, (1 + level) / 2)) * error
    p = min(1.0, 2 * _tail(abs(mean), error, n))
    equal_p = max(_tail(margin - mean, error, n), _tail(margin + mean, error, n))
    return Difference(mean, mean - half, mean + half, n, p, deviation, equal_p, excluded)


def differences(values: ArrayLike, baseline: int, *, level: float = 0.95, margin: float = MARGIN) -> list[Difference]:
    """Values (A, S): every way minus way number `baseline`; its own zero has no p, and no verdict counts it."""
    value_AS = np.asarray(values, dtype=np.float64)
    found = [difference(value_S, value_AS[baseline], level=level, margin=margin) for value_S in value_AS]
    found[baseline] = replace(found[baseline], p=math.nan, equal_p=math.nan)
    return found


def _tail(distance: float, error: float, n: int) -> float:
    """P(t > distance/error) with n - 1 degrees of freedom; without any spread, only the sign counts."""
    if error == 0:
        return float(distance < 0) if distance else 0.5
    return float(stdtr(n - 1, -distance / error))


def holm(p: ArrayLike) -> Floats:
    """P-values (m,) corrected for being m: rejecting those ≤ α, P(any false rejection) ≤ α. NaN stays, uncounted."""
    raw_m = np.asarray(p, dtype=np.float64)
    made = np.flatnonzero(np.isfinite(raw_m))
    order = made[np.argsort(raw_m[made], kind="stable")]
    corrected_m = np.full(raw_m.shape, np.nan)
    factors = len(order) - np.arange(len(order))
    corrected_m[order] = np.minimum(1, np.maximum.accumulate(raw_m[order] * factors))
    return corrected_m


def verdict(compared: Sequence[Difference], alpha: float = 0.05) -> tuple[Verdict, ...]:
    """What may be said of each difference when all of them are looked at.

    Better or worse: the paired t tests, Holm-corrected. Equal: the two one-sided tests of the margin, a family of their
    own, Holm-corrected too. Anything else is undecided: above all everything below three pairs.
    """
    apart = holm([one.p for one in compared])
    equal = holm([one.equal_p for one in compared])

    def say(number: int) -> Verdict:
        if apart[number] <= alpha:  # NaN is not.
            return "better" if compared[number].mean > 0 else "worse"
        return "equal" if equal[number] <= alpha else "undecided"

    return tuple(say(number) for number in range(len(compared)))


def seeds_needed(effect: float, deviation: float, *, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """Seeds in all with which a paired t test finds a true difference `effect` with that power.

    `deviation` is the paired differences' standard deviation. None where MOST_SEEDS do not do, or nothing is known.
    An observed mean is a noisy effect: the number is an order of magnitude, and the page should say so.
    """
    if not (math.isfinite(effect) and math.isfinite(deviation)) or effect == 0:
        return None
    for n in range(FEWEST, MOST_SEEDS + 1):
        critical = float(stdtrit(n - 1, 1 - alpha / 2))
        shift = abs(effect) / deviation * math.sqrt(n) if deviation else math.inf
        # The other tail, which finds the wrong sign, is left out of the power.
        if shift > 30 or 1 - float(nctdtr(n - 1, shift, critical)) >= power:
            return n
    return None


def resolution(accuracy: float, pictures: int) -> float:
    """Standard error of an accuracy that comes from the test set's size alone: no number of seeds goes below it."""
    return math.sqrt(accuracy * (1 - accuracy) / pictures)


def share_interval(hits: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share of `count` independent trials; 0 … 1 if there were none."""
    if count == 0:
        return 0.0, 1.0
    z = float(ndtri((1 + level) / 2))
    share, extra = hits / count, z * z / count
    middle = (share + extra / 2) / (1 + extra)
    half = z * math.sqrt(share * (1 - share) / count + extra / (4 * count)) / (1 + extra)
    return max(0.0, middle - half), min(1.0, middle + half)


def crossover(count_L: ArrayLike, early_LS: ArrayLike, late_LS: ArrayLike, level: float = 0.95) -> Crossover:
    """Label count at which `late`, paired with `early` by seed, gets ahead; between counts on a logarithmic line.

    `at` is where the rising curve that is nearest to the mean difference (isotonic regression) crosses zero. The
    interval holds all counts at which a paired t test does not find which is ahead, so it covers the crossing at least
    as often as it says: from where `early` is last shown ahead before any doubt, to where doubt ends for good.
    """
    log_L = np.log(np.asarray(count_L, dtype=np.float64))
    apart = band(np.asarray(late_LS, dtype=np.float64) - np.asarray(early_LS, dtype=np.float64), level)
    if not np.isfinite(apart.low).all():
        return Crossover(_rise(log_L, _isotonic(apart.mean)), 0, math.inf)
    low = _rise(log_L, np.maximum.accumulate(apart.high))
    high = _rise(log_L, np.minimum.accumulate(apart.low[::-1])[::-1])
    return Crossover(min(max(_rise(log_L, _isotonic(apart.mean)), low), high), low, high)


def _rise(log_L: Floats, value_L: Floats) -> float:
    """Count at which a rising line through the values reaches zero: 0 if it begins there, infinity if it never does."""
    if np.isnan(value_L).any():
        return math.nan
    above = np.flatnonzero(value_L >= 0)
    if not len(above):
        return math.inf
    after = int(above[0])
    if after == 0:
        return 0.0
    share = -value_L[after - 1] / (value_L[after] - value_L[after - 1])
    return math.exp(log_L[after - 1] + share * (log_L[after] - log_L[after - 1]))


def _isotonic(value_L: Floats) -> Floats:
    """The rising sequence nearest to the values: neighbours that fall are pooled."""
    pools: list[tuple[float, int]] = []
    for value in value_L:
        pools.append((float(value), 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (one, first), (other, second) = pools[-2:]
            pools[-2:] = [((one * first + other * second) / (first + second), first + second)]
    return np.concatenate([np.full(width, value) for value, width in pools])


def sign_test(apart: ArrayLike, side: Side = "two-sided") -> float:
    """Exact p of as many positive differences by fair coins; zeros and gaps are left out. 1 if nothing is left."""
    apart_n = np.asarray(apart, dtype=np.float64)
    positive, n = int((apart_n > 0).sum()), int((apart_n > 0).sum() + (apart_n < 0).sum())
    if n == 0:
        return 1.0
    at_least = 1.0 if positive == 0 else 1 - float(bdtr(positive - 1, n, 0.5))
    return at_least if side == "greater" else min(1.0, 2 * min(at_least, float(bdtr(positive, n, 0.5))))


def permutation_test(apart: ArrayLike, side: Side = "two-sided") -> float:
    """Exact p of the mean difference when each seed's sign is a fair coin: all 2ⁿ are counted.

    Raises ValueError beyond 16 pairs.
    """
    apart_n = np.asarray(apart, dtype=np.float64)
    apart_n = apart_n[np.isfinite(apart_n)]
    if len(apart_n) > 16:
        raise ValueError("All signs are counted up to 16 pairs; with more, Student's interval will do.")
    signs_Xn = 1 - 2 * (np.arange(2 ** len(apart_n))[:, None] >> np.arange(len(apart_n)) & 1)
    sum_X = signs_Xn @ apart_n
    if side == "two-sided":
        sum_X = np.abs(sum_X)
    # Sums in another order differ in their last bits; the observed one, the first, must count itself.
    return float((sum_X >= sum_X[0] - 1e-9 * np.abs(apart_n).sum()).mean())


def page_trend(values: ArrayLike) -> float:
    """P of Page's test that the values (S, K) of K ways rise in this order; seeds with a gap are left out.

    Exact for K ≤ 8, with ties too; beyond, by the normal curve.
    """
    value_SK = np.asarray(values, dtype=np.float64)
    value_SK = value_SK[np.isfinite(value_SK).all(-1)]
    ways = value_SK.shape[-1]
    rank_SK = 0.5 * (
        1 + (value_SK[:, :, None] > value_SK[:, None]).sum(-1) + (value_SK[:, :, None] >= value_SK[:, None]).sum(-1)
    )
    doubled_SK = np.rint(2 * rank_SK).astype(np.int64)  # Tied ranks are halves.
    place_K = np.arange(1, ways + 1)
    found = int((doubled_SK @ place_K).sum())
    if ways > 8:
        spread_S = (place_K - place_K.mean()) @ (place_K - place_K.mean()) * doubled_SK.var(-1) * ways / (ways - 1)
        return float(ndtr((doubled_SK.mean(-1).sum() * place_K.sum() - found) / math.sqrt(spread_S.sum())))
    chance = np.ones(1)
    for doubled_K in doubled_SK:
        chance = np.convolve(chance, _page_row(tuple(sorted(doubled_K.tolist()))))
    return float(chance[found:].sum())


@lru_cache(maxsize=256)
def _page_row(doubled: tuple[int, ...]) -> Floats:
    """Chance of every value of Σ place · doubled rank, from 0, when a seed's ranks are in any order."""
    order_XK = np.array(list(permutations(doubled)))
    counts = np.bincount(order_XK @ np.arange(1, len(doubled) + 1))
    return np.asarray(counts / counts.sum())
