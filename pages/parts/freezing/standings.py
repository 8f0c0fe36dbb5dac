"""Where the strategies stand: accuracy, paired differences with their intervals, and what may be said of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from models.experiment import Snapshot
from models.layers.stack import shapes
from models.metrics.comparison import FEWEST, Band, Difference, Verdict, band, differences, seeds_needed, verdict
from models.metrics.freezing import TESTED, VALIDATED
from models.transfer import FreezeLab
from pages.parts import lanes
from pages.parts.controls import sentence_case
from pages.parts.freezing import forest, rates
from pages.parts.freezing.names import fixed, named
from pages.parts.freezing.view import View, at_rate
from pages.parts.words import _, language, shown
from state.runs import Run, runs

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table


OWN_BEST = -1
"""In the choice of a rate: none for all, each strategy at its own best."""
ALPHA = 0.05
"""Shared by all comparisons, as Holm's first step shares it: who would pass alone need not pass among twelve."""


@dataclass(frozen=True)
class Standings:
    """All strategies at one moment: accuracies (A, S) at the rates that are looked at, and the comparison of them."""

    experiment: FreezeLab
    view: View
    step: int
    tested: bool
    """Whether the accuracies are those of the test set, which is touched once, at the end."""
    accuracy_AS: np.ndarray
    kept_AS: np.ndarray
    place_A: np.ndarray
    band: Band
    compared: Sequence[Difference]
    verdicts: Sequence[Verdict]

    @property
    def base(self) -> int:
        return self.experiment.arms.index(self.view.baseline)


def standings(experiment: FreezeLab, picture: Snapshot, view: View) -> Standings | None:
    """What a snapshot says of the strategies; None where a newer plan is not in it yet."""
    arrays, arms = picture.arrays, experiment.arms
    if len(arrays["accuracy_ARS"]) != len(arms):
        return None
    tested = "test_ARS" in arrays
    place_A = view.places(arrays["best_A"])
    lost_AS = at_rate(arrays["diverged_ARS"], place_A) > 0
    accuracy_AS = np.where(lost_AS, np.nan, at_rate(arrays["test_ARS" if tested else "accuracy_ARS"], place_A))
    kept_AS = np.where(lost_AS, np.nan, at_rate(arrays["source_ARS"], place_A))
    compared = differences(accuracy_AS, arms.index(view.baseline))
    step = picture.step if tested else int(arrays["evaluated"][0])
    return Standings(
        experiment, view, step, tested, accuracy_AS, kept_AS, place_A, band(accuracy_AS), compared, verdict(compared)
    )


def newest(table: Table) -> tuple[Run, Snapshot] | None:
    """The shown run and its picture at the moment that is looked at."""
    run = runs().find(table.shown.key)
    picture = run.snapshot(table.shown.steps if table.at is None else table.at) if run else None
    return (run, picture) if run is not None and picture is not None else None


def renewed(table: Table, draw: Callable[[Standings, Snapshot], None]) -> None:
    """Draws the standings, again and again while the run trains."""
    run = runs().find(table.shown.key)
    if run is None or not isinstance(table.shown, FreezeLab):
        return

    @st.fragment(run_every=lanes.LOOK_S if run.status().state in lanes.ACTIVE and table.at is None else None)
    def stand() -> None:
        known = newest(table)
        if known is None or not isinstance(table.shown, FreezeLab):
            return
        found = standings(table.shown, known[1], View.read(table.view, table.shown))
        if found is not None:
            draw(found, known[1])

    stand()


def sentence(lab: Lab, table: Table) -> None:
    """Over the picture: what the paired tests allow to say, and nothing beyond it."""

    def draw(found: Standings, picture: Snapshot) -> None:
        st.markdown(said(found))

    renewed(table, draw)


