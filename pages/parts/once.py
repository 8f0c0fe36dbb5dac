"""Panels are built and written once: an experiment's are the same at every rerun in one language."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache, wraps
from typing import Any, ParamSpec

from pages.parts.later import MISSED
from pages.parts.words import language

MOST_KEPT = 12
"""So many experiments' panels are kept for each kind of page, some with the points of their data."""
Given = ParamSpec("Given")


class Panels(tuple[Mapping[str, Any], ...]):
    """Panels that nobody changes."""

    @cached_property
    def written(self) -> str:
        """As JSON."""
        return json.dumps([dict(panel) for panel in self])


def written(panels: Iterable[Mapping[str, Any]]) -> str:
    """Panels as JSON."""
    return (panels if isinstance(panels, Panels) else Panels(panels)).written


class Unfinished(Exception):  # noqa: N818
    """Panels that lack an answer of `later`: they are built again at the next look."""

    def __init__(self, panels: Panels) -> None:
        self.panels = panels


def once(build: Callable[Given, Sequence[Mapping[str, Any]]]) -> Callable[Given, Panels]:
    """For a function of experiments that describes panels in the visitor's words.

    It depends on nothing else, but for answers of `later`: panels are kept once those are there.
    """

    @lru_cache(maxsize=MOST_KEPT)
    def built(_code: str, *given: Any, **named: Any) -> Panels:
        missed, panels = MISSED.get(), Panels(build(*given, **named))
        if MISSED.get() > missed:
            raise Unfinished(panels)  # what is raised is not kept
        return panels

    @wraps(build)
    def spoken(*given: Given.args, **named: Given.kwargs) -> Panels:
        try:
            return built(language(), *given, **dict[str, Any](named))
        except Unfinished as unfinished:
            return unfinished.panels

    return spoken
