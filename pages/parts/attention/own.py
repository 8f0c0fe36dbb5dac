"""The visitor's own pairs or text, checked before anything trains on them."""

from __future__ import annotations

import streamlit as st

from models.attention import OWN, AttentionTraining
from models.data.sequences import task
from models.experiment import BadExperiment, Value
from pages.parts.controls import key_of
from pages.parts.words import _, told

ROWS_PX = 220
PASTED = 200_000
"""Characters that the field takes at all: the browser drops a longer paste without a word."""


def own(family: str, experiment: AttentionTraining) -> dict[str, Value]:
    """The text area, where the task is the visitor's own; raises `BadExperiment` that says what to do."""
    kept: dict[str, Value] = {"knocked_out": experiment.knocked_out}
    if experiment.task not in OWN:
        return kept
    key = key_of(family, "own")
    # The beginning too, so that a browser that missed the message with the text does not send back an empty one.
    now = st.session_state.setdefault(key, experiment.own)
    if experiment.task == "own_pairs":
        label, help = (
            _("Your pairs"),
            _("One pair a line: input → output. An arrow, ->, = or a tab stands between them."),
        )
    else:
        label, help = _("Your text"), _("The model learns to continue it, letter by letter.")
    text = st.text_area(
        label, now, key=key, help=help, height=ROWS_PX, max_chars=PASTED,
        placeholder=_("Empty: the built-in example is used."),
    )  # fmt: skip
    most = experiment.knobs()["own"].max_length or 0
    if len(text) > most:
        fault = _(
            "The text has {count} characters; at most {most} can be read. Shorten it.", count=len(text), most=most
        )
        raise BadExperiment({"own": fault})
    if text:
        try:
            task(experiment.task, length=experiment.length, own=text)
        except ValueError as error:
            raise BadExperiment({"own": told(error)}) from error
    return {**kept, "own": text}
