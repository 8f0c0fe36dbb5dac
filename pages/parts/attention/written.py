"""What a model wrote, as pictures: its tokens, the distribution before each, the attention of all, hypotheses."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from models.attention import AttentionTraining
from models.data.sequences import Task
from models.layers.decoding import Beam
from models.metrics.writing import Answer, Prompt
from pages.parts.attention.panels import groups_of
from pages.parts.attention.sheets import Cell, sheet
from pages.parts.lab import Lab
from pages.parts.live import WORDS, live
from pages.parts.words import _, language, percent, shown, translated
from state.frames import encode

BEST = 12
"""Tokens of a distribution that are shown one by one; the rest is one row."""
STYLE = """
<style>
.tl-written { display: flex; flex-wrap: wrap; gap: 0.25rem; margin: 0.3rem 0 0.5rem; }
.tl-written span { padding: 0.15rem 0.4rem; border-radius: 5px; border: 1px solid rgba(127, 120, 170, 0.3); }
.tl-written .tl-new { font-weight: 600; background: rgba(124, 104, 238, 0.22); }
.tl-written .tl-wrong { text-decoration: underline wavy #d9730d; background: rgba(217, 115, 13, 0.28); }
</style>
"""


def text(said: Answer, task: Task) -> None:
    """Prompt and written tokens in a row, the wrong ones marked, and how the answer compares with the right one."""
    encoder_N = said.prompt.encoder_N
    before = [] if encoder_N is None else [token for token in encoder_N.tolist() if token]
    pieces = [("", token) for token in (*before, *said.prompt.read_T.tolist()) if token]
    classes = {True: "tl-new", False: "tl-new tl-wrong", None: "tl-new"}
    pieces += [(classes[right], token) for right, token in zip(said.right, said.tokens, strict=True)]
    spans = "".join(f'<span class="{name}">{html.escape(task.vocabulary[token])}</span>' for name, token in pieces)
    st.html(f'{STYLE}<div class="tl-written">{spans}</div>')
    st.markdown(verdict(said, task))


def verdict(said: Answer, task: Task) -> str:
    """Right or wrong, in one sentence."""
    if not said.tokens:
        return _("The prompt leaves no room to write: give fewer tokens.")
    judged = [right for right in said.right if right is not None]
    if not said.prompt.known or not judged:
        return _("No answer to this is right or wrong: many continuations are possible.")
    if task.kind == "sequences":
        return _("{right} of {count} tokens that can be known are right.", right=sum(judged), count=len(judged))
    wanted = [token for token in said.prompt.answer if token is not None]
    if list(said.tokens) == wanted:
        return _("**Right**, from the first token to the last.")
    return _("**Wrong**: the right answer is {answer}.", answer=f"`{task.say(wanted)}`".replace("``", "` `"))


def distribution(lab: Lab, said: Answer, vocabulary: Sequence[str]) -> None:
    """The model's distribution before one written token, and the truncated one that the token was drawn from."""
    count = len(said.tokens)
    place = 1 if count == 1 else int(
        st.slider(_("Written token"), 1, count, 1, key=f"{lab.family}.generate.place.{count}")
    )  # fmt: skip
    token, whole_V, cut_V = said.tokens[place - 1], said.whole_MV[place - 1], said.cut_MV[place - 1]
    first = np.argsort(-whole_V, kind="stable")[:BEST].tolist()
    first += [] if token in first else [token]

    def cells(whole: float, cut: float, marked: bool) -> list[Cell]:
        return [Cell(percent(share), share, marked=marked, bar=True) for share in (float(whole), float(cut))]

    rows = [(vocabulary[v], cells(whole_V[v], cut_V[v], v == token)) for v in first]
    rest = len(whole_V) - len(first)
    if rest > 0:
        left = [max(0.0, 1.0 - float(p_V[first].sum())) for p_V in (whole_V, cut_V)]
        rows.append((_("{count} others", count=rest), cells(left[0], left[1], False)))
    title = _(
        "Token {place}: what the model says, and what is drawn from (outlined: the token that was drawn)", place=place
    )
    sheet(title, [_("all, at temperature 1"), _("truncated")], rows)


def maps(lab: Lab, said: Answer, experiment: AttentionTraining) -> None:
    """The attention of the whole written sequence: each row is a token that was read, also those just written."""
    words = experiment.source().vocabulary
    own = [words[token] for token in (*said.prompt.read_T.tolist(), *said.tokens)]
    shown: dict[str, Any] = {"self": {"queries": own, "keys": own}, "targets": None, "demanded": {}}
    if said.prompt.encoder_N is not None:
        read = [words[token] for token in said.prompt.encoder_N.tolist()]
        shown |= {"encoder": {"queries": read, "keys": read}, "cross": {"queries": own, "keys": read}}
    common = {
        "groups": groups_of(experiment), "examples": [shown], "vocabulary": list(words), "roles": {}, "agreement": None,
    }  # fmt: skip
    several = experiment.num_layers * experiment.num_heads > 1 or len(groups_of(experiment)) > 1
    heads = [{"kind": "heads", "title": _("All heads on what was written"), **common}] if several else []
    panels = [*heads, {"kind": "head", "title": _("One head on what was written"), **common}]
    frame = encode({"kind": "snapshot", "step": 0, "key": "written", "live": True}, said.maps)
    live(
        [{"key": "written", "label": "", "active": False, "static": True}], panels,
        words={**translated(WORDS), "locale": language()}, key=f"{lab.family}.written", frames=[frame],
    )  # fmt: skip


def hypotheses(best: Sequence[Beam], prompt: Prompt, task: Task) -> None:
    """The hypotheses of a beam search, best first."""
    wanted = tuple(token for token in prompt.answer if token is not None)
    rows = [
        (
            f"{place}. {task.say(beam.tokens) or '·'}",
            [
                Cell(shown(round(beam.log_probability, 3))),
                Cell(shown(round(beam.score, 4))),
                Cell({True: _("right"), False: _("wrong"), None: "–"}[beam.tokens == wanted if wanted else None]),
            ],
        )
        for place, beam in enumerate(best, 1)
    ]
    sheet(
        _("Hypotheses, best first"), [_("log-probability (nats)"), _("score: nats per token"), _("against the answer")],
        rows,
    )  # fmt: skip
