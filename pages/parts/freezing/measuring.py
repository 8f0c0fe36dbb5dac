"""What the tabs that measure have in common: one button, a line that says how far it is, and a picture that fills."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from models.experiment import Experiment, Snapshot
from pages.parts import lanes
from pages.parts.words import _, language
from state.runs import Run, runs

if TYPE_CHECKING:
    from pages.parts.lab import Lab

SEEDS = (3, 5, 10)


def seeds(key: str, usual: int) -> int:
    """How many seeds the visitor wants; more of them continue what fewer have measured."""
    chosen = st.segmented_control(_("Seeds"), SEEDS, default=usual, key=f"{key}.seeds.{language()}", width="stretch")
    return int(chosen or usual)


def button(lab: Lab, experiment: Experiment, key: str) -> Run | None:
    """Starts the measurements, or goes on with them; the run, where there is one."""
    run = runs().find(experiment.key)
    state = run.status().state if run is not None else ""
    said = _("Measuring …") if state in lanes.ACTIVE else _("Measure") if not state else _("Go on")
    if state != "finished" and st.button(
        said, key=f"{key}.go", type="primary", width="stretch", icon=":material/science:",
        disabled=state in lanes.ACTIVE,
    ):  # fmt: skip
        lab.open(experiment, resume=True)
        st.rerun()
    return run


def follow(experiment: Experiment, run: Run, draw: Callable[[Snapshot], None]) -> None:
    """The newest picture, again and again while the run measures."""
    active = run.status().state in lanes.ACTIVE

    @st.fragment(run_every=lanes.LOOK_S if active else None)
    def look() -> None:
        status, picture = run.status(), run.snapshot(experiment.steps)
        if active and status.state not in lanes.ACTIVE:
            st.rerun()
        if status.reason is not None:
            st.warning(_(status.reason.text, **status.reason.values), icon=":material/warning:")
        if status.state == "queued":
            st.progress(0.0, text=_("Waiting in line: place {place}", place=status.place or 1))
        elif active:
            said = _("{count} of {total} measurements", count=status.step, total=experiment.steps)
            st.progress(min(status.step / experiment.steps, 1.0), text=said)
        if picture is None:
            st.caption(_("Waiting for the first numbers …"))
            return
        draw(picture)

    look()
