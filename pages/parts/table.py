"""What lies before one visitor, and what the picture in their browser says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.experiment import Beside, Experiment, Value
from state import links

MOST_STEPS = 10**9


@dataclass(frozen=True)
class Table:
    """What one visitor has before them: the settings, the run that is shown, and how it is looked at."""

    settings: Experiment
    shown: Experiment
    at: int | None = None
    twin: tuple[str, Value] | None = None
    view: str = ""
    beside: Beside | None = None
    fork: int | None = None
    address: Mapping[str, str] = field(default_factory=dict)

    def link(self) -> dict[str, str]:
        return links.write(self.shown, self.at, self.twin, self.view, self.beside)


@dataclass(frozen=True)
class Said:
    """What the picture has said so far, as far as it makes sense: a browser can say anything."""

    rest: tuple[str, int | None, int] | None = None
    view: tuple[str, int] | None = None

    @classmethod
    def read(cls, state: Any) -> Said:
        rest: tuple[str, int | None, int] | None = None
        match state:
            case {"step": {"key": str(key), "step": int() | None as step, "turn": int(turn)}}:
                rest = (key, None if step is None else max(0, min(step, MOST_STEPS)), turn)
        match state:
            case {"view": {"layers": str(layers), "turn": int(turn)}} if links.VIEW.fullmatch(layers):
                return cls(rest, (layers, turn))
        return cls(rest)


@dataclass(frozen=True)
class Command:
    """A press in the transport."""

    verb: str
    step: int

    @classmethod
    def read(cls, value: Any) -> Command | None:
        match value:
            case {"verb": str(verb), "step": int(step)}:
                return cls(verb, step)
        return None
