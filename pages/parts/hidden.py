"""What a teacher's link leaves out: `?hide=menu,controls`, as TensorFlow Playground hides controls for a class."""

from __future__ import annotations

import re

import streamlit as st

from pages.parts.words import _

PARTS = ("menu", "controls", "tabs")
LONGEST = 60
STYLES = {
    "menu": """[data-testid="stHeader"] nav, [data-testid="stTopNavLinkContainer"], .st-key-language,
        [data-testid="stHeader"] [data-testid="stToolbar"] { display: none !important; }""",
    "controls": """[data-testid="stColumn"]:has(> div .st-key-lab-side), .st-key-lab-stories,
        .st-key-lesson-class { display: none !important; }""",
    "tabs": """[data-testid="stTabs"], .st-key-lesson-more { display: none !important; }""",
}


def hidden() -> tuple[str, ...]:
    """The parts that the address leaves out, in their own order; what is no part of a page is said and ignored."""
    said = str(st.query_params.get("hide", ""))[:LONGEST]
    wanted = {part.strip() for part in said.split(",") if part.strip()}
    return tuple(part for part in PARTS if part in wanted)


def hide() -> None:
    """Leaves out what the address asks for. Called once by the frame of every page."""
    parts = hidden()
    said = [part for part in str(st.query_params.get("hide", ""))[:LONGEST].split(",") if part.strip()]
    if unknown := [part.strip() for part in said if part.strip() not in PARTS]:
        names = ", ".join(f"`{re.sub(r'[^a-z0-9_-]', '?', name[:20])}`" for name in unknown)
        known = ", ".join(PARTS)
        st.warning(_("This link hides {names}, which no page has. It can hide: {known}.", names=names, known=known))
    if parts:
        st.html(f"<style>{''.join(STYLES[part] for part in parts)}</style>")
