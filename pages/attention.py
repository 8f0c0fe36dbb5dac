"""The attention page: a Transformer learns a task with a known answer, and its heads are watched while they sharpen."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from models.attention import AttentionTraining
from pages.parts.attention import broken, explain, generate, knockout, neuron
from pages.parts.attention.own import own
from pages.parts.attention.panels import legend, panels
from pages.parts.attention.silence import said_of
from pages.parts.lab import Lab, Tab
from pages.parts.prose import prose
from pages.parts.table import Table
from pages.parts.words import _
from state.runs import runs

PAGE = {
    "order": 2,
    "title": "Attention",
    "line": "A Transformer learns a task whose right answer is known. Watch its heads find out where to look.",
    "family": "AttentionTraining",
}


def drawn(experiment: AttentionTraining) -> Sequence[Mapping[str, Any]]:
    """The panels of the shown run and of its twin, which may have more heads."""
    table: Table | None = st.session_state.get("attention.table")
    twin = experiment.but(**dict([table.twin])) if table is not None and table.twin is not None else None
    return panels(experiment, twin)


def below(lab: Lab, table: Table) -> None:
    """A way to the phase change, where the run has had it, and the chosen cell, number by number."""
    run = runs().find(table.shown.key)
    notes = run.notes() if run is not None else ()
    risen = next((int(note.values.get("step", note.step)) for note in notes if note.kind == "phase"), None)
    if risen is not None and table.twin is None:
        label = _("Go to the phase change, step {step}", step=risen)
        if st.button(label, key="attention.phase", type="tertiary", icon=":material/trending_up:"):
            lab.lay(replace(table, at=risen))
    neuron.draw(lab, table)


def tabs(experiment: AttentionTraining) -> tuple[Tab, ...]:
    """What can be done with a trained Transformer; each tab is drawn only while it is open."""
    found = [
        Tab(_("Break it"), broken.draw),
        Tab(_("Knock out heads"), knockout.draw),
        Tab(_("Is attention an explanation?"), explain.draw),
    ]
    return (*found, Tab(_("Let it write"), generate.draw)) if experiment.shape != "encoder" else tuple(found)


st.title(_("Attention"), anchor=False)
Lab(
    family="attention", cls=AttentionTraining, line=str(PAGE["line"]), panels=drawn, legend=legend, tabs=tabs,
    special=own, own=("own", "knocked_out"), lesson=broken.lesson, below=below, said=said_of,
    front=(
        "task", "architecture", "length", "symbols", "digits", "num_layers", "num_heads", "d_model", "positions", "lr",
        "steps", "seed",
    ),
).draw()  # fmt: skip
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="attention.told")
if told.open:
    with told:
        prose("attention")
