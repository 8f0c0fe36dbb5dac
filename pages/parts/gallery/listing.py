"""Which runs the gallery shows, in which order, and which knobs and numbers tell them apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from models.experiment import Experiment, Value
from pages.parts.gallery.conditions import value_of
from pages.parts.gallery.view import PREFIX, View
from state.shelf import Entry

PER_PAGE = 20


def found(entries: Iterable[Entry], view: View) -> list[Entry]:
    """The runs that pass every filter, in the view's order; what has no value to sort by comes last."""
    return ordered([entry for entry in entries if passes(entry, view)], view.sort)


def passes(entry: Entry, view: View) -> bool:
    """Whether the run passes every filter; the cheap ones first, for a last value is read from the run's record."""
    return (
        (not view.family or entry.name == view.family)
        and (not view.states or entry.state in view.states)
        and (not view.pinned or entry.pinned)
        and set(view.tags) <= set(entry.tags)
        and _says(entry, view.text)
        and all(condition.holds(entry) for condition in view.where)
    )


def _says(entry: Entry, text: str) -> bool:
    if not text:
        return True
    said = f"{entry.title} {' '.join(entry.tags)}".casefold()
    return all(word in said or word in entry.text for word in text.casefold().split())


def ordered(entries: Sequence[Entry], sort: str) -> list[Entry]:
    field, falling = sort.removeprefix("-"), sort.startswith("-")
    valued = [(value_of(entry, field), entry) for entry in entries]
    known = [(_rank(value), entry) for value, entry in valued if value not in (None, "")]
    known.sort(key=lambda pair: pair[0], reverse=falling)
    return [entry for _, entry in known] + [entry for value, entry in valued if value in (None, "")]


def _rank(value: Any) -> tuple[int, Any]:
    """Numbers before texts, so that whatever stands in one column can be compared."""
    return (1, value.casefold()) if isinstance(value, str) else (0, value)


def pages(count: int) -> int:
    return max(1, -(-count // PER_PAGE))


def page_of(entries: Sequence[Entry], number: int) -> Sequence[Entry]:
    """The entries of that page; a page beyond the end is the last one."""
    first = (min(max(number, 1), pages(len(entries))) - 1) * PER_PAGE
    return entries[first : first + PER_PAGE]


def chosen(entries: Iterable[Entry], view: View) -> list[Entry]:
    """The chosen runs that are still there, in the order in which they were chosen."""
    known = {entry.key[:PREFIX]: entry for entry in entries}
    return [known[short] for short in view.chosen if short in known]


def told(experiment: Experiment, name: str) -> Value | None:
    """A knob's value; None where it does nothing with the others as they are."""
    matters = experiment.matters(experiment.knobs()[name])
    return getattr(experiment, name) if matters else None


def differing(experiments: Sequence[Experiment]) -> list[str]:
    """The knobs in which experiments of one class differ and that matter, in order of declaration."""
    if len(experiments) < 2:
        return []
    return [name for name in experiments[0].knobs() if len({told(one, name) for one in experiments}) > 1]
