"""Every key that does something, in one table: a dialog lists it, and a test holds to it whatever listens for keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import streamlit as st

from pages.parts.words import _

TRAIN = "t"
HELP = "?"
MOVES: Mapping[str, str] = {
    "ArrowLeft": "back", "ArrowRight": "on", "Home": "first", "End": "last", " ": "play", "Escape": "release",
}  # fmt: skip
"""What a key does while the living picture has the focus; the picture is told this table when it is mounted."""
LISTENS = f"""
if (!document.torchlightKeys) {{
  document.torchlightKeys = true;
  document.addEventListener("keydown", (event) => {{
    const at = event.composedPath()[0];
    const writes = at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName) && at.type !== "range";
    if (event.key !== "{HELP}" || writes || event.ctrlKey || event.metaKey || event.altKey) return;
    const way = document.querySelector(".st-key-keys button");
    // With the focus there, it comes back there when the list is closed.
    way?.focus();
    way?.click();
  }});
}}
"""
"""Streamlit's own shortcuts are letters only."""

STYLE = """<style>
h3.tk-name { margin: 0.9rem 0 0.3rem; padding: 0; font-size: 1rem; }
.tk-keys { display: grid; grid-template-columns: 8.5rem 1fr; gap: 0.3rem 1rem; margin: 0; }
.tk-keys dd { margin: 0; }
.tk-keys kbd { padding: 0 0.4rem; border: 1px solid currentColor; border-radius: 4px; white-space: nowrap; }
</style>"""


@dataclass(frozen=True)
class Place:
    """Somewhere that listens for keys, and what each of them does there; keys as the browser names them."""

    name: str
    keys: Mapping[tuple[str, ...], str]
    script: str = ""
    """The file that listens, under `pages/parts`; empty for the frame."""


def places() -> tuple[Place, ...]:
    """The whole table, in the visitor's language."""
    return (
        Place(_("Everywhere"), {
            (TRAIN,): _("train with these settings"), (HELP,): _("show this list"),
            ("Tab",): _("go to the next control; with Shift to the one before"),
            ("Enter", " "): _("press what has the focus"),
        }),
        Place(_("In the living picture"), {
            ("ArrowLeft", "ArrowRight"): _("one recorded moment back or on"),
            ("Home", "End"): _("to the first or the last moment"), (" ",): _("replay, or stop the replay"),
            ("Escape",): _("let go of what was chosen"),
        }, "live/view.js"),
        Place(_("On a grid of heads"), {
            ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"): _("choose another head"),
        }, "live/heads.js"),
        Place(_("On a large attention map"), {
            ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"): _("choose another cell"),
        }, "live/head.js"),
        Place(_("On a table of layers"), {
            ("ArrowLeft", "ArrowRight"): _("choose another layer"),
            ("ArrowUp", "ArrowDown"): _("choose another strategy"),
        }, "live/layers.js"),
        Place(_("On curves of strategies"), {("ArrowUp", "ArrowDown"): _("choose another strategy")}, "live/bands.js"),
        Place(_("On a map of codes"), {
            ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"): _("move the code; with Shift five times as far"),
            ("Enter",): _("set a point, or take it away"),
        }, "pad/pad.js"),
        Place(_("On a sheet of codes to paint"), {
            ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"): _("move"), ("Enter", " "): _("paint"),
        }, "pad/paint.js"),
        Place(_("On data to draw"), {
            ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"): _("move; with Shift four cells at once"),
            (" ",): _("paint"), ("z",): _("undo, with Ctrl or ⌘"),
        }, "brush/brush.js"),
        Place(_("On a plan to paint"), {
            ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"): _("move"),
            ("Home", "End"): _("to the beginning or the end of training"), (" ",): _("paint"),
            ("0-9",): _("paint with this pace"), ("z",): _("undo, with Ctrl or ⌘"),
        }, "planner/planner.js"),
    )  # fmt: skip


def spelled(key: str) -> str:
    """A key as it is written on a keyboard."""
    named = {"ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓", " ": _("Space"), "0-9": "0 … 9"}
    return named.get(key, key.upper() if len(key) == 1 else key)


def written(place: Place) -> str:
    """One place as a heading and a list."""
    rows = "".join(
        f"<dt>{' '.join(f'<kbd>{escape(spelled(key))}</kbd>' for key in keys)}</dt><dd>{escape(what)}</dd>"
        for keys, what in place.keys.items()
    )
    return f'<h3 class="tk-name">{escape(place.name)}</h3><dl class="tk-keys">{rows}</dl>'


def button() -> None:
    """The way to the list, in the frame of every page."""
    if st.button(_("Keys"), key="keys", type="tertiary", icon=":material/keyboard:"):
        listed()


def listed() -> None:
    """The list, over the page."""

    @st.dialog(_("Keyboard"), width="medium")
    def dialog() -> None:
        st.html(STYLE + "".join(written(place) for place in places()))
        st.caption(_("Sliders, lists, tabs and buttons follow the keys that browsers give them."))

    dialog()
