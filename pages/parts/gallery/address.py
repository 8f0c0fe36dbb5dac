"""The gallery's view between two reruns: in the session, and the same thing as the page's address."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts.gallery.view import View
from pages.parts.lab import ECHO_S
from pages.parts.words import _, language

VIEW, ADDRESS, LEFT, ARRIVED, LAID = "runs.view", "runs.address", "runs.left", "runs.arrived", "runs.laid"
REVISION = "runs.revision"


def arrive() -> View:
    """The view that the address says, where the address is new; else as the visitor left it."""
    said = {name: value for name, value in st.query_params.items() if name != "lang"}
    known: View | None = st.session_state.get(VIEW)
    st.session_state[ARRIVED] = known is not None and bool(st.session_state.pop(LAID, False))
    if known is not None and (not said or said == st.session_state.get(ADDRESS) or _outdated(said)):
        return known
    view, corrected = View.read(said)
    if corrected:
        names = ", ".join(f"`{name[:40]}`" for name in corrected if name.replace(".", "").isidentifier())
        st.warning(_("This link was corrected: {names} could not be used as written.", names=names or "?"))
    st.session_state[ARRIVED] = True
    revise()
    return view


def _outdated(said: Mapping[str, str]) -> bool:
    """Whether a rerun carries an address that was replaced a moment ago: it left before the browser had the new."""
    left: list[tuple[Mapping[str, str], float]] = st.session_state.get(LEFT, [])
    return any(said == old and time.monotonic() - when < ECHO_S for old, when in left)


def keep(view: View) -> None:
    """Remember the view, and say it in the address."""
    wanted, before = view.link(), st.session_state.get(ADDRESS)
    if before is not None and before != wanted:
        st.session_state[LEFT] = [*st.session_state.get(LEFT, []), (before, time.monotonic())][-5:]
    st.session_state[VIEW], st.session_state[ADDRESS] = view, wanted
    if "lang" in st.query_params:
        wanted = {**wanted, "lang": language()}
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def key(name: str, value: Any) -> str:
    """The key of the view's widget of that name, which shows `value` where the view is not what the widgets said.

    One widget per language: in another one it would be new, and start from its own beginning.
    """
    place = f"runs.w.{name}.{language()}"
    if st.session_state.get(ARRIVED):
        st.session_state[place] = value
    return place


def put(view: View) -> None:
    """Put another view before the visitor, widgets and all; the page runs again."""
    keep(view)
    st.session_state[LAID] = True
    st.rerun()


def revision() -> int:
    """Counts the choices of runs that the page made itself: the table takes over each new one."""
    return int(st.session_state.get(REVISION, 0))


def revise() -> None:
    st.session_state[REVISION] = revision() + 1
