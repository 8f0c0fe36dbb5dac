"""Conditions on a run: a knob or a measured number against a value, written as `lr<=0.01`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from state.shelf import Entry

LONGEST = 80
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "!=": operator.ne, "=": operator.eq, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
SHOWN = {"<=": "≤", ">=": "≥", "!=": "≠"}
WRITTEN = re.compile(r"(knob|last)\.([A-Za-z_][A-Za-z0-9_]{0,60})(<=|>=|!=|=|<|>)([^;<>=]{1,60})")


@dataclass(frozen=True)
class Condition:
    """What `field` (`knob.lr`, `last.loss`) must be; runs that have no such field do not fulfil it."""

    field: str
    operator: str
    value: str

    @classmethod
    def read(cls, text: str) -> Condition:
        """Raises `ValueError` for anything that `write` would not have written."""
        found = WRITTEN.fullmatch(text)
        if found is None:
            raise ValueError("not of the form knob.lr<=0.01")
        kind, name, sign, value = found.groups()
        return cls(f"{kind}.{name}", sign, value.strip())

    def write(self) -> str:
        return f"{self.field}{self.operator}{self.value}"

    def holds(self, entry: Entry) -> bool:
        """Whether the run fulfils it. Numbers are compared as numbers; names only for being the same."""
        have = value_of(entry, self.field)
        if have is None:
            return False
        if isinstance(have, bool):
            have = "true" if have else "false"
        if isinstance(have, int | float):
            wanted = number(self.value)
            return wanted is not None and OPERATORS[self.operator](have, wanted)
        same = str(have).casefold() == self.value.casefold()
        return same if self.operator == "=" else not same if self.operator == "!=" else False


def number(text: str) -> float | None:
    """The number that a visitor wrote, with a point or a comma before its decimals; None where it is none."""
    try:
        found = float(text.strip().replace("−", "-").replace(",", "."))
    except ValueError:
        return None
    return None if math.isnan(found) else found


def value_of(entry: Entry, field: str) -> Any:
    """What the run has of a field: a general one, a knob (`knob.lr`), a last value (`last.loss`); None for nothing."""
    kind, _, name = field.partition(".")
    if kind == "knob":
        known = entry.experiment is not None and name in entry.experiment.knobs()
        return getattr(entry.experiment, name) if known else None
    if kind == "last":
        return entry.last().get(name)
    return getattr(entry, kind, None)
