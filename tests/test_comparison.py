"""Laws of comparisons: intervals cover what they say, exact tests equal SciPy's and enumeration, gaps are counted."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from models.metrics.comparison import (
    FEWEST,
    Crossover,
    Difference,
    band,
    crossover,
    difference,
    differences,
    holm,
    page_trend,
    permutation_test,
    resolution,
    seeds_needed,
    share_interval,
    sign_test,
    verdict,
)


def numbers(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_intervals_cover_the_truth_as_often_as_they_say(n: int) -> None:
    found = band(numbers(n).normal(2, 3, (40_000, n)))
    covered = ((found.low <= 2) & (found.high >= 2)).mean()
    assert covered == pytest.approx(0.95, abs=0.01), n


@pytest.mark.parametrize("n", [3, 5, 12])
def test_a_difference_equals_scipys_paired_test(n: int) -> None:
    way, baseline = numbers(n).normal(0.1, 1, (2, n))
    found, test = difference(way, baseline), scipy.stats.ttest_rel(way, baseline)
    interval = test.confidence_interval(0.95)
    assert found.p == pytest.approx(test.pvalue, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert found.deviation == pytest.approx((way - baseline).std(ddof=1)) and found.excluded == 0


def test_equality_is_two_one_sided_tests() -> None:
    way, baseline = numbers(3).normal(0, 0.01, (2, 6))
    apart = way - baseline
    above = scipy.stats.ttest_1samp(apart, -0.02, alternative="greater").pvalue
    below = scipy.stats.ttest_1samp(apart, 0.02, alternative="less").pvalue
    assert difference(way, baseline, margin=0.02).equal_p == pytest.approx(max(above, below), abs=1e-12)


def test_diverged_seeds_are_left_out_with_their_partners_and_counted() -> None:
    way, baseline = numbers(1).normal(0, 1, (2, 7))
    clean = difference(way[2:], baseline[2:])
    way[0], baseline[1] = math.nan, math.inf
    found = difference(way, baseline)
    assert (found.mean, found.low, found.p) == (clean.mean, clean.low, clean.p)
    assert found.n == 5 and found.excluded == 2
    assert int(band(way).n) == 6


def test_below_three_pairs_there_is_no_interval_and_no_verdict() -> None:
    found = difference([1.0, 2.0, math.nan], [0.0, 0.0, 0.0])
    assert found.mean == 1.5 and found.n == FEWEST - 1
    assert math.isnan(found.low) and math.isnan(found.p)
    assert verdict([found]) == ("undecided",)
    empty = difference([math.nan] * 4, [1.0] * 4)
    assert math.isnan(empty.mean) and empty.excluded == 4
    assert math.isnan(band([[math.nan, math.nan]]).mean[0])


def test_no_spread_leaves_only_the_sign() -> None:
    same, ahead = difference([0.5] * 5, [0.5] * 5), difference([0.75] * 5, [0.5] * 5)
    assert same.p == 1 and same.low == same.high == 0 and same.equal_p == 0
    assert ahead.p == 0 and verdict([same, ahead]) == ("equal", "better")


def test_holm_is_the_textbooks_example_and_counts_only_tests_that_were_made() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.02, math.nan, 0.04]) == pytest.approx([0.04, math.nan, 0.04], nan_ok=True)
    assert holm([0.9, 0.8]) == pytest.approx([1, 1]) and len(holm([])) == 0


def test_verdicts_are_rarely_wrong_when_nothing_differs() -> None:
    random, wrong = numbers(5), 0
    for _experiment in range(2000):
        said = verdict(differences(random.normal(0.7, 0.02, (6, 8)), 0, margin=0))
        wrong += "better" in said or "worse" in said
    assert wrong / 2000 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)


def test_verdicts_find_what_is_better_worse_and_equal() -> None:
    base = numbers(2).normal(0.7, 0.05, 10)
    ways = np.stack([base, base + 0.1, base - 0.1, base, base]) + 0.002 * numbers(4).normal(0, 1, (5, 10))
    ways[4] += np.linspace(-0.2, 0.21, 10)
    found = differences(ways, 0)
    assert verdict(found) == ("undecided", "better", "worse", "equal", "undecided")
    assert math.isnan(found[0].p) and found[0].mean == 0


def test_the_seeds_needed_reach_their_power() -> None:
    assert seeds_needed(2, 1.2) in (5, 6) and seeds_needed(2, 6) in range(70, 76)  # facts worked out elsewhere
    n = seeds_needed(1, 1.3)
    assert n is not None
    apart = numbers(0).normal(1, 1.3, (20_000, n))
    power = (scipy.stats.ttest_1samp(apart, 0, axis=1).pvalue < 0.05).mean()
    assert 0.79 <= power <= 0.86, n


def test_the_seeds_needed_are_none_where_no_number_is_enough() -> None:
    assert seeds_needed(0, 1) is None and seeds_needed(math.nan, 1) is None and seeds_needed(1e-4, 1) is None
    assert seeds_needed(0.1, 0) == FEWEST


def test_the_sign_test_is_exact() -> None:
    assert sign_test([1] * 5, "greater") == pytest.approx(1 / 32)
    assert sign_test([1] * 7 + [-1], "greater") == pytest.approx(9 / 256)
    assert sign_test([1, 1, 1, 1, -1, 0, math.nan]) == pytest.approx(scipy.stats.binomtest(4, 5).pvalue)
    assert sign_test([]) == sign_test([0.0]) == sign_test([1, -1]) == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=7))
def test_the_permutation_test_counts_all_signs(apart: list[int]) -> None:
    sums = [
        sum(sign * one for sign, one in zip(signs, apart, strict=True)) for signs in product((1, -1), repeat=len(apart))
    ]
    assert permutation_test(apart) == pytest.approx(np.mean([abs(one) >= abs(sum(apart)) for one in sums]))
    assert permutation_test(apart, "greater") == pytest.approx(np.mean([one >= sum(apart) for one in sums]))


def test_the_permutation_test_says_when_there_are_too_many() -> None:
    assert permutation_test([0.1, 0.2, math.nan, 0.3], "greater") == 1 / 8
    with pytest.raises(ValueError, match="16 pairs"):
        permutation_test([1.0] * 17)


@pytest.mark.parametrize(("seeds", "ways"), [(3, 3), (5, 4), (2, 6)])
def test_pages_trend_equals_scipys_exact_test(seeds: int, ways: int) -> None:
    values = numbers(seeds).normal(0, 1, (seeds, ways)) + 0.5 * np.arange(ways)
    assert page_trend(values) == pytest.approx(scipy.stats.page_trend_test(values, method="exact").pvalue, abs=1e-12)


def test_pages_trend_beyond_eight_ways_is_the_normal_curves() -> None:
    values = numbers(0).normal(0, 1, (20, 9)) + 0.05 * np.arange(9)
    reference = scipy.stats.page_trend_test(values, method="asymptotic").pvalue
    assert page_trend(values) == pytest.approx(reference, rel=0.02)


def test_pages_trend_of_ties_is_no_evidence() -> None:
    assert page_trend(np.zeros((4, 3))) == 1
    gap = np.array([[1, 2, 3], [math.nan, 0, 1], [1, 2, 3]])
    assert page_trend(gap) == pytest.approx(1 / 36)


COUNTS = np.array([10, 20, 50, 100, 200, 500, 1000])


def curves(random: np.random.Generator, at: float, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    slope = np.log(COUNTS / at)[:, None] * 0.03
    early, late = random.normal(0, 0.02, (2, len(COUNTS), seeds))
    return 0.6 + early, 0.6 + slope + late


def test_a_crossover_lies_on_the_logarithmic_line_between_two_counts() -> None:
    early, late = np.zeros((7, 5)), np.log(COUNTS / 70)[:, None].repeat(5, 1)
    found = crossover(COUNTS, early, late)
    assert (found.at, found.low, found.high) == pytest.approx((70, 70, 70))


def test_the_crossovers_interval_covers_it() -> None:
    random = numbers(8)
    found = [crossover(COUNTS, *curves(random, 70, 5)) for _repeat in range(1500)]
    covered = np.mean([one.low <= 70 <= one.high for one in found])
    assert covered >= 0.945 and all(one.low <= one.at <= one.high for one in found)


def test_a_crossover_that_was_not_measured_is_outside() -> None:
    always = np.full((7, 4), 0.9) + numbers(0).normal(0, 1e-3, (7, 4))
    never = np.full((7, 4), 0.5)
    assert crossover(COUNTS, always, never) == Crossover(math.inf, math.inf, math.inf)
    assert crossover(COUNTS, never, always) == Crossover(0, 0, 0)
    few = crossover(COUNTS, never[:, :2], always[:, :2])
    assert (few.low, few.high) == (0, math.inf)  # two seeds: nothing is known


def test_a_test_sets_size_limits_what_can_be_resolved() -> None:
    assert resolution(0.89, 2000) == pytest.approx(0.007, abs=1e-4)
    hits = numbers(0).binomial(500, 0.8, 20_000) / 500
    assert resolution(0.8, 500) == pytest.approx(hits.std(), rel=0.03)


@pytest.mark.parametrize(("share", "count"), [(0.6, 20), (0.95, 40)])
def test_wilsons_interval_equals_scipys_and_covers(share: float, count: int) -> None:
    for hits in (0, count // 2, count):
        reference = scipy.stats.binomtest(hits, count).proportion_ci(method="wilson")
        assert share_interval(hits, count) == pytest.approx((reference.low, reference.high), abs=1e-9)
    intervals = [share_interval(hits, count) for hits in range(count + 1)]
    covered = [
        scipy.stats.binom.pmf(hits, count, share) for hits, (low, high) in enumerate(intervals) if low <= share <= high
    ]
    assert sum(covered) == pytest.approx(0.95, abs=0.02)
    assert share_interval(0, 0) == (0, 1)


def test_a_difference_is_a_value() -> None:
    assert difference([1, 2, 3], [0, 0, 0]) == Difference(
        2, pytest.approx(2 - 4.3027 / math.sqrt(3), abs=1e-4), pytest.approx(2 + 4.3027 / math.sqrt(3), abs=1e-4),
        3, pytest.approx(0.0742, abs=1e-4), 1, pytest.approx(0.9629, abs=1e-2), 0,
    )  # fmt: skip
