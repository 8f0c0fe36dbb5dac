"""One weight, computed before the visitor's eyes, and two sentences compared: where the numbers come from."""

from __future__ import annotations

import streamlit as st
from torch import Tensor

from models.metrics.cell import Row
from models.sentence_encoder import DRAWN, Reading, SentenceModel, shares
from pages.parts.attention.neuron import neuron
from pages.parts.plain import plain
from pages.parts.sentences.chips import Chips
from pages.parts.sentences.desk import MOST_LETTERS, reading
from pages.parts.sentences.picture import Chosen, short
from pages.parts.sentences.questions import table, token
from pages.parts.words import _, fixed, shown

SECOND = "Too exhausted, the beast stayed on this side of the road."
OTHER = "sentences.second"
KEYS = 6


def weight(found: Reading, chosen: Chosen) -> None:
    """The exact weight between two tokens, from q · k on."""
    names, side = found.names, found.drawn.side
    layer, head = chosen.layer, chosen.head
    cell = tuple(min(place * side, len(names) - 1) for place in chosen.cell or (0, 0))
    weight_TT = found.weight(layer, head)
    # Without a cell: the word that is surest of where to look.
    query = cell[0] if chosen.cell else int(weight_TT[:, 1:-1].amax(1).argmax()) if len(names) > 2 else 0
    places, which = range(len(names)), f"{layer}.{head}.{chosen.cell}"
    query = token(_("From (query)"), names, f"query.{which}", query, places)
    key = cell[1] if chosen.cell and query == cell[0] else int(weight_TT[query].argmax())
    key = token(_("To (key)"), names, f"key.{which}.{query}", key, places)
    arithmetic(found, layer, head, query, key)


def arithmetic(found: Reading, layer: int, head: int, query: int, key: int) -> None:
    """The weight to six digits, and how it comes about; of long texts, the strongest keys of the same row."""
    names, weight_T = found.names, found.weight(layer, head)[query]
    title = _("{head}: “{query}” gives “{key}” a weight of {weight}", head=short(layer, head), query=names[query],
              key=names[key], weight=fixed(float(weight_T[key]), 6))  # fmt: skip
    row = found.row(layer, head, query)
    if row is not None and len(names) <= DRAWN:
        neuron(row, (names[query], names), (query, key), True, title, "sentences.neuron")
    else:
        st.markdown(f"**{plain(title)}**")
        strongest(names, weight_T, row, key)
    st.caption(_("The picture's bytes are weights × 255, rounded; these are the exact values."))


def strongest(names: list[str], weight_T: Tensor, row: Row | None, key: int) -> None:
    """The chosen key and the best of the others, with their scores where they are known."""
    others = [int(place) for place in weight_T.argsort(descending=True)[:KEYS] if int(place) != key]
    rows = []
    for place in (key, *others):
        name = f"**{plain(names[place])}**" if place == key else plain(names[place])
        scored = [] if row is None else [shown(round(float(each[place]), 4)) for each in (row.raw_S, row.score_S)]
        rows.append([str(place), name, *scored, fixed(float(weight_T[place]), 6)])
    scores = [] if row is None else ["q · k", f"q · k / √{len(row.q_D)}"]
    table([_("place"), _("key"), *scores, _("weight")], rows)


def put(text: str) -> None:
    """Lay another text beside the visitor's: to be called before the text field is drawn."""
    st.session_state[OTHER] = text


def second_text() -> str:
    """The text to compare with, and some that show something."""
    offers = [
        (_("the same, said differently"), SECOND),
        (_("another story"), "The stock market fell sharply on Monday."),
        (_("the opposite"), "The animal crossed the street because it was wide awake."),
    ]
    st.session_state.setdefault(OTHER, st.session_state.get(f"{OTHER}.kept", SECOND))
    with st.container(horizontal=True, gap="small"):
        for number, (label, text) in enumerate(offers):
            st.button(label, key=f"sentences.offer.{number}", on_click=put, args=(text,))
    said = st.text_area(_("A second sentence"), key=OTHER, max_chars=MOST_LETTERS, height=68)
    st.session_state[f"{OTHER}.kept"] = said = (said or "")[:MOST_LETTERS]
    return said


def compare(model: SentenceModel, found: Reading) -> None:
    """The purpose of the model: how near two sentences are, and what each token adds to it."""
    other = reading(model, second_text())
    cosine = float(found.embedding @ other.embedding)
    st.metric(_("Cosine similarity"), shown(round(cosine, 3)))
    st.caption(
        _("1 means the same direction, 0 nothing in common. Each token's share is exact: an embedding is the mean over "
          "its tokens, so the cosine is a sum of one share per token. By then a token holds something of all others.")
    )  # fmt: skip
    both = [(found, shares(found, other)), (other, shares(other, found))]
    largest = max(float(share_T.abs().max()) for _reading, share_T in both)
    for each, share_T in both:
        Chips(largest, percent=False).row(each.names, share_T.tolist())
        st.caption(_("The shares add up to {sum}.", sum=round(float(share_T.sum()), 3)))
