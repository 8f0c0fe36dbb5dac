"""The failure museum: every failure of the course at a press, with its cure beside it."""

from __future__ import annotations

import streamlit as st

from models.gan import GanTraining
from models.museum import MUSEUM
from pages.parts.lab import Lab, stories_of
from pages.parts.table import Table
from pages.parts.words import _


def draw(lab: Lab, table: Table) -> None:
    """One card per failure. A card is one button: columns with a text and a button each cost three times as much."""
    st.caption(
        _(
            "Each setting fails on every seed, and one changed knob cures it. Both runs train side by side, with the "
            "same seed; a line over the picture names what goes wrong as soon as it is measured."
        )
    )
    offer = _("Show it with its cure")
    with st.container(key="museum", horizontal=True):
        for story in (story for story in stories_of(GanTraining) if story.shelf == MUSEUM):
            shown = story.experiment.key == table.shown.key
            last = offer if shown else f":primary[{offer}]"
            card = f"**{_(story.name)}**  \n:small[{_(story.sentence)}]  \n**{last}**"
            if st.button(card, key=f"{lab.family}.museum.{story.name}", type="primary" if shown else "secondary"):
                lab.tell_story(story, table)
