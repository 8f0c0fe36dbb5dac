"""What every experiment must keep, told of no family by name: a new file in `models/` is tested the day it is born."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from models.catalogue import experiments
from models.experiment import Checkpoint, Event, Experiment, Note, Scalars, Snapshot, Value
from models.layers.later import Later
from models.running import Moments
from pages.parts.menu import described_pages
from state.columns import joined
from state.frames import decode, picture

STEPS = 3
ENDS = [
    pytest.param(cls, name, value, id=f"{cls.__name__}-{name}-{value}")
    for cls in experiments().values()
    for name, knob in cls.knobs().items()
    for value in knob.extremes()
    if name != "steps"
]
every = pytest.mark.parametrize("cls", experiments().values(), ids=experiments().keys())


@pytest.fixture(scope="module", autouse=True)
def little_is_judged() -> Iterator[None]:
    """The one family with a name here surveys losses on hundreds of pictures, for seconds; on few it is as lawful."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.basins.JUDGED", 20)
        patch.setattr("models.basins.PLANE_JUDGED", 10)
        yield


@cache
def standard(cls: type[Experiment]) -> list[tuple[Event, dict[str, np.ndarray]]]:
    """The run in which no knob was touched: each event, and what its arrays held when it came."""
    return [(event, {name: np.array(array) for name, array in getattr(event, "arrays", {}).items()})
            for event in cls.of({"steps": STEPS}).train()]  # fmt: skip


def trained(experiment: Experiment) -> list[Event]:
    if experiment == type(experiment).of({"steps": STEPS}):
        return [event for event, _held in standard(type(experiment))]
    return list(experiment.train())


@pytest.mark.parametrize(("cls", "name", "value"), ENDS)
def test_every_knob_at_each_end_trains_and_draws(cls: type[Experiment], name: str, value: Value) -> None:
    experiment = cls.of({"steps": STEPS, name: value})
    events = trained(experiment)
    last = events[-1]
    assert isinstance(last, Checkpoint | Note) and (isinstance(last, Note) or last.step == STEPS)
    for event in events:
        if isinstance(event, Snapshot):
            header, sent = decode(picture(event, experiment.wire))
            assert header["step"] == event.step and sent
        elif isinstance(event, Scalars):
            assert set(event.values) <= set(cls.columns)


@every
def test_a_run_begins_with_a_picture_and_a_checkpoint_and_ends_with_them(cls: type[Experiment]) -> None:
    events = trained(cls.of({"steps": STEPS}))
    opening = [type(event) for event in events if event.step == 0]
    assert opening[0] is Snapshot and opening.count(Checkpoint) == 1
    # Going on from a checkpoint yields nothing of its own step: rows that came after it would be lost.
    assert Scalars not in opening[opening.index(Checkpoint) :]
    assert [type(event) for event in events[-2:]] == [Snapshot, Checkpoint] and events[-1].step == STEPS
    steps = [event.step for event in events]
    assert steps == sorted(steps)


@every
def test_the_same_seed_trains_the_same_run(cls: type[Experiment]) -> None:
    one, other = trained(cls.of({"steps": STEPS})), list(cls.of({"steps": STEPS}).train())
    for mine, theirs in zip(one, other, strict=True):
        assert type(mine) is type(theirs)
        if isinstance(mine, Checkpoint | Snapshot) and isinstance(theirs, Checkpoint | Snapshot):
            for name, array in mine.arrays.items():
                assert array.shape == theirs.arrays[name].shape and array.dtype == theirs.arrays[name].dtype
                same = np.array_equal(array, theirs.arrays[name], equal_nan=array.dtype.kind == "f")
                assert name in cls.clocked or same, name


@every
def test_no_row_depends_on_where_the_loop_stopped(cls: type[Experiment]) -> None:
    """Told step by step or many at once, by whoever asked: the same columns have numbers of the same steps."""
    experiment = cls.of({"steps": 9})
    often, rarely = (
        joined([event for event in experiment.train(moments=moments) if isinstance(event, Scalars)])
        for moments in (Moments(), Moments(dense=1, ratio=1.7))
    )
    assert often.keys() == rarely.keys()
    for name, (steps, values) in often.items():
        np.testing.assert_array_equal(rarely[name][0], steps, err_msg=name)
        if name not in cls.clocked:
            np.testing.assert_array_equal(rarely[name][1], values, err_msg=name)


@every
def test_what_is_measured_has_references_and_a_name(cls: type[Experiment]) -> None:
    for story in cls.stories():
        experiment = story.experiment.but(steps=STEPS, changes=())
        first = next(event for event in experiment.train() if isinstance(event, Snapshot))
        measured = experiment.measure(first)
        assert set(measured) == set(experiment.references()) <= set(cls.columns)
        assert all(isinstance(number, float) for number in measured.values())


@every
def test_events_own_their_arrays(cls: type[Experiment]) -> None:
    """An event that shared memory with the model would change while it waits to be written."""
    held = [(event, copies) for event, copies in standard(cls) if isinstance(event, Checkpoint | Snapshot)]
    assert held
    for event, copies in held:
        for name, copy in copies.items():
            np.testing.assert_array_equal(event.arrays[name], copy, err_msg=name)


@every
def test_a_sitter_draws_what_training_would_have_drawn(cls: type[Experiment]) -> None:
    """Also with knobs that changed meanwhile, which it was not made with."""
    changes = tuple((2, name, knob.extremes()[0]) for name, knob in cls.knobs().items() if knob.live)
    experiment = cls.of({"steps": STEPS, "changes": changes})
    sitter = None
    for event in experiment.train():
        told = getattr(event, "arrays", None) or getattr(event, "values", None)
        if isinstance(told, Later):
            sitter = sitter or experiment.sitter()
            assert sitter is not None
            travelled = pickle.loads(pickle.dumps(told))
            travelled.taken_by(sitter)
            for name, array in told.items():
                np.testing.assert_array_equal(travelled[name], array, err_msg=name)


def test_the_readme_names_every_page() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for _path, about in described_pages():
        assert f"| {about['title']} |" in readme or about["order"] == 0 or about.get("hidden")
