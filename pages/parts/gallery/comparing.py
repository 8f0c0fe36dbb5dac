"""Chosen runs of one family side by side: their curves on the same axes, and their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from models.experiment import Experiment
from models.metrics.comparison import FEWEST, band
from pages.parts.course import show
from pages.parts.gallery import chart, names
from pages.parts.gallery.address import key
from pages.parts.gallery.listing import differing, told
from pages.parts.gallery.seeds import Group, groups, mean
from pages.parts.gallery.stills import title_of
from pages.parts.gallery.values import Values, rises, values
from pages.parts.gallery.view import MOST_COLUMNS, View
from pages.parts.memory.standings import STYLE
from pages.parts.twins import said
from pages.parts.words import _, shown
from state.shelf import Entry

MOST_KNOBS = 8


def draw(view: View, chosen: Sequence[Entry]) -> View:
    """The comparison, and the view as its own widgets say it."""
    st.header(_("Compare"), anchor=False)
    known = [entry for entry in chosen if entry.experiment is not None]
    if len(known) < len(chosen):
        st.info(
            _("Recorded by another version of Torchlight, and so not to be put on the same axes: {count} of the chosen "
              "runs.", count=len(chosen) - len(known)), icon=":material/history:",
        )  # fmt: skip
    if len({entry.name for entry in known}) > 1:
        st.info(_("Runs of different families have different numbers: choose runs of one family."),
                icon=":material/info:")  # fmt: skip
        return view
    if len(known) < 2:
        st.info(_("Tick two or more runs of one family in the table to see them on the same axes."),
                icon=":material/compare:")  # fmt: skip
        return view
    columns = recorded(known)
    if not columns:
        st.info(_("None of the chosen runs has recorded a number yet."), icon=":material/hourglass_empty:")
        return view
    view = settings(view, known, columns)
    shown_columns = [name for name in view.columns if name in columns] or columns[:1]
    if view.grouped:
        grouped(view, known, shown_columns)
    else:
        each(view, known, shown_columns)
    return view


def recorded(entries: Sequence[Entry]) -> list[str]:
    """The columns that any of the runs has, those with a name first and in their family's order."""
    have = {name for entry in entries for name in entry.last()}
    titled = [name for name in (entries[0].experiment.columns if entries[0].experiment else {}) if name in have]
    return [*titled, *sorted(have - set(titled))]


def settings(view: View, entries: Sequence[Entry], columns: Sequence[str]) -> View:
    """Which numbers, of runs or of groups of seeds, on which axis, what is best, and at which step."""
    first, start = entries[0], min(entry.step for entry in entries)
    left, middle, right, last = st.columns([5, 4, 2, 3], gap="medium")
    with left:
        usual = [name for name in view.columns if name in columns] or [*columns[:1]]
        place = key(f"columns.{first.name}", usual)
        if place in st.session_state:  # other runs may have recorded other numbers
            st.session_state[place] = [name for name in st.session_state[place] if name in columns]
        wanted = tuple(st.multiselect(
            _("Numbers"), columns, usual, format_func=lambda name: title_of(first, name), max_selections=MOST_COLUMNS,
            key=place,
        ))  # fmt: skip
    with middle:
        ways = {False: _("a run"), True: _("a mean over seeds")}
        grouped = st.segmented_control(
            _("A line is"), list(ways), default=view.grouped, format_func=lambda way: ways[way],
            key=key("grouped", view.grouped), required=True,
        )  # fmt: skip
        log = st.toggle(_("Logarithmic axis"), view.log, key=key("log", view.log))
    with right:
        most = max(1, *(entry.step for entry in entries))
        now = min(start if view.at is None else view.at, most)
        at = st.number_input(_("At step"), 0, most, now, step=1, key=key(f"at.{start}.{most}", now))
    with last:
        bests = {"": _("as its name says"), "low": _("the lowest"), "high": _("the highest")}
        best = st.selectbox(
            _("The best value is"), list(bests), list(bests).index(view.best), format_func=lambda way: bests[way],
            key=key("best", view.best), filter_mode=None,
        )  # fmt: skip
    return view.but(
        columns=wanted if wanted != tuple(columns[:1]) else (), grouped=bool(grouped), log=log, best=best,
        at=None if at == start else int(at),
    )  # fmt: skip


def step_of(view: View, entries: Sequence[Entry]) -> int:
    """The step at which numbers are compared: the visitor's, else the last that every run has come to."""
    return view.at if view.at is not None else min(entry.step for entry in entries)


def each(view: View, entries: Sequence[Entry], columns: Sequence[str]) -> None:
    """A line and a row for every run."""
    labels = names.labels(entries)
    for column in columns:
        curves = [(label, entry.curve(column), entry) for label, entry in zip(labels, entries, strict=True)]
        lines = [
            chart.single(label, curve, entry.holes(column))
            for label, curve, entry in curves
            if curve is not None and len(curve[0])
        ]
        picture(view, lines, title_of(entries[0], column))
    experiments = [entry.experiment for entry in entries if entry.experiment is not None]
    step = step_of(view, entries)
    heads = [_("Run"), _("State")]
    rows = [[label, names.state(entry.state)] for label, entry in zip(labels, entries, strict=True)]
    for column in columns:
        heads += value_heads(title_of(entries[0], column), step)
        for row, entry in zip(rows, entries, strict=True):
            row += cells(values(entry, column, high(view, column), step))
    knobs(heads, rows, experiments)
    table(heads, rows)
    say_rest(experiments)


