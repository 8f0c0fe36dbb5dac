"""How good are a classifier's answers, class by class, and how honest are its probabilities?

Letters: N pictures, K classes, B bins; leading dimensions (ways, seeds) are kept. What would be 0/0 is 0, as in
scikit-learn's `zero_division=0`, except areas under curves, which are NaN for a class that does not occur.
Small test sets lack classes, and then "macro" means two things: over the classes *seen* in truth or answers
(scikit-learn's default) or over *all* that the task has, the unseen counting 0. Both are here under their own names.

Source: F1, van Rijsbergen 1979; area under the ROC curve by ranks, Hanley and McNeil 1982; Brier 1950; expected
calibration error, Naeini et al. 2015 and Guo et al. 2017 (arXiv 1706.04599), with bins of equal width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Average = Literal["macro_seen", "macro_all", "micro", "weighted"]
AVERAGES: tuple[Average, ...] = get_args(Average)
BINS = 15


@dataclass(frozen=True)
class Scores:
    """Of every class (…, K), or averaged (…): how much of what is called it is it, how much of it is found, both."""

    precision: Floats
    recall: Floats
    f1: Floats


def confusion(labels_N: NDArray[np.integer], predicted_N: NDArray[np.integer], classes: int) -> Counts:
    """(…, K, K): how often a row's class is called a column's; labels and answers broadcast over leading dimensions."""
    truth_N, answer_N = np.broadcast_arrays(labels_N, predicted_N)
    lead = truth_N.shape[:-1]
    runs = int(np.prod(lead))
    cell_N = truth_N.reshape(runs, -1).astype(np.int64) * classes + answer_N.reshape(runs, -1)
    cell_N += classes**2 * np.arange(runs)[:, None]
    return np.bincount(cell_N.ravel(), minlength=runs * classes**2).reshape(*lead, classes, classes)


def accuracy(confused_KK: Counts) -> Floats:
    """Share (…) of right answers."""
    return _share(np.trace(confused_KK, axis1=-2, axis2=-1), confused_KK.sum((-2, -1)))


def scores(confused_KK: Counts) -> Scores:
    """Precision, recall and F1 of every class (…, K)."""
    hit_K, called_K, there_K = _counts(confused_KK)
    return Scores(_share(hit_K, called_K), _share(hit_K, there_K), _share(2 * hit_K, called_K + there_K))


def average(confused_KK: Counts, how: Average) -> Scores:
    """Precision, recall and F1 averaged over classes (…).

    Micro counts all pictures alike, so that all three are the accuracy; weighted averages by how often a class occurs.
    """
    if how == "micro":
        right = accuracy(confused_KK)
        return Scores(right, right, right)
    _hit_K, called_K, there_K = _counts(confused_KK)
    match how:
        case "macro_seen":
            weight_K = (called_K + there_K > 0).astype(np.float64)
        case "macro_all":
            weight_K = np.ones(there_K.shape)
        case "weighted":
            weight_K = there_K.astype(np.float64)
    weight_K = _share(weight_K, weight_K.sum(-1, keepdims=True))
    each = scores(confused_KK)
    return Scores(*((weight_K * one_K).sum(-1) for one_K in (each.precision, each.recall, each.f1)))


def _counts(confused_KK: Counts) -> tuple[Counts, Counts, Counts]:
    """Of every class: hits, times it was called, times it was there."""
    return np.diagonal(confused_KK, axis1=-2, axis2=-1), confused_KK.sum(-2), confused_KK.sum(-1)


def _share(part: NDArray[np.generic], whole: NDArray[np.generic]) -> Floats:
    some = np.asarray(part, dtype=np.float64)
    empty = np.zeros(np.broadcast_shapes(some.shape, np.shape(whole)))
    return np.asarray(np.divide(some, whole, out=empty, where=whole != 0))


def roc_auc(labels_N: NDArray[np.integer], score_NK: Floats) -> Floats:
    """(…, K): chance that a picture of the class scores above one of another class, ties counting half.

    NaN for a class that none or all of the pictures belong to: nothing can be ranked there.
    """
    from scipy.stats import rankdata  # Slow to import, and most pages do without.

    rank_NK = rankdata(score_NK, axis=-2)
    classes = score_NK.shape[-1]
    mine_NK = labels_N[:, None] == np.arange(classes)
    mine_K = mine_NK.sum(0)
    pairs_K = (mine_K * (len(labels_N) - mine_K)).astype(np.float64)
    above_K = np.where(mine_NK, rank_NK, 0).sum(-2) - mine_K * (mine_K + 1) / 2
    return np.asarray(above_K / np.where(pairs_K > 0, pairs_K, np.nan))


def roc_curve(positive_N: NDArray[np.bool_], score_N: Floats) -> tuple[Floats, Floats]:
    """False and true positive rates, from (0, 0) to (1, 1), at every threshold that changes an answer."""
    order = np.argsort(-score_N, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(score_N[order])), len(order) - 1)
    hit, called = np.cumsum(positive_N[order])[last_of_ties], last_of_ties + 1
    true = _share(hit, np.asarray(positive_N.sum()))
    false = _share(called - hit, np.asarray((~positive_N).sum()))
    return np.append(0, false), np.append(0, true)


def log_loss(labels_N: NDArray[np.integer], probability_NK: Floats) -> Floats:
    """Mean negative log probability of the true class (…), in nats; infinite if one was called impossible."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log(true_class(labels_N, probability_NK)).mean(-1))