def said(found: Standings) -> str:
    """Who is better, worse or equal to the baseline; of the others, that it is not known."""
    arms, base = found.experiment.arms, found.view.baseline
    start = _(
        "At step {step}, on {count} {kind} pictures, {seeds} seeds, against **{base}**:", step=found.step,
        count=TESTED if found.tested else VALIDATED, kind=_("test") if found.tested else _("validation"),
        seeds=found.experiment.seeds, base=named(base),
    )  # fmt: skip
    if found.experiment.seeds < FEWEST:
        return f"{start} " + _("two seeds allow no verdict. Three are the fewest that do.")
    lists: dict[str, list[str]] = {"better": [], "worse": [], "equal": [], "undecided": []}
    for arm, one, judged in zip(arms, found.compared, found.verdicts, strict=True):
        if arm == base:
            continue
        points = f" ({signed(100 * one.mean)})" if judged in ("better", "worse") else ""
        lists[judged].append(f"{named(arm)}{points}")
    told = {
        "better": _("better: {names}", names=f"**{', '.join(lists['better'])}**"),
        "worse": _("worse: {names}", names=", ".join(lists["worse"])),
        "equal": _("equal within one point: {names}", names=", ".join(lists["equal"])),
        "undecided": _("no difference shown: {names}", names=", ".join(lists["undecided"])),
    }
    parts = [told[kind] for kind, names in lists.items() if names]
    return f"{start} {'; '.join(parts)}." if parts else f"{start} " + _("nobody else takes part.")


def table(lab: Lab, table: Table) -> None:
    """Under the picture: everybody's numbers beside the baseline's."""
    if runs().find(table.shown.key) is None or not isinstance(table.shown, FreezeLab):
        return
    choose(lab, table, table.shown)

    def draw(found: Standings, picture: Snapshot) -> None:
        st.html(forest.style() + rows(found))
        st.caption(note(found))
        if len(found.experiment.rates) > 1:
            st.subheader(_("Learning rate against strategy"), anchor=False)
            st.markdown(rates.lesson(found, picture))
            st.html(forest.style() + rates.heat(found, picture))

    renewed(table, draw)


def choose(lab: Lab, table: Table, experiment: FreezeLab) -> None:
    """The baseline, and, where several rates were tried, whether each strategy is shown at its own best."""
    view = View.read(table.view, experiment)
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with left:
        key = f"{lab.family}.baseline.{language()}"
        follow(key, view.baseline)
        base = st.selectbox(
            _("Compared with"), experiment.arms, experiment.arms.index(view.baseline), format_func=named, key=key,
            filter_mode=None,
        )  # fmt: skip
    rate = view.rate
    if len(experiment.rates) > 1:
        with right:
            key = f"{lab.family}.same.{language()}"
            options = [OWN_BEST, *range(len(experiment.rates))]
            now = OWN_BEST if view.rate is None else view.rate
            follow(key, now)
            chosen = st.selectbox(
                sentence_case(_("learning rate")), options, options.index(now), key=key, filter_mode=None,
                format_func=lambda place: rated(experiment, place),
            )  # fmt: skip
            rate = None if chosen == OWN_BEST else chosen
    wanted = View(base or view.baseline, rate)
    if wanted != view:
        lab.lay(replace(table, view=wanted.written(table.view, experiment)))


def follow(key: str, value: object) -> None:
    """Let a widget show what the link says wherever that changed without it."""
    if st.session_state.get(f"{key}.was", value) != value or key not in st.session_state:
        st.session_state[key] = value
    st.session_state[f"{key}.was"] = value


def rated(experiment: FreezeLab, place: int) -> str:
    """What a choice of rates is called."""
    if place == OWN_BEST:
        return _("each strategy at its own best (on validation)")
    return _("one for all: {rate}", rate=float(f"{experiment.rates[place]:.2g}"))


