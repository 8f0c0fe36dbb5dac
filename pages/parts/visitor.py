"""Who is visiting, as far as fairness needs to know: a browser, by a fingerprint of the cookie that it has anyway.

Nothing is stored of a visitor but these sixteen characters beside the runs that they started.
"""

from __future__ import annotations

import hashlib
import secrets

import streamlit as st

COOKIE = "_streamlit_xsrf"


def visitor_id() -> str:
    """The same for all tabs of a browser as long as it keeps its cookies; else one for this visit alone."""
    known = st.context.cookies.get(COOKIE, "") or st.session_state.setdefault("visitor", secrets.token_hex(16))
    return hashlib.sha256(str(known).encode()).hexdigest()[:16]
