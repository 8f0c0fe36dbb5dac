"""A painter of freezing plans: layers down (the head on top), ten columns of time, and in each cell how fast to learn.

A plan is the text that `models.layers.plans` reads: six rows of ten digits, conv1 first, joined by points; 0 is frozen,
9 the full rate, and three digits less are a tenth of it. The empty text is no plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streamlit.components.v2.bidi_component import ComponentResult

from models.layers.plans import PLAN
from pages.parts.component import component
from pages.parts.live.module import module

HERE = Path(__file__).parent

WORDS: Mapping[str, str] = {
    "locale": "en",
    "grid": "Plan: layers down, training time across. Arrow keys move, digits 0 to 9 paint, space paints with the "
    "brush.",
    "brush": "Brush",
    "brush_0": "frozen",
    "brush_3": "a hundredth",
    "brush_6": "a tenth",
    "brush_9": "full rate",
    "undo": "Undo",
    "clear": "No plan",
    "begin": "Begin with …",
    "time": "training time",
    "hint": "Paint how fast each layer learns, and when. A press on a layer's name paints its whole row.",
    "past": "What is greyed out has been trained already.",
    "cell": "{layer}, {first} to {last} % of training: {pace}",
    "pace_0": "frozen",
    "pace": "{percent} % of the rate",
}
"""Every word the painter shows or speaks, in English; translations fill in the same {fields}."""

_planner = component(
    "planner",
    html='<div class="tn-root"></div>',
    css=(HERE / "planner.css").read_text(encoding="utf-8"),
    js=module(HERE.parent / "live", ("canvas",)) + "\n" + module(HERE, ("planner",)),
)


def planner(
    plan: str,
    *,
    layers: Sequence[str],
    presets: Sequence[Mapping[str, str]],
    words: Mapping[str, str],
    key: str,
    now: float | None = None,
    past: bool = False,
    on_plan: Callable[[], None] | None = None,
) -> ComponentResult:
    """Mount the painter with `plan`; `presets` ({"label", "text"}) are plans to begin with.

    `now` (0 … 1) marks a moment of training; with `past`, what lies before it is dimmed and cannot be painted.
    The result's `plan` is {"text", "turn"}, sent at the end of each stroke; None before the first.
    """
    data: dict[str, Any] = {
        "plan": plan, "layers": list(layers), "presets": [dict(preset) for preset in presets], "now": now, "past": past,
        "words": {**WORDS, **words},
    }  # fmt: skip
    return _planner(key=key, data=data, on_plan_change=on_plan or (lambda: None))


def painted(said: Any) -> tuple[str, int] | None:
    """What the painter said, as far as it is a plan: its text, and which stroke it was; a browser can say anything."""
    match said:
        case {"text": str(text), "turn": int(turn)} if not text or PLAN.fullmatch(text):
            return text, turn
    return None
