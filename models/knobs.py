"""Knobs: one declaration per hyperparameter, from which widget, link, bounds, command line and tests derive."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin

from pydantic import Field
from pydantic.fields import FieldInfo

Value = bool | int | float | str
Kind = Literal["int", "float", "bool", "choice", "text"]


@dataclass(frozen=True)
class Knob:
    """One hyperparameter as declared: everything a widget, a link, a check or a test needs to know of it."""

    name: str
    kind: Kind
    default: Value
    help: str
    label: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    options: tuple[str, ...] = ()
    live: bool = False
    advanced: bool = False
    group: str = ""
    when: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    max_length: int | None = None

    def grid(self) -> tuple[float, ...]:
        """The values a logarithmic slider stops at: 1, 1.5, 2, 3, 5, 7 times powers of ten, ends included.

        Fixed once and for all: links carry values, and a changed grid would move old links.
        """
        if not self.log or self.low is None or self.high is None:
            return ()
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        nice = {
            float(f"{mantissa}e{power}")
            for power in range(first, last + 1)
            for mantissa in ("1", "1.5", "2", "3", "5", "7")
        }
        inside = {value for value in nice if self.low <= value <= self.high}
        return tuple(sorted(inside | {float(self.low), float(self.high)}))

    def extremes(self) -> tuple[Value, ...]:
        """The values a contract test must survive: both ends, or every option."""
        match self.kind:
            case "bool":
                return (False, True)
            case "choice":
                return self.options
            case "int":
                return (int(self.low or 0), int(self.high or 0))
            case "float":
                return (float(self.low or 0), float(self.high or 0))
            case "text":
                return (self.default,)

    def read(self, text: str) -> Value:
        """The value that a link or a form says; raises `ValueError` where the text is no value of this kind."""
        match self.kind:
            case "bool":
                if text not in ("true", "false"):
                    raise ValueError("must be true or false")
                return text == "true"
            case "int":
                return int(text)
            case "float":
                number = float(text)
                if not math.isfinite(number):
                    raise ValueError("must be a finite number")
                return number
            case "choice" | "text":
                return text

    def write(self, value: Value) -> str:
        """The inverse of `read`, as short as the value allows."""
        match value:
            case bool():
                return "true" if value else "false"
            case float():
                return repr(value)
            case _:
                return str(value)


def knob(
    default: Any,
    *,
    help: str,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    log: bool = False,
    live: bool = False,
    advanced: bool = False,
    group: str = "",
    label: str | None = None,
    when: Mapping[str, tuple[Value, ...]] | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
) -> Any:
    """Declare a hyperparameter: its default, bounds, scale and its one sentence of help.

    `live` knobs may change while the run trains (recorded in `Experiment.changes`). `when` names the values
    of other knobs for which this one matters; elsewhere the page hides it. Returns a pydantic field.
    """
    extra: Any = {
        "step": step, "log": log, "live": live, "advanced": advanced,
        "group": group, "label": label, "when": dict(when or {}),
    }  # fmt: skip
    return Field(
        default, description=help, ge=low, le=high, max_length=max_length, pattern=pattern, json_schema_extra=extra
    )


def declared(name: str, info: FieldInfo) -> Knob:
    extra: dict[str, Any] = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    bounds = {
        attribute: getattr(rule, attribute)
        for rule in info.metadata
        for attribute in ("ge", "le", "max_length")
        if getattr(rule, attribute, None) is not None
    }
    kinds: dict[Any, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}
    choices = get_args(info.annotation) if get_origin(info.annotation) is Literal else ()
    return Knob(
        name=name,
        kind="choice" if choices else kinds[info.annotation],
        default=info.default,
        help=info.description or "",
        label=extra.get("label") or name.replace("_", " "),
        low=bounds.get("ge"),
        high=bounds.get("le"),
        options=choices,
        max_length=bounds.get("max_length"),
        **{key: extra[key] for key in ("step", "log", "live", "advanced", "group", "when")},
    )
