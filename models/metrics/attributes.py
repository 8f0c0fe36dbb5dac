"""Directions in a latent space that stand for something visible, and what else changes along them.

Letters: N pictures, X pixels, A = 4 attributes, Z latent numbers.

An attribute is measured on the pixels themselves, so that nobody has to label anything: how much ink, how wide, how
high, how slanted. A direction for it comes from the codes: by means (the third that has most less the third that has
least), by logistic regression (upper against lower half), or it is one of the principal directions, which know none.
Source: attribute vectors by means, Larsen et al. 2016, arXiv 1512.09300, section 4; the leakage matrix is our own: row,
the direction walked by one standard deviation of the codes along it each way; column, the attribute's mean change, in
standard deviations of real pictures. A direction without leakage has a diagonal and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

ATTRIBUTES = ("ink", "width", "height", "slant")
Method = Literal["means", "logistic", "principal"]
METHODS: tuple[Method, ...] = ("means", "logistic", "principal")


def attributes(x_NX: Tensor, side: int) -> Tensor:
    """(N, 4): ink as a share of the picture, width and height as standard deviations in pixels, slant dx/dy."""
    image_NHW = x_NX.view(-1, side, side).clamp(min=0)
    ink_N = image_NHW.sum((1, 2)).clamp(min=1e-6)
    place = torch.arange(side, dtype=x_NX.dtype, device=x_NX.device)
    column_NW, row_NH = image_NHW.sum(1) / ink_N[:, None], image_NHW.sum(2) / ink_N[:, None]
    x_N, y_N = column_NW @ place, row_NH @ place
    width_N = (column_NW @ place.square() - x_N.square()).clamp(min=1e-6)
    height_N = (row_NH @ place.square() - y_N.square()).clamp(min=1e-6)
    together_N: Tensor = torch.einsum("nhw,h,w->n", image_NHW, place, place) / ink_N - x_N * y_N
    # Rows count downwards: a slant to the right at the top is positive.
    told_NA: Tensor = torch.stack((ink_N / side**2, width_N.sqrt(), height_N.sqrt(), -together_N / height_N), 1)
    return told_NA


def directions(method: Method, code_NZ: Tensor, attribute_NA: Tensor) -> Tensor:
    """(A, Z) directions of length 1, one per attribute; principal ones are as many, the widest first."""
    if method == "principal":
        wide_ZZ = torch.linalg.eigh(torch.cov(code_NZ.T).double())[1].flip(1).T
        widest_AZ: Tensor = wide_ZZ[: attribute_NA.shape[1]].to(code_NZ.dtype)
        return widest_AZ
    found = []
    for value_N in attribute_NA.T:
        order_N, third = value_N.argsort(), len(value_N) // 3
        if method == "means":
            way_Z = code_NZ[order_N[-third:]].mean(0) - code_NZ[order_N[:third]].mean(0)
        else:
            from sklearn.linear_model import LogisticRegression  # slow to import, and only this needs it

            upper_N = (value_N > value_N.median()).numpy()
            fitted = LogisticRegression(max_iter=500).fit(code_NZ.double().numpy(), upper_N)
            way_Z = torch.from_numpy(fitted.coef_[0]).to(code_NZ.dtype)
        found.append(way_Z / way_Z.norm().clamp(min=1e-9))
    return torch.stack(found)


@torch.no_grad()
def leakage(
    direction_DZ: Tensor, code_NZ: Tensor, attribute_NA: Tensor, decode: Callable[[Tensor], Tensor], side: int
) -> Tensor:
    """(D, A): mean change of every attribute along each direction, in its standard deviations over real pictures."""
    rows = []
    for way_Z in direction_DZ:
        step = (code_NZ @ way_Z).std() * way_Z
        further, back = (attributes(decode(code_NZ + sign * step), side) for sign in (1, -1))
        rows.append((further - back).mean(0) / 2 / attribute_NA.std(0))
    return torch.stack(rows)
