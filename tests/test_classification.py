"""Laws of the marks given to classifiers: they equal scikit-learn's, above all where classes are absent."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics as sk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from models.metrics import classification as ours
from models.metrics.cka import debiased_cka, linear_cka
from models.metrics.folds import hold_out, k_folds, stratified_folds


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def answers(seed: int, count: int = 60, classes: int = 5, absent: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities; one class may be missing from the labels."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    if absent is not None:
        labels[labels == absent] = (absent + 1) % classes
    score = random.normal(0, 1, (count, classes)) + 1.5 * (labels[:, None] == np.arange(classes))
    return labels, np.exp(score) / np.exp(score).sum(-1, keepdims=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_precision_recall_and_f1_equal_scikit_learns_whatever_is_absent(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = np.array(pairs).T
    table = ours.confusion(labels, predicted, 5)
    assert (table == sk.confusion_matrix(labels, predicted, labels=range(5))).all()
    everything = {"labels": list(range(5)), "zero_division": 0}
    each = sk.precision_recall_fscore_support(labels, predicted, **everything)
    assert np.allclose([ours.scores(table).precision, ours.scores(table).recall, ours.scores(table).f1], each[:3])
    for how, name, options in (
        ("macro_seen", "macro", {"zero_division": 0}),
        ("macro_all", "macro", everything),
        ("micro", "micro", {"zero_division": 0}),
        ("weighted", "weighted", everything),
    ):
        mine = ours.average(table, how)  # type: ignore[arg-type]
        theirs = sk.precision_recall_fscore_support(labels, predicted, average=name, **options)
        assert np.allclose([mine.precision, mine.recall, mine.f1], theirs[:3], atol=1e-12), how


def test_the_two_macros_differ_where_a_class_is_absent() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2])
    table = ours.confusion(labels, labels, 4)
    assert ours.average(table, "macro_seen").f1 == 1 and ours.average(table, "macro_all").f1 == 0.75


def test_leading_dimensions_are_kept() -> None:
    labels = np.random.default_rng(0).integers(0, 4, 50)
    predicted = np.random.default_rng(1).integers(0, 4, (2, 3, 50))
    table = ours.confusion(labels, predicted, 4)
    assert table.shape == (2, 3, 4, 4) and (table[1, 2] == ours.confusion(labels, predicted[1, 2], 4)).all()
    assert ours.average(table, "macro_seen").f1.shape == (2, 3) and ours.scores(table).f1.shape == (2, 3, 4)
    assert np.allclose(ours.accuracy(table), (predicted == labels).mean(-1))


@pytest.mark.parametrize("absent", [None, 2])
def test_the_area_under_the_curve_equals_scikit_learns_and_is_unknown_for_an_absent_class(absent: int | None) -> None:
    labels, probability = answers(3, absent=absent)
    probability = probability.round(1)  # ties
    mine = ours.roc_auc(labels, probability)
    for label in range(5):
        if label == absent:
            assert math.isnan(mine[label])
            continue
        assert mine[label] == pytest.approx(sk.roc_auc_score(labels == label, probability[:, label]), abs=1e-12)
        curve = ours.roc_curve(labels == label, probability[:, label])
        theirs = sk.roc_curve(labels == label, probability[:, label], drop_intermediate=False)
        assert np.allclose(curve, theirs[:2], atol=1e-12)
        assert np.trapezoid(curve[1], curve[0]) == pytest.approx(mine[label])
    many = ours.roc_auc(labels, np.stack([probability, probability[:, ::-1]]))
    assert many.shape == (2, 5) and np.allclose(many[0], mine, equal_nan=True)


def test_losses_of_probabilities_equal_scikit_learns() -> None:
    labels, probability = answers(5)
    assert ours.log_loss(labels, probability) == pytest.approx(sk.log_loss(labels, probability, labels=range(5)))
    one_hot = np.eye(5)[labels]
    assert ours.brier(labels, probability) == pytest.approx(5 * sk.mean_squared_error(one_hot, probability))
    assert ours.brier(labels, one_hot) == ours.log_loss(labels, one_hot) == 0
    assert ours.log_loss(labels, np.roll(one_hot, 1, axis=-1)) == math.inf


def test_an_ensemble_is_never_worse_than_its_members_on_average() -> None:
    labels, first = answers(6)
    members = np.stack([first, *(answers(seed)[1] for seed in range(7, 11))])
    assert ours.log_loss(labels, members.mean(0)) <= ours.log_loss(labels, members).mean()
    assert ours.brier(labels, members.mean(0)) <= ours.brier(labels, members).mean()


def test_calibration_error_is_zero_for_the_honest_and_the_excess_for_the_boastful() -> None:
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1, 200_000)
    right = random.random(200_000) < sure
    honest = ours.reliability(np.where(right, 0, 1), np.stack([sure, 1 - sure], -1))
    assert honest.error < 0.005 and honest.count.sum() == 200_000
    boastful = ours.reliability(np.array([0, 0, 0, 1]), np.array([[1.0, 0.0]] * 4))
    assert boastful.error == pytest.approx(0.25) and boastful.count[-1] == 4


def test_errors_of_numbers_equal_scikit_learns() -> None:
    truth, predicted = np.random.default_rng(0).normal(0, 1, (2, 40))
    mine = ours.regression(truth, predicted)
    assert mine.mae == pytest.approx(sk.mean_absolute_error(truth, predicted))
    assert mine.rmse == pytest.approx(sk.root_mean_squared_error(truth, predicted))
    assert mine.r2 == pytest.approx(sk.r2_score(truth, predicted))
    assert math.isnan(ours.regression(np.ones(3), np.zeros(3)).r2)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=6, max_size=60), st.integers(2, 6), st.integers(0, 1000))
def test_stratified_folds_spread_every_class_to_within_one(labels: list[int], folds: int, seed: int) -> None:
    label_N = torch.tensor(labels)
    fold_N = stratified_folds(label_N, folds, generator(seed))
    table = ours.confusion(label_N.numpy(), fold_N.numpy(), max(folds, 4))[:4, :folds]
    assert (np.ptp(table, axis=1) <= 1).all() and np.ptp(table.sum(0)) <= 1
    assert torch.equal(fold_N, stratified_folds(label_N, folds, generator(seed)))


def test_stratified_folds_keep_scikit_learns_guarantee() -> None:
    labels = np.repeat([0, 1, 2], [17, 9, 30])
    theirs = np.array(
        [np.bincount(labels[test], minlength=3) for _train, test in StratifiedKFold(4).split(labels, labels)]
    )
    fold_N = stratified_folds(torch.from_numpy(labels), 4, generator()).numpy()
    mine = np.array([np.bincount(labels[fold_N == fold], minlength=3) for fold in range(4)])
    assert (np.sort(mine, axis=0) == np.sort(theirs, axis=0)).all()


def test_folds_and_hold_outs_cut_where_they_say() -> None:
    assert torch.bincount(k_folds(23, 5, generator())).tolist() == [5, 5, 5, 4, 4]
    assert torch.bincount(k_folds(4, 4, generator())).tolist() == [1, 1, 1, 1]  # leave one out
    labels = torch.tensor([0] * 10 + [1] * 30)
    held = hold_out(labels, 0.2, generator())
    assert held[:10].sum() == 2 and held[10:].sum() == 6
    for bad in (lambda: k_folds(3, 4, generator()), lambda: stratified_folds(labels, 1, generator())):
        with pytest.raises(ValueError, match="cannot be cut"):
            bad()
    with pytest.raises(ValueError, match="leaves one side empty"):
        hold_out(labels[:3], 0.1, generator())


@pytest.mark.parametrize("measure", [linear_cka, debiased_cka])
@pytest.mark.parametrize("features", [(5, 7), (60, 90)])
def test_alignment_sees_no_rotation_scale_or_shift(measure, features: tuple[int, int]) -> None:  # type: ignore[no-untyped-def]
    x, y = (torch.randn(2, 40, width, generator=generator(width), dtype=torch.float64) for width in features)
    y[..., :5] += x[..., :5]
    turn, _upper = torch.linalg.qr(torch.randn(features[0], features[0], generator=generator(), dtype=torch.float64))
    plain = measure(x, y)
    assert plain.shape == (2,)
    assert torch.allclose(measure(-3 * x @ turn + 5, y), plain, atol=1e-10)
    assert torch.allclose(measure(y, x), plain, atol=1e-12)
    assert torch.allclose(measure(x, 2 * x @ turn), torch.ones(2, dtype=torch.float64), atol=1e-10)


def test_both_ways_to_the_alignment_agree() -> None:
    x, y = (torch.randn(30, width, generator=generator(width), dtype=torch.float64) for width in (6, 9))
    # More features than inputs, the same Gram matrix.
    padded = torch.cat([y, torch.zeros(30, 40, dtype=torch.float64)], -1)
    assert torch.allclose(linear_cka(x, y), linear_cka(x, padded), atol=1e-12)


def test_debiased_alignment_of_independent_features_is_zero_and_the_plain_one_is_not() -> None:
    x, y = (torch.randn(2000, 32, 24, generator=generator(seed), dtype=torch.float64) for seed in (1, 2))
    debiased = debiased_cka(x, y)
    assert abs(debiased.mean()) < 2 * debiased.std() / math.sqrt(2000)
    assert linear_cka(x, y).mean() > 0.2
    with pytest.raises(ValueError, match="four inputs"):
        debiased_cka(x[0, :3], y[0, :3])
