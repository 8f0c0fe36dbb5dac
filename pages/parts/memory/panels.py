"""What is drawn of the contestants: accuracy, how far gradients reach, and where attention looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.layers.copying import FAINTEST, shrink
from models.memory import CopyMemory
from pages.parts.words import _


def panels(experiment: CopyMemory, attentive: bool) -> Sequence[Mapping[str, Any]]:
    """The curves, and before them one head's map of each run where all of them attend."""
    return [*(maps(experiment) if attentive else []), *curves(experiment)]


def maps(experiment: CopyMemory) -> Sequence[Mapping[str, Any]]:
    """Where one head looks, for the shown sequence."""
    words, size = tokens(experiment), shrink(experiment.positions)
    own = words if size == 1 else [" ".join(words[at : at + size]) for at in range(0, len(words), size)]
    first = experiment.positions - experiment.length
    needs = [[(first + slot) // size, slot // size] for slot in range(experiment.length)]
    groups = [{"name": "self", "array": "maps_self", "label": _("Self-attention")}]
    if experiment.layers:
        groups[0] |= {"layers": experiment.layers, "heads": 4}  # type: ignore[dict-item]
    shown = {"self": {"queries": own, "keys": own}, "targets": [], "demanded": {"self": needs}}
    return [{"kind": "head", "title": _("One head"), "groups": groups, "examples": [shown], "vocabulary": []}]


def curves(experiment: CopyMemory) -> Sequence[Mapping[str, Any]]:
    """Accuracy and the reach of gradients first: they tell the story."""
    distance = _("tokens before the last slot")
    return [
        {
            "kind": "curves", "title": _("Right at the slots"),
            "columns": [{"name": "accuracy", "label": _("accuracy")}],
            "references": [{"label": _("guessing"), "value": 1 / experiment.symbols}],
        },
        {
            "kind": "profile", "title": _("How far back the gradient reaches"), "log_y": True, "x_label": distance,
            "x": list(range(experiment.positions)),
            "lines": [{"array": "gradient_share", "label": _("share of the strongest")}],
            "references": [{"label": _("a millionth and less"), "value": FAINTEST}],
        },
        {
            "kind": "curves", "title": _("Loss at the slots"), "unit": "nats",
            "columns": [{"name": "loss", "label": _("loss")}],
        },
        {
            "kind": "curves", "title": _("Gradient norm"), "log": True,
            "columns": [{"name": "gradient", "label": _("gradient norm")}],
        },
        {
            "kind": "curves", "title": _("Time of a step"), "unit": "ms", "log": True,
            "columns": [{"name": "milliseconds", "label": _("milliseconds per step")}],
        },
    ]  # fmt: skip


def tokens(experiment: CopyMemory) -> list[str]:
    """The shown sequence, letter by letter; a dot is a blank, a triangle the sign to answer."""
    alphabet = [chr(ord("A") + symbol) for symbol in range(experiment.symbols)]
    return [[*alphabet, "·", "▸"][token] for token in experiment.example()[0]]
