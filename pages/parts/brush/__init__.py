"""A brush for densities: a visitor paints sixteen levels on a grid of 32 by 32 cells, with mouse, touch or keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from streamlit.components.v2.bidi_component import ComponentResult

from pages.parts.component import component

HERE = Path(__file__).parent
SIDE = 32

WORDS: Mapping[str, str] = {
    "canvas": "Density to paint: arrow keys move, space paints",
    "size": "Brush size",
    "strength": "Strength",
    "erase": "Erase",
    "undo": "Undo",
    "clear": "Clear",
    "hint": "Paint where data shall be likely.",
    "cell": "column {column}, row {row}: level {level}",
}
"""Every word the brush shows or speaks, in English; translations fill in the same {fields}."""

_brush = component(
    "brush",
    html='<div class="tb-root"></div>',
    css=(HERE / "brush.css").read_text(encoding="utf-8"),
    js=(HERE / "brush.js").read_text(encoding="utf-8"),
)


def _ignore() -> None:
    """The result's attribute exists only for an event that has a callback."""


def brush(
    levels: str, *, words: Mapping[str, str], key: str, on_levels: Callable[[], None] | None = None
) -> ComponentResult:
    """Mount the brush with `levels`: 1024 hexadecimal digits, row by row, row 0 the top one.

    The result's `levels` is what the visitor has painted, sent at the end of each stroke; None before the first.
    """
    data = {"levels": levels, "words": {**WORDS, **words}}
    return _brush(key=key, data=data, on_levels_change=on_levels or _ignore)
