"""Who is learned from and who is judged by: one cut, k cuts, or k cuts that keep every class's share.

Letters: N examples, k folds. A fold is a number for every example; an example is judged by in exactly one of the k
trainings, and learned from in the others.

Source: Stone 1974; stratification, Kohavi 1995. As in scikit-learn's StratifiedKFold, a class's counts in any two folds
differ by at most one, and so do the folds' sizes.
"""

from __future__ import annotations

import torch
from torch import Tensor


def k_folds(count: int, folds: int, random: torch.Generator) -> Tensor:
    """(N,) int64: the fold of every example, at random, sizes equal to within one.

    Raises ValueError for fewer than two folds, or fewer examples than folds.
    """
    _check(count, folds)
    return (torch.arange(count) % folds)[torch.randperm(count, generator=random)]


def stratified_folds(labels_N: Tensor, folds: int, random: torch.Generator) -> Tensor:
    """(N,) int64: the fold of every example, so that each class, and all together, are spread to within one.

    A class with fewer examples than folds is missing from some. Raises ValueError as `k_folds` does.
    """
    _check(len(labels_N), folds)
    shuffled = torch.randperm(len(labels_N), generator=random)
    by_class = shuffled[torch.argsort(labels_N[shuffled], stable=True)]
    # Dealing on from class to class, as cards are dealt, spreads the remainders too.
    fold_N = torch.empty(len(labels_N), dtype=torch.int64)
    fold_N[by_class] = torch.randperm(folds, generator=random)[torch.arange(len(labels_N)) % folds]
    return fold_N


def hold_out(labels_N: Tensor, share: float, random: torch.Generator) -> Tensor:
    """(N,) bool: who is held out, that share of every class, rounded.

    Raises ValueError if the share leaves nobody on one side.
    """
    held_N = torch.zeros(len(labels_N), dtype=torch.bool)
    for label in torch.unique(labels_N):
        rows = torch.nonzero(labels_N == label).flatten()
        held_N[rows[torch.randperm(len(rows), generator=random)[: round(share * len(rows))]]] = True
    if held_N.all() or not held_N.any():
        raise ValueError(f"Holding out {share:.0%} of {len(labels_N)} examples leaves one side empty.")
    return held_N


def _check(count: int, folds: int) -> None:
    if folds < 2 or folds > count:
        raise ValueError(f"{count} examples cannot be cut into {folds} folds: from 2 to as many as there are examples.")
