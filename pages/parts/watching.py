"""Watching: the living picture of a lab's run and of what stands beside it, and what the visitor does in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import streamlit as st

from models.experiment import Experiment
from pages.parts import lanes, twins
from pages.parts.lanes import ACTIVE
from pages.parts.live import WORDS, live
from pages.parts.table import Command, Said, Table
from pages.parts.words import _, language, told, translate
from state import hub, reasons
from state.frames import SHOWN_AS
from state.runs import NoSuchRun, Run, runs

if TYPE_CHECKING:
    from pages.parts.lab import Lab

POLL_S = 0.5


def picture(lab: Lab, table: Table) -> Table:
    """The living picture of the shown run, and of its twin."""
    known = stored(table)
    if not known:
        st.info(_("Nobody has trained these settings yet. Press Train."), icon=":material/play_circle:")
        return table
    first = known[0][0]
    table = seen(lab, table, known[0][1])
    if table.twin:
        twins.verdict(table.shown, table.twin, [run for _e, run in known], table.at, lab.lesson)
    lab.above(lab, table)
    say_changes(lab, first)
    entries = [{"key": run.key, "label": twins.label(experiment, table), **phase(run)} for experiment, run in known]
    return follow(lab, table, [run for _e, run in known], entries, lab.panels(first))


def phase(run: Run) -> dict[str, Any]:
    """What the page around the picture says and offers by: whether the run waits, trains or does neither."""
    state = run.status().state
    shown = SHOWN_AS.get(state, state)
    return {"active": state in ACTIVE, "phase": shown if state in ACTIVE else "idle"}


def stored(table: Table) -> list[tuple[Experiment, Run]]:
    """The shown experiment, its twin and what stands beside it, as far as they have runs."""
    twin = (table.twin[0], (table.twin[1],)) if table.twin else None
    shown = lanes.together(table.shown, twin or table.beside)
    found = [(experiment, runs().find(experiment.key)) for experiment in shown]
    return [(experiment, run) for experiment, run in found if run is not None]


def spoken(lab: Lab) -> dict[str, str]:
    """Every word of the living picture, in the visitor's language."""
    named = {f"named_{name}": said for name, said in lab.named().items()}
    begins = {"waiting_first": lab.begins} if lab.begins else {}
    return {**words_of(lab.cls, language()), **named, **begins}


@lru_cache(maxsize=128)
def words_of(cls: type[Experiment], code: str) -> Mapping[str, str]:
    """The words that are the same in all living pictures of a family, in the language `code`: translated once."""
    said = {**WORDS, **{text: text for text in (*reasons.TEMPLATES, *cls.note_templates)}}
    return {**{name: translate(text, code) for name, text in said.items()}, "locale": code}


def say_changes(lab: Lab, experiment: Experiment) -> None:
    """One line for knobs that changed during training."""
    told = [
        _("at step {step}: {knob} → {value}", step=step, knob=_(knob.label), value=lab.said(name, value))
        for step, name, value in experiment.changes
        for knob in [lab.cls.knobs()[name]]
    ]
    if told:
        st.markdown(_("Changed during training") + " " + "; ".join(told) + ".")


def follow(
    lab: Lab, table: Table, known: list[Run], entries: list[dict[str, Any]], panels: Sequence[Mapping[str, Any]]
) -> Table:
    """Mounts the live view; where no WebSocket passes, the same frames travel inside the page, twice a second."""
    polling = f"{lab.family}.poll"
    explain_failure(lab, table, known[0])
    words = spoken(lab)

    def mount(table: Table, frames: Sequence[bytes] = ()) -> Table:
        # What the visitor did in the picture is known before it is mounted again: told back a run late, the
        # picture would undo it.
        table = seen(lab, table, known[0])
        result = live(
            entries, panels, words=words, key=lab.live, step=table.at, view=table.view, frames=frames,
            autoplay=st.session_state.get(f"{lab.family}.autoplay") == known[0].key,
        )  # fmt: skip
        if (result.get("transport") == "poll") != bool(st.session_state.get(polling)):
            st.session_state[polling] = result.get("transport") == "poll"
            st.rerun()
        obey(lab, table, known, Command.read(result.get("command")))
        return table

    if not st.session_state.get(polling):
        return mount(table, first_look(lab, table, known))

    @st.fragment(run_every=POLL_S)
    def poll() -> None:
        now = st.session_state.get(lab.place, table)
        lab.keep(mount(now, [frame for run in known for frame in hub.history(run, now.at)]))
        if [entry["phase"] for entry in entries] != [phase(run)["phase"] for run in known]:
            st.rerun()

    poll()
    kept: Table = st.session_state.get(lab.place, table)
    return kept


def first_look(lab: Lab, table: Table, known: Sequence[Run]) -> list[bytes]:
    """The pictures of runs that have ended travel with the page, once: nothing newer can come."""
    keys, sent = [run.key for run in known], f"{lab.live}.sent"
    if st.session_state.get(sent) == keys:
        return []
    st.session_state[sent] = keys
    return [frame for run in known if run.status().ended for frame in hub.first_look(run, table.at)]


def seen(lab: Lab, table: Table, run: Run) -> Table:
    """The table with the step and the layers that the visitor has just chosen in the picture itself.

    The picture keeps what it said last, so only news count: a link or a button since then is not undone.
    """
    said = Said.read(st.session_state.get(lab.live))
    known: Said = st.session_state.get(f"{lab.live}.said", Said())
    st.session_state[f"{lab.live}.said"] = said
    if said.rest != known.rest and said.rest is not None and said.rest[0] == run.key:
        table = replace(table, at=said.rest[1])
    if said.view != known.view and said.view is not None:
        table = replace(table, view=said.view[0])
    # Kept at once: the next press may interrupt this script run before its end, and news are told only once.
    st.session_state[lab.place] = table
    return table


def explain_failure(lab: Lab, table: Table, run: Run) -> None:
    """What ended a run early, and the way out: for a divergence, the last good step."""
    reason = run.status().reason
    if reason is None:
        return
    st.warning(_(reason.text, **reason.values), icon=":material/warning:")
    good = reason.values.get("good")
    if reason.kind != "diverged" or not isinstance(good, int) or table.fork is not None:
        return
    if st.button(_("Fork from the last good step"), key=f"{lab.family}.good", icon=":material/fork_right:"):
        lab.lay(replace(table, settings=table.shown, fork=good, at=good))


def obey(lab: Lab, table: Table, known: Sequence[Run], command: Command | None) -> None:
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
                wanted = table.shown.but(seed=(table.shown.seed + 1) % 2**31)
                if lab.open_all(wanted, table.beside):
                    lab.lay(Table(wanted, wanted, view=table.view, beside=table.beside))
            case "fork":
                step = max(0, min(command.step, table.shown.steps - 1))
                lab.lay(replace(table, settings=table.shown, fork=step))
    except NoSuchRun:
        st.error(_(reasons.GONE), icon=":material/error:")
    except (OSError, RuntimeError, sqlite3.Error) as error:
        st.error(told(error), icon=":material/error:")
