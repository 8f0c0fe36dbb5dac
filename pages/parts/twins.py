"""Twins: the same experiment with one knob changed, same seed, same batches, on the same axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from models.experiment import Experiment, Value
from pages.parts.controls import option, rebuilt, widget
from pages.parts.lanes import ACTIVE
from pages.parts.words import _, language, shown
from state.runs import Run

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table


Lesson = Callable[[Any, tuple[str, Value], Sequence[Run], int | None], str]

SPOKEN = 5
"""Numbers in the sentence: more would be a table."""


def label(experiment: Experiment, table: Table) -> str:
    """How a run is called where two stand side by side: by the one knob in which they differ."""
    if table.twin is None and table.beside is None:
        return ""
    name = table.twin[0] if table.twin else (table.beside or ("", ()))[0]
    value = getattr(experiment, name)
    if table.twin is None and isinstance(value, str):
        return said(value)  # a name says of itself what it names
    return f"{_(experiment.knobs()[name].label)}: {said(getattr(experiment, name))}"


def said(value: Value) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return option(value) if isinstance(value, str) else shown(value)


def chooser(lab: Lab, table: Table) -> None:
    """Choose the knob and its other value; the twin trains beside the run that is shown."""
    st.caption(_("The same run with one thing changed: same seed, same data, same batches, same axes."))
    names = table.shown.twin_knobs()
    twin = table.twin if table.twin and table.twin[0] in names else None
    usual = next((front for front in lab.front[1:] if front in names), names[0])
    left, middle, right = st.columns([3, 3, 2], vertical_alignment="bottom")
    with left:
        name = st.selectbox(
            _("What differs"), names, index=names.index(twin[0] if twin else usual),
            format_func=lambda name: _(lab.cls.knobs()[name].label),
            key=f"{lab.family}.twin.knob.{language()}", filter_mode=None,
        )  # fmt: skip
    with middle:
        knob = lab.cls.knobs()[name]
        # One widget per language: in another one it would be new, and start from its lowest value.
        start = twin[1] if twin and twin[0] == name else getattr(table.shown, name)
        value = widget(knob, f"{lab.family}.twin.{name}.{language()}", start)
    with right:
        same = value == getattr(table.shown, name)
        if st.button(
            _("Train the twin"), key=f"{lab.family}.twin.train", disabled=same, icon=":material/compare:",
            help=_("Choose a value that differs first.") if same else None, width="stretch",
        ):  # fmt: skip
            other = rebuilt(table.shown, {name: value})
            if other is not None and lab.open(table.shown) is not None and lab.open(other) is not None:
                lab.lay(replace(table, twin=(name, value)))
    if table.twin is not None and st.button(_("Show one run again"), key=f"{lab.family}.twin.end", type="tertiary"):
        lab.lay(replace(table, twin=None))


def verdict(
    experiment: Experiment, twin: tuple[str, Value], both: Sequence[Run], at: int | None, lesson: Lesson
) -> None:
    """One sentence: what differs, and by how much the measured numbers differ at the step that is looked at; and what
    the family makes of them."""

    @st.fragment(run_every=1.0 if any(run.status().state in ACTIVE for run in both) else None)
    def sentence() -> None:
        name, value = twin
        start = _(
            "Only **{knob}** differs: {one} and {other}.",
            knob=_(experiment.knobs()[name].label), one=said(getattr(experiment, name)), other=said(value),
        )  # fmt: skip
        measured = " ".join(numbers(both[0], both[1], at)) if len(both) == 2 else ""
        learned = lesson(experiment, twin, both, at) if len(both) == 2 else ""
        st.markdown(f"{start} {learned or measured}")
        if learned:
            st.caption(measured)

    sentence()


def numbers(one: Run, other: Run, at: int | None) -> list[str]:
    """The measured numbers of two runs at the last step that both have reached, not later than `at`."""
    first, second = one.columns(), other.columns()
    titles = one.experiment.columns
    names = [name for name in titles if name in first and name in second][:SPOKEN]
    if not names:
        return []
    step = min(int(columns[name][0][-1]) for columns in (first, second) for name in names[:1])
    step = step if at is None else min(step, at)
    pairs = [(name, value_at(first[name], step), value_at(second[name], step)) for name in names]
    told = [
        _("{what} {one} against {other}", what=_(titles[name]), one=a, other=b)
        for name, a, b in pairs
        if a is not None and b is not None
    ]
    return [_("At step {step}:", step=step), "; ".join(told) + "."] if told else []


def value_at(column: tuple[np.ndarray, np.ndarray], step: int) -> float | None:
    """The newest value not later than `step`."""
    steps, values = column
    place = int(np.searchsorted(steps, step, side="right")) - 1
    return float(values[place]) if place >= 0 else None
