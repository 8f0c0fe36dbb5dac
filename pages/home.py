"""The front page: what this is, a run that replays, three ways in, and a card for each page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from models.gan import GanTraining
from pages.parts import watching
from pages.parts.cards import cards, said_of, still_of
from pages.parts.gan.panels import legend, picture
from pages.parts.lab import stories_of
from pages.parts.lessons import course
from pages.parts.lessons.board import Board
from pages.parts.table import Table
from pages.parts.words import _
from state import links
from state.home import prepares
from state.runs import runs

PAGE = {
    "order": 0,
    "title": "Torchlight",
    "line": "Watch neural networks while they learn.",
}
HERE = Path(__file__).parent
FIRST = stories_of(GanTraining)[0]
RING = next(story.experiment for story in stories_of(GanTraining) if story.name == "Ring of eight")


def living() -> None:
    """A real run that replays its training, or learns at this moment."""
    experiment: Any = FIRST.experiment
    board = Board(family="home", cls=GanTraining, line="", front=(), panels=lambda run: [picture(run)])
    if runs().find(experiment.key) is None and not prepares():
        still = still_of(FIRST)
        if still is not None:
            st.image(still, alt=said_of(FIRST))
        return
    run = board.open(experiment, resume=True)
    if run is None:
        return
    st.session_state.setdefault("home.autoplay", experiment.key)
    table: Table = st.session_state.get(board.place, Table(experiment, experiment))
    entry = {"key": run.key, "label": "", "whole": True, **watching.phase(run)}
    board.keep(watching.follow(board, table, [run], [entry], [picture(experiment)]))
    st.caption(legend(experiment))


def ways() -> None:
    """Where a student, a teacher and an engineer begin."""
    told: Sequence[tuple[str, str, str, str, Mapping[str, str], str]] = (
        (
            _("I am learning this"),
            _("Predict what a network will do, then watch it: {count} short lessons.", count=len(course())),
            _("First lesson: attention is born"), "lessons.py", {"lesson": "induction"}, ":material/school:",
        ),
        (
            _("I teach this"),
            _("Under each lesson stands a link for a class: in its language, with menu and controls left out."),
            _("Choose a lesson"), "lessons.py", {}, ":material/co_present:",
        ),
        (
            _("I build such models"),
            _("Every run exports its numbers, weights and the Python that repeats it; the README says in which order "
              "to read the code."),
            _("Eight modes on a ring, all knobs in reach"), "gan.py", links.write(RING), ":material/terminal:",
        ),
    )  # fmt: skip
    for title, line, label, page, query, icon in told:
        with st.container(border=True):
            st.markdown(f"{icon} **{title}**  \n{line}")
            st.page_link(str(HERE / page), label=label, icon=":material/arrow_forward:", query_params=query)


st.title(_("Watch neural networks while they learn"), anchor=False)
st.markdown(
    _(
        "Move a slider, press Train, and a real PyTorch model trains before your eyes. Scrub through its history, "
        "change one thing and compare, share the very moment as a link. Every number is computed by the running model."
    )
)
left, right = st.columns([3, 2], gap="medium")
with right:
    ways()
with left:
    living()
st.header(_("What there is to see"), anchor=False)
cards()