def rows(found: Standings) -> str:
    """The table: everything in it is computed from the picture's own arrays."""
    experiment, several = found.experiment, len(found.experiment.rates) > 1
    heads = [
        _("Strategy"), _("Test accuracy") if found.tested else _("Validation accuracy"),
        _("Difference to {base}, points", base=named(found.view.baseline)), _("as a picture"), _("Seeds still needed"),
        _("Source kept"), _("Weights that learn"), *([_("Rate")] if several else []),
    ]  # fmt: skip
    reach = forest.reach(found.compared)
    order = np.argsort(-np.nan_to_num(found.band.mean, nan=-1), kind="stable")
    lines = []
    for place in order:
        mark = ' class="tf-base"' if place == found.base else ""
        cells = [forest.swatch(experiment.arms[place]) + escape(named(experiment.arms[place]))]
        cells += [accuracy(found.band, place), *against(found, place, reach), kept(found.kept_AS[place])]
        cells.append(shown(trainable(experiment, experiment.arms[place])))
        if several:
            cells.append(shown(float(f"{experiment.rates[int(found.place_A[place])]:.2g}")))
        lines.append(f"<tr{mark}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="tf-scroll"><table class="tf-table"><tr>{head}</tr>{"".join(lines)}</table></div>'


def against(found: Standings, place: int, reach: float) -> tuple[str, str, str]:
    """The cells that compare a strategy with the baseline; empty for itself."""
    one, judged = found.compared[place], found.verdicts[place]
    if place == found.base:
        return "", forest.whisker(one, reach), ""
    return (
        difference(one, judged),
        forest.whisker(one, reach, found.experiment.arms[place]),
        needed(one, judged, len(found.compared) - 1),
    )


def kept(kept_S: np.ndarray) -> str:
    """What is left of the source task, mean over seeds; nets from scratch never knew it."""
    known_S = kept_S[np.isfinite(kept_S)]
    return percent(float(known_S.mean())) if len(known_S) else "–"


def accuracy(bands: Band, place: int) -> str:
    """Mean and half of the interval, and how many seeds are in it where some are not."""
    mean, high, count = float(bands.mean[place]), float(bands.high[place]), int(bands.n[place])
    if not np.isfinite(mean):
        return escape(_("diverged"))
    half = f" ± {fixed(100 * (high - mean))}" if np.isfinite(high) else ""
    return f"<b>{fixed(100 * mean)}</b>{half} <small>n = {count}</small>"


def difference(one: Difference, judged: Verdict) -> str:
    """The mean difference with its interval, in points; strong where the test tells it from nothing."""
    if not np.isfinite(one.mean):
        return "–"
    ends = f" ({signed(100 * one.low)} … {signed(100 * one.high)})" if np.isfinite(one.low) else ""
    middle = signed(100 * one.mean)
    return f"<b>{middle}</b>{ends}" if judged in ("better", "worse") else f"{middle}{ends}"


def needed(one: Difference, judged: Verdict, comparisons: int) -> str:
    """How many seeds more would tell, if the difference is what it seems to be."""
    if judged != "undecided":
        return escape(_("none"))
    wanted = seeds_needed(one.mean, one.deviation, alpha=ALPHA / comparisons)
    return escape(_("over a thousand") if wanted is None else _("about {count}", count=max(1, wanted - one.n)))


def trainable(experiment: FreezeLab, arm: str) -> int:
    """Weights of all layers that ever learn under this strategy."""
    ever_L = experiment.plan_of(arm).max(0) > 0
    layers = shapes(len(experiment.recipe.data.target.names))
    return sum(layer.parameters for layer, learns in zip(layers, ever_L, strict=True) if learns)


def note(found: Standings) -> str:
    """How to read the table."""
    told = _(
        "± and brackets: 95 % intervals (Student t). Differences are paired by seed: same labels, same batches. "
        "Bold: different after Holm's correction for {count} comparisons.",
        count=len(found.compared) - 1,
    )  # fmt: skip
    return told if found.tested else told + " " + _("The test pictures are touched once, at the last step.")


def signed(points: float) -> str:
    """A number of points with its sign."""
    rounded = round(points, 1)
    return ("+" if rounded > 0 else "−" if rounded < 0 else "±") + fixed(abs(rounded))


def percent(share: float) -> str:
    """A share as a percentage with one digit behind the point."""
    return f"{fixed(100 * share)} %"
