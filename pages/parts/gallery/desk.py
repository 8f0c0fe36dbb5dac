"""The gallery as a whole: filters, table, what is done with the chosen, and their comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from models.experiment import Experiment
from pages.parts.gallery import actions, comparing, filters, listing, names
from pages.parts.gallery.address import VIEW, arrive, keep, key, put, revision
from pages.parts.gallery.conditions import value_of
from pages.parts.gallery.rights import may_change
from pages.parts.gallery.sheet import Deed, sheet, ticked
from pages.parts.gallery.stills import alt, stills
from pages.parts.gallery.view import PREFIX, View
from pages.parts.twins import said
from pages.parts.words import _
from state.recovery import rewritten_at
from state.row import ACTIVE
from state.runs import runs
from state.shelf import Entry, shelf

SHEET = "runs.sheet"
LOOK_S = 2.0
SOON_S = 0.2
KNOBS, NUMBERS = 4, 2
"""Columns of the table for knobs that differ, and for last values."""


def draw() -> None:
    """The page."""
    view, entries = heard(arrive()), shelf(runs())
    say_rewritten()
    if not entries:
        keep(view)
        st.info(_("No run has been trained here yet. Open any page and press Train: the run will be listed here."),
                icon=":material/inventory_2:")  # fmt: skip
        return
    view = filters.filters(view, entries)
    chosen = listing.chosen(entries, view)
    found = listing.found(entries, view)
    count(view, len(found), len(entries))
    actions.bar(view, entries, chosen)
    view, here = turn(view, found)
    whole = show(view, here)
    view = comparing.draw(view, chosen)
    keep(view)
    follow([*here, *chosen], whole)


def say_rewritten() -> None:
    """What is lost where the list of runs was damaged."""
    when = rewritten_at(runs().home)
    if when is not None:
        st.info(_("The list of runs was damaged on {when} and was written anew from the runs themselves. What they "
                  "recorded is all there; names, tags and pins are lost, and runs that were training can be resumed.",
                  when=names.moment(when)), icon=":material/healing:")  # fmt: skip


def heard(view: View) -> View:
    """The view with what was ticked in the table; told again without news, a tick would undo what came since."""
    state = st.session_state.get(SHEET)
    now = ticked(state, revision())
    if now is None or now == st.session_state.get("runs.heard"):
        return view
    st.session_state["runs.heard"] = now
    view = view.but(chosen=now[1])
    st.session_state[VIEW] = view  # at once: a button may end this run of the page before its end
    return view


def count(view: View, found: int, whole: int) -> None:
    """How many runs pass the filters; nothing found is said, with the way out."""
    if not filters.active(view):
        st.caption(_("Runs in this store: {count}.", count=whole))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if found:
            st.caption(_("{found} of {count} runs.", found=found, count=whole), width="content")
        else:
            st.markdown(_("No run passes these filters."), width="content")
        if st.button(_("Clear filters"), key="runs.clear", type="tertiary", icon=":material/filter_alt_off:"):
            put(filters.cleared(view))


def turn(view: View, found: Sequence[Entry]) -> tuple[View, Sequence[Entry]]:
    """One page of the table, and the buttons that turn it."""
    many = listing.pages(len(found))
    number = min(view.page, many)
    if many > 1:
        number = st.pagination(many, default=number, key=key(f"page.{many}.{'.'.join(map(str, narrow(view)))}", number))
    return view.but(page=int(number)), listing.page_of(found, int(number))


def narrow(view: View) -> Sequence[int]:
    """A mark of the filters and the order: another one begins again at the first page."""
    return [abs(hash((view.family, view.states, view.tags, view.text, view.where, view.pinned, view.sort))) % 10**9]


def show(view: View, here: Sequence[Entry]) -> bool:
    """The table of one page of runs; whether every thumbnail was there."""
    pictures, whole = stills(here, st.context.theme.type == "dark")
    experiment = next((entry.experiment for entry in here if entry.experiment is not None), None)
    fields = fields_of(view, here) if view.family and experiment is not None else []
    pages = actions.pages()
    rows = []
    for entry in here:
        still, what = pictures.get(entry.key, ("", ""))
        cells = [cell(entry, field) for field in fields] if fields else [everything(entry)]
        rows.append({
            "short": entry.key[:PREFIX], "title": names.called(entry), "href": actions.address(entry, pages),
            "under": under(entry), "tags": list(entry.tags), "pinned": entry.pinned, "mine": may_change(entry),
            "still": still, "alt": alt(entry, what) if still else "", "cells": [stage(entry), *cells],
        })  # fmt: skip
    deed = sheet(heads(view, fields, experiment), rows, chosen=view.chosen, revision=revision(), key=SHEET)
    obey(view, here, deed)
    return whole


def heads(view: View, fields: Sequence[str], experiment: Experiment | None) -> list[dict[str, Any]]:
    """The sortable heads: name and state, then the family's own fields or, for mixed runs, all settings in one."""
    now, ways = view.sort.removeprefix("-"), ("descending" if view.sort.startswith("-") else "ascending")
    general = [("title", _("Run"), False, False), ("state", _("State"), False, False)]
    own = [(field, names.field(field, experiment), numeric(field, experiment), False) for field in fields]
    told = [*general, *(own or [("", _("Settings"), False, True)])]
    return [
        {"id": field, "label": label, "numeric": numeric, "long": long, "sorted": ways if field == now else ""}
        for field, label, numeric, long in told
    ]


