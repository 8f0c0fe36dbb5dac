"""What the heads have learned: each picture asked of a head that never saw it, and what may be said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from models.layers.few_shot import HEADS, RECORDED, Head, HeadName, fit
from models.metrics.classification import average, confusion
from models.metrics.comparison import holm, share_interval, sign_test
from models.own_classes import EyeName, Kind, eyes, features, labels
from pages.parts.course import course
from pages.parts.own.album import digest, distinct
from pages.parts.words import _, percent

ALPHA = 0.05


def head_names() -> Mapping[HeadName, str]:
    return {
        "nearest_mean": _("nearest class mean"), "linear": _("linear"), "linear_held_back": _("linear, held back"),
        "hidden_16": _("16 hidden units"), "hidden_64": _("64 hidden units"),
    }  # fmt: skip


def eye_names() -> Mapping[EyeName, str]:
    return {
        "photographs": _("EfficientNet-Lite0, from photographs"), "sketches": _("small net, from sketches"),
        "pixels": _("bare pixels"),
    }  # fmt: skip


@st.cache_resource(show_spinner=False, max_entries=100)
def _judged(eye: EyeName, name: HeadName, of: str, _kinds: Sequence[Kind]) -> Head:
    return fit(name, features(eye, _kinds), labels(_kinds), len(_kinds))


def judged(eye: EyeName, name: HeadName, whole: Sequence[Kind]) -> Head:
    """The head on these pictures, trained once for all who show the same ones."""
    with st.spinner(_("Learning …")):
        return _judged(eye, name, digest(whole), whole)


def right(head: Head, whole: Sequence[Kind]) -> np.ndarray:
    """(N,) bool: recognised when left out."""
    return (head.left_out_NK.argmax(-1) == labels(whole)).numpy()


def wrong_ones(head: Head, whole: Sequence[Kind]) -> dict[int, list[bool]]:
    """By class: which of its pictures were not recognised when left out."""
    missed, begin = ~right(head, whole), 0
    found = {}
    for label, kind in enumerate(whole):
        found[label] = [bool(one) for one in missed[begin : begin + len(kind.pictures)]]
        begin += len(kind.pictures)
    return found


def against(found: Sequence[np.ndarray], first: int = 0) -> list[str]:
    """What an exact sign test over the pictures says of each against one of them, corrected for their number."""
    apart = [one.astype(float) - found[first] for one in found]
    p = holm([np.nan if place == first else sign_test(one) for place, one in enumerate(apart)])
    said = []
    for place, one in enumerate(apart):
        if place == first:
            said.append(_("the measure"))
        elif p[place] <= ALPHA:
            said.append(_("better") if one.mean() > 0 else _("worse"))
        else:
            said.append(_("no difference shown"))
    return said


def counted(hit: np.ndarray) -> dict[str, str]:
    """How many were right, in two columns of a table."""
    low, high = share_interval(int(hit.sum()), len(hit))
    return {
        _("Right when left out"): _("{hits} of {count}", hits=int(hit.sum()), count=len(hit)),
        _("95 % interval"): f"{percent(low)} – {percent(high)}",
    }


def headline(head: Head, whole: Sequence[Kind]) -> None:
    """The first thing to know: how many were right when left out."""
    hit = right(head, whole)
    low, high = share_interval(int(hit.sum()), len(hit))
    st.markdown(
        _("**{hits} of {count}** pictures were recognised by a head that had not seen them: between {low} and {high} "
          "in the long run, with 95 % confidence; guessing reaches {chance}. Framed pictures were not recognised.",
          hits=int(hit.sum()), count=len(hit), low=percent(low), high=percent(high), chance=percent(1 / len(whole)))
    )  # fmt: skip


def heads(eye: EyeName, whole: Sequence[Kind]) -> None:
    """All heads side by side, and how they got there."""
    names = head_names()
    known = {name: judged(eye, name, whole) for name in HEADS}
    hits = [right(head, whole) for head in known.values()]
    judgements = against(hits, HEADS.index("linear"))
    st.dataframe(
        [
            {_("Head"): names[name], _("Parameters"): head.parameters}
            | counted(hit)
            | {_("Against the linear head"): verdict}
            for (name, head), hit, verdict in zip(known.items(), hits, judgements, strict=True)
        ],
        hide_index=True, width="stretch",
    )  # fmt: skip
    st.caption(
        _("Every picture is judged by a head that never saw it: {count} heads of each kind, trained at once. With so "
          "few pictures that is too harsh, since the class of the picture left out is one short; and the interval "
          "takes the pictures for independent, so it is a rough one.", count=sum(len(kind.pictures) for kind in whole))
    )  # fmt: skip
    trained = {names[name]: head for name, head in known.items() if len(head.loss_T)}
    steps = [
        float(RECORDED * place) for place in range(max((len(head.loss_T) for head in trained.values()), default=1))
    ]
    said = _("training loss in nats")
    st.caption(said)
    course(said, _("step"), steps, {name: head.loss_T.tolist() for name, head in trained.items()}, height=300)
    said = _("share right when left out")
    st.caption(said)
    course(said, _("step"), steps, {name: head.right_T.tolist() for name, head in trained.items()}, height=300)


def seeing(name: HeadName, whole: Sequence[Kind]) -> None:
    """The same head on what each eye sees."""
    names = eye_names()
    hits = [right(judged(eye, name, whole), whole) for eye in eyes()]
    said = against(hits)
    st.dataframe(
        [
            {_("Features"): names[eye]}
            | counted(hit)
            | {_("Against the first"): verdict}
            for eye, hit, verdict in zip(eyes(), hits, said, strict=True)
        ],
        hide_index=True, width="stretch",
    )  # fmt: skip
    st.caption(
        _("The same head on different numbers. Bare pixels are what there is without any transfer: the distance to "
          "them is what a network that learned from other pictures brings to yours.")
    )  # fmt: skip


def errors(head: Head, whole: Sequence[Kind]) -> None:
    """Which class is taken for which, when left out."""
    table = confusion(labels(whole).numpy(), head.left_out_NK.argmax(-1).numpy(), len(whole))
    names = distinct(whole)
    called = [_("called “{name}”", name=name) for name in names]
    st.dataframe(
        [
            {_("it is"): name, **{called[other]: int(row_K[other]) for other in range(len(names))}}
            for name, row_K in zip(names, table, strict=True)
        ],
        hide_index=True, width="stretch",
    )  # fmt: skip
    st.markdown(_("F1, averaged over classes: {score}.", score=float(average(table, "macro_all").f1)))
