"""A lab: the knobs of one experiment, its living picture, and what a visitor does with a run.

What lies on a visitor's table (settings, the run looked at, the step, the twin) is one small object per family in
the session, and the same thing as the page's address: the link is the state.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from models.experiment import BadExperiment, Beside, Experiment, Story, Value
from pages.parts import export, lanes, twins, watching
from pages.parts.controls import controls, rebuilt, set_widgets
from pages.parts.hidden import hidden
from pages.parts.keyboard import TRAIN
from pages.parts.lanes import ACTIVE
from pages.parts.share import say_corrected, share
from pages.parts.table import Table
from pages.parts.visitor import visitor_id
from pages.parts.words import _, language, told
from state import links
from state.runs import Run, runs

ECHO_S = 4.0
"""How long a replaced address may still come back with an event that was on its way."""
Panels = Callable[[Any], Sequence[Mapping[str, Any]]]


@cache
def stories_of(cls: type[Experiment]) -> tuple[Story, ...]:
    """A family's stories, built and validated once, not at each rerun."""
    return tuple(cls.stories())


@dataclass(frozen=True)
class Tab:
    """A part of the page that is drawn only while it is open."""

    title: str
    draw: Callable[[Lab, Table], None]


@dataclass(frozen=True)
class Lab:
    """One family's page: the experiment class, which knobs stand in front, and how its runs are drawn."""

    family: str
    cls: type[Experiment]
    line: str
    front: tuple[str, ...]
    panels: Panels
    special: Callable[[str, Any], dict[str, Value]] = lambda family, experiment: {}
    legend: Callable[[Any], str] = lambda experiment: ""
    """How to read the picture, in one line."""
    begins: str = ""
    """What comes before the first picture, where that takes a while."""
    own: tuple[str, ...] = ()
    """Knobs that `special` draws in its own way."""
    above: Callable[[Lab, Table], None] = lambda lab, table: None
    """What stands over the picture: what it says, in a sentence."""
    below: Callable[[Lab, Table], None] = lambda lab, table: None
    """What stands right under the picture."""
    lesson: twins.Lesson = lambda experiment, twin, both, at: ""
    """What the numbers of two twins say about the knob in which they differ."""
    lanes: Mapping[str, Beside] = field(default_factory=dict)
    """Contests by their name: runs that stand beside the shown one, trained with it at one press."""
    named: Callable[[], Mapping[str, str]] = dict
    """How texts among a note's values are called, where they are names in the code."""
    said: Callable[[str, Value], str] = lambda name, value: twins.said(value)
    """A knob's value in the visitor's words."""
    tabs: Callable[[Any], Sequence[Tab]] = lambda experiment: ()
    """The family's own tabs for the run that is shown, before those that every lab has."""

    def draw(self) -> None:
        """The whole lab: stories, picture, controls, comparison, sharing."""
        table = self.arrive()
        # The button stands above the picture, where a phone shows it first; the controls stand beside, or below.
        stories, button = st.columns([7, 2], gap="medium")
        with stories, st.container(key="lab-stories"):
            self.stories(table)
        picture, side = st.columns([7, 2], gap="medium")
        with side, st.container(key="lab-side"):
            table = self.settings(table, button)
        with picture:
            table = watching.picture(self, table)
            self.below(self, table)
        self.keep(table)
        # Only the open tab is drawn: the others would cost the browser half a megabyte of code highlighting.
        tabs = (
            *self.tabs(table.shown),
            Tab(_("Compare with a twin"), twins.chooser),
            Tab(_("Share and take along"), lambda lab, table: share(table.shown, table.link())),
            Tab(_("Export"), export.draw),
        )
        places = st.tabs([tab.title for tab in tabs], on_change="rerun", key=f"{self.family}.tabs")
        for tab, place in zip(tabs, places, strict=True):
            if place.open:
                with place:
                    tab.draw(self, table)

    def arrive(self) -> Table:
        """The table as the address says, where the address is new; else as the visitor left it."""
        address = {name: value for name, value in st.query_params.items() if name not in ("lang", "hide")}
        known: Table | None = st.session_state.get(self.place)
        if known is not None and (not address or address == known.address or self.outdated(address)):
            return known
        opening = next(iter(stories_of(self.cls)), Story("", "", self.cls()))
        first = opening.experiment
        if not address:
            # Whoever comes without a wish sees learning at once.
            st.session_state[f"{self.family}.autoplay"] = first.key
        link = links.read(self.cls, address or links.write(first, beside=opening.beside))
        say_corrected(link)
        table = Table(link.experiment, link.experiment, link.at, link.twin, link.view, link.beside)
        set_widgets(self.family, self.base(table))
        # A story and a shared moment are shown even where nobody has trained them yet; other links wait for the button.
        story = any(link.experiment == story.experiment for story in stories_of(self.cls))
        if story or link.at is not None or link.twin is not None:
            self.open_all(link.experiment, link.beside)
            if link.twin is not None:
                self.open(link.experiment.but(**dict([link.twin])))
        return table

    def outdated(self, address: Mapping[str, str]) -> bool:
        """Whether a rerun carries an address that was replaced a moment ago: it left before the browser had the new."""
        left: list[tuple[Mapping[str, str], float]] = st.session_state.get(f"{self.family}.left", [])
        return any(address == old and time.monotonic() - when < ECHO_S for old, when in left)

    @property
    def place(self) -> str:
        return f"{self.family}.table"

    @property
    def live(self) -> str:
        return f"{self.family}.live"

    def keep(self, table: Table) -> None:
        """Remember the table, and say it in the address."""
        before, table = table.address, replace(table, address=table.link())
        if before and before != table.address:
            left = [*st.session_state.get(f"{self.family}.left", []), (before, time.monotonic())]
            st.session_state[f"{self.family}.left"] = left[-5:]
        st.session_state[self.place] = table
        wanted = dict(table.address)
        if "lang" in st.query_params:
            wanted["lang"] = language()
        if "hide" in st.query_params:
            wanted["hide"] = ",".join(hidden())
        if st.query_params.to_dict() != wanted:
            st.query_params.from_dict(wanted)

    def lay(self, table: Table) -> None:
        """Put a new table before the visitor: widgets, address and all."""
        st.session_state[self.place] = replace(table, address=table.link())
        st.session_state[f"{self.family}.lay"] = True
        self.keep(table)
        st.rerun()

    def open(self, experiment: Experiment, resume: bool = False) -> Run | None:
        """The run of this experiment, started where it is new; what stands in the way is said on the page."""
        try:
            return runs().open(experiment, resume=resume, owner=visitor_id())
        except (OSError, RuntimeError, ValueError, sqlite3.Error) as error:
            st.error(told(error), icon=":material/error:")
            return None

    def open_all(self, experiment: Experiment, beside: Beside | None, resume: bool = False) -> bool:
        """The run and those beside it; whether all of them could be opened."""
        return None not in [self.open(each, resume) for each in lanes.together(experiment, beside)]

    def stories(self, table: Table) -> None:
        """One button per story; a press shows its run, trained already or from now on."""
        told = next((story for story in stories_of(self.cls) if story.experiment.key == table.shown.key), None)
        st.markdown(_(told.sentence) if told else _(self.line))
        st.caption(self.legend(table.shown))
        with st.container(horizontal=True, gap="small"):
            for story in (story for story in stories_of(self.cls) if not story.shelf):
                chosen = story.experiment.key == table.shown.key
                name = f"{self.family}.story.{story.name}"
                kind: Literal["primary", "secondary"] = "primary" if chosen else "secondary"
                if st.button(_(story.name), key=name, type=kind):
                    self.tell_story(story, table)

    def tell_story(self, story: Story, table: Table) -> None:
        self.open_all(story.experiment, story.beside)
        self.lay(Table(story.experiment, story.experiment, view=table.view, beside=story.beside))

    def base(self, table: Table) -> Experiment:
        """What the controls start from: the knobs in force where the run forks, else where it ends."""
        return table.settings.at(table.settings.steps if table.fork is None else table.fork)

    def settings(self, table: Table, button: DeltaGenerator) -> Table:
        """The controls, and the button that trains what they say."""
        base = self.base(table)
        # In another language the widgets are new ones, and would start from their lowest values.
        spoken, before = language(), st.session_state.get(f"{self.family}.spoken")
        if st.session_state.pop(f"{self.family}.lay", False) or spoken != before:
            set_widgets(self.family, base)
        st.session_state[f"{self.family}.spoken"] = spoken
        rest = [name for name in self.cls.knobs() if name not in (*self.front, *self.own)]

        def locked(knob: Any) -> bool:
            return table.fork is not None and not knob.live and knob.name != "steps"

        if self.lanes:
            lanes.chooser(self, table)
        # What belongs to the first knob (the data, say) stands right below it.
        front = [name for name in self.front[:1] if name not in self.own]
        said = controls(self.family, base, front, locked=locked)
        possible = True
        try:
            said |= self.special(self.family, base.model_copy(update=said))
        except BadExperiment as error:
            possible = False
            st.warning(" ".join(error.faults.values()))
        said |= controls(self.family, base.model_copy(update=said), self.front[1:], locked=locked)
        more = st.expander(_("More settings"), icon=":material/tune:", on_change="rerun", key=f"{self.family}.more")
        # Closed, they would cost every rerun a third of its time: what they said is in the table, but for a fork's.
        if more.open or table.fork is not None:
            with more:
                said |= controls(self.family, base.model_copy(update=said), rest, locked=locked)
        with button:
            return self.train_button(table, self.wanted(table, said) if possible else None)

    def train_button(self, table: Table, wanted: Experiment | None) -> Table:
        """Train, resume, fork or train anew: the one button, named for what a press would do."""
        state = lanes.state(lanes.together(wanted, table.beside)) if wanted else ""
        forking = table.fork is not None
        same = forking and wanted == table.settings
        pressed = st.button(
            _("Train the fork") if forking else self.label(state, wanted), key=f"{self.family}.train", type="primary",
            width="stretch", disabled=wanted is None or same or state in ACTIVE, icon=":material/play_arrow:",
            shortcut=TRAIN,
        )  # fmt: skip
        if forking:
            self.say_fork(table)
        if wanted is None:
            return table
        if pressed:
            self.train(table, wanted, state)
        if not forking and wanted.key != table.shown.key:
            if runs().find(wanted.key) is not None:
                return replace(table, settings=wanted, shown=wanted, at=None)
            st.caption(_("The picture still shows the run before this change. Press Train to run these settings."))
        return table if forking else replace(table, settings=wanted)

    def label(self, state: str, wanted: Experiment | None) -> str:
        match state:
            case "finished" if wanted is not None:
                return _("Train again, seed {seed}", seed=str(wanted.seed + 1))
            case "paused" | "stopped" | "interrupted":
                return _("Resume")
            case "failed":
                return _("Try again")
            case "queued":
                return _("Waiting in line …")
            case "starting" | "running":
                return _("Training …")
        return _("Train")

    def wanted(self, table: Table, said: Mapping[str, Value]) -> Experiment | None:
        """The experiment that the controls describe: the one that lies there, where nothing was moved."""
        base = self.base(table)
        if table.fork is None:
            moved = any(getattr(base, name) != value for name, value in said.items())
            return rebuilt(base, said) if moved else table.settings
        live = {name: value for name, value in said.items() if self.cls.knobs()[name].live or name == "steps"}
        try:
            return table.settings.fork(table.fork, **live)
        except BadExperiment as error:
            st.error(" ".join(map(_, error.faults.values())), icon=":material/error:")
            return None

    def train(self, table: Table, wanted: Experiment, state: str) -> None:
        if state == "finished" and table.fork is None:
            wanted = wanted.but(seed=(wanted.seed + 1) % 2**31)
        if self.open_all(wanted, table.beside, resume=True):
            self.lay(Table(wanted, wanted, view=table.view, beside=table.beside))

    def say_fork(self, table: Table) -> None:
        st.info(
            _("Fork from step {step}: change the settings that may change during training, then train.",
              step=table.fork),
            icon=":material/fork_right:",
        )  # fmt: skip
        if st.button(_("Cancel the fork"), key=f"{self.family}.unfork", type="tertiary"):
            self.lay(replace(table, fork=None))
