"""A story ships only when it does what its sentence says. One seed each here; all ten with `-m slow`."""

from __future__ import annotations

import pytest

from models.catalogue import experiments
from models.experiment import Snapshot, Story
from models.gan import GanTraining
from tests.benchmarks.museum import KINDS, looks, named, trained

BLOBS, CALM, RING, SHARP, GRID, DIGITS = (story for story in GanTraining.stories() if not story.shelf)
EXHIBITS = [story for story in GanTraining.stories() if story.shelf]
TEN = range(10)


def ending(story: Story, seed: int) -> dict[str, float]:
    """The measured numbers at the end of the story with another seed."""
    experiment = story.experiment.but(seed=seed)
    last = next(event for event in reversed(list(experiment.train())) if isinstance(event, Snapshot))
    assert last.step == experiment.steps
    return dict(experiment.measure(last))


def check_calm(seed: int) -> None:
    assert ending(CALM, seed)["energy_distance"] < CALM.experiment.references()["energy_distance"].null


def check_ring(seed: int) -> None:
    found = ending(RING, seed)
    assert found["modes_covered"] == 8 and found["high_quality"] > 0.9


def check_sharp(seed: int) -> None:
    found = ending(SHARP, seed)
    assert found["modes_covered"] == 8 and found["high_quality"] > 0.95


def check_grid(seed: int) -> None:
    found = ending(GRID, seed)
    assert found["modes_covered"] > 20 and found["high_quality"] > 0.9


def check_exhibit(story: Story, seed: int) -> None:
    """The failure is named by its own name while it happens, and the cured run by none."""
    assert story.beside is not None
    failing = story.experiment.but(seed=seed)
    cured = failing.but(**{story.beside[0]: story.beside[1][0]})
    assert isinstance(failing, GanTraining) and isinstance(cured, GanTraining)
    names = [named(looks(trained(run)[0], run))[1] for run in (failing, cured)]
    assert names == [KINDS[story.name], "nothing"], names


def check_digits(seed: int) -> None:
    found = ending(DIGITS, seed)
    assert found["classes_covered"] == 10
    assert found["high_quality"] > 0.75


def test_two_blobs_calmly_beats_one_gaussian() -> None:
    check_calm(seed=3)


def test_ring_of_eight_finds_all_eight() -> None:
    check_ring(seed=2)


def test_digits_show_all_ten_classes() -> None:
    check_digits(seed=6)


@pytest.mark.parametrize("name", ["Oscillation", "Vanishing gradient"])
def test_the_museum_s_failures_are_named_and_their_cures_are_not(name: str) -> None:
    check_exhibit(next(story for story in EXHIBITS if story.name == name), seed=7)


@pytest.mark.slow
@pytest.mark.parametrize("seed", TEN)
@pytest.mark.parametrize("story", EXHIBITS, ids=lambda story: story.name)
def test_the_museum_s_failures_are_named_on_every_seed(story: Story, seed: int) -> None:
    check_exhibit(story, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", TEN)
def test_ring_sharper_finds_all_eight_on_every_seed(seed: int) -> None:
    check_sharp(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", TEN)
def test_grid_of_twenty_five_finds_more_than_twenty_on_every_seed(seed: int) -> None:
    check_grid(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", TEN)
def test_two_blobs_calmly_beats_one_gaussian_on_every_seed(seed: int) -> None:
    check_calm(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", TEN)
def test_ring_of_eight_finds_all_eight_on_every_seed(seed: int) -> None:
    check_ring(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", TEN)
def test_digits_show_all_ten_classes_on_every_seed(seed: int) -> None:
    check_digits(seed)


@pytest.mark.slow
def test_the_seed_decides_with_gan_lab_s_settings() -> None:
    """Its sentence promises both: seeds that find the blobs, and seeds that end worse than one Gaussian."""
    null = BLOBS.experiment.references()["energy_distance"].null
    ends = [ending(BLOBS, seed)["energy_distance"] for seed in TEN]
    assert min(ends) < null / 2 and max(ends) > null


def test_every_story_is_named_once_and_has_its_own_run() -> None:
    stories = [story for cls in experiments().values() for story in cls.stories()]
    assert len({story.name for story in stories}) == len({story.experiment.key for story in stories}) == len(stories)
