"""The memory page: a Transformer and three recurrent nets, or four kinds of attention, race to bridge a silence."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from models.experiment import Beside
from models.layers.contestants import ATTENTION, RECURRENT
from models.memory import CopyMemory
from pages.parts import lanes
from pages.parts.lab import Lab
from pages.parts.memory import standings
from pages.parts.memory.panels import panels
from pages.parts.prose import prose
from pages.parts.table import Table
from pages.parts.words import _

PAGE = {
    "order": 3,
    "title": "Long memory",
    "line": "Five symbols, a long silence, then repeat them. Who still knows: attention, or a network with a memory?",
    "family": "CopyMemory",
}


def contests() -> Mapping[str, Beside]:
    """Who runs beside the Transformer, by what the contest is called."""
    return {_("Recurrent nets"): ("model", RECURRENT), _("Kinds of attention"): ("model", ATTENTION[1:])}


def drawn(experiment: CopyMemory) -> Sequence[Mapping[str, Any]]:
    """The panels; maps only where every lane attends."""
    table: Table | None = st.session_state.get("memory.table")
    beside = table.beside if table is not None and table.twin is None else None
    return panels(experiment, all(one.model in ATTENTION for one in lanes.together(experiment, beside)))  # type: ignore[attr-defined]


def legend(experiment: CopyMemory) -> str:
    """How to read the picture."""
    return _(
        "Every lane sees the same sequences and has about as many parameters. Each symbol is to be said again "
        "{distance} tokens after it was read.",
        distance=experiment.distance,
    )  # fmt: skip


st.title(_("Long memory"), anchor=False)
Lab(
    family="memory", cls=CopyMemory, line=str(PAGE["line"]), panels=drawn, legend=legend,
    above=standings.sentence, below=standings.table,
    lanes=contests(), own=("model",), front=("delay", "length", "window", "width", "lr", "steps", "seed"),
).draw()  # fmt: skip
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="memory.told")
if told.open:
    with told:
        prose("memory")
