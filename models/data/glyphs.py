"""Letters of alphabets that do not exist: every class is a few smooth strokes, every example the same hand, shaking.

Letters: C classes, N examples, K = 3 strokes, M = 3 control points of a stroke (its two ends, and the point that it
bends towards), P points along a stroke, S = 16 pixels a side; places in -1 … 1 from the picture's middle.
An example shakes the control points of its class, then moves, grows, turns and thickens the whole, and adds noise.
Which strokes make a class is drawn once: the alphabets are always the same.

Source: our own, after the idea of learning to learn characters of new alphabets (Lake, Salakhutdinov and Tenenbaum
2015). Strokes are quadratic Bézier curves, painted as a sum of round spots, so ink is smooth in every parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

SIDE = 16
CLASSES = 10
STROKES, CONTROLS, POINTS = 3, 3, 16
CHUNK = 1000
"""Examples painted at once: the spots of more would leave the processor's cache."""


@dataclass(frozen=True)
class Shake:
    """How much one example differs from the next: standard deviations, in half pictures, radians and shares.

    So much that a small convolutional network learns the second alphabet from scratch to about 0.36 with one example
    of each class, 0.63 with ten and 0.84 with three hundred, and gains from features of the first (2 … 8 points).
    """

    control: float = 0.08
    place: float = 0.18
    turn: float = 0.25
    size: float = 0.12
    thickness: float = 0.18
    noise: float = 0.20


SHAKE = Shake()


@cache
def alphabet(number: int) -> Tensor:
    """(C, K, M, 2): control points of the classes of an alphabet; any number names one, and 0 is the source's."""
    random = torch.Generator().manual_seed(1_000 + number)
    point_CKM2 = torch.rand(CLASSES, STROKES, CONTROLS, 2, generator=random) * 1.8 - 0.9
    # Strokes shorter than this are blots, and two classes with blots look alike.
    start_CK2, end_CK2 = point_CKM2[:, :, 0], point_CKM2[:, :, -1]
    apart_CK1 = (end_CK2 - start_CK2).norm(dim=-1, keepdim=True).clamp(min=1e-3)
    point_CKM2[:, :, -1] = start_CK2 + (end_CK2 - start_CK2) * (1.0 / apart_CK1).clamp(min=1)
    return point_CKM2.clamp(-0.9, 0.9)


def between(one_CKM2: Tensor, other_CKM2: Tensor, share: float) -> Tensor:
    """Control points on the way from one alphabet to another: 0 is the one, 1 is the other."""
    return torch.lerp(one_CKM2, other_CKM2, share)


def write(alphabet_CKM2: Tensor, per_class: int, seed: int, shake: Shake = SHAKE) -> tuple[Tensor, Tensor]:
    """Examples (N, 1, S, S) float32 in 0 … 1, `per_class` of every class in turn, and their labels (N,) int64."""
    random = torch.Generator().manual_seed(seed)
    label_N = torch.arange(len(alphabet_CKM2)).repeat(per_class)
    return torch.cat([_paint(alphabet_CKM2[part], shake, random) for part in torch.split(label_N, CHUNK)]), label_N


def _paint(control_NKM2: Tensor, shake: Shake, random: torch.Generator) -> Tensor:
    """One picture (N, 1, S, S) of each set of control points, shaken."""
    count = len(control_NKM2)

    def normal(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=random)

    control_NKM2 = control_NKM2 + shake.control * normal(STROKES, CONTROLS, 2)
    angle_N, size_N = shake.turn * normal(), (shake.size * normal()).exp()
    cos_N, sin_N = size_N * angle_N.cos(), size_N * angle_N.sin()
    turn_N22 = torch.stack([cos_N, -sin_N, sin_N, cos_N], -1).view(-1, 2, 2)
    control_NT2 = control_NKM2.flatten(1, 2) @ turn_N22 + shake.place * normal(1, 2)
    spot_N2P = _along(control_NT2.view_as(control_NKM2)).flatten(1, 2).transpose(1, 2)

    width_N11 = 0.08 * (shake.thickness * normal(1, 1)).exp()
    tick_S1 = ((torch.arange(SIDE) + 0.5) * 2 / SIDE - 1)[:, None]
    x_NSP, y_NSP = (torch.exp(-0.5 * ((tick_S1 - spot_N2P[:, axis, None]) / width_N11).square()) for axis in range(2))
    # A round spot is the product of its shadows on the two axes: summing spots is one matrix product.
    ink_NSS = 1 - torch.exp(-1.2 * (y_NSP @ x_NSP.transpose(1, 2)))
    return (ink_NSS + shake.noise * normal(SIDE, SIDE)).clamp(0, 1)[:, None]


def _along(control_NKM2: Tensor) -> Tensor:
    """(N, K, P, 2): places along the quadratic Bézier curves."""
    t_P1 = torch.linspace(0, 1, POINTS)[:, None]
    start, bend, end = control_NKM2[..., None, :].unbind(2)
    return (1 - t_P1).square() * start + 2 * t_P1 * (1 - t_P1) * bend + t_P1.square() * end
