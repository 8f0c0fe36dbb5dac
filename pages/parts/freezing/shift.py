"""What kind of shift: a map of which part of the net to tune, and what the gradient would have said beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from models.experiment import Snapshot
from models.layers.stack import LAYERS
from models.metrics.comparison import FEWEST, band, differences, verdict
from models.shift_map import KINDS, PARTS, ROUND, ShiftMap
from pages.parts.controls import controls
from pages.parts.freezing import forest, measuring
from pages.parts.freezing.names import fixed
from pages.parts.words import _

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table

DEEPEST = 45
"""Percent of colour in the best cell: its number must stay readable on it."""
EVERYTHING = list(PARTS).index("all")


def kinds() -> Mapping[str, str]:
    """The kinds of shift, as the head of a column says them."""
    return {"input": _("Input: paler pictures"), "features": _("Features: other shapes"),
            "labels": _("Labels: names exchanged")}  # fmt: skip


def parts() -> Mapping[str, str]:
    """The parts that are tuned, from the picture up."""
    return {
        "none": _("no layer"), "conv1": "conv1", "conv1_2": "conv1 + conv2", "conv3": "conv3", "conv4": "conv4",
        "hidden": _("the hidden layer"), "head": _("the head"), "all": _("everything"),
    }  # fmt: skip


def draw(lab: Lab, table: Table) -> None:
    """The dials, the button, and the map."""
    key = f"{lab.family}.shift"
    st.markdown(
        _("The same letters, changed in three ways. For each change, one part of the net is tuned on a few labels and "
          "the rest stays frozen. Which part should it be?")
    )  # fmt: skip
    left, right = st.columns([5, 2], gap="medium")
    with right:
        said = controls(key, ShiftMap(), ("contrast", "shapes", "labels", "per_class"))
        count = measuring.seeds(key, 5)
        experiment = ShiftMap.of({**said, "steps": ROUND * count})
        run = measuring.button(lab, experiment, key)
    with left:
        if run is None:
            st.info(_("Nobody has measured this here yet: about ten seconds of one processor core for each seed."),
                    icon=":material/science:")  # fmt: skip
        else:
            measuring.follow(experiment, run, lambda picture: show(experiment, picture))


def show(experiment: ShiftMap, picture: Snapshot) -> None:
    """What may be said, the map, and the gradient's forecast."""
    test_KPS = picture.arrays["test_KPS"].astype(float)
    st.markdown("\n".join(f"- {sentence(kind, test_PS)}" for kind, test_PS in zip(KINDS, test_KPS, strict=True)))
    st.html(forest.style() + heat(test_KPS))
    st.caption(
        _("Test accuracy in %, with 95 % intervals over seeds (Student's t; none below three), {labels} labels. Each "
          "cell is at its own best of five learning rates, chosen on 500 validation pictures; the best of a column is "
          "framed. A seed has a pretrained net, labels and batches of its own.",
          labels=10 * experiment.per_class)
    )  # fmt: skip
    pulled_KL = picture.arrays["pulled_KLS"].astype(float)
    st.markdown("**" + _("What the gradient says beforehand") + "**")
    st.markdown(forecast(pulled_KL, test_KPS))
    st.html(gradients(pulled_KL))
    st.caption(
        _("Norm of each layer's gradient over the norm of its weights, before the first update, the largest is 1 "
          "(Auto-RGN of Lee et al. 2022, who take it anew in every epoch).")
    )  # fmt: skip


