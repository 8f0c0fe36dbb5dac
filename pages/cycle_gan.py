"""CycleGAN: two sets without pairs, translated into each other and back."""

import streamlit as st

from models.cycle_gan import CycleGan
from pages.parts.cycle_gan.panels import legend, panels
from pages.parts.lab import Lab
from pages.parts.prose import prose
from pages.parts.words import _

PAGE = {
    "order": 1.6,
    "title": "CycleGAN",
    "line": "Two sets, not one pair. Watch every point travel to the other set, and see what the way back is good for.",
    "family": "CycleGan",
}

st.title(_("CycleGAN"), anchor=False)
Lab(
    family="cycle_gan", cls=CycleGan, line=str(PAGE["line"]), panels=panels, legend=legend,
    front=("data", "cycle", "r1_gamma", "lr", "steps", "seed"),
).draw()  # fmt: skip
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="cycle_gan.told")
if told.open:
    with told:
        prose("cycle_gan")
