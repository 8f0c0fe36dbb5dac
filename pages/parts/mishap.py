"""What a visitor sees where a page raises: one sentence, a way on, and a number that stands in the server's log too."""

from __future__ import annotations

import logging
import secrets

import streamlit as st

from pages.parts.words import _
from state.reasons import of_the_store

log = logging.getLogger("torchlight")


def mishap(error: Exception) -> bool:
    """Says it on the page and in the log; True: nothing more is to be shown."""
    number = secrets.token_hex(3)
    log.error("Mishap %s on %s", number, st.context.url, exc_info=error)
    if (sentence := of_the_store(error)) is not None:
        st.error(_(sentence), icon=":material/error:")
        return True
    st.error(
        _(
            "This page met a fault of ours, not of yours. Every run is kept. Reload the page; if the fault comes back, "
            "begin anew with the page's first settings. In the server's log it has the number {number}.",
            number=number,
        ),
        icon=":material/error:",
    )
    st.button(_("Begin anew"), key=f"mishap.{number}", icon=":material/restart_alt:", on_click=_anew)
    return True


def _anew() -> None:
    """Forgets the settings of this visit and of the address, but not the language."""
    spoken = st.session_state.get("lang")
    st.session_state.clear()
    st.query_params.clear()
    if spoken is not None:
        st.session_state["lang"] = spoken
