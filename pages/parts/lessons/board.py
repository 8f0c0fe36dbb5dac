"""One lesson on screen: predict, press, watch, and hear what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from models.experiment import Experiment
from pages.parts import hidden, lanes, twins, watching
from pages.parts.controls import sentence_case
from pages.parts.freezing.names import names as strategy_names
from pages.parts.lab import Lab
from pages.parts.lanes import ACTIVE
from pages.parts.lessons import course
from pages.parts.lessons.lesson import Evidence, Found, Lesson, Share
from pages.parts.menu import PAGES
from pages.parts.share import address
from pages.parts.table import Table
from pages.parts.words import LANGUAGES, _, language, percent
from state import links
from state.runs import Run, runs

LOOK_S = 1.0
SKIPPED = "-"


@dataclass(frozen=True)
class Board(Lab):
    """A lab whose address is the lesson's: what is looked at stays with the visitor."""

    def keep(self, table: Table) -> None:
        st.session_state[self.place] = table

    def lay(self, table: Table) -> None:
        self.keep(table)
        st.rerun()


def place(lesson: Lesson) -> str:
    """Where the visit remembers what was predicted."""
    return f"lesson.{lesson.name}.said"


def draw(lesson: Lesson) -> None:
    """The lesson from its question to what may be tried next."""
    st.markdown(lesson.question)
    said = st.session_state.get(place(lesson))
    if said is None:
        ask(lesson)
        return
    board = Board(
        family=f"lesson-{lesson.name}", cls=type(lesson.experiment), line="", front=(), panels=lesson.panels,
        named=strategy_names if lesson.page == "freezing" else dict,
    )  # fmt: skip
    shown = lanes.together(lesson.experiment, lesson.beside)
    pressed = not st.session_state.get(f"{board.place}.opened")
    known = [run for run in (board.open(experiment, resume=pressed) for experiment in shown) if run is not None]
    st.session_state[f"{board.place}.opened"] = True
    if len(known) < len(shown):
        return
    answer(lesson, known, str(said))
    watch(board, lesson, shown, known)
    go_on(lesson)


