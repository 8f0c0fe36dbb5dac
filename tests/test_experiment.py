"""Laws of the vocabulary: equal knobs are equal runs, forks agree where they must, links lose nothing."""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from models.catalogue import experiments, rebuild
from models.experiment import BadExperiment, Experiment, Knob, knob
from models.gan import GanTraining
from state import links


class Coin(Experiment):
    p: float = knob(0.5, low=0.001, high=1.0, log=True, live=True, help="Probability of heads.")
    sides: int = knob(2, low=2, high=6, help="Sides.")
    fair: bool = knob(True, help="Fair.")
    metal: Literal["tin", "gold"] = knob("tin", help="Metal.", live=True)


def value_of(knob: Knob) -> some.SearchStrategy[Any]:
    match knob.kind:
        case "bool":
            return some.booleans()
        case "choice":
            return some.sampled_from(knob.options)
        case "int":
            return some.integers(int(knob.low or 0), int(knob.high or 0))
        case "float":
            return some.floats(float(knob.low or 0), float(knob.high or 0), allow_nan=False)
        case _:
            return some.just(knob.default)


def some_of(cls: type[Experiment]) -> some.SearchStrategy[Experiment]:
    return some.fixed_dictionaries({}, optional={n: value_of(k) for n, k in cls.knobs().items()}).map(cls.of)


every_experiment = pytest.mark.parametrize("cls", experiments().values(), ids=experiments().keys())


@given(some_of(GanTraining))
def test_repr_is_python_that_rebuilds_it(experiment: Experiment) -> None:
    assert eval(repr(experiment), {"GanTraining": GanTraining}) == experiment


@given(some_of(GanTraining))
def test_the_key_depends_on_every_knob_and_on_nothing_else(experiment: Experiment) -> None:
    assert experiment.key == rebuild("GanTraining", experiment.model_dump(mode="json")).key
    for name, declared in experiment.knobs().items():
        for other in declared.extremes():
            if other != getattr(experiment, name):
                assert experiment.but(**{name: other}).key != experiment.key
                assert experiment.model_copy(update={name: other}).key != experiment.key


@every_experiment
def test_every_knob_explains_itself_and_survives_both_ends(cls: type[Experiment]) -> None:
    for name, declared in cls.knobs().items():
        assert declared.help.endswith("."), name
        for value in declared.extremes():
            assert getattr(cls.of({name: value}), name) == value
        assert all(declared.low <= stop <= declared.high for stop in declared.grid())  # type: ignore[operator]


@pytest.mark.parametrize("wrong", [{"p": 2.0}, {"p": float("nan")}, {"sides": 2.5}, {"metal": "lead"}, {"hat": 1}])
def test_a_wrong_knob_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadExperiment) as refused:
        Coin.of(wrong)
    assert list(refused.value.faults) == list(wrong)


def test_a_fork_agrees_up_to_its_step_and_no_further() -> None:
    base = Coin(steps=100)
    fork = base.fork(40, p=0.1)
    assert base.agrees_until(fork) == fork.agrees_until(base) == 40
    assert fork.at(39).p == 0.5 and fork.at(40).p == 0.1


def test_a_fork_without_a_change_is_the_same_run() -> None:
    assert Coin().fork(10, p=0.5) == Coin()


def test_a_longer_run_agrees_to_the_end_of_the_shorter() -> None:
    assert Coin(steps=100).agrees_until(Coin(steps=300)) == 100


def test_a_fork_of_a_fork_keeps_earlier_changes_and_drops_later_ones() -> None:
    twice = Coin(steps=100).fork(20, p=0.1).fork(60, metal="gold")
    assert twice.changes == ((20, "p", 0.1), (60, "metal", "gold"))
    assert twice.fork(30, p=0.9).changes == ((20, "p", 0.1), (30, "p", 0.9))


def test_no_run_agrees_beyond_its_own_end() -> None:
    fork = Coin(steps=2000).fork(1500, p=0.1)
    assert Coin(steps=300).agrees_until(fork) == fork.agrees_until(Coin(steps=300)) == 300


def test_a_fork_at_the_step_of_a_change_keeps_it_or_replaces_it() -> None:
    once = Coin(steps=100).fork(40, p=0.1)
    assert once.fork(40, metal="gold").changes == ((40, "p", 0.1), (40, "metal", "gold"))
    assert once.fork(40, p=0.9).changes == ((40, "p", 0.9),)
    assert once.fork(40, p=0.5) == Coin(steps=100)


def test_equal_changes_are_the_same_run_however_they_are_written() -> None:
    assert Coin(changes=((5, "p", 1),)).key == Coin(changes=((5, "p", 1.0),)).key


def test_what_must_not_change_during_training_cannot() -> None:
    with pytest.raises(BadExperiment, match="cannot change during training"):
        Coin().fork(10, sides=3)


@given(some_of(GanTraining), some.integers(0, 10**6))
def test_reading_a_written_link_gives_the_same_back(experiment: Experiment, at: int) -> None:
    at = min(at, experiment.steps)
    twin = ("lr_d", 0.3 if experiment.lr_d != 0.3 else 0.5)  # type: ignore[attr-defined]
    link = links.read(GanTraining, links.write(experiment, at, twin, "samples,surface"))
    assert (link.experiment, link.at, link.twin, link.view) == (experiment, at, twin, "samples,surface")
    assert not link.corrected


def test_a_link_carries_a_fork() -> None:
    fork = GanTraining().fork(500, lr_d=0.3, loss="hinge")
    assert links.read(GanTraining, links.write(fork)).experiment == fork


@given(some.dictionaries(some.sampled_from([*GanTraining.knobs(), "changes", "at", "twin", "view", "x"]), some.text()))
def test_no_link_is_too_odd_to_read(parameters: dict[str, str]) -> None:
    link = links.read(GanTraining, parameters)
    assert GanTraining.of(link.experiment.model_dump()) == link.experiment
