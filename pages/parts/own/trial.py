"""A new picture is shown: what the head says of it, and which known picture looks most like it to the eye."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
import torch
from torch.nn import functional as F

from models.layers.few_shot import Head
from models.own_classes import MOST_EACH, EyeName, Kind, Picture, features, seen
from pages.parts.own.album import add, thumb
from pages.parts.own.incoming import incoming
from pages.parts.plain import plain
from pages.parts.words import _, percent


def show(eye: EyeName, head: Head | None, whole: Sequence[Kind]) -> None:
    """Draw or upload: the head says what it is, and the visitor says what it should have said."""
    drawing, answering = st.columns([5, 4], gap="large")
    with drawing:
        found = incoming()
    with answering:
        if not found:
            st.info(_("Show a new picture: the head says what it is, then you say it, and it learns."),
                    icon=":material/draw:")  # fmt: skip
            return
        if head is not None:
            if len(found) == 1:
                answer(eye, head, whole, found[0])
            else:
                answers(eye, head, whole, found)
        teach(whole, found)


def answers(eye: EyeName, head: Head, whole: Sequence[Kind], found: Sequence[Picture]) -> None:
    """What it takes each of several pictures for."""
    chance_NK = head.probabilities(torch.stack([seen(eye, picture) for picture in found]))
    for picture, chance_K in zip(found, chance_NK, strict=True):
        best = int(chance_K.argmax())
        shown, said = st.columns([1, 3], vertical_alignment="center")
        shown.image(thumb(picture), alt=_("A new picture, taken for “{name}”.", name=whole[best].name))
        said.progress(float(chance_K[best]), text=f"{plain(whole[best].name)}: {percent(float(chance_K[best]))}")


def teach(whole: Sequence[Kind], found: Sequence[Picture]) -> None:
    """One button for each class."""
    st.caption(_("Say what it is, and it is learned:"))
    with st.container(horizontal=True, gap="small"):
        for label, kind in enumerate(whole):
            full = len(kind.pictures) >= MOST_EACH
            st.button(
                plain(kind.name), key=f"own.teach.{label}", icon=":material/add:",
                on_click=add, args=(label, list(found)), disabled=full,
                help=_("This class is full: {most} pictures.", most=MOST_EACH) if full else None,
            )  # fmt: skip


def answer(eye: EyeName, head: Head, whole: Sequence[Kind], picture: Picture) -> None:
    """The head's probabilities, and the nearest picture that it learned from."""
    feature_1F = seen(eye, picture)[None]
    chance_K = head.probabilities(feature_1F)[0]
    for kind, share in zip(whole, chance_K.tolist(), strict=True):
        st.progress(min(1.0, share), text=f"{plain(kind.name)}: {percent(share)}")
    alike_N = F.normalize(features(eye, whole), dim=-1) @ F.normalize(feature_1F[0], dim=0)
    nearest = int(torch.argmax(alike_N))
    known = [(kind.name, one) for kind in whole for one in kind.pictures]
    st.image(thumb(known[nearest][1], 72), alt=_("The picture most alike, from “{name}”.", name=known[nearest][0]))
    st.caption(_("Of all it learned from, this one looks most alike, from “{name}”.", name=plain(known[nearest][0])))
    if float(alike_N[nearest]) < 0.5:
        st.caption(_("It is like none of your pictures: a head must choose one of its classes all the same."))