def sentence(kind: str, test_PS: np.ndarray) -> str:
    """Whether the best part beats tuning everything, as far as the paired tests allow to say it."""
    name = kinds()[kind]
    compared = differences(test_PS, EVERYTHING)
    mean_P = band(test_PS).mean
    fewest = min(one.n for one in compared)
    if fewest < FEWEST:
        return _("**{kind}**: a verdict needs three seeds.", kind=name)
    best = int(np.nanargmax(mean_P))
    if best == EVERYTHING:
        return _("**{kind}**: tuning everything has the highest mean (n = {n}).", kind=name, n=fewest)
    one, judged = compared[best], verdict(compared)[best]
    fields = {"kind": name, "part": parts()[list(PARTS)[best]], "points": fixed(100 * one.mean),
              "low": fixed(100 * one.low), "high": fixed(100 * one.high), "n": one.n,
              "count": len(PARTS) - 1}  # fmt: skip
    if judged == "better":
        return _("**{kind}**: tuning {part} alone beats tuning everything by **{points}** points ({low} … {high}, "
                 "n = {n}).", **fields)  # fmt: skip
    return _("**{kind}**: {part} has the highest mean, but after Holm's correction for {count} comparisons is not "
             "shown to beat tuning everything ({low} … {high} points, n = {n}).", **fields)  # fmt: skip


def heat(test_KPS: np.ndarray) -> str:
    """Parts down, kinds across: mean and half of the interval; the best of each column is framed."""
    found = band(test_KPS)
    known = found.mean[np.isfinite(found.mean)]
    top = float(known.max()) if known.size else 1.0
    best_K = np.nan_to_num(found.mean, nan=-1.0).argmax(1)
    lines = []
    for part, name in enumerate(PARTS):
        cells = [f"<td>{escape(parts()[name])}</td>"]
        for kind in range(len(KINDS)):
            mean, high = float(found.mean[kind, part]), float(found.high[kind, part])
            half = f" <small>± {fixed(100 * (high - mean))}</small>" if np.isfinite(high) else ""
            said = f"{fixed(100 * mean)}{half}" if np.isfinite(mean) else "·"
            cells.append(cell(said, mean / top, bool(part == best_K[kind] and np.isfinite(mean))))
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return grid([_("What is tuned"), *kinds().values()], lines)


def gradients(pulled_KLS: np.ndarray) -> str:
    """Layers down, kinds across: how strongly each layer is pulled for its size; the strongest is framed."""
    mean_KL = band(pulled_KLS).mean
    lines = []
    for layer, name in enumerate(LAYERS):
        cells = [f"<td>{escape(parts().get(name, name))}</td>"]
        for pull_L in mean_KL:
            known = bool(np.isfinite(pull_L[layer]))
            strongest = known and bool(pull_L[layer] == pull_L.max())
            cells.append(cell(fixed(float(pull_L[layer]), 2) if known else "·", float(pull_L[layer]), strongest))
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return grid([_("Layer"), *kinds().values()], lines)


def forecast(pulled_KLS: np.ndarray, test_KPS: np.ndarray) -> str:
    """The layer that is pulled most beside the part that was best, for each kind that has both."""
    mean_KL, mean_KP = band(pulled_KLS).mean, band(test_KPS).mean
    told, right = [], 0
    for kind, pull_L, mean_P in zip(KINDS, mean_KL, mean_KP, strict=True):
        if not (np.isfinite(pull_L).all() and np.isfinite(mean_P).all()):
            continue
        layer, winner = int(pull_L.argmax()), list(PARTS)[int(mean_P.argmax())]
        right += winner != "all" and layer in PARTS[winner]
        told.append(
            _("{kind} → {layer}, measured: {part}", kind=kinds()[kind], part=parts()[winner],
              layer=parts().get(LAYERS[layer], LAYERS[layer]))
        )  # fmt: skip
    if not told:
        return _("It points to one layer; whether that was the right one is known when a column is full.")
    return "; ".join(told) + ". " + _("Right in {right} of {total}.", right=right, total=len(told))


def cell(said: str, share: float, framed: bool) -> str:
    """A number on a ground as deep as its share of the largest one."""
    ground = DEEPEST * min(max(share, 0.0), 1.0) if np.isfinite(share) else 0.0
    mark = ' class="tf-best"' if framed else ""
    colour = f"background: color-mix(in srgb, var(--tf-heat) {ground:.0f}%, transparent)"
    return f'<td{mark} style="{colour}">{said}</td>'


def grid(heads: Sequence[str], lines: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="tf-scroll"><table class="tf-table tf-heat"><tr>{head}</tr>{"".join(lines)}</table></div>'
