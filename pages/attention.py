"""The attention page: a Transformer learns a task with a known answer, and its heads are watched while they sharpen."""

import streamlit as st

from models.attention import AttentionTraining
from pages.parts.attention import broken, neuron
from pages.parts.attention.own import own
from pages.parts.attention.panels import legend, panels
from pages.parts.lab import Lab, Tab
from pages.parts.prose import prose
from pages.parts.words import _

PAGE = {
    "order": 2,
    "title": "Attention",
    "line": "A Transformer learns a task whose right answer is known. Watch its heads find out where to look.",
    "family": "AttentionTraining",
}


def tabs(experiment: AttentionTraining) -> tuple[Tab, ...]:
    """What can be done with a trained Transformer; each tab is drawn only while it is open."""
    return (Tab(_("Break it"), broken.draw),)


st.title(_("Attention"), anchor=False)
Lab(
    family="attention", cls=AttentionTraining, line=str(PAGE["line"]), panels=panels, legend=legend, tabs=tabs,
    special=own, own=("own", "knocked_out"), lesson=broken.lesson, below=neuron.draw,
    front=(
        "task", "architecture", "length", "symbols", "digits", "num_layers", "num_heads", "d_model", "positions", "lr",
        "steps", "seed",
    ),
).draw()  # fmt: skip
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="attention.told")
if told.open:
    with told:
        prose("attention")