def numeric(field: str, experiment: Experiment | None) -> bool:
    """Whether a field holds numbers, which stand under each other by their ends."""
    kind, _dot, name = field.partition(".")
    knob = experiment.knobs().get(name) if experiment is not None and kind == "knob" else None
    return kind == "last" or (knob is not None and knob.kind in ("int", "float"))


def fields_of(view: View, here: Sequence[Entry]) -> list[str]:
    """The knobs in which these runs differ, and numbers: those compared, the one sorted by, the family's first."""
    experiments = [entry.experiment for entry in here if entry.experiment is not None]
    have = {name for entry in here for name in entry.last()}
    first = [name for name in experiments[0].columns if name in have]
    numbers = list(dict.fromkeys([*(name for name in view.columns if name in have), *first]))[:NUMBERS]
    knobs = listing.differing(experiments)[:KNOBS]
    fields = [*(f"knob.{name}" for name in knobs), *(f"last.{name}" for name in numbers)]
    by = view.sort.removeprefix("-")
    return [*fields, by] if by.partition(".")[0] in ("knob", "last") and by not in fields else fields


def cell(entry: Entry, field: str) -> str:
    kind, _dot, name = field.partition(".")
    if kind == "knob":
        value = listing.told(entry.experiment, name) if entry.experiment is not None else None
    else:
        value = value_of(entry, field)
    return "" if value is None else said(value)


def everything(entry: Entry) -> str:
    """What is unusual about a run's settings, in one line."""
    if entry.experiment is None:
        return _("This version of Torchlight does not know the experiment any more.")
    unusual = [name for name in names.unusual(entry.experiment) if name != "seed" or entry.title]
    return names.settings(entry.experiment, unusual[:KNOBS]) or _("all knobs as they come")


def stage(entry: Entry) -> str:
    """State and, unless it has finished, how far it came."""
    if entry.state == "finished":
        return names.state(entry.state)
    return _("{state}, step {step} of {steps}", state=names.state(entry.state), step=entry.step, steps=entry.steps)


def under(entry: Entry) -> str:
    """The small line under a run's name: its family, where the name does not say it, and when it was made."""
    told = [names.family(entry)] if entry.title else []
    told += [_("of another version")] if entry.experiment is None else []
    return " · ".join([*told, names.moment(entry.created)])


def obey(view: View, here: Sequence[Entry], deed: Deed | None) -> None:
    """Do what was pressed in the table."""
    if deed is None:
        return
    entry = next((entry for entry in here if entry.key[:PREFIX] == deed.what), None)
    match deed.verb:
        case "sort":
            field = deed.what if View.read({"runs.sort": deed.what})[1] == () else "created"
            put(view.but(sort=field if view.sort == f"-{field}" else f"-{field}"))
        case "open" if entry is not None:
            keep(view)
            actions.open_page(entry)
        case "pin" | "unpin" if entry is not None and may_change(entry):
            keep(view)
            actions.every([entry], lambda run: run.pin(deed.verb == "pin"))


def follow(shown: Sequence[Entry], whole: bool) -> None:
    """Run the page again when a thumbnail is still to be drawn, or one of these runs has got further."""
    active = [entry for entry in shown if entry.state in ("queued", *ACTIVE)]
    if whole and not active:
        return

    begun: list[bool] = []

    @st.fragment(run_every=LOOK_S if whole else SOON_S)
    def look() -> None:
        if not begun:  # the page itself has just been drawn
            begun.append(True)
            return
        now = {entry.key: (entry.state, entry.step) for entry in shelf(runs())} if whole else {}
        if not whole or any(now.get(entry.key) != (entry.state, entry.step) for entry in active):
            st.rerun()

    look()
