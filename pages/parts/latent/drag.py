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
    key, axes = f"{lab.family}.pad", False
    if found.study.model.latent > 2:
        first, second = (int(number) + 1 for number in found.snapshot.arrays["active"])
        ways = {
            "principal": _("two principal directions"),
            "axes": _("the two most active numbers, z{first} and z{second}", first=first, second=second),
        }
        way = st.segmented_control(
            _("Plane of the map"), list(ways), default="principal", format_func=ways.__getitem__,
            key=f"{key}.plane.{language()}",
        )  # fmt: skip
        axes = way == "axes"
    pad(scene(found, axes), words={**translated(WORDS), "locale": language()}, key=key)
