"""What goes wrong, said while it goes wrong: the failure's name, the measured sign, and its cure at a press."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import streamlit as st

from models.experiment import BadExperiment
from models.gan import GanTraining
from models.metrics.failures import Finding, cure, diagnose
from pages.parts.lab import Lab
from pages.parts.lanes import ACTIVE
from pages.parts.table import Table
from pages.parts.twins import said
from pages.parts.words import _, percent
from state.runs import Run, runs

LOOK_S = 1.0
WATCHED = (
    "loss_d", "loss_g", "d_real", "d_fake", "gradient_d", "gradient_g", "spread", "clipped", "modes_covered",
    "high_quality",
)  # fmt: skip


def watch(lab: Lab, table: Table) -> None:
    """A line over the picture: what fails at the step that is looked at; looked for every second while it trains."""
    run = runs().find(table.shown.key)
    if run is None or not isinstance(table.shown, GanTraining):
        return
    experiment = table.shown

    def look() -> None:
        now = run.status()
        finding = (
            sought(experiment, table.at, now.ended_at)
            if now.ended
            else diagnose(run.columns(WATCHED), experiment, table.at)
        )
        if finding is not None:
            st.warning(f"**{name(finding)}** · {sign(finding)}", icon=":material/troubleshoot:")
            offer(lab, table, experiment, run, finding)

    # A run that has ended says what it says: nothing to look at again.
    (st.fragment(look, run_every=LOOK_S) if run.status().state in ACTIVE else look)()


@lru_cache(maxsize=256)
def sought(experiment: GanTraining, at: int | None, _ended_at: float | None) -> Finding | None:
    """What failed in a run that has ended, until it goes on: looked for once, not at each rerun."""
    run = runs().find(experiment.key)
    return diagnose(run.columns(WATCHED), experiment, at) if run else None


def name(finding: Finding) -> str:
    """What the failure is called."""
    return {
        "divergence": _("Divergence"), "vanishing": _("Vanishing gradient"), "capacity": _("Clipped critic"),
        "collapse": _("Mode collapse"), "oscillation": _("Oscillation"),
    }[finding.kind]  # fmt: skip


def sign(finding: Finding) -> str:
    """By which measured numbers it is named."""
    value, other = finding.value, finding.other or 0.0
    match finding.kind:
        case "divergence":
            return _(
                "at step {step} a loss or gradient is {value} and grows without a bound.",
                step=finding.step, value=value,
            )  # fmt: skip
        case "vanishing":
            return _(
                "D tells data from samples with a gap of {gap}, and the gradient that reaches G has the norm {value}.",
                gap=other, value=value,
            )  # fmt: skip
        case "capacity":
            return _(
                "{share} of D's weights lie at the bound, and its gradient has the norm {value}.",
                share=percent(other), value=value,
            )  # fmt: skip
        case "oscillation":
            return _(
                "what D says of samples swings by ±{value} with a period of {period} steps, and does not calm down.",
                value=round(value, 4), period=int(other),
            )  # fmt: skip
        case _ if finding.sign == "spread":
            return _("the samples are spread over {share} of the data's deviation.", share=percent(value))
    return _("most samples are good, but they lie on {modes} of {all} modes.", modes=int(value), all=int(other))


def offer(lab: Lab, table: Table, experiment: GanTraining, run: Run, finding: Finding) -> None:
    """The cure, from the beginning beside this run, or from here on."""
    knob, value = cure(finding, experiment)
    words = {"knob": _(GanTraining.knobs()[knob].label), "value": said(value)}
    with st.container(horizontal=True, gap="small"):
        known = table.twin == (knob, value) or (table.beside is not None and table.beside[0] == knob)
        if not known and value != getattr(experiment, knob) and st.button(
            _("Cure beside it: {knob} → {value}", **words), key=f"{lab.family}.cure.twin",
            icon=":material/healing:",
        ):  # fmt: skip
            other = experiment.but(**{knob: value})
            if lab.open(other) is not None:
                lab.lay(replace(table, twin=(knob, value), beside=None))
        if finding.kind != "divergence" and st.button(
            _("Fork here with the cure"), key=f"{lab.family}.cure.fork", icon=":material/fork_right:"
        ):
            fork(lab, table, experiment, run, knob, value)


def fork(lab: Lab, table: Table, experiment: GanTraining, run: Run, knob: str, value: object) -> None:
    """The run up to the step that is looked at, cured from there on, for as many steps as it was to have or more."""
    now = run.status().step if table.at is None else table.at
    step = max(0, min(now, experiment.steps - 1))
    try:
        # A run that is over is given as much time again to get well.
        steps = experiment.steps if step < experiment.steps // 2 else step + experiment.steps
        wanted = experiment.fork(step, **{knob: value, "steps": min(steps, 1_000_000)})
    except BadExperiment as error:
        st.error(" ".join(map(_, error.faults.values())), icon=":material/error:")
        return
    if lab.open(wanted) is not None:
        lab.lay(Table(wanted, wanted, view=table.view))
