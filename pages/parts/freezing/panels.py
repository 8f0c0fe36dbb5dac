"""What is drawn of the freeze lab: curves with bands, the table of layers, one layer's weights, and trails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.layers.stack import LAYERS
from models.metrics.freezing import VALIDATED
from models.transfer import FreezeLab
from pages.parts.freezing.names import styled
from pages.parts.once import once
from pages.parts.words import _

SMOOTH = 9
"""Steps over which training losses are averaged: each is that of a few pictures."""


@once
def panels(experiment: FreezeLab) -> Sequence[Mapping[str, Any]]:
    """The curves stand first and wide; the layers under them."""
    arms = styled(experiment.arms)
    table = {"arms": arms, "layers": list(LAYERS), "start": start(experiment)}
    return [
        curves(experiment, arms),
        {"kind": "layers", "title": _("What every layer does"), **table},
        {"kind": "weights", "title": _("Weights"), **table},
        {
            "kind": "trails", "title": _("Learned against kept"), "x_label": _("source task, old head"),
            "y_label": _("target task"),
            "arms": [{**arm, "x": f"source_{arm['arm']}", "y": f"accuracy_{arm['arm']}"} for arm in arms],
        },
        {
            "kind": "bands", "title": _("Training loss, mean of {count} steps", count=SMOOTH), "smooth": SMOOTH,
            "log": True, "plain": True, "columns": [{**arm, "name": f"loss_{arm['arm']}"} for arm in arms],
        },
    ]  # fmt: skip


def start(experiment: FreezeLab) -> Mapping[str, Any]:
    """Whose layer is shown before anybody chooses one: the hidden layer, where all of them may move."""
    arms = experiment.arms
    return {"arm": "full" if "full" in arms else arms[-1], "layer": LAYERS.index("hidden")}


def curves(experiment: FreezeLab, arms: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Accuracy on the target, with Student's bands."""
    columns = [
        {
            **arm,
            **{part: f"accuracy_{arm['arm']}{end}" for part, end in (("name", ""), ("low", "_low"), ("high", "_high"))},
        }
        for arm in arms
    ]
    title = _("Accuracy on the new task, on pictures not trained on")
    guess = {"label": _("guessing"), "value": experiment.recipe.data.chance}
    floor = {"count": VALIDATED, "label": _("points: one standard error of {count} pictures", count=VALIDATED)}
    return {
        "kind": "bands", "title": title, "columns": columns, "percent": True, "references": [guess],
        "floor": floor, "note": note(experiment.seeds),
    }  # fmt: skip


def note(seeds: int) -> str:
    """What the bands are, or why there are none."""
    if seeds < 3:
        return _("n = {count} seeds: too few for an interval, so there is no band", count=seeds)
    return _("n = {count} seeds; bands: 95 % intervals of the mean (Student t)", count=seeds)


def legend(experiment: FreezeLab) -> str:
    """How to read the picture."""
    return _(
        "Every line is a strategy: {count} nets that saw the same {labels} labels in the same order. They differ in "
        "nothing but which layers learn, how fast, and when.",
        count=experiment.seeds, labels=experiment.labels_each * len(experiment.recipe.data.target.names),
    )  # fmt: skip
