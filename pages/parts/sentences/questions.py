"""What can be asked of a reading: where things flow, what a masked word changes, and whether attention explains it."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
import streamlit as st

from models.metrics.sentence import ROLES, Agreement, agreement, importance
from models.sentence_encoder import DRAWN, Reading, SentenceModel
from pages.parts.later import later
from pages.parts.plain import plain
from pages.parts.sentences.chips import Chips
from pages.parts.sentences.desk import reading
from pages.parts.sentences.picture import Chosen, maps, mount, role_names, short
from pages.parts.words import _, shown

MOST_PILLS = 48
BEST = 3


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A small table, readable without a mouse; its cells are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    st.markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))


def token(label: str, names: Sequence[str], key: str, default: int, places: Sequence[int]) -> int:
    """The place of the token that the visitor points at."""
    default = default if default in places else places[0]

    def said(place: int) -> str:
        return plain(names[place])

    # The sentence's own widget: a place in another sentence would point at another word.
    key = f"sentences.{key}.{crc32(chr(0).join(names).encode())}"
    if len(places) <= MOST_PILLS:
        picked = st.pills(label, places, default=default, format_func=said, key=key, required=True)
    else:
        picked = st.selectbox(
            label,
            places,
            index=list(places).index(default),
            key=key,
            format_func=lambda place: f"{place} · {names[place]}",
        )
    return default if picked is None else int(picked)


def roles(found: Reading) -> None:
    """Which heads fill which role best in this sentence."""
    st.caption(
        _("Mean attention on each place, over the tokens that have such a place, for the three best heads of each "
          "role. Other sentences give other scores: try one that repeats no word.")
    )  # fmt: skip
    names, scores_LHR = role_names(), found.roles_LHR.nan_to_num().numpy()
    rows = []
    for index, role in enumerate(ROLES):
        flat = scores_LHR[..., index].ravel()
        heads = [divmod(int(place), scores_LHR.shape[1]) for place in np.argsort(-flat)[:BEST]]
        said = [
            # Spaces that do not break: a name and its number stay on one line of a narrow table.
            f"**{short(*place)}** {round(100 * float(scores_LHR[*place, index]))} %".replace(" ", "\u00a0")
            for place in heads
        ]
        rows.append([names[role], *(said if flat.max() > 0 else ["–"] * len(said))])
    table([_("looks at"), _("best"), _("second"), _("third")], rows)


def rollout(model: SentenceModel, text: str, found: Reading) -> None:
    """Which input tokens reach a position, or the whole sentence's embedding."""
    st.markdown(
        _("Attention moves what the layer below holds, not words. *Rollout* multiplies the maps of all layers, half of "
          "each standing for what a token keeps of itself: the share of each input token in what a position holds.")
    )  # fmt: skip
    names, layers = found.names, len(found.rollout_LTT)
    whole = _("the sentence (mean of all)")
    place = token(_("What reaches"), [whole, *names], "rollout", 0, range(len(names) + 1)) - 1
    picked = st.segmented_control(
        _("After layer"), range(1, layers + 1), default=layers, key=f"sentences.layers.{layers}", required=True
    )
    layer = (picked or layers) - 1
    share_T = found.rollout_LTT[layer].mean(0) if place < 0 else found.rollout_LTT[layer, place]
    # Most flows from [CLS] and [SEP], where heads rest: the shades tell the words apart.
    largest = float(share_T[1:-1].max()) if len(share_T) > 2 else None
    Chips(largest).row(names, share_T.tolist(), marked=place if place >= 0 else None)
    st.caption(_("The shares add up to {sum} %.", sum=round(100 * float(share_T.sum()), 2)))
    panel = {"kind": "head", "title": _("Rollout"), **maps(found.drawn, "rollout", _("Rollout"))}
    said = {"head_short": _("after layer {layer}"), "head_name": _("Rollout after layer {layer}")}
    mount(found.drawn, model.name, text, "sentences.rolled", [panel], f"head.rollout.{layer}.0,log", said)


