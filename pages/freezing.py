"""The freeze lab: one pretrained net, a new task with few labels, and every way to fine-tune it, side by side."""

from collections.abc import Sequence

import streamlit as st

from models.transfer import FreezeLab
from pages.parts.freezing import basins, cost, errors, labels, methods, own, panels, papers, plans, shift, standings
from pages.parts.freezing.names import names, told
from pages.parts.lab import Lab, Tab
from pages.parts.prose import prose
from pages.parts.words import _

PAGE = {
    "order": 8,
    "title": "Freeze lab",
    "line": "A net learned one task; now it must learn another from few labels. Which layers should still learn?",
    "family": "FreezeLab",
}


def tabs(experiment: FreezeLab) -> Sequence[Tab]:
    """What can be asked of the strategies; each tab is drawn only while it is open."""
    return (
        Tab(_("Plans"), plans.draw),
        Tab(_("Errors"), errors.draw),
        Tab(_("Cost"), cost.draw),
        Tab(_("Methods"), methods.draw),
        Tab(_("How many labels"), labels.draw),
        Tab(_("What kind of shift"), shift.draw),
        Tab(_("Basins"), basins.draw),
        Tab(_("Paper mode"), papers.draw),
    )


def lab() -> Lab:
    """The page's lab; its own controls need to know it."""
    return Lab(
        family="freezing", cls=FreezeLab, line=str(PAGE["line"]), panels=panels.panels, legend=panels.legend,
        special=lambda family, experiment: own.own(lab(), family, experiment), own=("pair", "strategies", "own_plan"),
        above=standings.sentence, below=standings.table, tabs=tabs, named=names, said=told,
        begins=_("First the net learns the old task; then the new one begins."),
        front=("pair", "per_class", "lr", "tried", "seeds", "steps"),
    )  # fmt: skip


st.title(_("Freeze lab"), anchor=False)
lab().draw()
explained = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="freezing.told")
if explained.open:
    with explained:
        prose("freezing")
