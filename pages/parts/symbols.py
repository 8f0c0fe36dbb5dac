"""The symbols of a page's equations, each with the control that sets it and the value that it has now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from models.experiment import Experiment
from pages.parts.controls import sentence_case
from pages.parts.twins import said
from pages.parts.words import _

SYMBOLS: Mapping[str, Mapping[str, str]] = {
    "gan": {
        r"\eta_D": "lr_d", r"\eta_G": "lr_g", "z": "noise_dim", r"\gamma": "r1_gamma", r"\lambda": "gp_weight",
    },
    "race": {"n": "seeds", "z": "noise_dim"},
    "cycle_gan": {r"\lambda": "cycle"},
    "image_gan": {r"\gamma": "r1_gamma", "z": "latent_dim", r"\eta_D": "lr_d", r"\eta_G": "lr_g"},
    "attention": {"h": "num_heads", r"d_{\mathrm{model}}": "d_model", r"\sqrt{d}": "scaled"},
    "memory": {"D": "delay", "k": "window"},
    "cost": {"n": "longest", "h": "heads", "d": "head_width", "k": "window"},
    "latent": {"z": "latent_dim", r"\beta": "beta"},
    "freezing": {r"\eta": "lr", "n": "seeds", "s_t": "schedule", "m_{l,t}": "strategies"},
}  # fmt: skip
"""Symbol to knob, by the name of the text; the same name leads to what lies on the visitor's table."""


def others() -> Mapping[str, Mapping[str, str]]:
    """The same for pages without an experiment: symbol to the name of the control."""
    return {
        "positions": {"pos": _("Position: turn the hands"), "d": _("Dimensions d"), "10000": _("Base")},
        "sentences": {"l": _("Layer {layer}, head {head}", layer="l", head="h")},
        "own_classes": {r"\lambda": _("Head"), "x_n": _("What looks at the pictures"), "N": _("your pictures")},
    }


def symbols(name: str) -> None:
    """The table under a text; nothing where it has none."""
    rows = _of_knobs(name, SYMBOLS[name]) if name in SYMBOLS else [[s, c] for s, c in others().get(name, {}).items()]
    if not rows:
        return
    head = [_("Symbol"), _("Control"), _("now")][: len(rows[0])]
    lines = [head, ["---"] * len(head), *([f"${symbol}$", *rest] for symbol, *rest in rows)]
    st.markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))


def _of_knobs(name: str, found: Mapping[str, str]) -> Sequence[list[str]]:
    table = st.session_state.get(f"{name}.table")
    if table is None:
        return []
    experiment: Experiment = table.shown
    knobs = experiment.knobs()
    rows = []
    for symbol, knob in found.items():
        value = said(getattr(experiment, knob)) if len(str(getattr(experiment, knob))) < 40 else "…"
        plays = experiment.matters(knobs[knob])
        rows.append([symbol, sentence_case(_(knobs[knob].label)), value if plays else _("plays no part now")])
    return rows
