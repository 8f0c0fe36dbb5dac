"""Ways from code to code: straight, around the origin, smooth through all points, and shortest as the decoder sees it.

Letters: K given points, Z latent numbers, T places along a path, X pixels.

The decoder g bends the latent space: a step dz changes the picture by J dz, so it is |J dz| long in pixels. A geodesic
has the least energy E = T Σ |g(z_{t+1}) - g(z_t)|² between its ends: Shao et al. 2018, "The Riemannian geometry of deep
generative models", arXiv 1711.08014, section 3; Arvanitidis et al. 2018, arXiv 1710.11379. Here the discretised curve
is moved by L-BFGS from the straight line, with at most `ROUNDS` steps: a local minimum, never worse than its beginning.
Spherical: Shoemake 1985 for the direction, with the norm going evenly from one end's to the other's. `evenly` retimes
any path so that the picture changes equally much from place to place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

Kind = Literal["linear", "spherical", "spline", "geodesic"]
KINDS: tuple[Kind, ...] = ("linear", "spherical", "spline", "geodesic")
Decode = Callable[[Tensor], Tensor]

NODES = 12
"""Places per stretch between two given points while a geodesic is sought."""
ROUNDS = 20
DENSE = 160
"""Places at which a path is decoded before it is retimed."""


def linear(point_KZ: Tensor, count: int) -> Tensor:
    """(count, Z): straight from point to point, as many places on every stretch."""
    along_T = torch.linspace(0, len(point_KZ) - 1, count, dtype=point_KZ.dtype)
    stretch_T = along_T.floor().clamp(max=len(point_KZ) - 2).long()
    return torch.lerp(point_KZ[stretch_T], point_KZ[stretch_T + 1], (along_T - stretch_T)[:, None])


def slerp(start_Z: Tensor, end_Z: Tensor, share_T: Tensor) -> Tensor:
    """(T, Z): the direction turns evenly, the norm goes evenly. Straight where a direction is missing or opposite."""
    norms = start_Z.norm(), end_Z.norm()
    if min(norms) == 0:
        return torch.lerp(start_Z, end_Z, share_T[:, None])
    one_Z, other_Z = start_Z / norms[0], end_Z / norms[1]
    angle = torch.arccos((one_Z @ other_Z).clamp(-1, 1))
    sine = angle.sin()
    if sine < 1e-4:
        return torch.lerp(start_Z, end_Z, share_T[:, None])
    turned_TZ = (((1 - share_T) * angle).sin() / sine)[:, None] * one_Z + ((share_T * angle).sin() / sine)[
        :, None
    ] * other_Z
    found_TZ: Tensor = turned_TZ * torch.lerp(norms[0], norms[1], share_T)[:, None]
    return found_TZ


def spherical(point_KZ: Tensor, count: int) -> Tensor:
    """(count, Z): `slerp` from point to point."""
    along_T = torch.linspace(0, len(point_KZ) - 1, count, dtype=point_KZ.dtype)
    stretch_T = along_T.floor().clamp(max=len(point_KZ) - 2).long()
    share_T = along_T - stretch_T
    parts = [slerp(point_KZ[k], point_KZ[k + 1], share_T[stretch_T == k]) for k in range(len(point_KZ) - 1)]
    return torch.cat(parts)


def spline(point_KZ: Tensor, count: int) -> Tensor:
    """(count, Z): a natural cubic spline through all points, timed by the distances between them."""
    far_K = (point_KZ[1:] - point_KZ[:-1]).norm(dim=1).double().clamp(min=1e-6)
    times_K = np.concatenate(([0.0], far_K.cumsum(0).numpy()))
    curve = CubicSpline(times_K, point_KZ.double().numpy(), bc_type="natural")
    return torch.from_numpy(curve(np.linspace(0, times_K[-1], count))).to(point_KZ.dtype)


def energy(path_TZ: Tensor, decode: Decode) -> Tensor:
    """T Σ |g(z_{t+1}) - g(z_t)|², a scalar: for equal lengths, least where the picture changes evenly."""
    picture_TX = decode(path_TZ)
    return (len(path_TZ) - 1) * (picture_TX[1:] - picture_TX[:-1]).square().sum()


def geodesic(point_KZ: Tensor, decode: Decode, start_TZ: Tensor | None = None, rounds: int = ROUNDS) -> Tensor:
    """(T, Z): the curve of least energy through the points, T = NODES·(K - 1) + 1; given points stay where they are.

    `start_TZ` is where the search begins, by default straight lines.
    """
    begin_TZ = linear(point_KZ, NODES * (len(point_KZ) - 1) + 1) if start_TZ is None else start_TZ
    free_T1 = torch.ones(len(begin_TZ), 1, dtype=begin_TZ.dtype)
    free_T1[:: (len(begin_TZ) - 1) // (len(point_KZ) - 1)] = 0
    moved_TZ = torch.zeros_like(begin_TZ, requires_grad=True)
    search = torch.optim.LBFGS([moved_TZ], max_iter=rounds, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        loss = energy(begin_TZ + free_T1 * moved_TZ, decode)
        # Only the curve's own gradient: the decoder's weights stand still.
        moved_TZ.grad = torch.autograd.grad(loss, moved_TZ)[0]
        return loss

    with torch.enable_grad():
        search.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        found_TZ = begin_TZ + free_T1 * moved_TZ
        better = bool(energy(found_TZ, decode) <= energy(begin_TZ, decode))
    return found_TZ.detach() if better else begin_TZ


def path(kind: Kind, point_KZ: Tensor, decode: Decode, count: int = DENSE) -> Tensor:
    """(count, Z): the path of that kind, not yet retimed."""
    match kind:
        case "linear":
            return linear(point_KZ, count)
        case "spherical":
            return spherical(point_KZ, count)
        case "spline":
            return spline(point_KZ, count)
    return linear(geodesic(point_KZ, decode), count)


def speed(path_TZ: Tensor, decode: Decode) -> Tensor:
    """(T - 1,): how much the picture changes from place to place."""
    picture_TX = decode(path_TZ)
    change_T: Tensor = (picture_TX[1:] - picture_TX[:-1]).norm(dim=1)
    return change_T


def evenly(path_TZ: Tensor, decode: Decode, count: int) -> Tensor:
    """(count, Z): the same curve, with places chosen so that the picture changes equally much between them."""
    length_T = torch.cat((torch.zeros(1), speed(path_TZ, decode).double().cumsum(0))).numpy()
    if length_T[-1] <= 0:
        return linear(path_TZ, count)
    # Where nothing changes, time would stand still: a tiny slope keeps the way back unique.
    length_T = length_T + 1e-9 * length_T[-1] * np.arange(len(length_T))
    at = np.interp(np.linspace(0, length_T[-1], count), length_T, np.arange(len(length_T)))
    low = torch.from_numpy(np.floor(at)).long().clamp(max=len(path_TZ) - 2)
    share_T1 = (torch.from_numpy(at) - low)[:, None].to(path_TZ.dtype)
    return torch.lerp(path_TZ[low], path_TZ[low + 1], share_T1)
