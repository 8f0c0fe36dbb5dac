"""What runs are called in the gallery: by their name, else by what tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from babel.dates import format_datetime

from models.experiment import Experiment
from pages.parts.controls import option, sentence_case
from pages.parts.gallery.listing import differing
from pages.parts.gallery.seeds import Group
from pages.parts.twins import said
from pages.parts.words import _, language
from state.shelf import Entry

MOST_NAMED = 3
"""Knobs in a run's own label; the rest is in the table."""
SHORT = 6


def family(entry: Entry) -> str:
    """The family in the visitor's words; the class where this version has no such family."""
    title = type(entry.experiment).title if entry.experiment is not None else ""
    return _(title) if title else entry.name


def settings(experiment: Experiment, names: Sequence[str]) -> str:
    """Some knobs and their values, in one line."""
    knobs = experiment.knobs()
    return " · ".join(f"{_(knobs[name].label)}: {said(getattr(experiment, name))}" for name in names)


def unusual(experiment: Experiment) -> list[str]:
    """The knobs that are not as they come."""
    return [name for name, knob in experiment.knobs().items() if getattr(experiment, name) != knob.default]


def called(entry: Entry) -> str:
    """A run by its own name, else by its family and its seed."""
    if entry.title or entry.experiment is None:
        return entry.title or entry.name
    return _("{family}, seed {seed}", family=family(entry), seed=str(entry.experiment.seed))


def labels(entries: Sequence[Entry]) -> list[str]:
    """One label for each of several runs of one family, all different."""
    apart = differing([entry.experiment for entry in entries if entry.experiment is not None])
    return unlike([entry.title or _apart(entry.experiment, apart) for entry in entries], [e.key for e in entries])


def group_labels(found: Sequence[Group]) -> list[str]:
    """One label for each group: the knobs in which the groups differ."""
    apart = differing([group.experiment for group in found])
    told = [_apart(group.experiment, apart) or _("all seeds") for group in found]
    return unlike(told, [group.members[0].key for group in found])


def _apart(experiment: Experiment | None, names: Sequence[str]) -> str:
    return "" if experiment is None else settings(experiment, names[:MOST_NAMED])


def unlike(told: Sequence[str], keys: Sequence[str]) -> list[str]:
    """The labels, with the beginning of its key on each that is empty or not alone."""
    return [
        text if text and told.count(text) == 1 else f"{text} {key[:SHORT]}".strip()
        for text, key in zip(told, keys, strict=True)
    ]


def state(name: str) -> str:
    """A state of a run, in the visitor's words."""
    words: dict[str, Callable[[], str]] = {
        "queued": lambda: _("waiting"), "starting": lambda: _("starting"), "running": lambda: _("training"),
        "paused": lambda: _("paused"), "stopped": lambda: _("stopped"), "finished": lambda: _("finished"),
        "failed": lambda: _("failed"), "interrupted": lambda: _("interrupted"),
    }  # fmt: skip
    return words[name]() if name in words else option(name)


def moment(seconds: float) -> str:
    """When, to the minute, as the visitor's language writes it; UTC, which is what the server knows."""
    return str(format_datetime(datetime.fromtimestamp(seconds, UTC), "short", locale=language()))


def field(name: str, experiment: Experiment | None) -> str:
    """Something to sort or filter by, in the visitor's words."""
    kind, _dot, inner = name.partition(".")
    general = {
        "created": _("Made"), "title": _("Name"), "name": _("Family"), "state": _("State"), "step": _("Step"),
        "steps": _("Steps in all"), "pinned": _("Pinned"),
    }  # fmt: skip
    if kind == "knob" and experiment is not None and inner in experiment.knobs():
        return sentence_case(_(experiment.knobs()[inner].label))
    if kind == "last" and experiment is not None and inner in experiment.columns:
        return sentence_case(_(experiment.columns[inner]))
    return general.get(kind, inner or name)