def grouped(view: View, entries: Sequence[Entry], columns: Sequence[str]) -> None:
    """A mean with its interval and a row for every group of seeds."""
    found = groups(entries)
    labels = names.group_labels(found)
    for column in columns:
        means = [(label, mean(group, column, chart.MOST_POINTS)) for label, group in zip(labels, found, strict=True)]
        lines = [chart.Line(label, one[0], one[1].mean, one[1]) for label, one in means if one is not None]
        picture(view, lines, title_of(entries[0], column))
    step, heads = step_of(view, entries), [_("Group"), "n"]
    rows = [[label, shown(len(group.members))] for label, group in zip(labels, found, strict=True)]
    for column in columns:
        heads += value_heads(title_of(entries[0], column), step)
        for row, group in zip(rows, found, strict=True):
            row += averages(group, column, high(view, column), step)
    knobs(heads, rows, [group.experiment for group in found])
    table(heads, rows)
    st.caption(
        _("Runs that differ in nothing but the seed are one group: mean over its n runs, aligned step by step, and the "
          "95 % interval of Student's t with n − 1 degrees of freedom; below three runs there is none.")
    )  # fmt: skip
    if all(len(group.members) < FEWEST for group in found):
        st.info(_("No group here has three seeds yet: train the same settings with more seeds to see how far they "
                  "scatter."), icon=":material/casino:")  # fmt: skip
    say_rest([group.experiment for group in found])


def high(view: View, column: str) -> bool:
    return view.best == "high" or (view.best == "" and rises(column))


def picture(view: View, lines: Sequence[chart.Line], title: str) -> None:
    """The chart of one number; what does not fit in it is said."""
    if not lines:
        st.caption(_("{title}: no numbers yet.", title=title))
        return
    if len(lines) > chart.MOST_LINES:
        st.caption(_("The first {most} of {count} lines are drawn; the table has all.",
                     most=chart.MOST_LINES, count=len(lines)))  # fmt: skip
    drawn = lines[: chart.MOST_LINES]
    if view.log and not any(np.any(line.values > 0) for line in drawn):
        st.caption(_("{title}: nothing is above zero, so a logarithmic axis has nothing to show.", title=title))
        return
    show(chart.chart(drawn, title, view.log, st.context.theme.type == "dark"), chart.words(drawn, title))


def knobs(heads: list[str], rows: Sequence[list[str]], experiments: Sequence[Experiment]) -> None:
    """Adds a column for each knob in which the experiments differ; empty where it does nothing."""
    for name in differing(experiments)[:MOST_KNOBS]:
        heads.append(_(experiments[0].knobs()[name].label))
        for row, experiment in zip(rows, experiments, strict=True):
            value = told(experiment, name)
            row.append("" if value is None else said(value))


def value_heads(title: str, step: int) -> list[str]:
    return [_("{title}, best", title=title), _("{title}, last", title=title),
            _("{title}, at step {step}", title=title, step=step)]  # fmt: skip


def cells(found: Values | None) -> list[str]:
    """Best (and where), last, and at the step; dashes where there is nothing."""
    if found is None:
        return ["–"] * 3
    best = _("{value} (step {step})", value=found.best, step=found.best_at)
    return [best, shown(found.last), "–" if np.isnan(found.at) else shown(found.at)]


def averages(group: Group, column: str, highest: bool, step: int) -> list[str]:
    """Best, last and at the step as means over seeds with their intervals, and how many seeds had one."""
    found = [one for entry in group.members if (one := values(entry, column, highest, step)) is not None]
    if not found:
        return ["–"] * 3
    over = band([[one.best for one in found], [one.last for one in found], [one.at for one in found]])
    return [interval(*part) for part in zip(over.mean, over.low, over.high, over.n, strict=True)]


def interval(middle: float, low: float, top: float, n: int) -> str:
    """A mean, with its interval where there is one, and its n."""
    if not n:
        return "–"
    if np.isnan(low):
        return _("{mean} (n = {n})", mean=float(middle), n=int(n))
    return _("{mean} [{low} … {high}] (n = {n})", mean=float(middle), low=float(low), high=float(top), n=int(n))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table; every cell is escaped, for a run's name is a visitor's text."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    lines = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    narrow = "<style>.tg-numbers td:first-child { white-space: normal; min-width: 9rem; }</style>"
    box = f'<div class="tl-scroll" tabindex="0" role="region" aria-label="{escape(_("The numbers"))}">'
    st.html(f'{STYLE}{narrow}{box}<table class="tl-race tg-numbers"><tr>{head}</tr>{"".join(lines)}</table></div>')


def say_rest(experiments: Sequence[Experiment]) -> None:
    """What the table cannot show of how the compared differ."""
    if len({experiment.changes for experiment in experiments}) > 1:
        st.caption(_("They also differ in what was changed while they trained."))
    if rest := differing(experiments)[MOST_KNOBS:]:
        labels = ", ".join(_(experiments[0].knobs()[name].label) for name in rest)
        st.caption(_("They also differ in: {names}.", names=labels))
