"""The weights that a tab works with: of the newest checkpoint not later than the step that is looked at."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import streamlit as st

from models.attention import AttentionTraining
from models.experiment import Checkpoint
from models.layers.study import Study
from pages.parts.lab import Lab
from pages.parts.lanes import ACTIVE
from pages.parts.later import later
from pages.parts.table import Table
from pages.parts.words import _
from state.runs import Run, runs

LOOK_S = 2.0
NEWEST = 10**9


@dataclass(frozen=True)
class Weights:
    """One checkpoint of one run; equal to every other that names the same."""

    key: str
    step: int
    experiment: AttentionTraining = field(compare=False, repr=False)
    checkpoint: Checkpoint = field(compare=False, repr=False)


class Failed:
    """What a computation leaves that could not be done."""


@lru_cache(maxsize=4)
def study(weights: Weights) -> Study:
    """The model with these weights. For the one thread of `later` alone: heads are silenced in place."""
    return weights.experiment.revive(weights.checkpoint)


def weights(lab: Lab, table: Table) -> Weights | None:
    """What a tab works with, said on the page; None, and why, where there is nothing yet."""
    run, experiment = runs().find(table.shown.key), table.shown
    if run is None or not isinstance(experiment, AttentionTraining):
        st.info(_("There is nothing to look into yet: train these settings first."), icon=":material/hourglass_empty:")
        return None
    active = run.status().state in ACTIVE
    checkpoint = run.checkpoint(held(lab, run, table.at, active))
    if checkpoint is None:
        st.info(_("This run has not saved its weights yet; it does so within its first steps."), icon=":material/save:")
        return None
    place = f"{lab.family}.weights"
    st.session_state[place] = (run.key, table.at, checkpoint.step)
    st.caption(_("Computed with the weights saved at step {step}.", step=checkpoint.step))
    if active and table.at is None:
        offer(lab, run, checkpoint.step)
    return Weights(run.key, checkpoint.step, experiment, checkpoint)


def held(lab: Lab, run: Run, at: int | None, active: bool) -> int:
    """The step to look for: while a run trains, the one looked at before, so that numbers do not change unasked."""
    if at is not None:
        return at
    known: tuple[str, int | None, int] | None = st.session_state.get(f"{lab.family}.weights")
    return known[2] if active and known is not None and known[:2] == (run.key, None) else NEWEST


def offer(lab: Lab, run: Run, step: int) -> None:
    """While the run trains: a button that takes its newer weights."""

    @st.fragment(run_every=LOOK_S)
    def newer() -> None:
        newest = run.checkpoint(NEWEST)
        later_step = step if newest is None else newest.step
        label = _("Take the newest weights, step {step}", step=later_step)
        if st.button(label, key=f"{lab.family}.newest", disabled=later_step <= step, icon=":material/update:"):
            st.session_state.pop(f"{lab.family}.weights", None)
            st.rerun()

    newer()


def computed(lab: Lab, name: str, key: Hashable, compute: Callable[[], Any], mine: Hashable) -> Any:
    """`compute()`, off the page's path; until it is there, the answer before it, where it was about `mine` as well.

    None where there is nothing to show yet; the page then says so and is drawn again.
    """
    place = f"{lab.family}.{name}.last"
    found = later((name, key), lambda: _tried(compute), None)
    if isinstance(found, Failed):
        st.warning(_("This could not be computed for these weights."), icon=":material/warning:")
        return None
    if found is not None:
        st.session_state[place] = (mine, found)
        return found
    st.caption(_("Computing …"))
    before = st.session_state.get(place)
    return before[1] if before is not None and before[0] == mine else None


def _tried(compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except (RuntimeError, ValueError, IndexError, MemoryError):
        logging.getLogger(__name__).exception("A tab could not be computed.")
        return Failed()
