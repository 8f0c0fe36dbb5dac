"""What goes wrong: the confusion matrix and its pictures, marks over classes, and where two strategies disagree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from models.data.transfers import Images
from models.experiment import Snapshot
from models.metrics.classification import confusion
from models.metrics.freezing import TESTED
from models.transfer import FreezeLab
from pages.parts.freezing import marks
from pages.parts.freezing.names import classes, named
from pages.parts.freezing.standings import follow
from pages.parts.words import _, language
from state.runs import runs

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table

SHOWN, ENLARGED = 24, 4
RIGHT, WRONG = "33, 102, 172", "212, 102, 15"


def draw(lab: Lab, table: Table) -> None:
    """The whole tab, for the last step of the shown run."""
    experiment, run = table.shown, runs().find(table.shown.key)
    picture = run.snapshot(experiment.steps) if run is not None else None
    if not isinstance(experiment, FreezeLab) or run is None or picture is None or "predicted_ASN" not in picture.arrays:
        st.info(_("The test pictures are touched once, at the last step: errors are told when the run has ended."),
                icon=":material/hourglass_empty:")  # fmt: skip
        return
    test = experiment.recipe.data.test[:TESTED]
    left, right = st.columns([6, 5], gap="large")
    with left:
        arm = chooser(lab, experiment, "errors.arm", _("Strategy"), default_of(experiment, 0))
        confused(lab, experiment, picture, test, arm)
    with right:
        marks.draw(experiment, run, picture, test, arm)
    st.divider()
    disagreement(lab, experiment, picture, test)


def default_of(experiment: FreezeLab, place: int) -> str:
    """Who is looked at before anybody chooses: full fine-tuning, and head only beside it."""
    usual = [arm for arm in ("full", "head_only", *experiment.arms) if arm in experiment.arms]
    return list(dict.fromkeys(usual))[min(place, len(set(usual)) - 1)]


def chooser(lab: Lab, experiment: FreezeLab, name: str, label: str, usual: str) -> str:
    """One of the strategies that take part."""
    key = f"{lab.family}.{name}.{language()}"
    if st.session_state.get(key) not in experiment.arms:
        follow(key, usual)
        st.session_state[key] = usual
    place = experiment.arms.index(st.session_state[key])
    return str(st.selectbox(label, experiment.arms, place, format_func=named, key=key, filter_mode=None))


def confused(lab: Lab, experiment: FreezeLab, picture: Snapshot, test: Images, arm: str) -> None:
    """Rows are what it is, columns what it was called, all seeds together; a chosen cell opens its pictures."""
    said, labels_N = classes(test.names), test.labels_N.numpy()
    predicted_SN = picture.arrays["predicted_ASN"][experiment.arms.index(arm)]
    counts_KK = confusion(labels_N, predicted_SN, len(said)).sum(0)
    frame = pd.DataFrame(counts_KK, index=pd.Index(said, name=_("it is ↓ called →")), columns=said)
    st.caption(
        _("How often what it is (rows) was called what (columns), all {seeds} seeds together. Choose a cell to see its "
          "pictures.", seeds=len(predicted_SN))
    )  # fmt: skip
    chosen: Any = st.dataframe(
        frame.style.apply(shaded, axis=None), key=f"{lab.family}.errors.confusion", on_select="rerun",
        selection_mode="single-cell", height=35 * (len(said) + 1) + 3,
        column_config={name: st.column_config.Column(width=52) for name in said},
    )  # fmt: skip
    cell = selected(chosen, said)
    if cell is None:
        return
    true, called = cell
    often_N = ((predicted_SN == called) & (labels_N == true)).sum(0)
    index_N = np.argsort(-often_N, kind="stable")[: int((often_N > 0).sum())][:SHOWN]
    st.markdown(_("**{true}**, called **{called}**: {count} pictures, the most often first.",
                  true=said[true], called=said[called], count=int((often_N > 0).sum())))  # fmt: skip
    gallery(test, index_N, [f"{often_N[index]}/{len(predicted_SN)}" for index in index_N])


def selected(chosen: Any, said: Sequence[str]) -> tuple[int, int] | None:
    """The cell that was chosen, as (row, column); a browser can say anything."""
    try:
        row, name = chosen["selection"]["cells"][0]
        return (int(row), said.index(str(name))) if 0 <= int(row) < len(said) else None
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def shaded(frame: pd.DataFrame) -> pd.DataFrame:
    """The colour of each cell: right answers and errors each by their own largest number."""
    counts_KK = frame.to_numpy(dtype=float)
    off_KK = counts_KK * (1 - np.eye(len(counts_KK)))
    share_KK = np.where(np.eye(len(counts_KK)) > 0, counts_KK / max(counts_KK.max(), 1), off_KK / max(off_KK.max(), 1))
    paint = [
        [
            f"background-color: rgba({RIGHT if row == column else WRONG}, {0.55 * share:.2f})"
            for column, share in enumerate(row_K)
        ]
        for row, row_K in enumerate(share_KK)
    ]
    return pd.DataFrame(paint, index=frame.index, columns=frame.columns)


def gallery(test: Images, index_N: np.ndarray, captions: Sequence[str]) -> None:
    """Some test pictures, enlarged, each with a few words."""
    if not len(index_N):
        st.caption(_("None."))
        return
    pictures = [enlarged(test, int(index)) for index in index_N]
    said = classes(test.names)
    alts = [_("A picture of “{name}”: {words}.", name=said[int(test.labels_N[index])], words=words)
            for index, words in zip(index_N, captions, strict=True)]  # fmt: skip
    st.image(pictures, caption=list(captions), width=16 * ENLARGED, alt=alts)


def enlarged(test: Images, index: int) -> np.ndarray:
    """A picture with every pixel as a square, uint8."""
    picture_HW = (255 * test.images_N1SS[index, 0].numpy()).round().astype(np.uint8)
    return np.kron(picture_HW, np.ones((ENLARGED, ENLARGED), np.uint8))


def disagreement(lab: Lab, experiment: FreezeLab, picture: Snapshot, test: Images) -> None:
    """Pictures that more seeds of one strategy get right than of another, both ways."""
    st.subheader(_("Where two strategies disagree"), anchor=False)
    left, right = st.columns(2)
    with left:
        one = chooser(lab, experiment, "errors.one", _("One strategy"), default_of(experiment, 0))
    with right:
        other = chooser(lab, experiment, "errors.other", _("Another strategy"), default_of(experiment, 1))
    labels_N, said = test.labels_N.numpy(), classes(test.names)
    right_AN = (picture.arrays["predicted_ASN"] == labels_N).sum(1)
    seeds = picture.arrays["predicted_ASN"].shape[1]
    first_N, second_N = (right_AN[experiment.arms.index(arm)] for arm in (one, other))
    for column, ahead, mine_N, theirs_N in ((left, one, first_N, second_N), (right, other, second_N, first_N)):
        with column:
            lead_N = mine_N - theirs_N
            count = int((lead_N > 0).sum())
            st.caption(_("{count} pictures that more seeds of “{name}” get right", count=count, name=named(ahead)))
            index_N = np.argsort(-lead_N, kind="stable")[: min(count, SHOWN // 2)]
            gallery(test, index_N, [
                f"{said[labels_N[index]]} · {mine_N[index]}:{theirs_N[index]}/{seeds}" for index in index_N
            ])  # fmt: skip
