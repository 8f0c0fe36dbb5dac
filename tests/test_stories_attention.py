"""The attention stories keep what their sentences say. One seed each here; all ten with `-m slow`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest

from models.attention import AttentionTraining
from models.experiment import Scalars, Snapshot

REVERSE, INDUCTION, SORT, ADDITION, DATES, MARKOV = (story.experiment for story in AttentionTraining.stories())
TEN = range(10)


@lru_cache(maxsize=4)
def history(experiment: AttentionTraining) -> dict[str, dict[int, float]]:
    """Every recorded number by name and step, the measured ones included."""
    found: dict[str, dict[int, float]] = {}
    for event in experiment.train():
        if isinstance(event, Scalars):
            for name, column in event.values.items():
                for place, value in enumerate(column):
                    found.setdefault(name, {})[event.first + place] = float(value)
        elif isinstance(event, Snapshot) and event.step == experiment.steps:
            for name, value in experiment.measure(event).items():
                found.setdefault(name, {})[event.step] = value
    return found


def last(experiment: AttentionTraining, name: str) -> float:
    return history(experiment)[name][experiment.steps]


def check_reverse(seed: int) -> None:
    found = history(REVERSE.but(seed=seed))
    assert last(REVERSE.but(seed=seed), "held_out") >= 0.99
    assert found["agreement"][REVERSE.steps] > 0.75


def check_reverse_needs_positions(seed: int) -> None:
    assert last(REVERSE.but(seed=seed, positions="none"), "held_out") <= 0.3


def check_induction(seed: int) -> None:
    experiment = INDUCTION.but(seed=seed)
    found = history(experiment)
    assert last(experiment, "held_out") >= 0.95
    assert found["previous"][experiment.steps] > 0.5 and found["induction"][experiment.steps] > 0.5


def check_one_layer_cannot_induce(seed: int) -> None:
    assert last(INDUCTION.but(seed=seed, num_layers=1), "held_out") <= 0.35


def check_sort_and_the_cheat(seed: int) -> None:
    honest, cheat = SORT.but(seed=seed), SORT.but(seed=seed, causal=False)
    assert last(honest, "exact") >= 0.99
    assert np.isclose(last(cheat, "loss"), 0, atol=0.05) and last(cheat, "held_out") >= 0.99
    assert last(cheat, "exact") < 0.7


def check_addition(seed: int) -> None:
    assert last(ADDITION.but(seed=seed), "exact") > 0.9


def check_dates(seed: int) -> None:
    assert last(DATES.but(seed=seed), "exact") >= 0.97


def check_markov(seed: int) -> None:
    found = history(MARKOV.but(seed=seed))["kl_bigram"]
    assert min(value for step, value in found.items() if step <= 500) <= 0.03


def check_one_layer_stays_on_unigrams(seed: int) -> None:
    found = history(MARKOV.but(seed=seed, num_layers=1))
    assert last(MARKOV.but(seed=seed, num_layers=1), "kl_bigram") >= 0.1
    assert found["kl_unigram"][MARKOV.steps] < found["kl_bigram"][MARKOV.steps]


CHECKS = (
    check_reverse, check_reverse_needs_positions, check_induction, check_one_layer_cannot_induce,
    check_sort_and_the_cheat, check_addition, check_dates, check_markov, check_one_layer_stays_on_unigrams,
)  # fmt: skip
QUICK = (check_reverse, check_reverse_needs_positions, check_sort_and_the_cheat, check_addition)


@pytest.mark.parametrize("check", QUICK, ids=lambda check: check.__name__[6:])
def test_a_story_holds(check: Callable[[int], None]) -> None:
    check(3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", TEN)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__[6:])
def test_a_story_holds_on_every_seed(check: Callable[[int], None], seed: int) -> None:
    check(seed)