def true_class(labels_N: NDArray[np.integer], probability_NK: Floats) -> Floats:
    """Probability (…, N) of what it is."""
    index = np.broadcast_to(labels_N[:, None], (*probability_NK.shape[:-1], 1))
    return np.take_along_axis(probability_NK, index.astype(np.int64), -1)[..., 0]


def brier(labels_N: NDArray[np.integer], probability_NK: Floats) -> Floats:
    """Squared distance between probabilities and the truth, summed over classes, 0 … 2; mean over pictures (…)."""
    truth_NK = labels_N[:, None] == np.arange(probability_NK.shape[-1])
    return np.asarray(np.square(probability_NK - truth_NK).sum(-1).mean(-1))


@dataclass(frozen=True)
class Reliability:
    """Answers sorted by how sure they were: of each bin (B,) their number, mean certainty, and share of right ones."""

    count: Counts
    certainty: Floats
    accuracy: Floats

    @property
    def error(self) -> float:
        """Expected calibration error: how far certainty is from accuracy, averaged over answers."""
        return float((self.count * np.abs(self.certainty - self.accuracy)).sum() / max(self.count.sum(), 1))


def reliability(labels_N: NDArray[np.integer], probability_NK: Floats, bins: int = BINS) -> Reliability:
    """Bins of equal width of the largest probability, (low, high]; empty ones hold zeros."""
    sure_N, right_N = probability_NK.max(-1), probability_NK.argmax(-1) == labels_N
    bin_N = np.clip(np.ceil(sure_N * bins).astype(np.int64) - 1, 0, bins - 1)
    count_B = np.bincount(bin_N, minlength=bins)
    total_B, hit_B = (np.bincount(bin_N, weights=values, minlength=bins) for values in (sure_N, right_N))
    return Reliability(count_B, _share(total_B, count_B), _share(hit_B, count_B))


@dataclass(frozen=True)
class Regression:
    """How far predicted numbers are from the true ones."""

    mae: float
    rmse: float
    r2: float
    """1 - squared error / variance: 1 is perfect, 0 is always saying the mean; NaN if the truth never varies."""


def regression(truth_N: Floats, predicted_N: Floats) -> Regression:
    """Mean absolute error, root mean squared error, and the share of variance explained."""
    error_N = predicted_N - truth_N
    spread = float(np.square(truth_N - truth_N.mean()).sum())
    explained = 1 - float(np.square(error_N).sum()) / spread if spread else float("nan")
    return Regression(float(np.abs(error_N).mean()), float(np.sqrt(np.square(error_N).mean())), explained)
