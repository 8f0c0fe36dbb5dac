"""A lab: the knobs of one experiment, its living picture, and what a visitor does with a run.

What lies on a visitor's table (settings, the run looked at, the step, the twin) is one small object per family in
the session, and the same thing as the page's address: the link is the state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from models.experiment import BadExperiment, Beside, Experiment, Story, Value
from pages.parts import lanes, twins
from pages.parts.controls import controls, rebuilt, set_widgets
from pages.parts.live import WORDS, live
from pages.parts.share import share
from pages.parts.table import Command, Said, Table
from pages.parts.words import _, language, told, translated
from state import hub, links, reasons
from state.runs import NoSuchRun, Run, runs

Panels = Callable[[Any], Sequence[Mapping[str, Any]]]
POLL_S = 0.5
ACTIVE = ("queued", "starting", "running")


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
    tabs: Callable[[Any], Sequence[Tab]] = lambda experiment: ()
    """The family's own tabs for the run that is shown, before those that every lab has."""

    def draw(self) -> None:
        """The whole lab: stories, picture, controls, comparison, sharing."""
        table = self.arrive()
        # The button stands above the picture, where a phone shows it first; the controls stand beside, or below.
        stories, button = st.columns([7, 2], gap="medium")
        with stories:
            self.stories(table)
        picture, side = st.columns([7, 2], gap="medium")
        with side:
            table = self.settings(table, button)
        with picture:
            table = self.picture(table)
            self.below(self, table)
        self.keep(table)
        # Only the open tab is drawn: the others would cost the browser half a megabyte of code highlighting.
        tabs = (
            *self.tabs(table.shown),
            Tab(_("Compare with a twin"), twins.chooser),
            Tab(_("Share and take along"), lambda lab, table: share(table.shown, table.link())),
        )
        places = st.tabs([tab.title for tab in tabs], on_change="rerun", key=f"{self.family}.tabs")
        for tab, place in zip(tabs, places, strict=True):
            if place.open:
                with place:
                    tab.draw(self, table)

    def arrive(self) -> Table:
        """The table as the address says, where the address is new; else as the visitor left it."""
        address = {name: value for name, value in st.query_params.items() if name != "lang"}
        known: Table | None = st.session_state.get(self.place)
        if known is not None and (not address or address == known.address):
            return known
        opening = self.cls.stories()[0]
        first = opening.experiment
        if not address:
            # Whoever comes without a wish sees learning at once.
            st.session_state[f"{self.family}.autoplay"] = first.key
        link = links.read(self.cls, address or links.write(first, beside=opening.beside))
        if link.corrected:
            names = ", ".join(f"`{name[:40]}`" for name in link.corrected)
            st.warning(_("This link was corrected: {names} could not be used as written.", names=names))
        table = Table(link.experiment, link.experiment, link.at, link.twin, link.view, link.beside)
        set_widgets(self.family, self.base(table))
        # A story and a shared moment are shown even where nobody has trained them yet; other links wait for the button.
        story = any(link.experiment == story.experiment for story in self.cls.stories())
        if story or link.at is not None or link.twin is not None:
            self.open_all(link.experiment, link.beside)
            if link.twin is not None:
                self.open(link.experiment.but(**dict([link.twin])))
        return table

    @property
    def place(self) -> str:
        return f"{self.family}.table"

    def keep(self, table: Table) -> None:
        """Remember the table, and say it in the address."""
        table = replace(table, address=table.link())
        st.session_state[self.place] = table
        wanted = dict(table.address)
        if "lang" in st.query_params:
            wanted["lang"] = language()
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
            return runs().open(experiment, resume=resume)
        except (OSError, RuntimeError, ValueError) as error:
            st.error(told(error), icon=":material/error:")
            return None

    def open_all(self, experiment: Experiment, beside: Beside | None, resume: bool = False) -> bool:
        """The run and those beside it; whether all of them could be opened."""
        return None not in [self.open(each, resume) for each in lanes.together(experiment, beside)]

    def stories(self, table: Table) -> None:
        """One button per story; a press shows its run, trained already or from now on."""
        told = next((story for story in self.cls.stories() if story.experiment.key == table.shown.key), None)
        st.markdown(_(told.sentence) if told else _(self.line))
        st.caption(self.legend(table.shown))
        with st.container(horizontal=True, gap="small"):
            for story in self.cls.stories():
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
        said = controls(self.family, base, self.front[:1], locked=locked)
        possible = True
        try:
            said |= self.special(self.family, base.model_copy(update=said))
        except BadExperiment as error:
            possible = False
            st.warning(" ".join(error.faults.values()))
        said |= controls(self.family, base.model_copy(update=said), self.front[1:], locked=locked)
        with st.expander(_("More settings"), icon=":material/tune:"):
            said |= controls(self.family, base.model_copy(update=said), rest, locked=locked)
        with button:
            return self.train_button(table, self.wanted(table, said) if possible else None)

    def train_button(self, table: Table, wanted: Experiment | None) -> Table:
        """Train, resume, fork or train anew: the one button, named for what a press would do."""
        known = runs().find(wanted.key) if wanted else None
        state = lanes.state(lanes.together(wanted, table.beside)) if wanted else ""
        forking = table.fork is not None
        same = forking and wanted == table.settings
        pressed = st.button(
            _("Train the fork") if forking else self.label(state, wanted), key=f"{self.family}.train", type="primary",
            width="stretch", disabled=wanted is None or same or state in ACTIVE, icon=":material/play_arrow:",
            shortcut="t",
        )  # fmt: skip
        if forking:
            self.say_fork(table)
        if wanted is None:
            return table
        if pressed:
            self.train(table, wanted, state)
        if not forking and known is not None and wanted.key != table.shown.key:
            return replace(table, settings=wanted, shown=wanted, at=None)
        if not forking and wanted.key != table.shown.key:
            st.caption(_("The picture still shows the run before this change. Press Train to run these settings."))
        return table if forking else replace(table, settings=wanted)

    def label(self, state: str, wanted: Experiment | None) -> str:
        match state:
            case "finished" if wanted is not None:
                return _("Train again, seed {seed}", seed=wanted.seed + 1)
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

    def picture(self, table: Table) -> Table:
        """The living picture of the shown run, and of its twin."""
        twin = (table.twin[0], (table.twin[1],)) if table.twin else None
        shown = lanes.together(table.shown, twin or table.beside)
        found = [(experiment, runs().find(experiment.key)) for experiment in shown]
        known = [(experiment, run) for experiment, run in found if run is not None]
        if not known:
            st.info(_("Nobody has trained these settings yet. Press Train."), icon=":material/play_circle:")
            return table
        first = known[0][0]
        table = self.seen(table, known[0][1])
        if table.twin:
            twins.verdict(table.shown, table.twin, [run for _e, run in known], table.at, self.lesson)
        self.above(self, table)
        self.say_changes(first)
        entries = [
            {"key": run.key, "label": twins.label(experiment, table), "active": run.status().state in ACTIVE}
            for experiment, run in known
        ]
        panels = list(self.panels(first))
        return self.follow(table, [run for _e, run in known], entries, panels)

    def say_changes(self, experiment: Experiment) -> None:
        """One line for knobs that changed during training."""
        told = [
            _("at step {step}: {knob} → {value}", step=step, knob=_(knob.label), value=twins.said(value))
            for step, name, value in experiment.changes
            for knob in [self.cls.knobs()[name]]
        ]
        if told:
            st.markdown(_("Changed during training") + " " + "; ".join(told) + ".")

    def follow(self, table: Table, known: list[Run], entries: list[dict[str, Any]], panels: list[Any]) -> Table:
        """Mounts the live view; where no WebSocket passes, the same frames travel inside the page, twice a second."""
        polling = f"{self.family}.poll"
        self.explain_failure(table, known[0])
        words = translated({**WORDS, **{text: text for text in (*reasons.TEMPLATES, *self.cls.note_templates)}})
        words["locale"] = language()

        def mount(table: Table, frames: Sequence[bytes] = ()) -> Table:
            # What the visitor did in the picture is known before it is mounted again: told back a run late, the
            # picture would undo it.
            table = self.seen(table, known[0])
            result = live(
                entries, panels, words=words, key=self.live, step=table.at, view=table.view, frames=frames,
                autoplay=st.session_state.get(f"{self.family}.autoplay") == known[0].key,
            )  # fmt: skip
            if (result.get("transport") == "poll") != bool(st.session_state.get(polling)):
                st.session_state[polling] = result.get("transport") == "poll"
                st.rerun()
            self.obey(table, known, Command.read(result.get("command")))
            return table

        if not st.session_state.get(polling):
            return mount(table, self.first_look(table, known))

        @st.fragment(run_every=POLL_S)
        def poll() -> None:
            now = st.session_state.get(self.place, table)
            self.keep(mount(now, [frame for run in known for frame in hub.history(run, now.at)]))
            if [entry["active"] for entry in entries] != [run.status().state in ACTIVE for run in known]:
                st.rerun()

        poll()
        kept: Table = st.session_state.get(self.place, table)
        return kept

    def first_look(self, table: Table, known: Sequence[Run]) -> list[bytes]:
        """The pictures of runs that have ended travel with the page, once: nothing newer can come."""
        keys, sent = [run.key for run in known], f"{self.live}.sent"
        if st.session_state.get(sent) == keys:
            return []
        st.session_state[sent] = keys
        return [frame for run in known if run.status().ended for frame in hub.first_look(run, table.at)]

    @property
    def live(self) -> str:
        return f"{self.family}.live"

    def seen(self, table: Table, run: Run) -> Table:
        """The table with the step and the layers that the visitor has just chosen in the picture itself.

        The picture keeps what it said last, so only news count: a link or a button since then is not undone.
        """
        said = Said.read(st.session_state.get(self.live))
        known: Said = st.session_state.get(f"{self.live}.said", Said())
        st.session_state[f"{self.live}.said"] = said
        if said.rest != known.rest and said.rest is not None and said.rest[0] == run.key:
            table = replace(table, at=said.rest[1])
        if said.view != known.view and said.view is not None:
            table = replace(table, view=said.view[0])
        # Kept at once: the next press may interrupt this script run before its end, and news are told only once.
        st.session_state[self.place] = table
        return table

    def explain_failure(self, table: Table, run: Run) -> None:
        """What ended a run early, and the way out: for a divergence, the last good step."""
        reason = run.status().reason
        if reason is None:
            return
        st.warning(_(reason.text, **reason.values), icon=":material/warning:")
        good = reason.values.get("good")
        if reason.kind != "diverged" or not isinstance(good, int) or table.fork is not None:
            return
        if st.button(_("Fork from the last good step"), key=f"{self.family}.good", icon=":material/fork_right:"):
            self.lay(replace(table, settings=table.shown, fork=good, at=good))

    def obey(self, table: Table, known: Sequence[Run], command: Command | None) -> None:
        """Does what a button of the transport asked for; twins are held, stepped and stopped together."""
        if command is None:
            return
        try:
            match command.verb:
                case "pause" | "stop" | "step" | "resume":
                    for run in known:
                        state = run.status().state
                        if command.verb == "pause" and state in ACTIVE:
                            run.pause()
                        elif command.verb == "stop" and state in (*ACTIVE, "paused"):
                            run.stop()
                        elif command.verb == "step" and state == "paused":
                            run.single_step()
                        elif command.verb == "resume" and state in ("paused", "stopped", "interrupted"):
                            run.resume()
                case "restart":
                    wanted = table.shown.but(seed=(table.shown.seed + 1) % 2**31, changes=())
                    if self.open_all(wanted, table.beside):
                        self.lay(Table(wanted, wanted, view=table.view, beside=table.beside))
                case "fork":
                    step = max(0, min(command.step, table.shown.steps - 1))
                    self.lay(replace(table, settings=table.shown, fork=step))
        except (OSError, RuntimeError, NoSuchRun) as error:
            st.error(told(error), icon=":material/error:")
