"""The cards of the front page: one per family, each with a still of its first story as it was really trained."""

from __future__ import annotations

import streamlit as st
from PIL import Image

from models.catalogue import experiments
from models.experiment import Story
from pages.parts.menu import described_pages
from pages.parts.miniature import SIDE, miniature
from pages.parts.words import _
from state import links
from state.runs import runs


def cards() -> None:
    """One card per page that names a family."""
    for path, about in described_pages():
        if about.get("family") in experiments():
            with st.container(border=True):
                card(str(path), about)


def card(path: str, about: dict[str, str]) -> None:
    """Picture, title, one line, and the stories as ways in."""
    stories = experiments()[about["family"]].stories()
    picture, words = st.columns([1, 4], gap="medium", vertical_alignment="center")
    with picture:
        still = picture_of(stories[0])
        if still is not None:
            st.image(still, width=SIDE)
    with words:
        title, line = about["title"], about["line"]
        st.subheader(_(title), anchor=False)
        st.markdown(_(line))
        with st.container(horizontal=True, gap="small"):
            for story in stories:
                st.page_link(
                    path, label=_(story.name), icon=":material/arrow_forward:", help=_(story.sentence),
                    query_params=links.write(story.experiment),
                )  # fmt: skip


def picture_of(story: Story) -> Image.Image | None:
    """The last picture of the story's stored run; None where it was never trained here."""
    run = runs().find(story.experiment.key)
    snapshot = run.snapshot(story.experiment.steps) if run else None
    dark = st.context.theme.type == "dark"
    return miniature(story.experiment, snapshot, dark) if snapshot else None
