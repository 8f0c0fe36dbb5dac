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

from models.experiment import BadExperiment, Experiment, Story, Value
from pages.parts import twins
from pages.parts.controls import controls, rebuilt, set_widgets
from pages.parts.live import WORDS, live
from pages.parts.share import share
from pages.parts.words import _, language, translated
from state import hub, links, reasons
from state.runs import NoSuchRun, Run, runs

Panels = Callable[[Any], Sequence[Mapping[str, Any]]]
POLL_S = 0.5
MOST_STEPS = 10**9
ACTIVE = ("queued", "starting", "running")


@dataclass(frozen=True)
class Table:
    """What one visitor has before them: the settings, the run that is shown, and how it is looked at."""

    settings: Experiment
    shown: Experiment
    at: int | None = None
    twin: tuple[str, Value] | None = None
    view: str = ""
    fork: int | None = None
    address: Mapping[str, str] = field(default_factory=dict)

    def link(self) -> dict[str, str]:
        return links.write(self.shown, self.at, self.twin, self.view)


@dataclass(frozen=True)
class Said:
    """What the picture has said so far, as far as it makes sense: a browser can say anything."""

    rest: tuple[str, int | None, int] | None = None
    view: tuple[str, int] | None = None

    @classmethod
    def read(cls, state: Any) -> Said:
        rest: tuple[str, int | None, int] | None = None
        match state:
            case {"step": {"key": str(key), "step": int() | None as step, "turn": int(turn)}}:
                rest = (key, None if step is None else max(0, min(step, MOST_STEPS)), turn)
        match state:
            case {"view": {"layers": str(layers), "turn": int(turn)}} if links.VIEW.fullmatch(layers):
                return cls(rest, (layers, turn))
        return cls(rest)


@dataclass(frozen=True)
class Command:
    """A press in the transport."""

    verb: str
    step: int

    @classmethod
    def read(cls, value: Any) -> Command | None:
        match value:
            case {"verb": str(verb), "step": int(step)}:
                return cls(verb, step)
        return None


