"""The picture of a reading: the grid of all heads and the chosen one, in the live view, from frames inside the page."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from models.metrics.sentence import ROLES
from models.sentence_encoder import Drawn
from pages.parts.live import WORDS, live
from pages.parts.plain import plain
from pages.parts.sentences.desk import VIEW, without
from pages.parts.table import Said
from pages.parts.words import _, language, translated
from state.frames import encode

LIVE, HEARD = "sentences.live", "sentences.heard"
SMALL_BYTES = 150_000
SETTLED_S = 2.0
CLEAR = 0.25
"""A role that no head fills better has no button: the best of 72 spread heads says nothing."""
HEAD = re.compile(r"\bhead\.self\.([0-9]{1,3})\.([0-9]{1,3})(?=,|$)")
LOCK = re.compile(r"\block\.q\.([0-9]{1,3})(?=,|$)")
CELL = re.compile(r"\bcell\.([0-9]{1,3})\.([0-9]{1,3})(?=,|$)")


@dataclass(frozen=True)
class Chosen:
    """The head, and the cell of its map, that the visitor looks at; counted from 0."""

    layer: int = 0
    head: int = 0
    cell: tuple[int, int] | None = None
    query: int | None = None
    """The token whose row is held, if any."""

    @classmethod
    def read(cls, view: str, drawn: Drawn) -> Chosen:
        """What `view` says, as far as the picture has it: a link can say anything."""
        layers, heads = drawn.maps_LHGG.shape[:2]
        layer, head, cell, query = 0, 0, None, None
        if (found := HEAD.search(view)) and int(found[1]) < layers and int(found[2]) < heads:
            layer, head = int(found[1]), int(found[2])
        if (found := CELL.search(view)) and max(int(found[1]), int(found[2])) < len(drawn.names):
            cell = int(found[1]), int(found[2])
            query = cell[0]
        if (found := LOCK.search(view)) and int(found[1]) < len(drawn.names):
            query = int(found[1])
        return cls(layer, head, cell, query)


def role_names() -> dict[str, str]:
    """What each role looks at, as visitors read it."""
    return {
        "previous": _("the token before"), "current": _("the token itself"), "next": _("the token after"),
        "first": _("the first token, [CLS]"), "separator": _("the end, [SEP]"),
        "same_token": _("the same token elsewhere"),
    }  # fmt: skip


def best(drawn: Drawn, role: str) -> tuple[int, int, float]:
    """The head that fills a role best, (layer, head, score)."""
    scores_LH = drawn.roles_LHR[..., ROLES.index(role)]
    layer, head = divmod(int(scores_LH.argmax()), scores_LH.shape[1])
    return layer, head, float(scores_LH[layer, head])


def look_at(layer: int, head: int) -> None:
    """Choose a head: what else the view says of how it is drawn stays, the cell of another head does not."""
    kept = without(st.session_state[VIEW], "head", "cell", "lock")
    st.session_state[VIEW] = ",".join(filter(None, (f"head.self.{layer}.{head}", kept)))


def short(layer: int, head: int) -> str:
    """A head's name as the grid writes it, counted from 1."""
    return _("L{layer} H{head}", layer=layer + 1, head=head + 1)


def role_buttons(drawn: Drawn, chosen: Chosen) -> None:
    """One button per role: a press shows the head that fills it best in this very sentence."""
    names = role_names()
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(_("Heads that look at"), width="content")
        for role in ("previous", "next", "same_token", "first", "current", "separator"):
            layer, head, score = best(drawn, role)
            here = (chosen.layer, chosen.head) == (layer, head)
            if score >= CLEAR:
                st.button(
                    f"{names[role]} · {short(layer, head)}", key=f"sentences.role.{role}", on_click=look_at,
                    args=(layer, head), type="primary" if here else "secondary",
                    help=_("This head puts {share} % of its attention there.", share=round(100 * score)),
                )  # fmt: skip


