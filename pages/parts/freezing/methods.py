"""What each method is worth: regularisers, ensembles, views, and ways to evaluate, each measured on paired nets."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, get_args

import numpy as np
import streamlit as st

from models.methods import METHODS, SLICES, WAYS, MethodsBench, Strategy
from models.metrics.comparison import Difference, band, difference, differences, verdict
from models.metrics.freezing import TESTED
from models.transfer import FreezeLab
from pages.parts import lanes
from pages.parts.freezing import forest
from pages.parts.freezing.names import fixed, named, pairs
from pages.parts.words import _, language, shown
from state.runs import Run, runs

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table

Arrays = Mapping[str, np.ndarray]


def names() -> Mapping[str, str]:
    """Every method in the visitor's language, with the strength that is tried."""
    return {
        "plain": _("Plain recipe"), "weight_decay": _("Weight decay 0.01"), "dropout": _("Dropout 0.3"),
        "label_smoothing": _("Label smoothing 0.1"), "distortion": _("Turned, scaled, moved"),
        "mirrored": _("Mirrored"), "mixup": _("mixup, α = 0.4"), "cutmix": _("CutMix, α = 1"),
        "progressive_resizing": _("Progressive resizing"), "early_stopping": _("Early stopping"),
        "l2_sp": _("L2-SP, 0.1"), "ewc": _("EWC, 100"), "replay": _("Replay"),
        "test_time_views": _("Five views when tested"), "ensemble": _("Ensemble of three"),
        "hold_out": _("Hold out a fifth"), "k_fold": _("Five folds"), "stratified_k_fold": _("Five stratified folds"),
    }  # fmt: skip


def draw(lab: Lab, table: Table) -> None:
    """Choose the strategy the methods act on, start the bench, watch its table fill."""
    if not isinstance(table.shown, FreezeLab):
        return
    lab_now = table.shown
    st.caption(
        _("One method at a time on top of one strategy: {pair}, {count} labels per class, learning rate {lr}. Every "
          "method trains the same nets on the same labels in the same order; strengths are usual ones, tuned for "
          "nothing.",
          pair=pairs()[lab_now.pair], count=lab_now.labels_each, lr=lab_now.lr)
    )  # fmt: skip
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    options: tuple[Strategy, ...] = get_args(Strategy)
    with left:
        strategy = st.segmented_control(
            _("Strategy"), options, default=options[0], format_func=named, key=f"{lab.family}.methods.{language()}",
        )  # fmt: skip
    bench = MethodsBench(
        pair=lab_now.pair, per_class=min(max(lab_now.per_class, 2), 100), strategy=strategy or "full",
        lr=min(max(lab_now.lr, 1e-3), 0.3), seed=lab_now.seed,
    )  # fmt: skip
    run = runs().find(bench.key)
    with right:
        active = run is not None and run.status().state in lanes.ACTIVE
        done = run is not None and run.status().state == "finished"
        if st.button(
            _("Measuring …") if active else _("Measure the methods"), key=f"{lab.family}.methods.go", type="primary",
            disabled=active or done, icon=":material/science:", width="stretch",
        ):  # fmt: skip
            lab.open(bench, resume=True)
            st.rerun()
    if run is not None:
        follow(bench, run)


