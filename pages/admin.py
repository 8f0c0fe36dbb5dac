"""The operator's view: who trains, who waits, how long visitors wait, what failed. Behind a token."""

import streamlit as st

from pages.parts.admin.door import admitted, keep_out
from pages.parts.admin.figures import figures
from pages.parts.words import _

PAGE = {
    "order": 99,
    "hidden": True,
    "title": "Operator's view",
    "line": "What this server does at this moment, for whoever runs it.",
}

st.title(_("Operator's view"), anchor=False)
st.markdown(_(str(PAGE["line"])))
if admitted():
    figures()
    if st.button(_("Leave"), key="admin.leave", icon=":material/logout:"):
        keep_out()
