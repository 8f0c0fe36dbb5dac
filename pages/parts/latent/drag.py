"""Drag and it morphs: the map under the finger, each latent number under a slider."""

from __future__ import annotations

import streamlit as st

from pages.parts.lab import Lab
from pages.parts.latent.trained import scene, trained
from pages.parts.pad import WORDS, pad
from pages.parts.table import Table
from pages.parts.words import _, language, translated


def draw(lab: Lab, table: Table) -> None:
    """The pad over the map of the trained model."""
    found = trained(table)
    if found is None:
        return
    st.markdown(
        _("Drag over the map: the picture is decoded under your finger. Each strip shows what one latent number does.")
    )
    pad(scene(found), words={**translated(WORDS), "locale": language()}, key=f"{lab.family}.pad")
