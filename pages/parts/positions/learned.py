"""Learned positions while they train: how alike the rows of the table become, with the scrubber of every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from models.attention import AttentionTraining
from models.experiment import Experiment
from pages.parts import watching
from pages.parts.lab import Lab
from pages.parts.positions.longer import CONTEST
from pages.parts.table import Table
from pages.parts.words import _
from state import links
from state.runs import Run, runs

SHOWN = CONTEST.but(positions="learned", weight_decay=1.0, steps=800)
"""Weight decay pulls away what is of no use: without it most of the first noise stays, and hides the pattern."""

ATTENTION = str(Path(__file__).parents[2] / "attention.py")
FAR = 8


class Watched(Lab):
    """A run without knobs: what is done in its picture stays on this tab, and out of the page's address."""

    def keep(self, table: Table) -> None:
        st.session_state[self.place] = table

    def lay(self, table: Table) -> None:
        """A fork needs knobs, and these are on the attention page."""
        self.keep(replace(table, fork=None))
        if table.fork is not None:
            st.switch_page(ATTENTION, query_params=links.write(table.shown, at=table.fork))
        st.rerun()


def panels(experiment: AttentionTraining) -> Sequence[Mapping[str, Any]]:
    """The similarity of all rows, and the accuracy beside it."""
    length = experiment.length
    return [
        {
            "kind": "sheet", "title": _("Cosine similarity of the learned positions"), "array": "similarity",
            "shape": [length, length], "range": [-1, 1], "x_label": _("position"), "y_label": _("position"),
        },
        {
            "kind": "curves", "title": _("Accuracy"),
            "columns": [{"name": "held_out", "label": _("held-out examples")}],
        },
    ]  # fmt: skip


def draw() -> None:
    """The whole tab."""
    st.markdown(
        _("A learned table starts as noise: every position is like itself alone. Whatever pattern grows was learned: "
          "on the task of the next tab, with weight decay, which pulls away noise of no use. Scrub through the "
          "training and see neighbours become alike.")
    )  # fmt: skip
    lab = Watched(family="positions.learned", cls=AttentionTraining, line="", front=(), panels=panels)
    first: Experiment = SHOWN
    table: Table = st.session_state.get(lab.place) or Table(first, first)
    run = runs().find(table.shown.key)
    if run is None:
        if st.button(_("Train a learned table"), key="positions.train", type="primary", icon=":material/play_arrow:"):
            lab.open(table.shown, resume=True)
            st.rerun()
        return
    st.session_state.setdefault(f"{lab.family}.autoplay", table.shown.key)
    lab.keep(watching.picture(lab, table))
    if run.status().state == "finished":
        st.markdown(grown(run, table.shown.steps))


def grown(run: Run, last: int) -> str:
    """What became of neighbours, in numbers."""
    start, end = (run.snapshot(step) for step in (0, last))
    if start is None or end is None:
        return ""
    near, far = alike(end.arrays["similarity"], 1), alike(end.arrays["similarity"], FAR)
    return _(
        "Neighbours: {before} alike on average at the start, {after} at the end. Positions {far} apart: {distant} at "
        "the end.",
        before=alike(start.arrays["similarity"], 1), after=near, far=FAR, distant=far,
    )  # fmt: skip


def alike(similarity_TT: np.ndarray, distance: int) -> float:
    """Mean cosine similarity of positions that far apart; bytes stand for -1 … 1."""
    return round(float(np.diagonal(similarity_TT, distance).mean() / 127.5 - 1), 2)
