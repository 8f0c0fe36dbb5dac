"""Maximum mean discrepancy: are two clouds of points samples of one distribution? Zero says yes.

Letters: N and M points, Z coordinates.

Source: Gretton et al. 2012, "A kernel two-sample test", eq. 3 (the unbiased estimate); inverse multiquadratic kernels
at seven scales as in Tolstikhin et al. 2018, "Wasserstein auto-encoders", arXiv 1711.01558, section 4: their tails are
heavy, so that codes far from the prior still feel a pull. The estimate has mean zero for equal distributions and can
be negative; it sees differences of the size of its kernels, not finer ones.
"""

from __future__ import annotations

import torch
from torch import Tensor

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def kernel(x_NZ: Tensor, y_MZ: Tensor) -> Tensor:
    """Σ over scales of C / (C + ‖x - y‖²), C = 2·Z·scale, (N, M): 7 for equal points, 0 for far ones."""
    squared_NM = (x_NZ.square().sum(1)[:, None] + y_MZ.square().sum(1) - 2 * x_NZ @ y_MZ.T).clamp(min=0)
    total_NM = torch.zeros_like(squared_NM)
    for scale in SCALES:
        width = 2.0 * x_NZ.shape[1] * scale
        total_NM = total_NM + width / (width + squared_NM)
    return total_NM


def mmd(x_NZ: Tensor, y_MZ: Tensor) -> Tensor:
    """MMD² of two samples, a scalar; unbiased: no point is compared with itself."""
    n, m = len(x_NZ), len(y_MZ)
    own_x = kernel(x_NZ, x_NZ).sum() - len(SCALES) * n
    own_y = kernel(y_MZ, y_MZ).sum() - len(SCALES) * m
    return own_x / (n * (n - 1)) + own_y / (m * (m - 1)) - 2 * kernel(x_NZ, y_MZ).mean()
