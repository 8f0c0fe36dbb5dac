"""Positions to play with: three scenes that follow their sliders while these are dragged.

    table     the sinusoid table as a heat map, one row as a wall of clocks, its dot product with every other row
    rotary    a query and a key as arrows in their planes, turned by their positions, and their score
    alibi     what each head takes from a score per position of distance, and the attention that is left

The pictures compute in the browser the closed forms of `models/layers/positions.py`; a browser test holds them
against the Python. Only `table` tells the page what is looked at, when a slider is let go: its result's `settings`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from streamlit.components.v2.bidi_component import ComponentResult

from pages.parts.component import component
from pages.parts.live.module import module
from pages.parts.words import _, language

HERE = Path(__file__).parent
BOUNDS: Mapping[str, tuple[float, float]] = {
    "width": (2, 128), "base": (10, 1_000_000), "length": (8, 256), "heads": (1, 16), "keys": (8, 256)
}  # fmt: skip
PAIRS = 4
"""Planes of the rotary scene; with the usual base they turn by 1, 0.1, 0.01 and 0.001 radians per position."""

_positions = component(
    "positions",
    html='<div class="tp-root"></div>',
    css=(HERE / "positions.css").read_text(encoding="utf-8"),
    js="\n".join(
        [
            module(HERE.parent / "live", ("theme", "canvas")),
            module(HERE, ("encodings", "stage", "table", "rotary", "alibi", "scenes")),
        ]
    ),
)


@dataclass(frozen=True)
class Look:
    """What of the sinusoid table is looked at."""

    width: int = 64
    base: float = 10_000.0
    length: int = 80
    position: int = 20

    @classmethod
    def read(cls, said: Any) -> tuple[Look, list[str]]:
        """What a link or a browser says, made possible, and the names of what had to be left out."""
        values, corrected = {}, []
        for name, default in asdict(cls()).items():
            if not isinstance(said, Mapping) or name not in said:
                continue
            low, high = BOUNDS.get(name, (0, BOUNDS["length"][1] - 1))
            try:
                number = float(str(said[name])[:20])
            except ValueError:
                number = math.nan
            if not low <= number <= high or (isinstance(default, int) and not number.is_integer()):
                corrected.append(name)
            else:
                values[name] = type(default)(number)
        look = cls(**values)
        even, last = look.width - look.width % 2, look.length - 1
        if even < look.width:
            corrected.append("width")
        if look.position > last:
            corrected.append("position")
        return cls(even, look.base, look.length, min(look.position, last)), corrected

    def link(self) -> dict[str, str]:
        """Query parameters: only what differs from the usual."""
        names = [field.name for field in fields(self)]
        return {name: f"{getattr(self, name):.10g}" for name in names if getattr(self, name) != getattr(Look(), name)}


def _ignore() -> None:
    """The result's attribute exists only for an event that has a callback."""


def table(look: Look, key: str, autoplay: bool = False) -> ComponentResult:
    """Mount the sinusoid table; the hands turn once by themselves with `autoplay`, where motion is wanted."""
    data = {"scene": "table", "settings": asdict(look), "bounds": BOUNDS, "autoplay": autoplay, "words": table_words()}
    return _positions(key=key, data=data, on_settings_change=_ignore)


def rotary(key: str) -> ComponentResult:
    """Mount the rotary scene, with a few pairs of vectors to choose from."""
    data = {"scene": "rotary", "vectors": vectors(), "words": rotary_words()}
    return _positions(key=key, data=data)


def alibi(key: str) -> ComponentResult:
    """Mount the scene of biases."""
    return _positions(key=key, data={"scene": "alibi", "bounds": BOUNDS, "words": alibi_words()})


def vectors() -> list[dict[str, list[float]]]:
    """Queries and keys of `PAIRS` planes: first two that agree, then ever more different ones, always the same."""
    random = torch.Generator().manual_seed(7)
    found = []
    for alike in (0.9, 0.0, 0.0, -0.9):
        length_P = 0.7 + 0.3 * torch.rand(PAIRS, 1, generator=random)
        q_P2, k_P2 = (torch.nn.functional.normalize(torch.randn(PAIRS, 2, generator=random)) for _side in "qk")
        k_P2 = torch.nn.functional.normalize(alike * q_P2 + (1 - abs(alike)) * k_P2)
        found.append({"q": (length_P * q_P2).flatten().tolist(), "k": (length_P.flip(0) * k_P2).flatten().tolist()})
    return found


def table_words() -> dict[str, str]:
    return {
        "locale": language(),
        "position": _("Position: turn the hands"),
        "width": _("Dimensions d"),
        "base": _("Base"),
        "length": _("Number of positions"),
        "play": _("▶ Walk on"),
        "halt": _("■ Stop"),
        "heat": _("Every column is one position's code"),
        "dimension": _("dimension"),
        "axis": _("position"),
        "products": _("Dot product of position {position} with every position"),
        "wall": _("Position {position} as clock hands"),
        "wall_order": _("Below each clock: positions per full turn"),
        "same": _(
            "{distance} apart: position {one} · position {two} = {here}. Elsewhere at the same distance: "
            "position {three} · position {four} = {there}."
        ),
        "cell": _("Position {position}, dimension {column}: {wave}({position} · {rate}) = {value}"),
        "clock": _("Dimensions {sine} (sine) and {cosine} (cosine) are one hand: a full turn takes {turn} positions."),
        "alt_table": _(
            "Heat map of {length} positions by {width} dimensions, position {position} marked. Below it the dot "
            "product of position {position} with every position: {highest} with itself, never below {lowest}."
        ),
        "alt_wall": _(
            "Position {position} as {pairs} clock hands; the fastest turns once in {fast} positions, the slowest in "
            "{slow}."
        ),
    }


def rotary_words() -> dict[str, str]:
    return {
        "locale": language(),
        "query": _("Position m of the query q"),
        "key": _("Position n of the key k"),
        "base": _("Base"),
        "together": _("Move both together"),
        "others": _("Other vectors"),
        "part": _("q·k here: {part}"),
        "scores": _("Score of the rotated pair against m − n"),
        "apart": _("m − n"),
        "score": _("m − n = {distance}. Score = {parts} = {score}"),
        "alt_planes": _(
            "Query and key as arrows in their planes, each turned by its position times θ: q at position {query}, "
            "k at position {key}."
        ),
        "alt_scores": _("Score against the distance m − n; at distance {distance} it is {score}."),
    }


def alibi_words() -> dict[str, str]:
    return {
        "locale": language(),
        "heads": _("Heads"),
        "keys": _("Tokens in sight"),
        "slopes": _("Slopes of the heads"),
        "head": _("Head {head}, slope {slope}"),
        "bias": _("Taken from the score"),
        "weights": _("Attention, were all scores equal"),
        "distance": _("tokens back"),
        "reach": _(
            "Head {head}, slope {slope}: {own} % of its attention stays on the own token, and the nearest {reach} of "
            "{keys} tokens hold 90 %."
        ),
        "alt_bias": _("Biases of {heads} heads against distance: lines that fall with slopes from {steep} to {flat}."),
    }
