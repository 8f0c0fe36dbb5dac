"""The lab's own controls: from which task to which, which strategies take part, and a plan to paint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from models.experiment import BadExperiment, Value
from models.layers.plans import STRATEGIES, multipliers, paint
from models.layers.stack import LAYERS
from models.transfer import FreezeLab
from pages.parts.controls import key_of, sentence_case
from pages.parts.freezing.names import explained, names, pairs
from pages.parts.lanes import ACTIVE
from pages.parts.planner import WORDS, painted, planner
from pages.parts.words import _, language, translated
from state.runs import runs

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table

PAINTED = 100
"""Steps of the table from which a strategy's plan is painted."""


def own(lab: Lab, family: str, experiment: FreezeLab) -> dict[str, Value]:
    """What these controls say. Raises `BadExperiment` where no strategy is chosen."""
    table: Table | None = st.session_state.get(f"{family}.table")
    forking = table is not None and table.fork is not None
    said: dict[str, Value] = {"pair": pair(family, experiment, disabled=forking)}
    said["strategies"] = strategies(family, experiment, disabled=forking)
    with st.expander(_("Paint your own plan"), icon=":material/brush:", expanded=bool(experiment.own_plan) or forking):
        said["own_plan"] = plan(family, experiment, table)
        if table is not None and not forking:
            take_over(lab, table, str(said["own_plan"]))
    return said


def pair(family: str, experiment: FreezeLab, disabled: bool) -> str:
    """Which two tasks."""
    knob, said = experiment.knobs()["pair"], pairs()
    key = key_of(family, "pair")
    now = st.session_state.setdefault(key, experiment.pair)
    return str(
        st.selectbox(
            sentence_case(_(knob.label)), knob.options, knob.options.index(now) if now in knob.options else 0,
            format_func=lambda name: said[name], key=key, help=_(knob.help), filter_mode=None, disabled=disabled,
        )
    )  # fmt: skip


def strategies(family: str, experiment: FreezeLab, disabled: bool) -> str:
    """Who takes part, as chips; the widget follows the table where a story or a link laid another one."""
    knob, said, what = experiment.knobs()["strategies"], names(), explained()
    key = f"{key_of(family, 'strategies')}.{language()}"
    if st.session_state.get(f"{key}.was") != experiment.strategies:
        st.session_state[key] = [name for name in STRATEGIES if name in experiment.strategies.split(",")]
        st.session_state[f"{key}.was"] = experiment.strategies
    told = "\n".join(f"- **{said[name]}**: {what[name]}" for name in STRATEGIES)
    chosen = st.pills(
        sentence_case(_(knob.label)), STRATEGIES, selection_mode="multi", format_func=lambda name: said[name], key=key,
        help=f"{_(knob.help)}\n\n{told}", disabled=disabled, wrap=True,
    )  # fmt: skip
    if not chosen:
        raise BadExperiment({"strategies": _("Choose at least one strategy.")})
    text = ",".join(name for name in STRATEGIES if name in chosen)
    st.session_state[f"{key}.was"] = text
    return text


def plan(family: str, experiment: FreezeLab, table: Table | None) -> str:
    """The painter; what it said last is old once the experiment has it."""
    key = key_of(family, "own_plan")
    now, past = moment(table)
    result = planner(
        experiment.own_plan, layers=LAYERS, presets=beginnings(), key=f"{key}.planner", now=now, past=past,
        words={**translated(WORDS), "locale": language()}, on_plan=lambda: None,
    )  # fmt: skip
    said, heard = painted(result.get("plan")), f"{key}.heard"
    if said is None or said == st.session_state.get(heard):
        return experiment.own_plan
    if said[0] == experiment.own_plan:
        st.session_state[heard] = said
    return said[0]


def moment(table: Table | None) -> tuple[float | None, bool]:
    """Which share of the training the marker stands at, and whether what lies before it is past."""
    if table is None:
        return None, False
    if table.fork is not None:
        return table.fork / table.settings.steps, True
    run = runs().find(table.shown.key)
    step = table.at if table.at is not None else run.status().step if run and run.status().state in ACTIVE else None
    return (None if step is None else min(1.0, step / table.shown.steps)), False


def beginnings() -> list[Mapping[str, Any]]:
    """Every strategy's plan as a plan to start from; surgical fine-tuning has none: its rates come from gradients."""
    said = names()
    return [
        {"label": said[name], "text": paint(multipliers(name, PAINTED))}
        for name in STRATEGIES
        if name not in ("scratch", "surgical")
    ]


def take_over(lab: Lab, table: Table, text: str) -> None:
    """While it trains, or at a moment of the past, a new plan can take effect from there on."""
    shown, run = table.shown, runs().find(table.shown.key)
    if not isinstance(shown, FreezeLab) or run is None or not text:
        return
    step = min(run.status().step if table.at is None else table.at, shown.steps - 1)
    if text == shown.at(step).own_plan or step <= 0 or (table.at is None and run.status().state not in ACTIVE):
        return
    label = _("Follow this plan from step {step} on", step=step)
    if st.button(label, key=f"{lab.family}.follow", icon=":material/fork_right:", width="stretch"):
        forked = shown.fork(step, own_plan=text)
        if lab.open(forked, resume=True) is not None:
            lab.lay(replace(table, settings=forked, shown=forked, at=None, fork=None))
