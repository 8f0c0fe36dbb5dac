"""What lies before a visitor of the sentences page: the model, the text, and how its picture is looked at.

The text and the view are the page's address, so that a link shows the same sentence and the same head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import streamlit as st

from models.data import hub, minilm
from models.data.minilm import MiniLm
from models.sentence_encoder import Reading, SentenceModel, read
from pages.parts.words import _, language, told
from state import links

MOST_LETTERS = 3000
PASTED = 200_000
"""Characters that the field takes at all: the browser drops a longer paste without a word."""
MOST_LINES = 250
"""Letters: a longer new text is drawn as a map, until the visitor asks for lines."""
IN_LINK = 600
"""Longer texts are not carried by the page's address."""
TEXT, VIEW = "sentences.text", "sentences.view"
KEPT, ADDRESS, SPOKEN, HUB = "sentences.kept", "sentences.address", "sentences.spoken", "sentences.hub"
FIRST = "The animal didn't cross the street because it was too tired."
LOOK = "head.self.3.1,form.lines,lock.q.10"
"""What of the first sentence is shown first: where “it” looks."""


def examples() -> Sequence[tuple[str, str, str]]:
    """Sentences that show something: what, the text, and the view that shows it. Most are English, as the model is."""
    return [
        (_("What does “it” mean?"), FIRST, LOOK),
        (_("A word that comes twice"), "The cat sat on the mat because the cat was tired, and then it slept.",
         "head.self.2.9"),
        (_("Who is who?"), "When Anna met Tom, she asked him about his brother.", "head.self.2.4"),
        (_("Vietnamese, read by an English model"), "Hôm nay trời đẹp quá, chúng ta đi dạo quanh hồ nhé.",
         "head.self.0.2"),
    ]  # fmt: skip


@st.cache_resource(show_spinner=False)
def house_model() -> MiniLm:
    return minilm.load()


@st.cache_resource(show_spinner=False, max_entries=1)
def hub_model(name: str) -> hub.HubModel:
    return hub.fetch(name)


@st.cache_resource(show_spinner=False, max_entries=24)
def _reading(name: str, text: str, masked: int | None, _model: Any) -> Reading:
    return read(_model, text, masked)


def reading(model: SentenceModel, text: str, masked: int | None = None) -> Reading:
    """`text` as `model` reads it, computed once for all visitors."""
    with st.spinner(_("Reading …")):
        return _reading(model.name, text, masked, model)


def chosen_model() -> SentenceModel | None:
    """The hub's model where the visitor asked for one, else that of the house; None where it is not installed."""
    wish = st.session_state.get(HUB)
    try:
        if wish and hub.allowed():
            with st.spinner(_("Fetching {name} …", name=wish)):
                return cast(SentenceModel, hub_model(wish))
    except hub.ModelError as error:
        # Forgotten: or every touch of the page would knock at the network again.
        st.session_state[HUB] = ""
        st.error(told(error), icon=":material/error:")
    try:
        with st.spinner(_("Loading the weights …")):
            return cast(SentenceModel, house_model())
    except minilm.WeightsError:
        return None


def ask_hub() -> None:
    """A field for the name of another model, where the operator allows it."""
    if not hub.allowed():
        return
    with (
        st.expander(_("Another model from the hub"), icon=":material/cloud_download:"),
        st.form("sentences.fetch", border=False),
    ):
        name = st.text_input(
            _("Name on the Hugging Face hub"), max_chars=200, placeholder="owner/name", key="sentences.id"
        )
        st.caption(
            _("BERT-like text encoders with safetensors weights of at most 500 MB. An empty name goes back to MiniLM.")
        )
        if st.form_submit_button(_("Fetch")):
            st.session_state[HUB] = (name or "").strip()
            st.rerun()


def put(text: str, view: str = "") -> None:
    """Lay a text before the visitor: to be called before the text field is drawn."""
    st.session_state[TEXT] = st.session_state[KEPT] = text[:MOST_LETTERS]
    st.session_state[VIEW] = view if links.VIEW.fullmatch(view) else ""


def arrive() -> None:
    """The text and the view of a new address; else what the visitor left."""
    address = {name: value for name, value in st.query_params.items() if name in ("text", "view")}
    known = st.session_state.get(ADDRESS)
    if known is None or (address and address != known):
        # Remembered at once: a visitor who types before this script run ends would find it undone by the next.
        st.session_state[ADDRESS] = address
        put(address.get("text") or FIRST, address.get("view", "" if "text" in address else LOOK))
    # In another language the field is a new one; and Streamlit forgets what a visitor of another page had written.
    if TEXT not in st.session_state or st.session_state.get(SPOKEN) != language():
        put(st.session_state[KEPT], st.session_state[VIEW])
    st.session_state[SPOKEN] = language()


def write() -> str:
    """The text field with its examples; the text that is to be read."""
    with st.container(horizontal=True, gap="small"):
        for number, (name, text, view) in enumerate(examples()):
            kind: Any = "primary" if text == st.session_state[TEXT] else "secondary"
            st.button(name, key=f"sentences.example.{number}", type=kind, on_click=put, args=(text, view))
    said = st.text_area(
        _("Your sentence"), st.session_state[TEXT], key=TEXT, max_chars=PASTED, height=68, label_visibility="collapsed",
        placeholder=_("Write an English sentence of up to 3,000 characters; [MASK] is a word left open."),
    )  # fmt: skip
    if len(said or "") > MOST_LETTERS:
        st.caption(_("Only the first {most} of {count} characters are read.", most=MOST_LETTERS, count=len(said)))
    said = (said or "")[:MOST_LETTERS]
    if said != st.session_state[KEPT]:
        # The place of a word in another sentence is not that word's any more.
        # And lines between hundreds of tokens are a thicket.
        stale = ("cell", "lock", "form") if len(said) > MOST_LINES else ("cell", "lock")
        st.session_state[VIEW] = without(st.session_state[VIEW], *stale)
    st.session_state[KEPT] = said
    return said


def without(view: str, *kinds: str) -> str:
    """The view without the words of these kinds."""
    return ",".join(word for word in view.split(",") if word and word.split(".")[0] not in kinds)


def keep() -> None:
    """Say text and view in the page's address."""
    text, view = st.session_state[KEPT], st.session_state[VIEW]
    address = {"text": text} if text != FIRST and 0 < len(text) <= IN_LINK else {}
    address |= {"view": view} if view != (LOOK if "text" not in address else "") else {}
    st.session_state[ADDRESS] = address
    wanted = dict(address)
    if "lang" in st.query_params:
        wanted["lang"] = language()
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)
