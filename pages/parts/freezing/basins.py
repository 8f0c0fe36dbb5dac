"""Basins: the loss between two fine-tunings and between nets from scratch, as lines and as a landscape, live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import streamlit as st

from models.basins import JUDGED, LINES, MARGIN, PAIRS, Basins
from models.experiment import Snapshot
from models.layers.stack import HEAD, LAYERS
from models.metrics.comparison import band
from models.transfer import FreezeLab
from pages.parts import watching
from pages.parts.freezing import forest, measuring
from pages.parts.freezing.names import fixed, pairs
from pages.parts.freezing.panels import note
from pages.parts.live import WORDS, live
from pages.parts.table import Command
from pages.parts.words import _, language, translated

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table

HUES = {"start": 4, "tuned": 0, "scratch": 1, "mixed": 5}
WALL_NATS = 0.05
"""A barrier below this is none: the losses themselves are several times larger."""


def ways() -> Mapping[str, str]:
    """The lines, by what they lead from and to."""
    return {
        "start": _("pretrained → tuned"), "tuned": _("tuned → tuned"), "scratch": _("scratch → scratch"),
        "mixed": _("tuned → scratch"),
    }  # fmt: skip


def draw(lab: Lab, table: Table) -> None:
    """Two fine-tunings and two nets from scratch, and what lies between them while they learn."""
    shown = table.shown
    if not isinstance(shown, FreezeLab):
        return
    possible = get_args(Basins.model_fields["pair"].annotation)
    st.caption(
        _("Two fine-tunings of the pretrained net, each with an order of its own, and two nets from scratch. Walk "
          "straight from one net's weights to another's: does the loss rise on the way?")
    )  # fmt: skip
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        count = measuring.seeds(f"{lab.family}.basins", 3)
    pair = shown.pair if shown.pair in possible else "glyphs"
    experiment = Basins.of({"pair": pair, "seed": shown.seed, "seeds": count})
    st.caption(_("From {pair}, {count} labels per class.", pair=pairs()[pair], count=experiment.per_class))
    with right:
        run = measuring.button(lab, experiment, f"{lab.family}.basins")
    if run is None:
        return
    words = {**translated(dict(WORDS)), "locale": language()}
    entry = {"key": run.key, "label": "", "whole": True, **watching.phase(run)}
    said = live([entry], list(panels(experiment)), words=words, key=f"{lab.family}.basins.live")
    command = Command.read(said.get("command"))
    if command is not None and command.verb in ("pause", "stop", "step", "resume"):
        watching.obey(lab, table, [run], command)
    measuring.follow(experiment, run, lambda picture: tell(experiment, picture))


def panels(experiment: Basins) -> Sequence[Mapping[str, Any]]:
    """The landscape, the lines, and the barriers over training."""
    said = ways()
    edge = [-MARGIN, 1 + MARGIN]
    lines = [{"array": f"line_{name}", "label": said[name], "hue": HUES[name]} for name in LINES]
    bands = [
        {"arm": name, "label": said[name], "hue": HUES[name], "dash": 0, "name": f"barrier_{name}",
         "low": f"barrier_{name}_low", "high": f"barrier_{name}_high"}
        for name in PAIRS
    ]  # fmt: skip
    return [
        {
            "kind": "plane", "title": _("The loss on the plane through three nets, first seed"),
            "extent": [*edge, *edge], "data": [[0, 0], [1, 0], [0, 1]],
            "surface": "surface", "surface_range": [0, 4], "surface_mid": 2,
            "surface_symbol": _("loss"), "axes": [_("to the fine-tuned net"), _("to the net from scratch")],
            "labels": {"data": _("Pretrained, fine-tuned, from scratch"), "surface": _("Loss, nats")},
        },
        {
            "kind": "profile", "title": _("Loss on the straight way, nats"), "x": "share", "lines": lines,
            "x_label": _("share of the way"),
        },
        {"kind": "bands", "plain": True, "title": _("Barrier, nats"), "columns": bands, "note": note(experiment.seeds)},
    ]  # fmt: skip


def tell(experiment: Basins, picture: Snapshot) -> None:
    """What was measured, in a sentence and a table."""
    arrays = picture.arrays
    spread = band(arrays["barrier_WS"].astype(float))
    start = _("At step {step}, {seeds} seeds, {count} held-out pictures:", step=picture.step, seeds=experiment.seeds,
              count=JUDGED)  # fmt: skip
    highest, lowest = float(spread.high[0]), float(spread.low[1])
    verdict = _("no difference shown yet.")
    if highest < WALL_NATS < lowest:
        verdict = _(
            "between two fine-tunings there is **no wall** (at most {low} nats, upper end of the interval); between "
            "two nets from scratch there is one of **{high} nats** and more.",
            low=fixed(highest, 3), high=fixed(lowest, 2),
        )  # fmt: skip
    st.markdown(f"{start} {verdict}")
    st.html(forest.style() + rows(arrays))


def rows(arrays: Mapping[str, np.ndarray]) -> str:
    """Barrier, distance, and likeness of features after each layer, for each line."""
    spread, far = band(arrays["barrier_WS"].astype(float)), band(arrays["distance_WS"].astype(float))
    heads = [_("Way"), _("Barrier, nats"), _("Distance of weights"), *(f"CKA {name}" for name in LAYERS[:HEAD])]
    lines = []
    for place, name in enumerate(LINES):
        cells = [forest.drawn(HUES[name], 0) + escape(ways()[name])]
        if name in PAIRS:
            pair = list(PAIRS).index(name)
            for found, digits in ((spread, 3), (far, 2)):
                half = float(found.high[pair] - found.mean[pair])
                cells.append(f"{fixed(float(found.mean[pair]), digits)} <small>± {fixed(half, digits)}</small>")
        else:
            cells += ["–", "–"]
        cells += [fixed(float(value), 3) if np.isfinite(value) else "–" for value in arrays["cka_WL"][place]]
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="tf-scroll"><table class="tf-table"><tr>{head}</tr>{"".join(lines)}</table></div>'
