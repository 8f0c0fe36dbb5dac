"""The frame around every page: menu, language, title; found from the files in `pages/`, nothing is listed here."""

from __future__ import annotations

import ast
import base64
import json
import threading
import time
from collections.abc import Mapping, Sequence
from copy import copy
from functools import lru_cache
from pathlib import Path
from sqlite3 import DatabaseError
from typing import Any

import streamlit as st

from pages.parts import keyboard, stock
from pages.parts.hidden import hide
from pages.parts.words import LANGUAGES, _, choose_language, language, told
from state.runs import Refused, runs

PAGES = Path(__file__).parents[1]
# The address follows every slider and every scrub; the browser's Back should still leave the page, not undo a scrub.
ONE_ENTRY_A_PAGE = """
if (!history.onePerPage) {
  history.onePerPage = history.pushState.bind(history);
  history.pushState = (state, title, url) =>
    url != null && new URL(url, location).pathname === location.pathname
      ? history.replaceState(state, title, url)
      : history.onePerPage(state, title, url);
}
"""
# As text: of a file Streamlit finds out the format, and takes its hash, at every rerun.
ICON = f"data:image/png;base64,{base64.b64encode((Path(__file__).parent / 'icon.png').read_bytes()).decode()}"
PARSING = threading.Lock()


def described(path: Path) -> dict[str, Any]:
    """What a page file says of itself in its `PAGE` table (title, icon, one line, order), read without running it."""
    # One visitor at a time: where two threads parse at once, CPython 3.11 now and then raises a SystemError.
    with PARSING:
        return dict(_described(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=256)
def _described(path: Path, _changed: int) -> dict[str, Any]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "PAGE":
            return dict(ast.literal_eval(node.value))
    raise ValueError(f"{path.name} declares no PAGE")


def described_pages() -> Sequence[tuple[Path, dict[str, Any]]]:
    """Every page file with its description, in the order that the pages ask for; looked for once a second at most."""
    return _described_pages(int(time.monotonic()))


@lru_cache(maxsize=1)
def _described_pages(_second: int) -> Sequence[tuple[Path, dict[str, Any]]]:
    found = [(path, described(path)) for path in PAGES.glob("*.py")]
    return sorted(found, key=lambda item: (item[1]["order"], item[0].stem))


class Ready:
    """HTML that is sent as it stands; in a string Streamlit looks for a common indentation, at every rerun."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        return self.text


STYLE = Ready(f"<style>{(Path(__file__).parent / 'frame.css').read_text(encoding='utf-8')}</style>")


def page_of(path: Path, about: Mapping[str, Any]) -> Any:
    """A page as Streamlit knows it; links to it cost a third of those to its file's path."""
    # A copy: Streamlit notes in a page whether this visit may run it.
    return copy(_page(path, _(str(about["title"])), about["order"] == 0, bool(about.get("hidden"))))


@lru_cache(maxsize=256)
def _page(path: Path, title: str, default: bool, hidden: bool) -> Any:
    # No icon: Streamlit would fetch it from a stranger's server to put it into the browser's tab.
    return st.Page(path, title=title, url_path=path.stem, default=default, visibility="hidden" if hidden else "visible")


def menu() -> Any:
    """The navigation of this visit; `.run()` draws the page that the address asks for."""
    choose_language()
    try:
        runs()
    except (Refused, OSError, DatabaseError) as error:
        st.error(told(error), icon=":material/error:")
        st.stop()
    chosen = st.navigation([page_of(path, about) for path, about in described_pages()], position="top")
    title = chosen.title if chosen.title == "Torchlight" else f"{chosen.title} · Torchlight"
    st.set_page_config(page_title=title, page_icon=ICON, layout="wide")
    st.html(STYLE)
    hide()
    _language_switch()
    # The browser reads `lang` for hyphenation and speech; Streamlit's page says "en" for every language.
    script = (
        f"document.documentElement.lang = {json.dumps(language())};{ONE_ENTRY_A_PAGE}{keyboard.LISTENS}{stock.script()}"
    )
    st.html(Ready(f"<script>{script}</script>"), unsafe_allow_javascript=True)
    return chosen


def _language_switch() -> None:
    now = language()
    with st.container(horizontal=True, horizontal_alignment="right", key="language"):
        keyboard.button()
        for code, name in LANGUAGES.items():
            if st.button(name, key=f"lang.{code}", type="tertiary", disabled=code == now):
                st.session_state["lang"] = code
                st.query_params["lang"] = code
                st.rerun()
