"""Learned positions while they train: how alike the rows of the table become, with the scrubber of every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from models.attention import AttentionTraining
from models.experiment import Experiment
from pages.parts.lab import Lab
from pages.parts.positions.longer import CONTEST
from pages.parts.table import Table
from pages.parts.words import _
from state.runs import runs

SHOWN = CONTEST.but(positions="learned", weight_decay=1.0, steps=800)
"""Weight decay pulls away what is of no use: without it most of the first noise stays, and hides the pattern."""


class Watched(Lab):
    """A run without knobs: what is done in its picture stays on this tab, and out of the page's address."""

    def keep(self, table: Table) -> None:
        st.session_state[self.place] = table

    def lay(self, table: Table) -> None:
        self.keep(replace(table, fork=None))
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
    if runs().find(table.shown.key) is None:
        if st.button(_("Train a learned table"), key="positions.train", type="primary", icon=":material/play_arrow:"):
            lab.open(table.shown, resume=True)
            st.rerun()
        return
    lab.keep(lab.picture(table))