def follow(bench: MethodsBench, run: Run) -> None:
    """The tables, again and again while the bench is at work."""
    active = run.status().state in lanes.ACTIVE

    @st.fragment(run_every=lanes.LOOK_S if active else None)
    def look() -> None:
        status, picture = run.status(), run.snapshot(bench.steps)
        if active and status.state not in lanes.ACTIVE:
            st.rerun()
        if status.reason is not None:
            st.warning(_(status.reason.text, **status.reason.values), icon=":material/warning:")
        if active:
            now = (*METHODS, *WAYS)[min(status.step // SLICES, len(METHODS) + len(WAYS) - 1)]
            st.progress(status.step / bench.steps, text=_("Now: {method}", method=names()[now]))
        if picture is not None and np.isfinite(picture.arrays["test_MS"][0]).all():
            st.markdown(sentence(picture.arrays))
            st.html(forest.style() + regularisers(picture.arrays))
            st.html(ways(picture.arrays))

    look()


def judged(arrays: Arrays) -> tuple[list[Difference], dict[str, str]]:
    """Paired differences of the methods measured so far to the plain recipe, and what may be said of each."""
    compared = differences(arrays["test_MS"].astype(float), 0)
    said = {"better": _("better"), "worse": _("worse"), "equal": _("equal"), "undecided": _("not shown")}
    return compared, {name: said[one] for name, one in zip(METHODS, verdict(compared), strict=True)}


def sentence(arrays: Arrays) -> str:
    """Which methods helped, and which hurt, as far as the tests allow to say so."""
    compared, seeds = differences(arrays["test_MS"].astype(float), 0), arrays["test_MS"].shape[1]
    found: dict[str, list[str]] = {"better": [], "worse": [], "equal": [], "undecided": []}
    for name, one, kind in zip(METHODS, compared, verdict(compared), strict=True):
        if name != "plain" and np.isfinite(one.mean):
            found[kind].append(f"{names()[name]} ({signed(one.mean)})")
    start = _(
        "{seeds} labelled sets, {count} test pictures, Holm's correction over all methods:", seeds=seeds, count=TESTED
    )
    if not found["better"] and not found["worse"]:
        return f"{start} " + _("no method is shown to help or to hurt.")
    parts = {"better": _("helps: {names}"), "worse": _("hurts: {names}")}
    told = [parts[kind].format(names=", ".join(found[kind])) for kind in parts if found[kind]]
    return f"{start} **{'; '.join(told)}.**"


def signed(difference: float) -> str:
    """Points of accuracy with their sign."""
    return ("+" if difference > 0 else "") + fixed(100 * difference)


def regularisers(arrays: Arrays) -> str:
    """A row per method: accuracy, its paired difference to the plain recipe, and what was kept of the source task."""
    compared, said = judged(arrays)
    spread = band(arrays["test_MS"].astype(float))
    far, wide = forest.reach(compared), (100 * (spread.high - spread.mean)).tolist()
    heads = (
        _("Method"),
        _("Test accuracy, %"),
        _("To the plain recipe, points"),
        "",
        _("Verdict"),
        _("Source kept, %"),
    )
    lines = []
    for place, (name, one) in enumerate(zip(METHODS, compared, strict=True)):
        if not np.isfinite(one.mean):
            continue
        kept = 100 * float(np.mean(arrays["source_MS"][place]))
        plain = name == "plain"
        cells = (
            escape(names()[name]),
            f"{fixed(100 * float(spread.mean[place]))} <small>± {fixed(wide[place])}</small>",
            "" if plain else f"{signed(one.mean)} <small>± {fixed(100 * (one.high - one.mean))}</small>",
            forest.whisker(one, far, hue=None if plain else 0), "" if plain else escape(said[name]),
            fixed(kept) if np.isfinite(kept) else "–",
        )  # fmt: skip
        row = ' class="tf-base"' if plain else ""
        lines.append(f"<tr{row}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="tf-scroll"><table class="tf-table"><tr>{head}</tr>{"".join(lines)}</table></div>'


def ways(arrays: Arrays) -> str:
    """A row per way to evaluate: how far its estimate lies from the truth, how much it scatters, what was missing."""
    truth_S = arrays["test_MS"][0].astype(float)
    heads = (
        _("Way to evaluate"), _("Estimate, %"), _("Minus the truth, points"), _("Scatter of that, points"),
        _("Folds without some class"),
    )  # fmt: skip
    lines = []
    for place, name in enumerate(WAYS):
        estimate_S = arrays["estimate_WS"][place].astype(float)
        if not np.isfinite(estimate_S).all():
            continue
        off = difference(estimate_S, truth_S)
        cells = (
            escape(names()[name]), fixed(100 * float(estimate_S.mean())),
            f"{signed(off.mean)} <small>± {fixed(100 * (off.high - off.mean))}</small>", fixed(100 * off.deviation),
            shown(int(arrays["absent_W"][place])),
        )  # fmt: skip
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    if not lines:
        return ""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    note = escape(
        _("The truth is the accuracy on {count} pictures of the plain nets, which learned from all labels; a fold's "
          "net learned from four fifths of them, so its estimate is a little low. A fold that lacks a class cannot "
          "be judged on it.", count=TESTED)
    )  # fmt: skip
    return (
        f'<div class="tf-scroll"><table class="tf-table"><tr>{head}</tr>{"".join(lines)}</table></div>'
        f"<p><small>{note}</small></p>"
    )