def sentence_of(drawn: Drawn, chosen: Chosen) -> str:
    """In words, what the chosen head does."""
    scores_R = drawn.roles_LHR[chosen.layer, chosen.head]
    first, second = (int(role) for role in np.argsort(-scores_R)[:2])
    names = role_names()
    said = _(
        "**{head}**: on average {share} % of its attention on {place}, {share2} % on {place2}.",
        head=_("Layer {layer}, head {head}", layer=chosen.layer + 1, head=chosen.head + 1),
        share=round(100 * float(scores_R[first])), place=names[ROLES[first]],
        share2=round(100 * float(scores_R[second])), place2=names[ROLES[second]],
    )  # fmt: skip
    if chosen.query is None:
        return said
    row_G = drawn.maps_LHGG[chosen.layer, chosen.head, chosen.query]
    most = int(row_G.argmax())
    told = _("“{query}” looks most at “{key}”: {share} %.", query=plain(drawn.names[chosen.query]),
             key=plain(drawn.names[most]), share=round(100 * int(row_G[most]) / 255))  # fmt: skip
    return f"{said} **{told}**"


def show(drawn: Drawn, name: str, text: str) -> Chosen:
    """Buttons, a sentence and the picture itself; what the visitor looks at now."""
    _hear()
    chosen = Chosen.read(st.session_state[VIEW], drawn)
    role_buttons(drawn, chosen)
    st.markdown(sentence_of(drawn, chosen))
    mount(drawn, name, text, LIVE, heads(drawn), st.session_state[VIEW])
    if drawn.side > 1:
        st.caption(
            _("Each cell of these maps is the largest weight in a block of {side} × {side} tokens, so that nothing "
              "strong is lost. The tab “One weight, computed” has every exact value.", side=drawn.side)
        )  # fmt: skip
    return chosen


def mount(drawn: Drawn, name: str, text: str, place: str, panels: Sequence[Mapping[str, Any]], view: str,
          more: Mapping[str, str] | None = None) -> None:  # fmt: skip
    """The live view with a reading's one frame; `more` are words that it says in place of its own."""
    key = "static-" + hashlib.sha256(f"{place}\0{name}\0{text}".encode("utf-8", "replace")).hexdigest()[:20]
    entry = {"key": key, "label": name, "active": False, "static": True}
    words = translated(WORDS) | {"locale": language(), **(more or {})}
    arrays = [group["array"] for group in panels[0]["groups"]] + [role["array"] for role in panels[0]["roles"].values()]
    live([entry], panels, words=words, key=place, view=view, frames=_news(drawn, key, place, arrays))


def heads(drawn: Drawn) -> list[dict[str, Any]]:
    """The grid of all heads and the large one."""
    roles = {"self": {"array": "roles_self", "names": [role_names()[role] for role in ROLES]}}
    common = {**maps(drawn, "self", _("Attention heads")), "roles": roles}
    return [
        {"kind": "heads", "title": _("All heads"), **common},
        {"kind": "head", "title": _("One head"), **common},
    ]


def maps(drawn: Drawn, name: str, label: str) -> dict[str, Any]:
    """What a panel has to know of one kind of map."""
    sides = {"queries": drawn.names, "keys": drawn.names}
    return {
        "groups": [{"array": f"maps_{name}", "name": name, "label": label}], "vocabulary": [], "agreement": None,
        "examples": [{name: sides, "targets": None, "demanded": {}}], "roles": {},
    }  # fmt: skip


def frame(drawn: Drawn, key: str, arrays: Sequence[str]) -> bytes:
    """The one frame of a reading, with the arrays that its panels draw."""
    known = {
        "maps_self": drawn.maps_LHGG[None], "maps_rollout": drawn.rollout_LGG[None, :, None],
        "roles_self": drawn.roles_LHR,
    }  # fmt: skip
    return encode({"kind": "snapshot", "step": 0, "key": key, "live": True}, {name: known[name] for name in arrays})


def _news(drawn: Drawn, key: str, place: str, arrays: Sequence[str]) -> list[bytes]:
    """The frame where the browser may lack it: a large one travels once, and again until it has surely arrived."""
    sent = f"{place}.sent"
    if place not in st.session_state or st.session_state.get(sent, ("",))[0] != key:
        st.session_state[sent] = (key, time.monotonic())
    settled = time.monotonic() - st.session_state[sent][1] > SETTLED_S
    return [] if settled and drawn.maps_LHGG.nbytes > SMALL_BYTES else [frame(drawn, key, arrays)]


def _hear() -> None:
    """What the visitor chose in the picture; only news count, as it keeps what it said last."""
    said = Said.read(st.session_state.get(LIVE)).view
    if said is not None and said != st.session_state.get(HEARD):
        st.session_state[HEARD] = said
        st.session_state[VIEW] = said[0]
