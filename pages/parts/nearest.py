"""The trained model behind a tab: of the shown run, the checkpoint nearest to the step that is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import streamlit as st

from pages.parts.table import Table
from pages.parts.words import _
from state.runs import runs


class Revived(Protocol):
    """What a family makes of a checkpoint."""

    @property
    def step(self) -> int: ...


Found = TypeVar("Found", bound=Revived)


def nearest(table: Table, revive: Callable[[str, int], Found | None]) -> Found | None:
    """What `revive` makes of the run's key and the checkpoint's step; says so where there is nothing yet."""
    run = runs().find(table.shown.key)
    checkpoint = None
    if run is not None:
        at = run.status().step if table.at is None else table.at
        checkpoint = run.checkpoint(at)
    found = revive(table.shown.key, checkpoint.step) if checkpoint is not None else None
    if found is None:
        st.info(_("Train first: this works on a trained model."), icon=":material/play_circle:")
        return None
    st.caption(_("The model as it was at step {step}, the checkpoint nearest to what you look at.", step=found.step))
    return found
