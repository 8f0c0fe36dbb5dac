"""A strategy's marks over all classes: precision, recall, F1 and the area under the ROC curve, with their intervals."""

from __future__ import annotations

from html import escape

import numpy as np
import streamlit as st

from models.data.transfers import Images
from models.experiment import Checkpoint, Snapshot
from models.layers.freezing import Race
from models.layers.stack import Features
from models.metrics.classification import AVERAGES, average, confusion, log_loss, reliability, roc_auc
from models.metrics.comparison import band
from models.metrics.freezing import TESTED, answers
from models.transfer import FreezeLab
from pages.parts.freezing import forest
from pages.parts.freezing.names import classes, fixed, named
from pages.parts.later import later
from pages.parts.words import _
from state.runs import Run


def draw(experiment: FreezeLab, run: Run, picture: Snapshot, test: Images, arm: str) -> None:
    """The marks of one strategy, mean over its seeds."""
    labels_N = test.labels_N.numpy()
    predicted_SN = picture.arrays["predicted_ASN"][experiment.arms.index(arm)]
    counts_SKK = confusion(labels_N, predicted_SN, len(test.names))
    st.caption(_("Marks of “{name}”, mean over {seeds} seeds with 95 % intervals (Student t)", name=named(arm),
                 seeds=len(predicted_SN)))  # fmt: skip
    st.html(forest.style() + averages(counts_SKK))
    absent = absences(counts_SKK.sum(0), classes(test.names))
    if absent:
        st.caption(absent)
    checkpoint = run.checkpoint(experiment.steps)
    if checkpoint is None:
        return
    found: np.ndarray | None = later(
        ("freezing.p", run.key), lambda: probabilities(experiment, checkpoint, picture), None
    )
    if found is None:
        st.caption(_("Computing probabilities of all classes …"))
        return
    st.html(forest.style() + certainty(labels_N, found[experiment.arms.index(arm)].astype(np.float64)))
    together, alone = (
        float(picture.arrays["ensemble_A"][experiment.arms.index(arm)]),
        float((predicted_SN == labels_N).mean()),
    )
    st.caption(_("The seeds' mean probabilities, as one ensemble, are right in {together} %; a net alone in {alone} %.",
                 together=round(100 * together, 1), alone=round(100 * alone, 1)))  # fmt: skip


def averages(counts_SKK: np.ndarray) -> str:
    """Precision, recall and F1 by every way of averaging, as a table."""
    said = {
        "macro_seen": _("macro, over classes seen"), "macro_all": _("macro, over all classes"),
        "micro": _("micro (accuracy)"), "weighted": _("weighted by frequency"),
    }  # fmt: skip
    rows = []
    for how in AVERAGES:
        each = average(counts_SKK, how)
        rows.append((said[how], [interval(values_S) for values_S in (each.precision, each.recall, each.f1)]))
    return table([_("Average"), _("Precision"), _("Recall"), "F1"], rows)


def certainty(labels_N: np.ndarray, p_SNK: np.ndarray) -> str:
    """Marks of the probabilities: ranking, log loss and calibration."""
    auc_SK = roc_auc(labels_N, p_SNK)
    calibrated_S = np.array([reliability(labels_N, p_NK).error for p_NK in p_SNK])
    rows = [
        (_("ROC-AUC, one class against the rest, mean"), [interval(np.nanmean(auc_SK, -1), 3)]),
        (_("Log loss, nats"), [interval(log_loss(labels_N, p_SNK), 3)]),
        (_("Calibration error"), [interval(calibrated_S, 3)]),
    ]
    return table([_("Of the probabilities"), ""], rows)


def interval(values_S: np.ndarray, places: int = 3) -> str:
    """Mean and half the interval."""
    found = band(values_S)
    half = float(found.high - found.mean)
    return fixed(float(found.mean), places) + (f" ± {fixed(half, places)}" if np.isfinite(half) else "")


def table(heads: list[str], rows: list[tuple[str, list[str]]]) -> str:
    """A table in HTML."""
    head = "".join(f"<th>{escape(text)}</th>" if text else "<td></td>" for text in heads)
    lines = [
        f"<tr><td>{escape(name)}</td>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
        for name, cells in rows
    ]
    return f'<div class="tf-scroll"><table class="tf-table"><tr>{head}</tr>{"".join(lines)}</table></div>'


def absences(counts_KK: np.ndarray, said: list[str]) -> str:
    """Which classes never occur, or are never the answer: there a mark would be 0/0."""
    missing = [name for name, count in zip(said, counts_KK.sum(1), strict=True) if count == 0]
    silent = [name for name, count in zip(said, counts_KK.sum(0), strict=True) if count == 0]
    parts = []
    if missing:
        parts.append(_("Not among the test pictures: {names}.", names=", ".join(missing)))
    if silent:
        parts.append(_("Never the answer: {names}; precision there is 0/0 and counts as 0.", names=", ".join(silent)))
    return " ".join(parts)


def probabilities(experiment: FreezeLab, checkpoint: Checkpoint, picture: Snapshot) -> np.ndarray:
    """What every net of every strategy believes of the test pictures, at its best rate: (A, S, N, K) float32."""
    race = Race(experiment.at(experiment.steps))
    race.load(checkpoint)
    pictures, _labels = race.pictures(race.data.test, TESTED)
    test, seeds, found = Features(race.source.blocks, pictures), experiment.seeds, []
    for arm, best in zip(race.arms, picture.arrays["best_A"], strict=True):
        logits_VNK = answers(arm, test)
        p_SNK = logits_VNK.view(-1, seeds, *logits_VNK.shape[1:])[int(best)].softmax(-1)
        found.append(p_SNK.float().cpu().numpy())
    return np.stack(found)
