"""Generate: a trained decoder writes token by token, by a temperature, a top-k and a top-p of the visitor's choice."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import fields
from functools import lru_cache

import streamlit as st

from models.attention import AttentionTraining
from models.data.sequences import Pairs, Sequences
from models.layers.decoding import Beam
from models.metrics.writing import Answer, Manner, Prompt, answer, beams, prompt_of
from models.running import stream
from pages.parts.attention.weights import Weights, computed, study, weights
from pages.parts.attention.written import distribution, hypotheses, maps, text
from pages.parts.lab import Lab
from pages.parts.table import Table
from pages.parts.words import _, language, told

MOST_LETTERS = 400
EXAMPLES = 100
WIDEST = 8


def draw(lab: Lab, table: Table) -> None:
    """A prompt, a manner of writing, and what came of it."""
    if isinstance(table.shown, AttentionTraining) and table.shown.shape == "encoder":
        st.info(
            _("An encoder answers at once, position by position: it writes nothing. Choose a decoder or an "
              "encoder–decoder above."), icon=":material/info:",
        )  # fmt: skip
        return
    st.caption(_("The model writes on its own: every token is drawn from its distribution and read again."))
    found = weights(lab, table)
    if found is None:
        return
    left, right = st.columns(2, gap="medium")
    with left:
        prompt = prompted(lab, found)
    with right:
        manner = chosen_manner(lab, found)
    if prompt is None:
        return
    read = (tuple(prompt.read_T.tolist()), None if prompt.encoder_N is None else tuple(prompt.encoder_N.tolist()))
    asked = (found, read, prompt.answer, manner)
    said: Answer | None = computed(lab, "writing", asked, lambda: answer(study(found), prompt, manner), found.key)
    if said is not None:
        vocabulary = found.experiment.source().vocabulary
        text(said, found.experiment.source())
        if said.tokens:
            distribution(lab, said, vocabulary)
            maps(lab, said, found.experiment)
    if found.experiment.source().kind == "pairs":
        search(lab, found, prompt, read)


def prompted(lab: Lab, found: Weights) -> Prompt | None:
    """A held-out example, or the visitor's own words; None where these cannot be read, and why."""
    typed = st.text_input(
        _("Your own input"), max_chars=MOST_LETTERS, key=f"{lab.family}.generate.text.{language()}",
        placeholder=_("Empty: a held-out example is used."),
    )  # fmt: skip
    number = st.number_input(
        _("Held-out example"), 1, EXAMPLES, 1, disabled=bool(typed), key=f"{lab.family}.generate.example"
    )
    try:
        drawn = found.experiment.source().read(typed) if typed else held_out(found.experiment, int(number) - 1)
    except ValueError as error:
        st.warning(told(error), icon=":material/edit:")
        return None
    return prompt_of(found.experiment, drawn, given(lab, found, drawn) if isinstance(drawn, Sequences) else 1)


@lru_cache(maxsize=32)
def every(experiment: AttentionTraining) -> Pairs | Sequences:
    """The examples that can be chosen."""
    return experiment.source().held_out(EXAMPLES, stream(experiment.seed, "writing"))


def held_out(experiment: AttentionTraining, number: int) -> Pairs | Sequences:
    """One of them alone."""
    drawn = every(experiment.at(0))
    return type(drawn)(*(getattr(drawn, each.name)[number : number + 1] for each in fields(drawn)))


def given(lab: Lab, found: Weights, drawn: Sequences) -> int:
    """How many tokens of a sequence are read before the model goes on."""
    longest, known = found.experiment.source().longest[0], int((drawn.tokens_BS != 0).sum())
    most = min(longest - 1, known)
    if most < 2:
        return 1
    usual = most if known < longest else longest // 2
    key = f"{lab.family}.generate.given.{found.key}.{known}.{language()}"
    return int(st.slider(_("Tokens given"), 1, most, min(usual, most), key=key))


def chosen_manner(lab: Lab, found: Weights) -> Manner:
    """Temperature, top-k, top-p and seed."""
    key, vocabulary = f"{lab.family}.generate", len(found.experiment.source().vocabulary)
    temperature = st.slider(
        _("Temperature"), 0.0, 2.0, 1.0, 0.05, key=f"{key}.temperature",
        help=_("0 always takes the likeliest token; 1 draws as the model says; above, unlikely tokens gain."),
    )  # fmt: skip
    top_k = st.slider(
        _("Top-k"), 0, vocabulary, 0, key=f"{key}.top_k.{vocabulary}",
        help=_("Only the k likeliest tokens may be drawn; 0: all."),
    )  # fmt: skip
    top_p = st.slider(
        _("Top-p"), 0.05, 1.0, 1.0, 0.05, key=f"{key}.top_p",
        help=_("Only the fewest tokens may be drawn that together carry this probability."),
    )  # fmt: skip
    seed = st.number_input(_("Seed of the writing"), 0, 10**6, 0, key=f"{key}.seed")
    return Manner(float(temperature), int(top_k), float(top_p), int(seed))


def search(lab: Lab, found: Weights, prompt: Prompt, read: Hashable) -> None:
    """Beam search from the same prompt."""
    st.markdown("**" + _("Beam search") + "**")
    width = st.slider(
        _("Width"), 1, WIDEST, 4, key=f"{lab.family}.generate.width",
        help=_("Hypotheses that are carried on at every step; 1 is greedy."),
    )  # fmt: skip
    key = (found, read, prompt.answer, width)
    best: list[Beam] | None = computed(lab, "beams", key, lambda: beams(study(found), prompt, width), found.key)
    if best is not None:
        hypotheses(best, prompt, found.experiment.source())
