"""Knobs as widgets: every slider, its help and its bounds come from the knob's one declaration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import streamlit as st

from models.experiment import BadExperiment, Experiment, Knob, Value
from pages.parts.words import _, shown

MOST_PLACES = 500


def key_of(family: str, name: str) -> str:
    """The widget's key; the family's name keeps one page's values out of another's."""
    return f"{family}.{name}"


def set_widgets(family: str, experiment: Experiment) -> None:
    """Move every widget to the experiment's values; to be called before the widgets are drawn."""
    for name in experiment.knobs():
        st.session_state[key_of(family, name)] = getattr(experiment, name)


def controls(
    family: str,
    experiment: Experiment,
    names: Iterable[str],
    *,
    locked: Callable[[Knob], bool] = lambda knob: False,
) -> dict[str, Value]:
    """Draws the named knobs that matter for `experiment` and returns what they say now."""
    said: dict[str, Value] = {}
    for name in names:
        knob = experiment.knobs()[name]
        if not knob.when or experiment.model_copy(update=said).matters(knob):
            said[name] = widget(knob, key_of(family, name), getattr(experiment, name), disabled=locked(knob))
    return said


def widget(knob: Knob, key: str, value: Value, *, disabled: bool = False) -> Value:
    """The one widget for a knob's kind; `value` is where it starts when it was never drawn."""
    label, help = sentence_case(_(knob.label)), _(knob.help)
    # Also the widget's own beginning: the message that sets its value is lost where a rerun overtakes it, and the
    # browser would start from the lowest value and send that back as the visitor's wish.
    now: Any = st.session_state.setdefault(key, value)
    common: dict[str, Any] = {"key": key, "help": help, "disabled": disabled}
    match knob.kind:
        case "bool":
            return bool(st.toggle(label, now, **common))
        case "choice":
            place = knob.options.index(now) if now in knob.options else 0
            return str(st.selectbox(label, knob.options, place, format_func=option, filter_mode=None, **common))
        case "int" | "float" if knob.log:
            number = int if knob.kind == "int" else float
            grid = {number(stop) for stop in knob.grid() if float(stop) == number(stop)}
            stops = sorted(grid | {number(now)})
            return number(st.select_slider(label, stops, number(now), format_func=shown, **common))
        case "int" if (knob.high or 0) - (knob.low or 0) <= 1024:
            whole = int(knob.step or 1)
            return int(st.slider(label, int(knob.low or 0), int(knob.high or 0), int(now), step=whole, **common))
        case "int":
            return int(st.number_input(label, int(knob.low or 0), int(knob.high or 0), int(now), step=1, **common))
        case "float":
            step = float(knob.step or 0.01)
            digits = max(0, len(f"{step:.10f}".rstrip("0").split(".")[1]))
            low, high = float(knob.low or 0), float(knob.high or 1)
            places = round((high - low) / step)
            if places <= MOST_PLACES:
                # A slider of numbers writes them with a point in every language; one of words leaves that to us.
                stops = sorted({round(low + place * step, digits) for place in range(places + 1)} | {float(now)})
                return float(st.select_slider(label, stops, float(now), format_func=shown, **common))
            return float(st.slider(label, low, high, float(now), step=step, format=f"%.{digits}f", **common))
        case _:
            return str(st.text_input(label, now, max_chars=knob.max_length, **common))


def option(name: str) -> str:
    """An option of a choice as visitors read it."""
    return _(name.replace("_", " "))


def rebuilt(experiment: Experiment, said: Mapping[str, Value]) -> Experiment | None:
    """The experiment with the widgets' values; where they are impossible together, says so and gives None."""
    try:
        return experiment.but(**said)
    except BadExperiment as error:
        for name, fault in error.faults.items():
            knob = experiment.knobs().get(name)
            st.error(f"**{_(knob.label) if knob else name}**: {_(fault)}", icon=":material/error:")
        return None


def sentence_case(label: str) -> str:
    """A label with its first letter large and the others as they are: “learning rate of D” keeps its D."""
    return label[:1].upper() + label[1:]
