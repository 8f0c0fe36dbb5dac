"""Pictures come in: drawn with the brush, or as files of the visitor's."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import numpy as np
import streamlit as st

from models.data.drawing import INK, SIDE, from_hex
from models.data.photograph import MOST_PIXELS, photograph
from models.own_classes import MOST_EACH, Picture
from pages.parts.brush import WORDS as BRUSH_WORDS
from pages.parts.brush import brush
from pages.parts.own.album import turn
from pages.parts.plain import plain
from pages.parts.words import _, translated

READ = "own.read"
"""In this visit: the pictures of the files that lie before the visitor, by the files' own names."""
TYPES = ["jpg", "jpeg", "png", "webp"]


def incoming() -> list[Picture]:
    """The new pictures that lie before the visitor; once they are taught, the field is empty again."""
    how = st.segmented_control(
        _("How"), ["draw", "upload"], default="draw", key="own.how", required=True, label_visibility="collapsed",
        format_func=lambda name: {"draw": _("Draw"), "upload": _("Upload")}[name],
    )  # fmt: skip
    if how == "upload":
        return uploaded(f"own.files.{turn()}")
    picture = drawn(sketch(f"own.brush.{turn()}"))
    return [] if picture is None else [picture]


def sketch(key: str) -> Mapping[str, object]:
    """The brush."""
    words = {**translated(BRUSH_WORDS), "hint": _("Draw with thick lines, about as large as the field.")}
    return brush("0" * SIDE**2, words=words, key=key, on_levels=lambda: None)


def drawn(result: Mapping[str, object]) -> Picture | None:
    """The drawing, cut out to a square with a small margin; None where there is none yet."""
    text = result.get("levels")
    if not isinstance(text, str):
        return None
    try:
        levels = from_hex(text)
    except ValueError:
        return None
    rows, columns = np.nonzero(levels)
    if len(rows) < 4:
        return None
    ink = levels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    side = round(1.1 * max(ink.shape)) + 2
    square = np.zeros((side, side), dtype=np.uint8)
    top, left = ((side - length) // 2 for length in ink.shape)
    square[top : top + ink.shape[0], left : left + ink.shape[1]] = ink * (255 // INK)
    return Picture.of(np.minimum(255, square.astype(int) * 255 // max(1, int(square.max())))[None].astype(np.uint8))


def uploaded(key: str) -> list[Picture]:
    """The pictures in the visitor's files; what cannot be read is said."""
    files = st.file_uploader(
        _("Pictures of yours"), TYPES, accept_multiple_files=True, key=key, label_visibility="collapsed",
        help=_("At most {most} at a time. They stay in the server's memory during this visit and are never stored.",
               most=MOST_EACH),
    )  # fmt: skip
    known: dict[str, Picture | None] = st.session_state.get(READ, {})
    # Unpacked once, not at every touch of the page; what lies there no longer is forgotten.
    now = {
        file.file_id: known[file.file_id] if file.file_id in known else picture_in(file) for file in files[-MOST_EACH:]
    }
    st.session_state[READ] = now
    for file in files[-MOST_EACH:]:
        if now[file.file_id] is None:
            st.warning(
                _("“{name}” is no picture that can be read here: JPEG or PNG of at most {most} million pixels, or WebP "
                  "of half as many.", name=plain(file.name[:60]), most=MOST_PIXELS // 1_000_000)
            )  # fmt: skip
    return [picture for file in files if (picture := now[file.file_id]) is not None]


def picture_in(file: BytesIO) -> Picture | None:
    """The picture in a file; None where there is none that can be read."""
    try:
        return Picture.of(photograph(file.getvalue()))
    except ValueError:
        return None
