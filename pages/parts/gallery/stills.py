"""Thumbnails: a run's last picture, or the course of its first number where it has none; made once for each step."""

from __future__ import annotations

import base64
import io
import time
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from pages.parts.miniature import DARK, DARK_DATA, LIGHT, LIGHT_DATA, miniature
from pages.parts.words import _
from state.columns import Column, thin
from state.history import History
from state.shelf import Entry

SIDE_PX = 112
"""Twice what the table shows: screens have more than one dot for a pixel."""
BUDGET_S = 0.25
"""How long one rerun draws; what is left comes with the next."""
MOST = 4000
FINER = 3
LAST = 2**31

_drawn: OrderedDict[object, tuple[str, str]] = OrderedDict()


def stills(entries: Sequence[Entry], dark: bool) -> tuple[dict[str, tuple[str, str]], bool]:
    """Per key the picture as a data address and what it is, as far as time allows; and whether that was all."""
    until, found = time.perf_counter() + BUDGET_S, {}
    for entry in entries:
        place = (entry.directory, entry.step, entry.state, dark)
        if place not in _drawn and time.perf_counter() > until:
            continue
        if place not in _drawn:
            _drawn[place] = _still(entry, dark)
            while len(_drawn) > MOST:
                _drawn.popitem(last=False)
        found[entry.key] = _drawn[place]
    return found, len(found) == len(entries)


def _still(entry: Entry, dark: bool) -> tuple[str, str]:
    """The picture and the name of what it shows: "picture", or the column whose course it is; empty for nothing."""
    picture = _picture(entry, dark)
    if picture is not None:
        return _address(picture), "picture"
    name = main_column(entry)
    curve = entry.curve(name) if name else None
    return ("", "") if curve is None or len(curve[0]) < 2 else (_address(spark(curve, dark)), name)


def _picture(entry: Entry, dark: bool) -> Image.Image | None:
    snapshot = History(entry.directory).snapshot(LAST) if entry.experiment is not None else None
    if entry.experiment is None or snapshot is None:
        return None
    try:
        return miniature(entry.experiment, snapshot, dark)
    except (LookupError, ValueError, TypeError, AttributeError):
        return None  # recorded before its family's pictures became what they are; the curve tells enough


def alt(entry: Entry, what: str) -> str:
    """The thumbnail in words."""
    if what in ("", "picture"):
        return _("The last picture, at step {step}", step=entry.step)
    last = entry.last().get(what)
    return _("The course of {what} to {last} at step {step}", what=title_of(entry, what), last=last, step=entry.step)


def main_column(entry: Entry) -> str:
    """The first number of its family that the run has recorded; empty where it has none."""
    have = entry.last()
    titled = entry.experiment.columns if entry.experiment is not None else {}
    return next((name for name in (*titled, *sorted(have)) if name in have), "")


def title_of(entry: Entry, column: str) -> str:
    """A column as visitors read it."""
    titled = entry.experiment.columns if entry.experiment is not None else {}
    return _(titled[column]) if column in titled else column


def spark(curve: Column, dark: bool) -> Image.Image:
    """A column as a small line, from its lowest to its highest value."""
    steps, values = thin(*curve, 120)
    known = np.isfinite(values)
    steps, values = steps[known], values[known]
    side = SIDE_PX * FINER
    paper, line = (DARK[1], DARK_DATA) if dark else (LIGHT[1], LIGHT_DATA)
    picture = Image.new("RGB", (side, side), tuple(int(part) for part in paper))
    if len(steps) > 1:
        across = 0.06 + 0.88 * (steps - steps[0]) / max(1, steps[-1] - steps[0])
        up = 0.9 - 0.8 * (values - values.min()) / (float(np.ptp(values)) or 1.0)
        points = [(float(x) * side, float(y) * side) for x, y in zip(across, up, strict=True)]
        fill = tuple(int(part) for part in line)
        ImageDraw.Draw(picture).line(points, fill=fill, width=3 * FINER, joint="curve")
    return picture


def _address(picture: Image.Image) -> str:
    small = picture.convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
