"""How alike are two layers' pictures of the same inputs, however their neurons are turned? Centred kernel alignment.

Letters: N inputs, D and E features of the two layers; leading dimensions (ways, layers, seeds) are kept.
1: the same up to a rotation and a scale; 0: nothing in common. The plain estimate is biased upwards when there are more
features than inputs (0.20 and more between independent ones); the debiased one is about 0 there, and can be negative.
Neither sees a change that few inputs show, and both look above all at the largest directions.

Source: Kornblith et al. 2019 (arXiv 1905.00414, eq. 4) by features or by Gram matrices, whichever is smaller; debiased
by Song et al. 2012 (JMLR 13, eq. 5), as in Nguyen et al. 2021 (arXiv 2010.15327).
"""

from __future__ import annotations

import torch
from torch import Tensor


def linear_cka(x_ND: Tensor, y_NE: Tensor) -> Tensor:
    """(…): ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) of centred features; NaN where a layer says the same to every input."""
    x_ND, y_NE = (features - features.mean(-2, keepdim=True) for features in (x_ND, y_NE))
    if max(x_ND.shape[-1], y_NE.shape[-1]) > x_ND.shape[-2]:
        x_NN, y_NN = x_ND @ x_ND.mT, y_NE @ y_NE.mT
        return (x_NN * y_NN).sum((-2, -1)) / (_norm(x_NN) * _norm(y_NN))
    cross_ED = y_NE.mT @ x_ND
    return cross_ED.square().sum((-2, -1)) / (_norm(x_ND.mT @ x_ND) * _norm(y_NE.mT @ y_NE))


def debiased_cka(x_ND: Tensor, y_NE: Tensor) -> Tensor:
    """(…): the same of unbiased estimates of the three similarities; needs N ≥ 4, and raises ValueError below."""
    if x_ND.shape[-2] < 4:
        raise ValueError("The debiased alignment needs at least four inputs.")
    # Centring changes nothing in exact arithmetic, but keeps the sums below from cancelling.
    x_NN, y_NN = (_off_diagonal(features - features.mean(-2, keepdim=True)) for features in (x_ND, y_NE))
    own = _unbiased(x_NN, x_NN) * _unbiased(y_NN, y_NN)
    return _unbiased(x_NN, y_NN) / own.sqrt()


def _norm(matrix: Tensor) -> Tensor:
    return matrix.square().sum((-2, -1)).sqrt()


def _off_diagonal(features_ND: Tensor) -> Tensor:
    gram_NN = features_ND @ features_ND.mT
    return gram_NN - torch.diag_embed(gram_NN.diagonal(dim1=-2, dim2=-1))


def _unbiased(x_NN: Tensor, y_NN: Tensor) -> Tensor:
    """Unbiased estimate of HSIC from Gram matrices with empty diagonals, times a constant that cancels."""
    n = x_NN.shape[-1]
    x_N, y_N = x_NN.sum(-1), y_NN.sum(-1)
    whole = x_N.sum(-1) * y_N.sum(-1) / ((n - 1) * (n - 2))
    return (x_NN * y_NN).sum((-2, -1)) + whole - 2 * (x_N * y_N).sum(-1) / (n - 2)