def ask(lesson: Lesson) -> None:
    """The prediction; nothing is shown before it is made, or left."""
    chosen = st.radio(
        _("What do you expect?"), list(lesson.choices), index=None, key=f"lesson.{lesson.name}.choice.{language()}",
        format_func=lambda name: lesson.choices[name],
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        pressed = st.button(
            _("Train and see"), key=f"lesson-{lesson.name}-go", type="primary", disabled=chosen is None,
            icon=":material/play_arrow:", help=_("Choose what you expect first.") if chosen is None else None,
        )  # fmt: skip
        left = st.button(_("I do not know: just show me"), key=f"lesson-{lesson.name}-skip", type="tertiary")
    if pressed or left:
        st.session_state[place(lesson)] = SKIPPED if left else chosen
        st.rerun()


def watch(board: Board, lesson: Lesson, shown: Sequence[Experiment], known: Sequence[Run]) -> None:
    """The living picture of the lesson's runs."""
    start = Table(shown[0], shown[0], beside=lesson.beside)
    table: Table = st.session_state.get(board.place, start)
    entries: list[dict[str, Any]] = [
        {"key": run.key, "label": sentence_case(twins.label(experiment, table)), "whole": True,
         **watching.phase(run)}
        for experiment, run in zip(shown, known, strict=True)
    ]  # fmt: skip
    board.keep(watching.follow(board, table, list(known), entries, list(lesson.panels(shown[0]))))


def answer(lesson: Lesson, known: Sequence[Run], said: str) -> None:
    """What was predicted, and, once all runs have ended, what they say."""
    active = any(run.status().state in ACTIVE for run in known)

    @st.fragment(run_every=LOOK_S if active else None)
    def verdict() -> None:
        states = [run.status() for run in known]
        if active and not any(status.state in ACTIVE for status in states):
            st.rerun()
        predicted = lesson.choices.get(said)
        if predicted:
            st.markdown(_("You expect: **{choice}**", choice=predicted))
        if any(status.state != "finished" for status in states):
            step, steps = (sum(getattr(status, name) for status in states) for name in ("step", "steps"))
            waiting = _("The answer is measured when the training has ended.")
            if active:
                st.progress(min(1.0, step / max(steps, 1)), text=waiting)
            else:
                st.info(waiting, icon=":material/hourglass_empty:")
            return
        found = measured(lesson, known)
        say(lesson, found, said)

    verdict()


def say(lesson: Lesson, found: Found, said: str) -> None:
    """The measured answer, and how the prediction compares with it."""
    told = sentence(lesson, found)
    if not found.choice:
        st.warning(_("This run came out otherwise than any of the answers.") + " " + told, icon=":material/help:")
    elif said == SKIPPED:
        st.info(f"**{lesson.choices[found.choice]}**  \n{told}", icon=":material/lightbulb:")
    elif said == found.choice:
        st.success(_("Yes, as you expected.") + f" {told}", icon=":material/check_circle:")
    else:
        st.info(
            _("It came out differently: **{choice}**", choice=lesson.choices[found.choice]) + f"  \n{told}",
            icon=":material/lightbulb:",
        )
    st.markdown(lesson.why)
    st.caption(_("Source: {source}", source=lesson.source))


def sentence(lesson: Lesson, found: Found) -> str:
    """The numbers in a sentence, written as the visitor's language does."""
    values = {name: percent(value) if isinstance(value, Share) and np.isfinite(value) else value
              for name, value in found.values.items()}  # fmt: skip
    return _(lesson.measured, **values)


def measured(lesson: Lesson, known: Sequence[Run]) -> Found:
    """What the finished runs say."""
    return _measured(lesson.name, runs().home, *(run.key for run in known))


@lru_cache(maxsize=256)
def _measured(name: str, home: Path, *keys: str) -> Found:
    """Once for all visitors: what a finished run recorded does not change."""
    known = [runs().find(key) for key in keys]
    return course()[name].found([evidence(run) for run in known if run is not None])


def evidence(run: Run) -> Evidence:
    """What a run recorded, as a lesson's measure reads it."""
    snapshot = run.snapshot(run.experiment.steps)
    return Evidence(run.experiment, run.columns(), snapshot.arrays if snapshot else {})


def go_on(lesson: Lesson) -> None:
    """What to try now, once more with another prediction, and the link for a class."""
    with st.container(key="lesson-more"):
        st.subheader(_("Now you"), anchor=False)
        page = str(PAGES / f"{lesson.page}.py")
        for way in lesson.ways:
            query = links.write(way.experiment, beside=way.beside)
            st.page_link(page, label=way.label, icon=":material/arrow_forward:", query_params=query)
        if st.button(_("Ask me again"), key=f"lesson-{lesson.name}-again", type="tertiary", icon=":material/replay:"):
            del st.session_state[place(lesson)]
            st.rerun()


def for_a_class(lesson: Lesson) -> None:
    """The link that a teacher hands out: in one language, with what would distract left out."""
    with st.container(key="lesson-class"), st.expander(_("A link for my class"), icon=":material/school:"):
        labels = {
            "menu": _("the menu and the choice of language"), "controls": _("controls and this field"),
            "tabs": _("what to try afterwards"),
        }  # fmt: skip
        left = st.multiselect(
            _("Leave out"), hidden.PARTS, default=("menu", "controls"), format_func=lambda part: labels[part],
            key=f"lesson.hide.{language()}",
        )  # fmt: skip
        spoken = st.radio(
            _("Language"), list(LANGUAGES), index=list(LANGUAGES).index(language()), horizontal=True,
            format_func=lambda code: LANGUAGES[code], key=f"lesson.lang.{language()}",
        )  # fmt: skip
        st.code(link(lesson, left, spoken), language=None, wrap_lines=True)
        st.caption(_("Whoever opens it meets this lesson, before any prediction, in that language."))


def link(lesson: Lesson, left: Sequence[str], spoken: str) -> str:
    """The address of this lesson for others."""
    query: Mapping[str, str] = {"lesson": lesson.name, **({"hide": ",".join(left)} if left else {}), "lang": spoken}
    return address(query, safe=",")
