"""Does each latent number stand for one known factor? Three published scores: MIG, SAP and DCI.

Letters: N pictures, Z latent numbers, F factors, b = 20 bins.

Source: MIG: Chen et al. 2018, arXiv 1802.04942, eq. 6 (means in 20 bins, as in Locatello et al. 2019, arXiv
1811.12359); SAP: Kumar et al. 2018, arXiv 1711.00848, section 3 (squared correlation for factors with an order; else
the accuracy above chance of guessing the class whose mean is nearest); DCI: Eastwood and Williams 2018 (importances
of a random forest; informativeness is its accuracy above chance on the half it did not see). All lie between 0 and 1
but for rounding: 1 on a perfect code, about 0 on noise. Angles are taken as an order here, though they are a circle.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 20
TREES, DEPTH = 20, 8
Array = np.ndarray


@dataclass(frozen=True)
class Disentanglement:
    """The scores, and the matrices behind them, (Z, F) each."""

    mig: float
    sap: float
    disentanglement: float
    completeness: float
    informativeness: float
    information_ZF: Array
    """Mutual information of every latent number and factor, as a share of the factor's entropy."""
    importance_ZF: Array


def binned(code_N: Array) -> Array:
    """(N,) bins 0 … 19 of equal width; a constant has one."""
    low, high = code_N.min(), code_N.max()
    found: Array = np.minimum((BINS * (code_N - low) / (high - low or 1)).astype(int), BINS - 1)
    return found


def information(bin_N: Array, factor_N: Array) -> tuple[float, float]:
    """Mutual information of bins and factor, and the factor's entropy, nats."""
    joint = np.zeros((BINS, int(factor_N.max()) + 1))
    np.add.at(joint, (bin_N, factor_N), 1 / len(bin_N))
    one, other = joint.sum(1), joint.sum(0)
    inside = joint > 0
    mutual = float((joint[inside] * np.log(joint[inside] / np.outer(one, other)[inside])).sum())
    return mutual, -float((other[other > 0] * np.log(other[other > 0])).sum())


def gap(score_ZF: Array) -> float:
    """Mean over factors of the lead of the best latent number over the second."""
    ordered = np.sort(score_ZF, 0)
    return float((ordered[-1] - ordered[-2]).mean())


def attribute_scores(code_NZ: Array, factor_NF: Array, unordered: Sequence[int]) -> Array:
    """(Z, F): how well each latent number alone tells each factor."""
    scores = np.zeros((code_NZ.shape[1], factor_NF.shape[1]))
    for latent, factor in np.ndindex(*scores.shape):
        code_N, value_N = code_NZ[:, latent], factor_NF[:, factor]
        if code_N.std() < 1e-9:
            continue
        if factor in unordered:
            kinds = np.unique(value_N)
            mean_K = np.array([code_N[value_N == kind].mean() for kind in kinds])
            right = (kinds[np.abs(code_N[:, None] - mean_K).argmin(1)] == value_N).mean()
            scores[latent, factor] = max(0.0, (right - 1 / len(kinds)) / (1 - 1 / len(kinds)))
        else:
            scores[latent, factor] = np.corrcoef(code_N, value_N)[0, 1] ** 2
    return scores


def forest(code_NZ: Array, factor_NF: Array) -> tuple[Array, float]:
    """(Z, F) importances, and mean accuracy above chance on the second half."""
    from sklearn.ensemble import RandomForestClassifier  # slow to import, and only this needs it

    half = len(code_NZ) // 2
    importance, accuracy = [], []
    for factor in range(factor_NF.shape[1]):
        trees = RandomForestClassifier(TREES, max_depth=DEPTH, max_features=None, random_state=0, n_jobs=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # many classes for few pictures: no news to a visitor
            trees.fit(code_NZ[:half], factor_NF[:half, factor])
        importance.append(trees.feature_importances_)
        chance = 1 / len(np.unique(factor_NF[:, factor]))
        right = (trees.predict(code_NZ[half:]) == factor_NF[half:, factor]).mean()
        accuracy.append(max(0.0, (right - chance) / (1 - chance)))
    return np.stack(importance, 1), float(np.mean(accuracy))


def one_minus_entropy(share: Array, axis: int) -> Array:
    """1 - H(share)/log(count) along `axis`: 1 where one place holds all, 0 where all hold as much."""
    total = share.sum(axis, keepdims=True)
    p = np.divide(share, total, out=np.full_like(share, 1 / share.shape[axis]), where=total > 0)
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    found: Array = 1 + (p * logs).sum(axis) / np.log(share.shape[axis])
    return found


def disentanglement(code_NZ: Array, factor_NF: Array, unordered: Sequence[int] = (0,)) -> Disentanglement:
    """All scores of codes (N, Z) against factors (N, F) of whole numbers from 0; `unordered` ones are mere names."""
    latents, factors = code_NZ.shape[1], factor_NF.shape[1]
    share_ZF = np.zeros((latents, factors))
    for latent in range(latents):
        bin_N = binned(code_NZ[:, latent])
        for factor in range(factors):
            mutual, entropy = information(bin_N, factor_NF[:, factor])
            share_ZF[latent, factor] = mutual / entropy
    importance_ZF, accuracy = forest(code_NZ, factor_NF)
    weight_Z = importance_ZF.sum(1) / importance_ZF.sum()
    return Disentanglement(
        mig=gap(share_ZF), sap=gap(attribute_scores(code_NZ, factor_NF, unordered)),
        disentanglement=float((weight_Z * one_minus_entropy(importance_ZF, 1)).sum()),
        completeness=float(one_minus_entropy(importance_ZF, 0).mean()), informativeness=accuracy,
        information_ZF=share_ZF, importance_ZF=importance_ZF,
    )  # fmt: skip
