"""A sentence as a row of tokens, each shaded by its number, which stands below: a picture that can be read aloud."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pages.parts.words import shown

STYLE = """
<style>
.tl-chips { display: flex; flex-wrap: wrap; gap: 0.5rem 0.3rem; margin: 0.15rem 0 0.6rem; line-height: 1.15; }
.tl-chips span { position: relative; border-radius: 6px; padding: 0.28rem 0.4rem 0.2rem; text-align: center;
  border: 1px solid rgba(127, 120, 170, 0.28); }
.tl-chips span.tl-on { outline: 2px solid #d9730d; outline-offset: 1px; }
.tl-chips span.tl-piece { margin-left: -0.3rem; border-top-left-radius: 0; border-bottom-left-radius: 0; }
.tl-chips b { font-weight: 500; display: block; }
.tl-chips i { font-style: normal; font-size: 0.75rem; opacity: 0.86; font-variant-numeric: tabular-nums; }
</style>
"""
PLUS, MINUS = "124, 104, 238", "217, 115, 13"
STRONGEST = 0.62
"""The darkest shade's opacity: the text above it stays readable in the light and in the dark."""


@dataclass(frozen=True)
class Chips:
    """How the numbers of a row are shown: the deepest shade is `largest`, by default the largest number."""

    largest: float | None = None
    percent: bool = True

    def row(self, names: Sequence[str], values: Sequence[float], marked: int | None = None) -> None:
        """One row; negative numbers are orange."""
        deepest = self.largest or max(map(abs, values), default=0.0) or 1.0
        spans = [
            self.span(name, value, abs(value) / deepest, place == marked)
            for place, (name, value) in enumerate(zip(names, values, strict=True))
        ]
        st.html(f'{STYLE}<div class="tl-chips">{"".join(spans)}</div>')

    def span(self, name: str, value: float, depth: float, marked: bool) -> str:
        """One token as HTML."""
        said = f"{shown(round(100 * value, 1))} %" if self.percent else shown(round(value, 3))
        classes = " ".join(word for word, on in (("tl-on", marked), ("tl-piece", name.startswith("##"))) if on)
        shade = f"rgba({PLUS if value >= 0 else MINUS}, {min(1.0, depth) * STRONGEST:.3f})"
        text = html.escape(name.removeprefix("##") or name)
        return f'<span class="{classes}" style="background: {shade}"><b>{text}</b><i>{said}</i></span>'
