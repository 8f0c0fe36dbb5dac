"""Lanes: up to four runs that differ in one knob and are trained, watched, held and shared as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from models.experiment import Beside, Experiment
from pages.parts.words import _, language
from state.runs import Run, runs

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table

ACTIVE = ("queued", "starting", "running")
LOOK_S = 1.0


def together(experiment: Experiment, beside: Beside | None) -> tuple[Experiment, ...]:
    """The experiment and those that run beside it; alone where there are none."""
    name, values = beside or ("", ())
    return (experiment, *(experiment.but(**{name: v}) for v in values if v != getattr(experiment, name)))


def state(experiments: Sequence[Experiment]) -> str:
    """The state of the runs as of one, for the one button: empty where one of them was never trained."""
    known = [runs().find(experiment.key) for experiment in experiments]
    states = [run.status().state if run else "" for run in known]
    for telling in ("", "running", "starting", "queued", "failed", "paused", "stopped", "interrupted"):
        if telling in states:
            return telling
    return "finished"


def chooser(lab: Lab, table: Table) -> None:
    """Which lanes run: one of the lab's contests, in the words of its page."""
    contests: Mapping[str, Beside] = lab.lanes
    chosen = next((name for name, beside in contests.items() if beside == table.beside), None)
    key = f"{lab.family}.lanes.{language()}"
    st.session_state.setdefault(key, chosen)
    if st.session_state.get(f"{key}.was") != chosen:
        st.session_state[key] = st.session_state[f"{key}.was"] = chosen
    wanted = st.segmented_control(_("Side by side"), list(contests), key=key, width="stretch")
    if wanted is not None and wanted != chosen:
        st.session_state[f"{key}.was"] = wanted
        lab.lay(replace(table, beside=contests[wanted], twin=None, at=None))


def waiting(known: Sequence[Run], names: Sequence[str]) -> str:
    """Who waits for a place, in one sentence; empty where nobody does."""
    idle = [name for run, name in zip(known, names, strict=True) if run.status().state == "queued"]
    if not idle or len(known) == 1:
        return ""
    return _(
        "This machine trains {slots} runs at once: {names} wait in line and start by themselves.",
        slots=runs().limits.slots, names=", ".join(idle),
    )  # fmt: skip
