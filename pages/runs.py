"""The gallery of runs: everything that was trained in this store, to find again, to name, to compare."""

import streamlit as st

from pages.parts.gallery.desk import draw
from pages.parts.words import _

PAGE = {
    "order": 90,
    "title": "Runs",
    "line": "Every run of this store: find, name and tag it, and see any of one family on the same axes.",
}

st.title(_("Runs"), anchor=False)
st.markdown(_(str(PAGE["line"])))
draw()
