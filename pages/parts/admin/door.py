"""The door of the operator's view: a token, asked for in a form, in no link and no log."""

from __future__ import annotations

import hashlib
import math

import streamlit as st

from pages.parts.words import _
from state.gate import GATE

INSIDE = "admin.inside"


def admitted() -> bool:
    """Whether this visit has shown the token that is in force; asks for it where it has not."""
    if not GATE.token():
        st.info(
            _("This server has no operator's view: set TORCHLIGHT_ADMIN_TOKEN and start it anew."),
            icon=":material/lock:",
        )
        return False
    if st.session_state.get(INSIDE) == _seal():
        return True
    with st.form("admin.door", clear_on_submit=True, width=420):
        token = st.text_input(_("Token"), type="password", max_chars=200, autocomplete="current-password")
        tried = st.form_submit_button(_("Open"), type="primary")
    if tried:
        _try(token)
    return False


def _try(token: str) -> None:
    address = str(st.context.ip_address or "here")
    wait_s = GATE.wait_s(address)
    if wait_s > 0:
        st.error(
            _("Too many wrong tokens. Try again in {seconds} seconds.", seconds=math.ceil(wait_s)),
            icon=":material/timer:",
        )
    elif GATE.opens(address, token):
        st.session_state[INSIDE] = _seal()
        st.rerun()
    else:
        st.error(_("That is not the token of this server."), icon=":material/error:")


def keep_out() -> None:
    """Ends the operator's view in this visit."""
    st.session_state.pop(INSIDE, None)
    st.rerun()


def _seal() -> str:
    """What a session keeps in place of the token: worthless elsewhere, and void when the token changes."""
    return hashlib.sha256(b"torchlight admin " + GATE.token().encode()).hexdigest()
