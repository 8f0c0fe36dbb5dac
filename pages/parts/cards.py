"""The cards of the front page: one for each page, with a still of a run as it was really trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image

from models.catalogue import experiments
from models.experiment import Story
from pages.parts import miniature as stills
from pages.parts.lab import stories_of
from pages.parts.menu import described_pages, page_of
from pages.parts.words import _, shown
from state import links
from state.runs import Run, runs

ROW = 3
INDEX = 90
"""Pages from this place on list what others show."""
STILL_PX = 132
MOST_NUMBERS = 2
MOST_STORIES = 3


def cards() -> None:
    """One card for each page that shows something, in the order of the menu."""
    pages = [(path, about) for path, about in described_pages() if 1 <= about["order"] < INDEX]
    for start in range(0, len(pages), ROW):
        for column, (path, about) in zip(st.columns(ROW, gap="medium"), pages[start : start + ROW], strict=False):
            with column, st.container(border=True, height="stretch", key=f"card-{path.stem}"):
                card(path, about)


def card(path: Path, about: Mapping[str, Any]) -> None:
    """A picture, the title as the way in, one line, and the first stories as shorter ways."""
    stories, page = first_stories(about.get("family", "")), page_of(path, about)
    picture, words = st.columns([2, 3], gap="small", vertical_alignment="top")
    with picture:
        if stories:
            still, said = still_of(stories[0]), said_of(stories[0])
        else:
            still, said = lone(path.stem)
        if still is not None:
            st.image(still, width=STILL_PX, alt=said)
    with words:
        title, line = about["title"], about["line"]
        st.page_link(page, label=f"**{_(title)}**", icon=":material/arrow_forward:")
        st.caption(_(line))
    if len(stories) > 1:
        with st.container(horizontal=True, gap="small"):
            for story in stories:
                query = links.write(story.experiment, beside=story.beside)
                st.page_link(page, label=_(story.name), query_params=query)


@cache
def first_stories(family: str) -> Sequence[Story]:
    """Those of the family with this name; none where there is no such family."""
    cls = experiments().get(family)
    return stories_of(cls)[:MOST_STORIES] if cls else ()


def found(story: Story) -> Run | None:
    """The stored run of a story, if it has recorded a picture."""
    run = runs().find(story.experiment.key)
    return run if run is not None and len(run.moments()) else None


def still_of(story: Story) -> Image.Image | None:
    """The last picture of the story's stored run; where it was never trained here, the data that wait for it."""
    dark = st.context.theme.type == "dark"
    run = found(story)
    if run is None:
        return waiting(story.experiment.key, dark, lambda: stills.data_still(story.experiment, dark))
    return drawn(run.key, int(run.moments()[-1]), dark)


@lru_cache(maxsize=48)  # A quarter of a megabyte each: a dozen runs in two themes, and steps that went by.
def drawn(key: str, step: int, dark: bool) -> Image.Image | None:
    run = runs().find(key)
    snapshot = run.snapshot(step) if run else None
    return stills.miniature(run.experiment, snapshot, dark) if run and snapshot else None


_waiting: dict[tuple[str, bool], Image.Image | None] = {}


def waiting(key: str, dark: bool, draw: Callable[[], Image.Image | None]) -> Image.Image | None:
    """A still that does not change, drawn once."""
    if (key, dark) not in _waiting:
        _waiting[key, dark] = draw()
    return _waiting[key, dark]


def said_of(story: Story) -> str:
    """The still in words: what the run reached, or that it shows data which wait for a run."""
    run, name = found(story), _(story.name)
    if run is None:
        return _("The data of “{name}”, which nobody has trained here yet.", name=name)
    step = run.status().step
    told = [f"{_(title)} {shown(value)}" for title, value in reached(run.key, step)]
    return _("“{name}” as it was trained here, at step {step}: {numbers}.", name=name, step=step,
             numbers="; ".join(told))  # fmt: skip


@lru_cache(maxsize=256)
def reached(key: str, step: int) -> Sequence[tuple[str, float]]:
    """The titles and newest values of a run's first columns at this step."""
    run = runs().find(key)
    if run is None:
        return ()
    titles = list(run.experiment.columns.items())[:MOST_NUMBERS]
    columns = run.columns([column for column, _title in titles])
    return tuple((title, float(columns[column][1][-1])) for column, title in titles if column in columns)


def lone(page: str) -> tuple[Image.Image | None, str]:
    """The still of a page without stories, and the same in words."""
    dark = st.context.theme.type == "dark"
    match page:
        case "positions":
            return waiting(page, dark, lambda: stills.positions(dark)), _(
                "The table of sinusoids: a row for each position."
            )
        case "sentences":
            return waiting(page, dark, lambda: stills.sentence(dark)), _(
                "Where one head of MiniLM looks in a recorded sentence."
            )
        case "own_classes":
            return waiting(page, dark, lambda: stills.sketches(dark)), _("Sketches of ten things, as people drew them.")
    return None, ""
