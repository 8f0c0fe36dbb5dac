"""The visitor's pictures, class by class: they stay with the visit, and are never stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st
from PIL import Image

from models.own_classes import FEWEST, MOST_CLASSES, MOST_EACH, Kind, Picture, beginning
from pages.parts.words import _

KEPT, TURN = "own.kinds", "own.turn"
THUMB, GAP = 56, 4
RIGHT, WRONG = (0, 0, 0, 0), (214, 69, 65, 255)


def kinds() -> tuple[Kind, ...]:
    """The classes of this visit; at first, three of sketches."""
    if KEPT not in st.session_state:
        begin("sketches")
    found: tuple[Kind, ...] = st.session_state[KEPT]
    return found


def put(changed: Sequence[Kind]) -> None:
    """Lay other classes before the visitor; widgets that show the old ones are made anew."""
    st.session_state[KEPT] = tuple(changed)
    st.session_state[TURN] = turn() + 1


def turn() -> int:
    """How often the classes have changed."""
    return int(st.session_state.get(TURN, 0))


def begin(name: str) -> None:
    """Begin with sketches, with clothes, or with two empty classes."""
    if name == "empty":
        put([Kind(_("Class {number}", number=number)) for number in (1, 2)])
        return
    said = {
        "cat": _("cat"), "fish": _("fish"), "house": _("house"), "sneaker": _("sneaker"), "bag": _("bag"),
        "trouser": _("trouser"),
    }  # fmt: skip
    begun = beginning("clothes" if name == "clothes" else "sketches")
    put([replace(kind, name=said[kind.name]) for kind in begun])


def add(label: int, pictures: Sequence[Picture]) -> None:
    """Put pictures into a class, as many as there is room for; none twice."""
    whole = list(kinds())
    known = whole[label].pictures
    new = [picture for picture in dict.fromkeys(pictures) if picture not in known][: MOST_EACH - len(known)]
    whole[label] = replace(whole[label], pictures=(*known, *new))
    put(whole)


def drop(label: int) -> None:
    """Take the newest picture out of a class; an empty class goes as a whole, down to two."""
    whole = list(kinds())
    if whole[label].pictures:
        whole[label] = replace(whole[label], pictures=whole[label].pictures[:-1])
    elif len(whole) > FEWEST:
        del whole[label]
    put(whole)


def rename(label: int, key: str) -> None:
    """Call a class as its field says; a class without a name keeps its old one."""
    whole = list(kinds())
    said = str(st.session_state.get(key, "")).strip()
    whole[label] = replace(whole[label], name=said or whole[label].name)
    st.session_state[KEPT] = tuple(whole)


def grow() -> None:
    """One more class."""
    if len(kinds()) < MOST_CLASSES:
        put([*kinds(), Kind(_("Class {number}", number=len(kinds()) + 1))])


def digest(whole: Sequence[Kind]) -> str:
    """A fingerprint of the pictures and of which belong together; names do not count."""
    found = hashlib.sha256()
    for kind in whole:
        found.update(b"class")
        for picture in kind.pictures:
            found.update(repr(picture.shape).encode() + picture.pixels)
    return found.hexdigest()


def distinct(whole: Sequence[Kind]) -> list[str]:
    """The classes' names, numbered where the visitor gave one name twice: a table's columns need each its own."""
    names = [kind.name for kind in whole]
    return [f"{name} ({label + 1})" if names.count(name) > 1 else name for label, name in enumerate(names)]


def strip(pictures: Sequence[Picture], wrong: Sequence[bool] = ()) -> Image.Image:
    """Pictures in a row, framed where they are wrong."""
    cell = THUMB + 2 * GAP
    row = Image.new("RGBA", (cell * max(1, len(pictures)), cell), (0, 0, 0, 0))
    for place, picture in enumerate(pictures):
        frame = WRONG if place < len(wrong) and wrong[place] else RIGHT
        row.paste(frame, (cell * place, 0, cell * (place + 1), cell))
        row.paste(thumb(picture), (cell * place + GAP, GAP))
    return row


def thumb(picture: Picture, side: int = THUMB) -> Image.Image:
    """One picture, small."""
    colour = np.broadcast_to(picture.array, (3, *picture.shape[1:])).transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(colour)).resize((side, side), Image.Resampling.BILINEAR)


def spoken_of(kind: Kind, wrong: Sequence[bool]) -> str:
    """The strip in words: how many pictures the class has, and which were not recognised."""
    missed = ", ".join(str(place + 1) for place, bad in enumerate(wrong) if bad)
    said = _("The class “{name}” has {count} pictures.", name=kind.name, count=len(kind.pictures))
    return f"{said} " + _("Not recognised when left out: number {missed}.", missed=missed) if missed else said


def edit(wrong: dict[int, list[bool]]) -> None:
    """Every class with its name and pictures; `wrong` says which were not recognised when left out."""
    with st.container(horizontal=True, gap="small"):
        for name, said in (("sketches", _("Begin with sketches")), ("clothes", _("Clothes")), ("empty", _("Empty"))):
            st.button(said, key=f"own.begin.{name}", on_click=begin, args=(name,))
    for label, kind in enumerate(kinds()):
        with st.container(border=True):
            key = f"own.name.{label}.{turn()}"
            named, taken = st.columns([3, 2], vertical_alignment="bottom")
            named.text_input(
                _("Class {number}", number=label + 1), kind.name, key=key, max_chars=24, on_change=rename,
                args=(label, key), label_visibility="collapsed",
            )  # fmt: skip
            gone = not kind.pictures and len(kinds()) <= FEWEST
            said = _("Take the last one out") if kind.pictures else _("Remove this class")
            taken.button(said, key=f"own.drop.{label}", on_click=drop, args=(label,), disabled=gone, type="tertiary")
            if kind.pictures:
                st.image(strip(kind.pictures, wrong.get(label, ())), alt=spoken_of(kind, wrong.get(label, ())))
            else:
                st.caption(_("No picture yet: draw or upload one, then say that it is this."))
    if len(kinds()) < MOST_CLASSES:
        st.button(_("One more class"), icon=":material/add:", key="own.grow", on_click=grow)
