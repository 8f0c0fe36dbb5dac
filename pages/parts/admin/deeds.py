"""What an operator may do: stop, keep or delete any run, and let no new ones begin."""

from __future__ import annotations

import streamlit as st

from pages.parts.gallery.names import state
from pages.parts.words import _
from state.overview import Overview
from state.row import ACTIVE, ENDED, Row
from state.runs import CLOSED, Run, runs

LISTED = 200


def deeds(now: Overview) -> None:
    """The switch for the whole server, and the buttons for one run."""
    st.subheader(_("Act"), anchor=False)
    closed = st.toggle(
        _("Let no new runs begin"), now.closed, key="admin.closed",
        help=_("Runs that train or wait go on, and every known run can be watched; new ones are refused, politely."),
    )  # fmt: skip
    if closed != now.closed:
        mark = runs().home / CLOSED
        mark.touch() if closed else mark.unlink(missing_ok=True)
    known = {row.key: row for row in now.rows[:LISTED]}
    key = st.selectbox(
        _("Run"), list(known), index=None, key="admin.run", format_func=lambda key: _said(known[key]),
        placeholder=_("Choose a run"),
    )  # fmt: skip
    run = runs().find(key) if key else None
    if run is not None:
        _buttons(run)


def _said(row: Row) -> str:
    return f"{row.title or row.name} · {row.key[:6]} · {state(row.state)}"


def _buttons(run: Run) -> None:
    now = run.row.state
    with st.container(horizontal=True, gap="small"):
        if st.button(
            _("Stop"), key="admin.stop", icon=":material/stop:", disabled=now not in ("queued", "paused", *ACTIVE)
        ):
            run.stop()
        if st.button(_("Unpin") if run.row.pinned else _("Pin"), key="admin.pin", icon=":material/push_pin:"):
            run.pin(not run.row.pinned)
        if st.button(
            _("Delete for good"), key="admin.delete", icon=":material/delete:", disabled=now not in (*ENDED, "paused")
        ):
            runs().delete(run.key)
