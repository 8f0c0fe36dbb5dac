"""Links: an experiment and what of it is looked at, as query parameters, and back.

A link carries only knobs that differ from their default, so that it stays short; `changes` are written
"step:knob:value", joined by commas; `at` is the step looked at, `twin` the one knob in which a second run
differs, `beside` the knob and the values, "knob:value,value", of runs that stand beside it as one, `view` what of the
picture is switched off or chosen, `v` the version of the family that the link was made with (`Experiment.version`;
links of nothing but defaults, and those made before there was a `v`, carry none). Whatever a stranger writes into a
link, reading it gives a valid experiment and a list of what had to be corrected, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.experiment import BadExperiment, Beside, Experiment, Value

LONGEST = 4000
"""Characters of a link's values that are read at all; browsers and proxies cut longer links anyway."""
MOST_CHANGES = 50
MOST_BESIDE = 3
VIEW = re.compile(r"[a-z0-9_.,-]{0,200}")
OWN = ("at", "twin", "beside", "view", "changes", "v")
FOREIGN = re.compile(r"utm_.*|.*clid|ref|lang|hide|lesson|text|[^a-z].*|.*[^a-z0-9_].*|.{40,}", re.DOTALL)
"""No knob's name, or one that other programs and other pages add to addresses."""
MOST_UNKNOWN = 5


@dataclass(frozen=True)
class Link:
    """What a link says.

    `corrected` names each parameter that was unusable and was left out, `unknown` those that look like knobs and are
    none: of an older version, or of a newer one.
    """

    experiment: Experiment
    at: int | None = None
    twin: tuple[str, Value] | None = None
    view: str = ""
    beside: Beside | None = None
    corrected: tuple[str, ...] = field(default=())
    unknown: tuple[str, ...] = field(default=())
    version: int | None = None
    """Of the family, when the link was made; None where the link does not say."""

    @property
    def earlier(self) -> bool:
        """Whether the same knobs trained differently when the link was made."""
        return self.version is not None and self.version < self.experiment.version


def write(
    experiment: Experiment,
    at: int | None = None,
    twin: tuple[str, Value] | None = None,
    view: str = "",
    beside: Beside | None = None,
) -> dict[str, str]:
    """The query parameters that `read` turns back into the same experiment, step, twin, view and lanes."""
    knobs = experiment.knobs()
    said = {
        name: knob.write(getattr(experiment, name))
        for name, knob in knobs.items()
        if getattr(experiment, name) != knob.default
    }
    if experiment.changes:
        said["changes"] = write_changes(experiment)
    if at is not None:
        said["at"] = str(at)
    if twin is not None:
        said["twin"] = f"{twin[0]}:{knobs[twin[0]].write(twin[1])}"
    if beside is not None:
        said["beside"] = f"{beside[0]}:{','.join(knobs[beside[0]].write(value) for value in beside[1])}"
    if view:
        said["view"] = view
    return {**said, "v": str(experiment.version)} if said else {}


def read(cls: type[Experiment], parameters: Mapping[str, str]) -> Link:
    """The experiment a link describes; parameters that make no sense fall back to defaults and are named."""
    corrected: list[str] = []
    given = {name: value for name, value in parameters.items() if len(value) <= LONGEST}
    corrected += [name for name in parameters if name not in given and re.fullmatch(r"[a-z0-9_]{1,40}", name)]
    values: dict[str, Value] = {}
    for name, knob in cls.knobs().items():
        if name not in given:
            continue
        try:
            value = knob.read(given[name])
            cls.of({name: value})
            values[name] = value
        except (BadExperiment, ValueError, OverflowError):
            corrected.append(name)
    experiment = _valid(cls, values, corrected)
    experiment = _changed(experiment, given.get("changes", ""), corrected)
    return Link(
        experiment,
        at=_step(given.get("at"), experiment.steps, corrected),
        twin=_twin(experiment, given.get("twin"), corrected),
        view=_view(given.get("view", ""), corrected),
        beside=_beside(experiment, given.get("beside"), corrected),
        version=_version(given.get("v"), corrected),
        corrected=tuple(dict.fromkeys(corrected)),
        unknown=tuple(_unknown(cls, given))[:MOST_UNKNOWN],
    )


def _unknown(cls: type[Experiment], given: Mapping[str, str]) -> list[str]:
    return [name for name in given if name not in (*OWN, *cls.knobs()) and not FOREIGN.fullmatch(name)]


def _valid(cls: type[Experiment], values: dict[str, Value], corrected: list[str]) -> Experiment:
    """Knobs that are fine alone may be impossible together; then the ones the class complains of go."""
    while True:
        try:
            return cls.of(values)
        except BadExperiment as error:
            guilty = [name for name in error.faults if name in values] or list(values)
            corrected += guilty
            values = {name: value for name, value in values.items() if name not in guilty}


def write_changes(experiment: Experiment) -> str:
    """The experiment's changes as "step:knob:value", joined by commas."""
    knobs = experiment.knobs()
    return ",".join(f"{step}:{name}:{knobs[name].write(value)}" for step, name, value in experiment.changes)


def change(experiment: Experiment, part: str) -> Experiment:
    """The experiment with one more change, written "step:knob:value"; raises `BadExperiment`."""
    try:
        step, name, value = part.split(":", 2)
        more = (int(step), name, experiment.knobs()[name].read(value))
    except (ValueError, KeyError, OverflowError):
        raise BadExperiment({"changes": f"{part!r} is not of the form step:knob:value"}) from None
    return experiment.but(changes=(*experiment.changes, more))


def _changed(experiment: Experiment, text: str, corrected: list[str]) -> Experiment:
    parts = text.split(",") if text else []
    if len(parts) > MOST_CHANGES:
        corrected.append("changes")
    for part in parts[:MOST_CHANGES]:
        try:
            experiment = change(experiment, part)
        except BadExperiment:
            corrected.append("changes")
    return experiment


def _step(text: str | None, steps: int, corrected: list[str]) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        corrected.append("at")
        return None
    return min(int(text), steps)


def _version(text: str | None, corrected: list[str]) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
        corrected.append("v")
        return None
    return int(text)


def _view(text: str, corrected: list[str]) -> str:
    if VIEW.fullmatch(text):
        return text
    corrected.append("view")
    return ""


def _twin(experiment: Experiment, text: str | None, corrected: list[str]) -> tuple[str, Value] | None:
    if text is None:
        return None
    name, _, value = text.partition(":")
    try:
        read_value = experiment.knobs()[name].read(value)
        experiment.but(**{name: read_value})
        if name not in experiment.twin_knobs() or read_value == getattr(experiment, name):
            raise ValueError("no twin differs in this")
        return name, read_value
    except (BadExperiment, ValueError, KeyError, OverflowError):
        corrected.append("twin")
        return None


def _beside(experiment: Experiment, text: str | None, corrected: list[str]) -> Beside | None:
    """The lanes that a link names: each must be a twin of its own."""
    if text is None:
        return None
    name, _, values = text.partition(":")
    faults: list[str] = []
    twins = [_twin(experiment, f"{name}:{value}", faults) for value in values.split(",")[: MOST_BESIDE + 1]]
    told = tuple(dict.fromkeys(twin[1] for twin in twins if twin is not None))
    if faults or len(told) != len(twins) or len(told) > MOST_BESIDE:
        corrected.append("beside")
        return None
    return name, told
