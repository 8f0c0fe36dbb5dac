"""Which runs, and in which order: the widgets over the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from models.experiment import Experiment
from pages.parts.gallery import names
from pages.parts.gallery.address import key, put
from pages.parts.gallery.conditions import LONGEST, OPERATORS, SHOWN, Condition, number
from pages.parts.gallery.view import GENERAL, MOST_CONDITIONS, STATES, View
from pages.parts.words import _
from state.shelf import Entry
from state.titles import LONGEST_TITLE, tags_of, title_of

SORTED = ("created", "title", "name", "state", "step")


def filters(view: View, entries: Sequence[Entry]) -> View:
    """The view as the widgets say it now."""
    families = families_of(entries)
    known = sorted({tag for entry in entries for tag in entry.tags} | set(view.tags), key=str.casefold)
    with st.container(key="filters"):
        one, two, three, *rest = st.columns([4, 3, 3, 3] if known else [4, 3, 3], gap="small")
    with one:
        text = st.text_input(
            _("Search"), view.text, max_chars=LONGEST_TITLE, key=key("text", view.text), icon=":material/search:",
            placeholder=_("name, tag, knob=value, key"),
        )  # fmt: skip
    with two:
        options = ["", *families, *([view.family] if view.family and view.family not in families else [])]
        family = st.selectbox(
            _("Family"), options, options.index(view.family), key=key("family", view.family), filter_mode=None,
            format_func=lambda name: names.family(families[name]) if name in families else name or _("all families"),
        )  # fmt: skip
    with three:
        states = st.multiselect(
            _("State"), STATES, list(view.states), format_func=names.state, key=key("states", list(view.states)),
            placeholder=_("any"),
        )  # fmt: skip
    tags: list[str] = []
    for place in rest:
        with place:
            tags = st.multiselect(
                _("Tags"), known, list(view.tags), key=key("tags", list(view.tags)), placeholder=_("any")
            )
    said = view.but(
        text=title_of(text or ""), family=family or "", states=tuple(states), tags=tags_of(tags)
    )  # fmt: skip
    if said.family != view.family:
        # Conditions and order speak of knobs that another family does not have.
        said = said.but(where=(), sort=said.sort if said.sort.removeprefix("-") in GENERAL else "-created", columns=())
    return more(said, families.get(said.family))


def families_of(entries: Sequence[Entry]) -> dict[str, Entry]:
    """Per family one of its runs, if possible one that this version knows; in order of their names."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.name not in found or found[entry.name].experiment is None:
            found[entry.name] = entry
    return dict(sorted(found.items(), key=lambda pair: names.family(pair[1]).casefold()))


def more(view: View, sample: Entry | None) -> View:
    """Order, pins, and conditions on the knobs and numbers of the family."""
    experiment = sample.experiment if sample is not None else None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="order"):
        options = [*SORTED, *fields_of(sample)]
        now = view.sort.removeprefix("-")
        options += [now] if now not in options else []
        sort = st.selectbox(
            _("Sort by"), options, options.index(now), format_func=lambda name: names.field(name, experiment),
            key=key(f"sort.{view.family}", now), width=240,
        )  # fmt: skip
        ways = {"-": _("falling"), "": _("rising")}
        way = "-" if view.sort.startswith("-") else ""
        falling = st.segmented_control(
            _("Order"), list(ways), default=way, format_func=lambda way: ways[way], key=key("falling", way),
            required=True,
        )  # fmt: skip
        pinned = st.toggle(_("Only pinned"), view.pinned, key=key("pinned", view.pinned), width="content")
        view = conditions(view, sample, experiment)
    return view.but(sort=f"{falling or ''}{sort or 'created'}", pinned=pinned)


def fields_of(sample: Entry | None) -> list[str]:
    """The knobs and recorded numbers of a family, as fields."""
    if sample is None or sample.experiment is None:
        return []
    columns = [f"last.{name}" for name in sample.experiment.columns]
    return [*(f"knob.{name}" for name in sample.experiment.knobs()), *columns]


def conditions(view: View, sample: Entry | None, experiment: Experiment | None) -> View:
    """The conditions that hold, each of which can be taken away, and a form for one more."""
    with st.popover(_("Conditions"), icon=":material/filter_alt:", key="runs.conditions"):
        if sample is None or experiment is None:
            st.markdown(_("Choose a family first: its knobs and numbers can then be given limits."))
            return view
        with st.form("runs.condition", border=False):
            fields = fields_of(sample)
            field = st.selectbox(_("Knob or last value"), fields, key=f"runs.field.{view.family}",
                                 format_func=lambda name: named(name, experiment))  # fmt: skip
            sign = st.selectbox(_("must be"), list(OPERATORS), key="runs.sign", filter_mode=None,
                                format_func=lambda sign: SHOWN.get(sign, sign))  # fmt: skip
            value = st.text_input(_("Value"), max_chars=LONGEST // 2, key="runs.value")
            if st.form_submit_button(_("Add"), icon=":material/add:"):
                add(view, experiment, str(field), str(sign), value)
    if view.where:
        said = [condition.write() for condition in view.where]
        kept = st.multiselect(
            _("Conditions that hold"), said, said, key=key(f"where.{';'.join(said)}", said), width=320,
            format_func=lambda text: spoken(Condition.read(text), experiment),
        )  # fmt: skip
        view = view.but(where=tuple(Condition.read(text) for text in kept))
    return view


def add(view: View, experiment: Experiment, field: str, sign: str, value: str) -> None:
    """One more condition, if it is one; else says why not."""
    kind, _dot, name = field.partition(".")
    numeric = kind == "last" or experiment.knobs()[name].kind in ("int", "float")
    try:
        condition = Condition.read(f"{field}{sign}{value.strip()}")
    except ValueError:
        st.error(_("Give a value."))
        return
    if numeric and number(value) is None:
        st.error(_("Give a number, such as 0.01."))
    elif len(view.where) >= MOST_CONDITIONS:
        st.error(_("{most} conditions are the most.", most=MOST_CONDITIONS))
    else:
        put(view.but(where=tuple(dict.fromkeys((*view.where, condition)))))


def named(field: str, experiment: Experiment) -> str:
    """A field, and whether it is a number that was recorded."""
    name = names.field(field, experiment)
    return _("{name} (last value)", name=name) if field.startswith("last.") else name


def spoken(condition: Condition, experiment: Experiment) -> str:
    sign = SHOWN.get(condition.operator, condition.operator)
    return f"{names.field(condition.field, experiment)} {sign} {condition.value}"


def cleared(view: View) -> View:
    """The view without any filter."""
    return replace(view, family="", states=(), tags=(), text="", where=(), pinned=False, page=1)


def active(view: View) -> Mapping[str, object]:
    """The filters that are set."""
    said = {"family": view.family, "states": view.states, "tags": view.tags, "text": view.text}
    return {name: value for name, value in {**said, "where": view.where, "pinned": view.pinned}.items() if value}
