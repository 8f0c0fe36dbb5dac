"""The front page: what this is, and one card per family with a picture from a stored run."""

import streamlit as st

from pages.parts.cards import cards
from pages.parts.words import _

PAGE = {
    "order": 0,
    "title": "Torchlight",
    "line": "Watch neural networks while they learn.",
}

st.title(_("Watch neural networks while they learn"), anchor=False)
st.markdown(
    _(
        "Move a slider, press Train, and a real PyTorch model trains before your eyes. Scrub through its history, "
        "change one thing and compare, share the very moment as a link. Every number is computed by the running model."
    )
)
cards()
