"""What strategies, tasks and layers are called on the page, and the line each strategy is drawn with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.experiment import Value
from models.layers.plans import OWN, STRATEGIES
from pages.parts import twins
from pages.parts.words import _
from pages.parts.words import fixed as fixed

LINES: Mapping[str, tuple[int, int]] = {
    "scratch": (4, 0), "head_only": (1, 0), "full": (0, 0), "gradual": (2, 0), "discriminative": (3, 0),
    "lp_ft": (5, 0), "top_two": (0, 1), "bottom_up": (1, 1), "top_down": (2, 1), "chain_thaw": (3, 1),
    "surgical": (5, 1), "freeze_out": (4, 1), OWN: (1, 2),
}  # fmt: skip
"""Hue and dash: the six that the page opens with differ in hue, whatever else is chosen beside them."""
ALL = (*STRATEGIES, OWN)


def names() -> Mapping[str, str]:
    """Every strategy in the visitor's language."""
    return {
        "scratch": _("From scratch"), "head_only": _("Head only"), "full": _("Full fine-tuning"),
        "top_two": _("Top two layers"), "gradual": _("Gradual unfreezing"), "bottom_up": _("Lowest two frozen"),
        "top_down": _("Upper middle frozen"), "discriminative": _("Discriminative rates"), "lp_ft": _("LP-FT"),
        "chain_thaw": _("Chain-thaw"), "surgical": _("Surgical"), "freeze_out": _("FreezeOut"), OWN: _("Own plan"),
    }  # fmt: skip


def explained() -> Mapping[str, str]:
    """What each strategy does, in half a sentence."""
    return {
        "scratch": _("no pretrained weights at all"),
        "head_only": _("a new last layer on frozen features"),
        "full": _("every layer learns from the first step"),
        "top_two": _("the last two layers learn, the others are frozen"),
        "gradual": _("layers are unfrozen one after the other, from the top"),
        "bottom_up": _("the two layers nearest to the picture stay frozen"),
        "top_down": _("the layers between stay frozen, input and head learn"),
        "discriminative": _("every layer learns 2.6 times slower than the one above"),
        "lp_ft": _("first the head alone, then everything, gently"),
        "chain_thaw": _("one layer at a time, at last all of them"),
        "surgical": _("the harder a layer is pulled for its size, the faster it learns"),
        "freeze_out": _("layers freeze for good one after the other, from the bottom"),
        OWN: _("the plan that you painted"),
    }


def named(arm: str) -> str:
    """A strategy as visitors read it."""
    return names().get(arm, arm)


def pairs() -> Mapping[str, str]:
    """Every pair of tasks: what the net knows, then what it must learn."""
    return {
        "glyphs": _("invented letters → other letters"), "sketches": _("60 kinds of sketches → 10 new kinds"),
        "fonts": _("typeset digits → handwritten ones"), "digits": _("digits 0–4 → digits 5–9"),
        "noisy": _("digits → noisy digits"), "inverted": _("digits → inverted digits"),
        "rotated": _("digits → rotated digits"), "fashion": _("digits → clothes"),
    }  # fmt: skip


def classes(known: Sequence[str]) -> list[str]:
    """Names of classes in the visitor's language; every name once, as a table needs it."""
    letters = [name.removeprefix("glyph ") if name.startswith("glyph ") else _(name) for name in known]
    return [name if letters.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(letters)]


def styled(arms: Sequence[str]) -> list[dict[str, Any]]:
    """How each strategy is drawn: its name, and its line's hue and dash."""
    said = names()
    return [{"arm": arm, "label": said[arm], "hue": LINES[arm][0], "dash": LINES[arm][1]} for arm in arms]


def told(name: str, value: Value) -> str:
    """A knob's value in the visitor's words: plans and lists of strategies are not read digit by digit."""
    if name == "own_plan":
        return _("a painted plan") if value else _("no plan")
    if name == "strategies":
        return ", ".join(named(arm) for arm in str(value).split(","))
    return pairs().get(str(value), str(value)) if name == "pair" else twins.said(value)
