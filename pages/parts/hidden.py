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


def asked() -> list[str]:
    """What the address asks to leave out, whether there is such a part or not."""
    said = str(st.query_params.get("hide", ""))[:LONGEST]
    return [part.strip() for part in said.split(",") if part.strip()]


def hidden() -> tuple[str, ...]:
    """The parts that the address leaves out, in their own order."""
    wanted = asked()
    return tuple(part for part in PARTS if part in wanted)


def hide() -> None:
    """Leaves out what the address asks for, and says what it cannot. Called once by the frame of every page."""
    parts = hidden()
    if unknown := [part for part in asked() if part not in PARTS]:
        names = ", ".join(f"`{re.sub(r'[^a-z0-9_-]', '?', name[:20])}`" for name in unknown)
        known = ", ".join(PARTS)
        st.warning(_("This link hides {names}, which no page has. It can hide: {known}.", names=names, known=known))
    if parts:
        st.html(f"<style>{''.join(STYLES[part] for part in parts)}</style>")
