"""What runs are called in the gallery: by their name, else by what tells them apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache

from babel.dates import format_datetime

from models.catalogue import experiments
from models.experiment import Experiment, Value
from pages.parts.controls import option, sentence_case
from pages.parts.gallery.listing import differing, told
from pages.parts.gallery.seeds import Group
from pages.parts.twins import said
from pages.parts.words import _, language
from state.shelf import Entry

MOST_NAMED = 3
"""Knobs in a run's own label; the rest is in the table."""
SHORT = 6


def family(entry: Entry) -> str:
    """The family in the visitor's words; the class where this version has no such family."""
    title = _title(entry.name)
    return _(title) if title else entry.name


@cache
def _title(name: str) -> str:
    """The class's title, which a run of an older version has as well."""
    known = experiments().get(name)
    return known.title if known is not None else ""


def settings(experiment: Experiment, names: Sequence[str]) -> str:
    """Some knobs and their values, in one line."""
    known = [(experiment.knobs()[name], told(experiment, name)) for name in names]
    return " · ".join(f"{_(knob.label)}: {written(value)}" for knob, value in known if value is not None)


def brief(experiment: Experiment, names: Sequence[str]) -> str:
    """The same as a label: a value that is a word says of itself what it is."""
    known = [(experiment.knobs()[name], told(experiment, name)) for name in names]
    words = [
        written(value) if isinstance(value, str) else f"{_(knob.label)}: {written(value)}"
        for knob, value in known
        if value is not None
    ]
    return " · ".join(words)


def written(value: Value) -> str:
    """A knob's value; a list of words gets room to break its line."""
    return re.sub(r",(?! )", ", ", said(value)) if isinstance(value, str) else said(value)


def unusual(experiment: Experiment) -> list[str]:
    """The knobs that are not as they come."""
    return [name for name, knob in experiment.knobs().items() if told(experiment, name) not in (None, knob.default)]


def called(entry: Entry) -> str:
    """A run by its own name, else by its family and its seed."""
    if entry.title or entry.experiment is None:
        return entry.title or family(entry)
    return _("{family}, seed {seed}", family=family(entry), seed=str(entry.experiment.seed))


def labels(entries: Sequence[Entry]) -> list[str]:
    """One label for each of several runs of one family, all different."""
    telling = apart([entry.experiment for entry in entries if entry.experiment is not None])
    texts = [entry.title or (brief(entry.experiment, telling) if entry.experiment else "") for entry in entries]
    return unlike(texts, [entry.key for entry in entries])


def group_labels(found: Sequence[Group]) -> list[str]:
    """One label for each group: the knobs in which the groups differ."""
    telling = apart([group.experiment for group in found])
    texts = [brief(group.experiment, telling) or _("all seeds") for group in found]
    return unlike(texts, [group.members[0].key for group in found])


def apart(experiments: Sequence[Experiment]) -> list[str]:
    """The few knobs that tell the experiments from each other best, in order of declaration."""
    names, telling = differing(experiments), list[str]()

    def kinds(chosen: Sequence[str]) -> int:
        return len({tuple(told(one, name) for name in chosen) for one in experiments})

    def gain(name: str) -> int:
        return kinds([*telling, name]) - kinds(telling)

    for _turn in range(MOST_NAMED):
        # Seed and length tell runs apart better than any other knob, and say the least: they come last.
        best = max(names, key=lambda name: (gain(name) > 0, name not in ("seed", "steps"), gain(name)), default="")
        if not best or not gain(best):
            break
        telling.append(best)
    return [name for name in names if name in telling]


def unlike(texts: Sequence[str], keys: Sequence[str]) -> list[str]:
    """The labels, with the beginning of its key on each that is empty or not alone."""
    return [
        text if text and texts.count(text) == 1 else f"{text} {key[:SHORT]}".strip()
        for text, key in zip(texts, keys, strict=True)
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
