"""Tables whose cells are shaded by their numbers: pictures that can be read aloud, in the light and in the dark."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

STYLE = """
<style>
.tl-sheet { overflow-x: auto; margin: 0.2rem 0 0.8rem; }
.tl-sheet table { border-collapse: separate; border-spacing: 2px; font-variant-numeric: tabular-nums; }
.tl-sheet caption { text-align: start; font-size: 0.875rem; opacity: 0.75; padding-bottom: 0.25rem; }
.tl-sheet th { font-weight: 500; font-size: 0.8rem; padding: 0.15rem 0.35rem; white-space: nowrap; text-align: center; }
.tl-sheet th[scope=row] { text-align: start; position: sticky; inset-inline-start: 0; z-index: 1;
  backdrop-filter: blur(8px); }
.tl-sheet td { min-width: 2.6rem; padding: 0.25rem 0.35rem; border-radius: 5px; text-align: center;
  font-size: 0.8rem; line-height: 1.2; border: 1px solid rgba(127, 120, 170, 0.22); white-space: nowrap; }
.tl-sheet td small { display: block; font-size: 0.75rem; opacity: 0.8; }
.tl-sheet td.tl-on { outline: 2px solid #d9730d; outline-offset: -1px; }
.tl-sheet th.tl-on { text-decoration: underline 2px #d9730d; text-underline-offset: 0.2em; }
@media (max-width: 640px) { .tl-sheet th[scope=row] { white-space: normal; max-width: 6.5rem; } }
.tl-sheet td.tl-bar { min-width: 8rem; text-align: start; background-origin: border-box !important; }
</style>
"""
PLUS, MINUS = "124, 104, 238", "217, 115, 13"
STRONGEST = 0.62
"""The darkest shade's opacity: the text above it stays readable in the light and in the dark."""


@dataclass(frozen=True)
class Cell:
    """A number as it is written, how deep its shade is (-1 … 1; below 0 in orange), and a small line below."""

    text: str
    depth: float = 0.0
    below: str = ""
    marked: bool = False
    bar: bool = False
    """Filled from the left up to its depth, instead of shaded."""

    def html(self) -> str:
        colour = f"rgba({PLUS if self.depth >= 0 else MINUS}, {STRONGEST if self.bar else self.shade:.3f})"
        share = f"{100 * min(1.0, abs(self.depth)):.1f}%"
        fill = f"linear-gradient(to right, {colour} {share}, transparent {share})" if self.bar else colour
        classes = " ".join(name for name, on in (("tl-on", self.marked), ("tl-bar", self.bar)) if on)
        below = f"<small>{html.escape(self.below)}</small>" if self.below else ""
        return f'<td class="{classes}" style="background: {fill}">{html.escape(self.text)}{below}</td>'

    @property
    def shade(self) -> float:
        return STRONGEST * min(1.0, abs(self.depth))


def sheet(
    caption: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Cell]]], marked: int | None = None
) -> None:
    """One table: names of columns and rows as headers, one of the columns marked."""
    heads = "".join(
        f'<th scope="col"{" class=tl-on" if place == marked else ""}>{html.escape(name)}</th>'
        for place, name in enumerate(columns)
    )
    lines = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>{"".join(cell.html() for cell in cells)}</tr>'
        for name, cells in rows
    )
    st.html(
        f'{STYLE}<div class="tl-sheet" tabindex="0" role="region" aria-label="{html.escape(caption)}"><table>'
        f"<caption>{html.escape(caption)}</caption><thead><tr><td></td>{heads}</tr></thead><tbody>{lines}</tbody>"
        "</table></div>"
    )