def mask(model: SentenceModel, text: str, found: Reading, chosen: Chosen) -> None:
    """One token replaced by [MASK]: what the embedding loses, and whose attention moves in the chosen head."""
    words = range(1, len(found.tokens) - 1)
    if model.mask is None or not words:
        st.info(_("There is no word to mask."))
        return
    names = found.names
    place = token(_("Replace by [MASK]"), names, "mask", names.index("animal") if "animal" in names else 1, words)
    other = reading(model, text, masked=place)
    cosine = float(found.embedding @ other.embedding)
    st.markdown(
        _("Without **{token}** the sentence's embedding keeps a cosine of **{cosine}** with what it was.",
          token=plain(names[place]), cosine=round(cosine, 3))
    )  # fmt: skip
    layer, head = chosen.layer, chosen.head
    before_TT, after_TT = found.weight(layer, head), other.weight(layer, head)
    moved_T = (before_TT - after_TT).abs().sum(-1) / 2
    most = int(moved_T.argmax())
    row = token(_("Attention of"), names, f"mask.row.{place}.{layer}.{head}", most, range(len(names)))
    st.markdown(
        _("{head}: **{token}** moves {share} % of its attention; the most that any token "
          "moves is {most} %.", head=short(layer, head), token=plain(names[row]),
          share=round(100 * float(moved_T[row]), 1), most=round(100 * float(moved_T[most]), 1))
    )  # fmt: skip
    largest = float(max(before_TT[row].max(), after_TT[row].max()))
    for label, of, weight_TT in ((_("before"), found, before_TT), (_("with [MASK]"), other, after_TT)):
        st.caption(label)
        Chips(largest).row(of.names, weight_TT[row].tolist(), marked=row)


def explanation(model: SentenceModel, text: str, found: Reading) -> None:
    """Attention received and rollout against what really happens when a token is left out."""
    if len(found.tokens) > DRAWN:
        st.info(
            _("For texts of at most {most} tokens: each token is left out once and the rest read anew.", most=DRAWN)
        )
        return
    if len(found.tokens) < 6:
        st.info(_("Four words or more are needed to compare rankings."))
        return
    turned_T = later(
        ("importance", model.name, text), lambda: importance(model.sentence, found.ids).double().numpy(), None
    )
    if turned_T is None:
        st.caption(_("Leaving out each token in turn …"))
        return
    inner = slice(1, -1)
    guesses = {
        _("attention received, mean of all layers"): found.received_LT.mean(0),
        _("attention received, last layer"): found.received_LT[-1],
        _("rollout to the embedding"): found.rollout_LTT[-1].mean(0),
    }
    st.markdown(_("**What counts:** how far the sentence's embedding turns (1 − cosine) when a token is left out."))
    Chips(percent=False).row(found.names[inner], turned_T[inner].tolist())
    rows = []
    for label, guess_T in guesses.items():
        values_T = guess_T.double().numpy()[inner]
        st.caption(_("A guess: {guess}", guess=label))
        Chips().row(found.names[inner], values_T.tolist())
        rows.append([label, *verdict(agreement(values_T, turned_T[inner]))])
    table([_("guess"), _("Spearman’s ρ"), _("95 % interval"), _("so")], rows)
    st.caption(
        _("ρ compares rankings: 1 the same order, 0 none, −1 the reverse. The interval is a bootstrap over the tokens "
          "of this one sentence; it is wide, because a sentence has few tokens. Special tokens are left aside.")
    )  # fmt: skip


def verdict(found: Agreement | None) -> list[str]:
    """ρ, its interval, and what may be said of it."""
    if found is None:
        return ["–", "–", _("cannot be compared")]
    if found.low > 0:
        so = _("ranks the tokens in a similar order")
    elif found.high < 0:
        so = _("ranks them the other way round")
    else:
        so = _("cannot be told from chance")
    rho, low, high = (shown(round(value, 2)) for value in (found.rho, found.low, found.high))
    return [rho, f"{low} … {high}", so]
