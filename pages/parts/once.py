"""Panels are built and written once: an experiment's are the same at every rerun in one language."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache, wraps
from typing import Any, ParamSpec

from pages.parts.words import language

MOST_KEPT = 32
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


def once(build: Callable[Given, Sequence[Mapping[str, Any]]]) -> Callable[Given, Panels]:
    """For a function of experiments that describes panels in the visitor's words and depends on nothing else."""

    @lru_cache(maxsize=MOST_KEPT)
    def built(_code: str, *given: Any, **named: Any) -> Panels:
        return Panels(build(*given, **named))

    @wraps(build)
    def spoken(*given: Given.args, **named: Given.kwargs) -> Panels:
        return built(language(), *given, **dict[str, Any](named))

    return spoken
