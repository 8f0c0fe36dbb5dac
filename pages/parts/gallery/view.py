"""What a visitor looks at in the gallery: filters, order, chosen runs, columns; the same thing as the address."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from pages.parts.gallery.conditions import Condition
from state.row import ACTIVE, ENDED
from state.titles import tags_of, title_of

STATES = ("queued", *ACTIVE, "paused", *ENDED)
GENERAL = ("created", "title", "name", "state", "step", "steps", "pinned")
PREFIX = 10
"""Characters of a key that name a run in a link: 50 bits, and a store has some thousand runs."""
MOST_CHOSEN = 100
MOST_CONDITIONS = 4
MOST_COLUMNS = 3
SPACE = "runs."
NAME = r"[A-Za-z_][A-Za-z0-9_]{0,60}"
SORT = re.compile(rf"-?(?:{'|'.join(GENERAL)}|(?:knob|last)\.{NAME})")


@dataclass(frozen=True)
class View:
    """Frozen and valid; each field stands in the link as `runs.<field>` unless it is the default."""

    family: str = ""
    states: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    text: str = ""
    where: tuple[Condition, ...] = ()
    pinned: bool = False
    sort: str = "-created"
    page: int = 1
    chosen: tuple[str, ...] = ()
    """The first characters of their keys."""
    columns: tuple[str, ...] = ()
    grouped: bool = False
    log: bool = False
    best: str = ""
    """Whether the lowest or the highest value is the best; empty: as the column's name suggests."""
    at: int | None = None

    def link(self) -> dict[str, str]:
        """The query parameters that `read` turns back into this view."""
        return {
            f"{SPACE}{field.name}": _write(getattr(self, field.name))
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> tuple[View, tuple[str, ...]]:
        """The view that a link describes, and the names of what was unusable and left out."""
        view, corrected = cls(), []
        for name, text in parameters.items():
            field = name.removeprefix(SPACE)
            if not name.startswith(SPACE) or field not in READERS:
                corrected.append(name)
                continue
            try:
                view = replace(view, **{field: READERS[field](text)})
            except ValueError:
                corrected.append(name)
        return view, tuple(corrected)

    def but(self, **changed: Any) -> View:
        """The view with some fields changed; another filter or order leads back to the first page."""
        view = replace(self, **changed)
        narrowed = any(getattr(view, name) != getattr(self, name) for name in NARROWING)
        return replace(view, page=1) if narrowed and "page" not in changed else view


NARROWING = ("family", "states", "tags", "text", "where", "pinned", "sort")


def _write(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case tuple() if value and isinstance(value[0], Condition):
            return ";".join(condition.write() for condition in value)
        case tuple():
            return ",".join(value)
        case _:
            return str(value)


def _one(pattern: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return read


def _several(pattern: str, most: int) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        parts = tuple(dict.fromkeys(text.split(",")))
        if len(parts) > most:
            raise ValueError("too many")
        return tuple(map(_one(pattern), parts))

    return read


def _tags(text: str) -> tuple[str, ...]:
    found = tags_of([text])
    if ",".join(found) != text:
        raise ValueError(text)
    return found


def _text(text: str) -> str:
    found = title_of(text)
    if not found:
        raise ValueError(text)
    return found


def _where(text: str) -> tuple[Condition, ...]:
    parts = text.split(";")
    if len(parts) > MOST_CONDITIONS:
        raise ValueError("too many")
    return tuple(map(Condition.read, parts))


def _bool(text: str) -> bool:
    return _one("true|false")(text) == "true"


def _whole(text: str) -> int:
    return int(_one("[0-9]{1,9}")(text))


READERS: Mapping[str, Callable[[str], Any]] = {
    "family": _one(NAME), "states": _several("|".join(STATES), len(STATES)), "tags": _tags, "text": _text,
    "where": _where, "pinned": _bool, "sort": _one(SORT.pattern), "page": lambda text: max(1, _whole(text)),
    "chosen": _several(rf"[a-z2-7]{{{PREFIX}}}", MOST_CHOSEN), "columns": _several(NAME, MOST_COLUMNS),
    "grouped": _bool, "log": _bool, "best": _one("low|high"), "at": _whole,
}  # fmt: skip