@dataclass(frozen=True)
class Lab:
    """One family's page: the experiment class, which knobs stand in front, and how its runs are drawn."""

    family: str
    cls: type[Experiment]
    line: str
    front: tuple[str, ...]
    panels: Panels
    special: Callable[[str, Any], dict[str, Value]] = lambda family, experiment: {}
    own: tuple[str, ...] = ()
    """Knobs that `special` draws in its own way."""

    def draw(self) -> None:
        """The whole lab: stories, picture, controls, comparison, sharing."""
        table = self.arrive()
        # The button stands above the picture, where a phone shows it first; the controls stand beside, or below.
        stories, button = st.columns([7, 2], gap="medium", vertical_alignment="center")
        with stories:
            self.stories(table)
        picture, side = st.columns([7, 2], gap="medium")
        with side:
            table = self.settings(table, button)
        with picture:
            table = self.picture(table)
        self.keep(table)
        # Only the open tab is drawn: the other would cost the browser half a megabyte of code highlighting.
        names = [_("Compare with a twin"), _("Share and take along")]
        compare, sharing = st.tabs(names, on_change="rerun", key=f"{self.family}.tabs")
        if compare.open:
            with compare:
                twins.chooser(self, table)
        if sharing.open:
            with sharing:
                share(table.shown, table.link())

    def arrive(self) -> Table:
        """The table as the address says, where the address is new; else as the visitor left it."""
        address = {name: value for name, value in st.query_params.items() if name != "lang"}
        known: Table | None = st.session_state.get(self.place)
        if known is not None and (not address or address == known.address):
            return known
        link = links.read(self.cls, address or links.write(self.cls.stories()[0].experiment))
        if link.corrected:
            names = ", ".join(f"`{name[:40]}`" for name in link.corrected)
            st.warning(_("This link was corrected: {names} could not be used as written.", names=names))
        table = Table(link.experiment, link.experiment, link.at, link.twin, link.view)
        set_widgets(self.family, link.experiment)
        # A shared moment is shown even where nobody has trained it yet; other links wait for the button.
        if link.at is not None or link.twin is not None:
            self.open(link.experiment)
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
            wanted["lang"] = st.query_params["lang"]
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

    def stories(self, table: Table) -> None:
        """One button per story; a press shows its run, trained already or from now on."""
        told = next((story for story in self.cls.stories() if story.experiment.key == table.shown.key), None)
        st.markdown(_(told.sentence) if told else _(self.line))
        with st.container(horizontal=True, gap="small"):
            for story in self.cls.stories():
                chosen = story.experiment.key == table.shown.key
                name = f"{self.family}.story.{story.name}"
                kind: Literal["primary", "secondary"] = "primary" if chosen else "secondary"
                if st.button(_(story.name), key=name, help=_(story.sentence), type=kind):
                    self.tell_story(story, table)

    def tell_story(self, story: Story, table: Table) -> None:
        self.open(story.experiment)
        self.lay(Table(story.experiment, story.experiment, view=table.view))

    def settings(self, table: Table, button: DeltaGenerator) -> Table:
        """The controls, and the button that trains what they say."""
        base = table.settings if table.fork is None else table.settings.at(table.fork)
        if st.session_state.pop(f"{self.family}.lay", False):
            set_widgets(self.family, base)
        rest = [name for name in self.cls.knobs() if name not in (*self.front, *self.own)]

        def locked(knob: Any) -> bool:
            return table.fork is not None and not knob.live and knob.name != "steps"

        # What belongs to the first knob (the data, say) stands right below it.
        said = controls(self.family, base, self.front[:1], locked=locked)
        said |= self.special(self.family, base.model_copy(update=said))
        said |= controls(self.family, base.model_copy(update=said), self.front[1:], locked=locked)
        with st.expander(_("More settings"), icon=":material/tune:"):
            said |= controls(self.family, base.model_copy(update=said), rest, locked=locked)
        with button:
            return self.train_button(table, said)

    def train_button(self, table: Table, said: Mapping[str, Value]) -> Table:
        """Train, resume, fork or train anew: the one button, named for what a press would do."""
        wanted = self.wanted(table, said)
        if wanted is None:
            st.button(_("Train"), key=f"{self.family}.train", disabled=True, width="stretch")
            return table
        known = runs().find(wanted.key)
        state = known.status().state if known else ""
        words = {
            "": _("Train"), "finished": _("Train with the next seed"), "paused": _("Resume"),
            "stopped": _("Resume"), "interrupted": _("Resume"), "failed": _("Try again"),
        }  # fmt: skip
        label = words.get(state, _("Training …"))
        if table.fork is not None:
            label = _("Train the fork")
        pressed = st.button(
            label, key=f"{self.family}.train", type="primary", width="stretch", disabled=state in ACTIVE,
            icon=":material/play_arrow:", shortcut="t",
        )  # fmt: skip
        if table.fork is not None:
            self.say_fork(table)
        if pressed:
            self.train(table, wanted, state)
        if known is not None and table.fork is None and wanted.key != table.shown.key:
            return replace(table, settings=wanted, shown=wanted, at=None)
        if wanted.key != table.shown.key and table.fork is None:
            st.caption(_("The picture still shows the run before this change. Press Train to run these settings."))
        return table if table.fork is not None else replace(table, settings=wanted)

    def wanted(self, table: Table, said: Mapping[str, Value]) -> Experiment | None:
        if table.fork is None:
            return rebuilt(table.settings.but(changes=()) if self.changed(table, said) else table.settings, said)
        live = {name: value for name, value in said.items() if self.cls.knobs()[name].live or name == "steps"}
        try:
            return table.settings.fork(table.fork, **live)
        except BadExperiment as error:
            st.error(str(error), icon=":material/error:")
            return None

    def changed(self, table: Table, said: Mapping[str, Value]) -> bool:
        return any(getattr(table.settings, name) != value for name, value in said.items())

    def train(self, table: Table, wanted: Experiment, state: str) -> None:
        if state == "finished" and table.fork is None:
            wanted = wanted.but(seed=(wanted.seed + 1) % 2**31)
        if self.open(wanted, resume=True) is not None:
            self.lay(Table(wanted, wanted, view=table.view))

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
        shown = [table.shown, *([table.shown.but(**dict([table.twin]))] if table.twin else [])]
        found = [(experiment, runs().find(experiment.key)) for experiment in shown]
        known = [(experiment, run) for experiment, run in found if run is not None]
        if not known:
            st.info(_("Nobody has trained these settings yet. Press Train."), icon=":material/play_circle:")
            return table
        first = known[0][0]
        if table.twin:
            twins.verdict(table.shown, table.twin, [run for _e, run in known], table.at)
        entries = [
            {"key": run.key, "label": twins.label(experiment, table), "active": run.status().state in ACTIVE}
            for experiment, run in known
        ]
        panels = list(self.panels(first))
        return self.follow(table, [run for _e, run in known], entries, panels)

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
            result = live(entries, panels, words=words, key=self.live, step=table.at, view=table.view, frames=frames)
            if (result.get("transport") == "poll") != bool(st.session_state.get(polling)):
                st.session_state[polling] = result.get("transport") == "poll"
                st.rerun()
            self.obey(table, known, Command.read(result.get("command")))
            return table

        if not st.session_state.get(polling):
            return mount(table)

        @st.fragment(run_every=POLL_S)
        def poll() -> None:
            now = st.session_state.get(self.place, table)
            self.keep(mount(now, [frame for run in known for frame in hub.history(run, now.at)]))
            if [entry["active"] for entry in entries] != [run.status().state in ACTIVE for run in known]:
                st.rerun()

        poll()
        kept: Table = st.session_state.get(self.place, table)
        return kept

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
                    if self.open(wanted) is not None:
                        self.lay(Table(wanted, wanted, view=table.view))
                case "fork":
                    step = max(0, min(command.step, table.shown.steps - 1))
                    self.lay(replace(table, settings=table.shown, fork=step))
        except (OSError, RuntimeError, NoSuchRun) as error:
            st.error(told(error), icon=":material/error:")


def told(error: Exception) -> str:
    """An error's sentence in the visitor's language, where it carries a template; else as it is."""
    template, values = getattr(error, "template", None), getattr(error, "values", {})
    return _(template, **values) if template else _(str(error))
