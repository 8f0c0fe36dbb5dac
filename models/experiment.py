"""The vocabulary: an experiment is a frozen object whose fields are its knobs and whose one verb is `train`.

    class Coin(Experiment):
        p: float = knob(0.5, low=0.0, high=1.0, help="Probability of heads.")

        def train(self, start=None, moments=None):
            yield Scalars(step=1, first=1, values={"heads": np.array([1.0])})

Training is a stream of events: `Scalars` (columns of numbers), `Snapshot` (named arrays: a picture),
`Checkpoint` (all that is needed to go on from there) and `Note` (a sentence). Events are plain arrays and
numbers: no device, no graph. Everything else in Torchlight (widgets, links, bounds, command line, store,
twins, forks) derives from the fields of the experiment and from this stream.

Errors:

    ValueError
    └── BadExperiment          a knob out of bounds, an unknown knob, a change at an impossible step
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from models.knobs import Knob, Value, declared, knob

if TYPE_CHECKING:
    from models.layers.later import Pictured
    from models.running import Moments

__all__ = [
    "BadExperiment", "Beside", "Change", "Checkpoint", "Event", "Experiment", "Knob", "Note", "Pixels", "Points",
    "Reference", "Scalars", "Snapshot", "Story", "Value", "knob",
]  # fmt: skip


class BadExperiment(ValueError):  # noqa: N818  (an answer to a visitor)
    """Knobs that make no experiment; `faults` says per knob what is wrong, in words a visitor can act on."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in self.faults.items()))


@dataclass(frozen=True)
class Scalars:
    """Columns of numbers for the steps `first` … `step`, or for `step` alone.

    `values[name]` has shape (step - first + 1,), float64; NaN where a quantity was not taken at a step.
    """

    step: int
    first: int
    values: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Snapshot:
    """A picture of the run after `step` updates: named float32, int or uint8 arrays."""

    step: int
    arrays: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Checkpoint:
    """Weights, optimizer and random states after `step` updates: all that `train(start=…)` needs to go on."""

    step: int
    arrays: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Note:
    """A sentence about the run at `step`; `text` is an English template over `values`, so that it can be translated."""

    step: int
    kind: Literal["diverged", "resumed", "changed", "phase", "engine"]
    text: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text.format_map(self.values)


Event = Scalars | Snapshot | Checkpoint | Note


@dataclass(frozen=True)
class Pixels:
    """Wire rule of a snapshot array: sent as uint8 between `low` and `high` (None: the array's own range)."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Points:
    """Wire rule of a snapshot array: the first `count` rows, float32."""

    count: int


@dataclass(frozen=True)
class Reference:
    """What a measured number can mean: its mean and 2.5 % … 97.5 % band for fresh samples of the data itself
    ("perfect"), and its value for a model that knows nothing but the data's mean and covariance ("null")."""

    perfect: float
    low: float
    high: float
    null: float


Beside = tuple[str, tuple[Value, ...]]
"""Runs that stand beside one: the knob in which they differ from it, and their values of it."""


@dataclass(frozen=True)
class Story:
    """A named setting, or several that differ in one knob, and the sentence that they fulfil on 10 of 10 seeds."""

    name: str
    sentence: str
    experiment: Experiment
    beside: Beside | None = None
    shelf: str = ""
    """Where on its page it stands, if not over the picture."""


Change = tuple[int, str, Value]


