"""Break it and see: twins that lack one part, and one sentence that says what the part was for, with the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from models.attention import AttentionTraining
from models.experiment import Value
from pages.parts.controls import rebuilt
from pages.parts.lab import Lab
from pages.parts.table import Table
from pages.parts.twins import value_at
from pages.parts.words import _, percent
from state.runs import Run

MASTERED = 0.95
APART = 0.1
"""Accuracies that differ by less are called alike: twice the standard error of 128 held-out sequences at the middle."""


@dataclass(frozen=True)
class Breakage:
    """One switch to throw, what it is called, and the question it answers."""

    knob: str
    value: Value
    name: str
    question: str


def breakages(experiment: AttentionTraining) -> Sequence[Breakage]:
    """The switches that mean something for this run and are not thrown already."""
    none = "none"
    found = [
        Breakage("causal", False, _("Causal mask off"), _("What if the writer may look ahead while it trains?")),
        Breakage("positions", none, _("Positions off"), _("What if nobody says where a token stands?")),
        Breakage("scaled", False, _("√d off"), _("What if scores are not divided by √d?")),
        Breakage("residual", False, _("Residual off"), _("What if each part replaces the stream?")),
        Breakage("norm", none, _("LayerNorm off"), _("What if nothing keeps the stream in bounds?")),
        Breakage("num_layers", 1, _("One layer"), _("What if there is nothing to build on?")),
        Breakage("num_heads", 1, _("One head"), _("What if one head must do it all?")),
        Breakage("num_heads", 4, _("Four heads"), _("Do more heads help?")),
        Breakage("num_layers", 2, _("Two layers"), _("Does a second layer help?")),
    ]
    more: dict[tuple[str, Value], bool] = {
        ("num_heads", 4): experiment.num_heads == 1,
        ("num_layers", 2): experiment.num_layers == 1,
    }
    return [
        each
        for each in found
        if getattr(experiment, each.knob) != each.value
        and more.get((each.knob, each.value), True)
        and experiment.matters(experiment.knobs()[each.knob])
    ]


def draw(lab: Lab, table: Table) -> None:
    """One button per part; a press trains the twin beside the run that is shown."""
    st.caption(_("One part is taken away or changed; seed, batches and everything else stay. Both train side by side."))
    with st.container(horizontal=True, gap="small"):
        for each in breakages(table.shown):  # type: ignore[arg-type]
            chosen = table.twin == (each.knob, each.value)
            key = f"{lab.family}.break.{each.knob}.{each.value}"
            if st.button(each.name, key=key, help=each.question, type="primary" if chosen else "secondary"):
                other = rebuilt(table.shown, {each.knob: each.value})
                if other is not None and lab.open(table.shown) is not None and lab.open(other) is not None:
                    lab.lay(replace(table, twin=(each.knob, each.value)))
    if table.twin is not None and st.button(_("Show one run again"), key=f"{lab.family}.break.end", type="tertiary"):
        lab.lay(replace(table, twin=None))


def lesson(experiment: AttentionTraining, twin: tuple[str, Value], both: Sequence[Run], at: int | None) -> str:
    """What the numbers of both runs say about the part in which they differ; empty while they say nothing."""
    whole, broken = both[0].columns(), both[1].columns()
    if "held_out" not in whole or "held_out" not in broken:
        return ""
    step = min(int(whole["held_out"][0][-1]), int(broken["held_out"][0][-1]), 10**9 if at is None else at)
    first, second = (value_at(columns["held_out"], step) for columns in (whole, broken))
    if first is None or second is None:
        return ""
    told = [when_mastered(whole["held_out"], broken["held_out"], step)]
    alone = [value_at(columns["exact"], step) if "exact" in columns else None for columns in (whole, broken)]
    told.append(reason(twin, first, second, alone[0], alone[1]))
    return " ".join(text for text in told if text)


def when_mastered(whole: tuple[np.ndarray, np.ndarray], broken: tuple[np.ndarray, np.ndarray], until: int) -> str:
    """When each run first knew 95 % of the held-out tokens."""
    first, second = (mastered(column, until) for column in (whole, broken))
    if first is None and second is None:
        return ""
    if first is not None and second is not None:
        return _(
            "95 % of held-out tokens are right from step {one} on, and from step {other} on.", one=first, other=second
        )
    if second is None:
        return _(
            "The first run has 95 % of held-out tokens right from step {one} on; the second does not get there.",
            one=first,
        )
    return _(
        "The second run has 95 % of held-out tokens right from step {other} on; the first does not get there.",
        other=second,
    )


def mastered(column: tuple[np.ndarray, np.ndarray], until: int) -> int | None:
    """The first evaluation, not later than `until`, at which the value reaches `MASTERED`."""
    steps, values = column
    reached = np.flatnonzero((values >= MASTERED) & (steps <= until))
    return int(steps[reached[0]]) if len(reached) else None


def reason(twin: tuple[str, Value], one: float, other: float, exact: float | None, other_exact: float | None) -> str:
    """Why, said only where the numbers show the effect."""
    told = {"one": percent(one), "other": percent(other)}
    match twin:
        case ("causal", False) if exact is not None and other_exact is not None and exact - other_exact > APART:
            return _(
                "In training both look equally good, {one} and {other} of tokens: without the mask the answer stands "
                "in the input, one place ahead, and is read off. Writing alone there is nothing to read: {exact} of "
                "whole answers against {other_exact}.",
                **told, exact=percent(exact), other_exact=percent(other_exact),
            )  # fmt: skip
        case ("positions", "none") if one - other > APART:
            return _("Without positions the tokens are a bag: {other} of them right instead of {one}.", **told)
        case ("num_layers", 1) if one - other > APART:
            return _(
                "One layer cannot use what another head has found: {other} right instead of {one}.",
                **told,
            )
        case ("residual", False) if one - other > APART:
            return _(
                "Without the residual stream each layer must pass on all it was given: {other} right instead of {one}.",
                **told,
            )  # fmt: skip
        case ("norm", "none") if one - other > APART:
            return _("Without LayerNorm training is slower or fails here: {other} against {one}.", **told)
        case _ if abs(one - other) <= APART:
            return _("At this step the two are alike: {one} and {other} of held-out tokens right.", **told)
    return _("At this step {one} and {other} of held-out tokens are right.", **told)
