"""The cards of the front page: one per family, with stills of its first stories as they were really trained."""

from __future__ import annotations

import streamlit as st
from PIL import Image

from models.catalogue import experiments
from models.experiment import Story
from pages.parts.menu import described_pages
from pages.parts.miniature import data_still, miniature
from pages.parts.words import _, shown
from state import links
from state.runs import runs

MOST_STORIES = 4
STILL_PX = 180
MOST_NUMBERS = 2


def cards() -> None:
    """One card per page that names a family, then the pages that need none."""
    rest = []
    for path, about in described_pages():
        if about.get("family") in experiments():
            with st.container(border=True):
                card(str(path), about)
        elif about["order"]:
            rest.append((path, about))
    for column, (place, about) in zip(st.columns(max(1, len(rest)), gap="medium"), rest, strict=False):
        with column, st.container(border=True, height="stretch"):
            title, line = about["title"], about["line"]
            st.page_link(str(place), label=f"**{_(title)}**", icon=":material/arrow_forward:")
            st.caption(_(line))


def card(path: str, about: dict[str, str]) -> None:
    """Title, one line, and the stories as ways in, each with its picture."""
    title, line = about["title"], about["line"]
    st.header(_(title), anchor=False)
    st.markdown(_(line))
    stories = experiments()[about["family"]].stories()[:MOST_STORIES]
    for column, story in zip(st.columns(MOST_STORIES, gap="medium"), stories, strict=False):
        with column:
            still = picture_of(story)
            if still is not None:
                st.image(still, width=STILL_PX, alt=said_of(story))
            st.page_link(
                path, label=f"**{_(story.name)}**", icon=":material/arrow_forward:",
                query_params=links.write(story.experiment, beside=story.beside),
            )  # fmt: skip
            st.caption(_(story.sentence))


def said_of(story: Story) -> str:
    """The still in words: what the run reached, or that it shows data which wait for a run."""
    run = runs().find(story.experiment.key)
    name = _(story.name)
    if run is None or run.snapshot(story.experiment.steps) is None:
        return _("The data of “{name}”, which nobody has trained here yet.", name=name)
    titles = list(story.experiment.columns.items())[:MOST_NUMBERS]
    columns = run.columns([column for column, _title in titles])
    told = [f"{_(title)} {shown(float(columns[column][1][-1]))}" for column, title in titles if column in columns]
    return _("“{name}” as it was trained here, at step {step}: {numbers}.", name=name, step=run.status().step,
             numbers="; ".join(told))  # fmt: skip


def picture_of(story: Story) -> Image.Image | None:
    """The last picture of the story's stored run; where it was never trained here, the data that wait for it."""
    dark = st.context.theme.type == "dark"
    run = runs().find(story.experiment.key)
    snapshot = run.snapshot(story.experiment.steps) if run else None
    return miniature(story.experiment, snapshot, dark) if snapshot else data_still(story.experiment, dark)
