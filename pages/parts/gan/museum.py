"""The failure museum: every failure of the course at a press, with its cure beside it."""

from __future__ import annotations

import streamlit as st

from models.gan import GanTraining
from models.museum import MUSEUM
from pages.parts.lab import Lab, stories_of
from pages.parts.table import Table
from pages.parts.words import _

ACROSS = 3


def draw(lab: Lab, table: Table) -> None:
    """One card per failure."""
    st.caption(
        _(
            "Each setting fails on every seed, and one changed knob cures it. Both runs train side by side, with the "
            "same seed; a line over the picture names what goes wrong as soon as it is measured."
        )
    )
    exhibits = [story for story in stories_of(GanTraining) if story.shelf == MUSEUM]
    for start in range(0, len(exhibits), ACROSS):
        row = exhibits[start : start + ACROSS]
        full = len(row) == ACROSS  # a column's own border costs no element, but stands around nothing as well
        for column, story in zip(st.columns(ACROSS, border=full), row, strict=False):
            with column if full else column.container(border=True, height="stretch"):
                st.markdown(f"**{_(story.name)}**\n\n:gray[:small[{_(story.sentence)}]]")
                shown = story.experiment.key == table.shown.key
                if st.button(
                    _("Show it with its cure"), key=f"{lab.family}.museum.{story.name}",
                    type="primary" if shown else "secondary", icon=":material/museum:",
                ):  # fmt: skip
                    lab.tell_story(story, table)
