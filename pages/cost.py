"""The cost page: six ways to look back, and how their time and memory grow, measured while you watch."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from models.cost import DRAWN, KINDS, AttentionCost
from pages.parts.cost import table
from pages.parts.lab import Lab
from pages.parts.prose import prose
from pages.parts.words import _

PAGE = {
    "order": 4,
    "title": "Cost of attention",
    "line": "How time and memory grow with length: six ways to look back, measured on this machine while you watch.",
    "family": "AttentionCost",
}


def panels(experiment: AttentionCost) -> Sequence[Mapping[str, Any]]:
    """Time and memory over length, both logarithmic, and how the fitted slopes settle."""
    common = {"kind": "profile", "x": "n", "log_x": True, "log_y": True, "x_label": _("tokens")}
    slopes = [{"name": f"slope_{kind}", "label": table.named(kind), "hue": hue} for hue, kind in enumerate(KINDS)]
    looks = {
        "kind": "images", "title": _("Who looks where: full, fused, window; dilated, linear, LSTM"), "array": "looks",
        "shape": [DRAWN, DRAWN], "columns": 3, "range": [0, 255],
    }  # fmt: skip
    return [
        looks,
        {**common, "title": _("Time, forward only"), "unit": "ms", "lines": lines("ms")},
        {**common, "title": _("Memory at the fullest moment"), "unit": "B", "lines": lines("bytes")},
        {
            "kind": "curves", "title": _("Slope of time so far"), "columns": slopes,
            "references": [{"label": _("like n:"), "value": 1}, {"label": _("like n²:"), "value": 2}],
        },
    ]  # fmt: skip


def lines(quantity: str) -> Sequence[Mapping[str, Any]]:
    """One line per mechanism, in the same hue in every panel."""
    return [{"array": f"{quantity}_{kind}", "label": table.named(kind), "hue": hue} for hue, kind in enumerate(KINDS)]


def legend(experiment: AttentionCost) -> str:
    """How to read the picture."""
    return _(
        "Each line is a mechanism; a straight line in this picture is a power law, and its slope is the power: 1 means "
        "twice as long costs twice as much, 2 means four times."
    )


st.title(_("Cost of attention"), anchor=False)
Lab(
    family="cost", cls=AttentionCost, line=str(PAGE["line"]), panels=panels, legend=legend,
    above=table.sentence, below=table.draw,
    front=("longest", "heads", "head_width", "window", "dilation", "steps", "seed"),
).draw()  # fmt: skip
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="cost.told")
if told.open:
    with told:
        prose("cost")
