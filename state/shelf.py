"""All runs of a store at a glance: one light entry a run, quick for thousands, what is costly computed once.

    for entry in shelf(runs()):
        entry.title, entry.experiment, entry.last()["loss"]

An experiment is rebuilt once for its key; the last values are read once for every step at which they are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from models.experiment import BadExperiment, Experiment
from state import progress
from state.columns import Column
from state.history import History
from state.row import ACTIVE, Row
from state.runs import Run, Runs
from state.start import recorded

MOST_KNOWN = 20_000
"""Runs whose experiments and last values are kept; a home of small runs holds about so many in its 2 GB."""
MOST_CURVES = 512


@dataclass(frozen=True)
class Entry:
    """One run as a list shows it. Times are UTC seconds."""

    key: str
    name: str
    """The experiment's class."""
    title: str
    tags: tuple[str, ...]
    owner: str
    pinned: bool
    state: str
    step: int
    steps: int
    created: float
    directory: Path
    experiment: Experiment | None
    """None where this version does not know the experiment any more; `unknown` says why."""
    unknown: str
    text: str
    """Its class, knobs and key in small letters, for searching."""

    def last(self) -> Mapping[str, float]:
        """The newest value of every column."""
        return _last(self.directory, self.step, self.state)

    def curve(self, name: str) -> Column | None:
        """Steps and values of a column, NaN left out; None where it was never recorded."""
        return _curve(self.directory, self.step, self.state, name)

    def holes(self, name: str) -> Sequence[tuple[int, int]]:
        """First and last steps of what is lost of a column: no line is to be drawn across them.

        Nothing while the run trains: its record, still growing, would be checked as a whole at each look.
        """
        if self.state in ACTIVE:
            return ()
        return History(self.directory).lost().holes.get(name, [])


def shelf(store: Runs) -> list[Entry]:
    """Every run of the store, the newest first."""
    return [entry(run) for run in store.list()]


def entry(run: Run) -> Entry:
    """The run as it stands now."""
    row = run.row
    experiment, unknown, text = _known(row.key, row.name, row.knobs)
    return Entry(
        key=row.key, name=row.name, title=row.title, tags=run.tags, owner=row.owner, pinned=bool(row.pinned),
        state=row.state, step=_step(run.directory, row), steps=row.steps, created=row.created,
        directory=run.directory, experiment=experiment, unknown=unknown, text=text,
    )  # fmt: skip


def _step(directory: Path, row: Row) -> int:
    if row.state not in ACTIVE:
        return row.step
    moved = progress.read(directory)
    return moved.step if moved.attempt == row.attempt else row.step


@lru_cache(MOST_KNOWN)
def _known(key: str, name: str, knobs: str) -> tuple[Experiment | None, str, str]:
    """The experiment, or why there is none; and what a search looks through."""
    row = Row(key, name, knobs, 1)
    try:
        experiment = recorded(row)
        return experiment, "", f"{experiment!r} {type(experiment).title} {key}".casefold()
    except BadExperiment as error:
        said = " ".join(f"{knob}={value}" for knob, value in json.loads(knobs).items())
        return None, str(error), f"{name} {said} {key}".casefold()


# `step` and `state` stand for what the record held when it was read: more came if either has changed since.
@lru_cache(MOST_KNOWN)
def _last(directory: Path, step: int, state: str) -> Mapping[str, float]:
    return History(directory).last()


@lru_cache(MOST_CURVES)
def _curve(directory: Path, step: int, state: str, name: str) -> Column | None:
    found = History(directory).columns([name]).get(name)
    if found is None:
        return None
    steps, values = found
    known = values == values  # all but NaN
    return steps[known], values[known]