class Experiment(BaseModel):
    """A frozen, keyword-only, valid set of knobs. Equal knobs are the same run, wherever and whenever it trains."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    version: ClassVar[int] = 1
    """Raised whenever the same knobs would train differently: old runs then keep their own key."""
    title: ClassVar[str] = ""
    wire: ClassVar[Mapping[str, Pixels | Points]] = {}
    """How each snapshot array travels to the browser; arrays not named here stay on the server."""
    columns: ClassVar[Mapping[str, str]] = {}
    """What each recorded number is called in a sentence."""
    clocked: ClassVar[frozenset[str]] = frozenset()
    """Columns and arrays that were read off a clock: the only ones in which two runs of equal knobs may differ."""
    note_templates: ClassVar[tuple[str, ...]] = ()
    """Templates of the notes that training itself can write."""

    seed: int = knob(0, low=0, high=2**31 - 1, help="Seed of every random stream: weights, noise, order of batches.")
    steps: int = knob(10_000, low=1, high=1_000_000, log=True, help="Training steps.")
    changes: tuple[Change, ...] = Field(
        default=(), description="Knobs changed while training: (step, knob, value); the change acts from that step on."
    )

    @field_validator("changes")
    @classmethod
    def _changes_are_of_their_kind(cls, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """A learning rate of 1 is a learning rate of 1.0: the same run, so the same key."""
        floats = {name for name, knob in cls.knobs().items() if knob.kind == "float"}
        return tuple((step, name, float(value) if name in floats else value) for step, name, value in changes)

    @model_validator(mode="after")
    def _changes_are_possible(self) -> Self:
        knobs = self.knobs()
        for step, name, value in self.changes:
            if name not in knobs or not knobs[name].live:
                raise ValueError(f"changes: {name!r} cannot change during training")
            if not 0 <= step < self.steps:
                raise ValueError(f"changes: step {step} is not inside the run's {self.steps} steps")
            type(self).model_validate({name: value})
        if list(self.changes) != sorted(self.changes, key=lambda change: change[0]):
            raise ValueError("changes: must be in order of their steps")
        return self

    @classmethod
    @cache
    def knobs(cls) -> Mapping[str, Knob]:
        """Every knob by name, in order of declaration, the inherited `seed` and `steps` last."""
        own = [name for name in cls.model_fields if name not in ("seed", "steps", "changes")]
        return {name: declared(name, cls.model_fields[name]) for name in (*own, "steps", "seed")}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The experiment with these knobs; raises `BadExperiment` that says for each knob what is wrong."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            faults = {str(fault["loc"][0] if fault["loc"] else "knobs"): fault["msg"] for fault in error.errors()}
            raise BadExperiment(faults) from None

    def but(self, **knobs: Any) -> Self:
        """This experiment with some knobs changed, validated anew; raises `BadExperiment`."""
        return self.of({**self.model_dump(), **knobs})

    def fork(self, step: int, **knobs: Any) -> Self:
        """This experiment up to `step`, with `knobs` changed from there on; `steps` may grow or shrink as well.

        Raises `BadExperiment` where a knob cannot change during training.
        """
        steps = knobs.pop("steps", self.steps)
        kept = [change for change in self.changes if change[0] < step or (change[0] == step and change[1] not in knobs)]
        base = self.of({**self.model_dump(), "steps": max(steps, step + 1), "changes": tuple(kept)})
        now = base.at(step)
        news = [(step, name, value) for name, value in knobs.items() if getattr(now, name) != value]
        return base.but(steps=steps, changes=(*kept, *news))

    def at(self, step: int) -> Self:
        """The knobs in force for the update that leads from `step` to `step + 1`, without the list of changes."""
        if not self.changes:
            return self
        changed: dict[str, Any] = {name: value for when, name, value in self.changes if when <= step}
        return self.model_copy(update={**changed, "changes": ()})

    def agrees_until(self, other: Experiment) -> int:
        """How many first steps of both runs are the same training, update for update.

        A checkpoint of one run up to that step is a checkpoint of the other: forks and longer runs start there.
        """
        if type(self) is not type(other) or self.version != other.version:
            return 0
        moments = sorted({0, *(step for step, *_ in self.changes), *(step for step, *_ in other.changes)})
        for step in moments:
            if self.at(step).model_dump(exclude={"steps"}) != other.at(step).model_dump(exclude={"steps"}):
                return min(step, self.steps, other.steps)
        return min(self.steps, other.steps)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some knobs replaced, not validated; its key is its own."""
        copy = super().model_copy(update=update, deep=deep)
        copy.__dict__.pop("key", None)
        return copy

    @cached_property
    def key(self) -> str:
        """26 characters of a-z and 2-7: a hash of class name, version and every knob. Device and libraries stay out."""
        said = json.dumps([type(self).__name__, self.version, self.model_dump(mode="json")], sort_keys=True)
        return base64.b32encode(hashlib.sha256(said.encode()).digest())[:26].decode().lower()

    def twin_knobs(self) -> tuple[str, ...]:
        """The knobs in which a twin may differ: those that matter here, but for the length and for texts."""
        return tuple(
            name
            for name, knob in self.knobs().items()
            if name != "steps" and knob.kind != "text" and self.matters(knob)
        )

    def matters(self, knob: Knob) -> bool:
        """Whether the knob does anything with the other knobs as they are."""
        return all(getattr(self, other) in values for other, values in knob.when.items())

    def differences(self, other: Experiment) -> dict[str, tuple[Any, Any]]:
        """The knobs in which two experiments of one class differ, as (own, other's) value."""
        mine, theirs = self.model_dump(), other.model_dump()
        return {name: (mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]}

    def __repr__(self) -> str:
        said = [
            f"{name}={getattr(self, name)!r}"
            for name, info in type(self).model_fields.items()
            if getattr(self, name) != info.default
        ]
        return f"{type(self).__name__}({', '.join(said)})"

    __str__ = __repr__

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """Train from the beginning, or from a checkpoint of a run that agrees so far, and tell what happens.

        The stream ends with a `Checkpoint` at `steps`, or with a `Note` of kind "diverged".
        """
        raise NotImplementedError

    def sitter(self) -> Pictured[Any] | None:
        """A rig that takes the poses which training tells (`models/layers/later.py`); None where it draws itself."""
        return None

    @classmethod
    def stories(cls) -> tuple[Story, ...]:
        """Named settings; the first is what a page opens with."""
        return ()

    def measure(self, snapshot: Snapshot) -> Mapping[str, float]:
        """Numbers computed from a picture alone (mode coverage, distances): a pure function, run beside training."""
        return {}

    def references(self) -> Mapping[str, Reference]:
        """Per measured number: what a perfect and a null model reach at the same sample size."""
        return {}
