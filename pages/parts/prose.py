"""Longer texts, one Markdown file per page and language in `pages/words/`."""

from __future__ import annotations

from functools import cache

import streamlit as st

from pages.parts.symbols import symbols
from pages.parts.words import CATALOGUES, language


@cache
def text(name: str, code: str) -> str:
    return (CATALOGUES / f"{name}.{code}.md").read_text(encoding="utf-8")


def prose(name: str) -> None:
    """The text of that name in the visitor's language, and what its symbols are on this page."""
    st.markdown(text(name, language()))
    symbols(name)
