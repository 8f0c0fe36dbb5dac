"""The cards of the front page: one per family, each with a still of its first story as it was really trained."""

from __future__ import annotations

import streamlit as st
from PIL import Image

from models.catalogue import experiments
from models.experiment import Story
from pages.parts.menu import described_pages
from pages.parts.miniature import data_still, miniature
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
    """Title, one line, and the stories as ways in, each with its picture."""
    title, line = about["title"], about["line"]
    st.subheader(_(title), anchor=False)
    st.markdown(_(line))
    stories = experiments()[about["family"]].stories()
    for column, story in zip(st.columns(len(stories), gap="medium"), stories, strict=True):
        with column:
            still = picture_of(story)
            if still is not None:
                st.image(still, width="stretch")
            st.page_link(
                path, label=f"**{_(story.name)}**", icon=":material/arrow_forward:",
                query_params=links.write(story.experiment, beside=story.beside),
            )  # fmt: skip
            st.caption(_(story.sentence))


def picture_of(story: Story) -> Image.Image | None:
    """The last picture of the story's stored run; where it was never trained here, the data that wait for it."""
    dark = st.context.theme.type == "dark"
    run = runs().find(story.experiment.key)
    snapshot = run.snapshot(story.experiment.steps) if run else None
    return miniature(story.experiment, snapshot, dark) if snapshot else data_still(story.experiment, dark)
