"""Small heads on features that were computed once: trained in a blink, and judged on every picture by leaving it out.

Letters: N pictures, F features, D ≤ N coordinates, H hidden units, K classes, V = N + 1 versions of a head: version n
never saw picture n, the last one saw all. T recorded moments. All versions train at once, from one start.

Features of N pictures span at most N directions, and a head that starts at zero (or is pulled there) never leaves them:
in those coordinates the heads are small enough to train dozens of versions in a fraction of a second.

Source: features and a new head, Donahue et al. 2014 (DeCAF, arXiv 1310.1531); the game, Google's Teachable Machine,
Carney et al. 2020; nearest class means, Snell et al. 2017 (arXiv 1703.05175), with an unlearned network here.
Leaving one out judges heads with N - 1 pictures, whose class is then one short: with few pictures that is too harsh
(four classes of five sketches: 0.58 left out, 0.75 on new ones). Its N verdicts lean on nearly the same pictures: an
interval that takes them for independent is a rough one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

HeadName = Literal["nearest_mean", "linear", "linear_held_back", "hidden_16", "hidden_64"]
HEADS: tuple[HeadName, ...] = get_args(HeadName)
HIDDEN: dict[HeadName, int] = {"hidden_16": 16, "hidden_64": 64}
DECAY: dict[HeadName, float] = {"linear": 1e-3, "linear_held_back": 0.1, "hidden_16": 1e-3, "hidden_64": 1e-3}
"""Pull of the weights to zero, times half their square in the loss."""
LENGTH = 5.0
"""All features are scaled to this length: what a network sees is in their direction."""
STEPS, RECORDED, LR = 200, 10, 0.05
MOST = 60
"""Pictures in all: versions times pictures times weights have to fit into a blink."""


@dataclass(frozen=True, eq=False)
class Head:
    """A trained head: ask it about new pictures with `probabilities`."""

    name: HeadName
    left_out_NK: Tensor
    """What the version that never saw a picture says of it."""
    loss_T: Tensor
    """Training loss of the version that saw all, nats; empty where nothing is trained."""
    right_T: Tensor
    """Share of pictures that were right when left out."""
    parameters: int
    basis_FD: Tensor
    layers: tuple[Tensor, ...]
    """Of the version that saw all: weights and biases, each (1, …)."""

    def probabilities(self, features_NF: Tensor) -> Tensor:
        """(N, K) for any pictures."""
        x_1ND = (_scaled(features_NF) @ self.basis_FD)[None]
        return _logits(self.layers, x_1ND).softmax(-1)[0]


def coordinates(features_NF: Tensor) -> tuple[Tensor, Tensor]:
    """The pictures in coordinates of their own, (N, D), and the directions (F, D) that these belong to."""
    features_NF = _scaled(features_NF)
    u_ND, s_D, v_DF = torch.linalg.svd(features_NF, full_matrices=False)
    kept_D = s_D > 1e-5 * s_D[0]
    return (u_ND * s_D)[:, kept_D], v_DF[kept_D].T


def _scaled(features_NF: Tensor) -> Tensor:
    return LENGTH * F.normalize(features_NF.float(), dim=-1)


def fit(name: HeadName, features_NF: Tensor, labels_N: Tensor, classes: int, seed: int = 0) -> Head:
    """A head for these pictures, with its versions.

    Raises ValueError for more than `MOST` pictures, or a class with fewer than two: left out, it would be unknown.
    """
    counts_K = torch.bincount(labels_N, minlength=classes)
    if len(labels_N) > MOST or classes < 2 or int(counts_K.min()) < 2:
        raise ValueError(f"Two classes with two pictures each are needed, and at most {MOST} pictures in all.")
    x_ND, basis_FD = coordinates(features_NF)
    shown_VN = torch.cat([1 - torch.eye(len(x_ND)), torch.ones(1, len(x_ND))])
    if name == "nearest_mean":
        layers, loss_T, right_T = _means(x_ND, labels_N, classes, shown_VN), torch.empty(0), torch.empty(0)
    else:
        layers, loss_T, right_T = _descend(name, x_ND, labels_N, classes, shown_VN, seed)
    left_out_NK = _left_out(layers, x_ND).softmax(-1)
    inputs, hidden = features_NF.shape[1], HIDDEN.get(name, 0)
    parameters = (inputs + 1) * hidden + (hidden + 1) * classes if hidden else (inputs + 1) * classes
    last = tuple(layer[-1:] for layer in layers)
    return Head(name, left_out_NK, loss_T, right_T, parameters, basis_FD, last)


def _logits(layers: tuple[Tensor, ...], x_VND: Tensor) -> Tensor:
    """(V, N, K) of weights and biases in turn, rectified in between."""
    weight, bias, *rest = layers
    y_VNH = x_VND @ weight + bias
    return _logits(tuple(rest), F.relu(y_VNH)) if rest else y_VNH


def _left_out(layers: tuple[Tensor, ...], x_ND: Tensor) -> Tensor:
    """(N, K): of every picture, what its version says; the last version, which saw all, is not asked."""
    return _logits(tuple(layer[:-1] for layer in layers), x_ND[:, None])[:, 0]


def _means(x_ND: Tensor, labels_N: Tensor, classes: int, shown_VN: Tensor) -> tuple[Tensor, ...]:
    """Nearest class mean as a linear head: -|x - m|² / 2s² has the same softmax as (x·m - |m|² / 2) / s²."""
    member_VNK = shown_VN[:, :, None] * F.one_hot(labels_N, classes)
    mean_VKD = member_VNK.mT @ x_ND / member_VNK.sum(1)[:, :, None]
    apart_VN = (x_ND - mean_VKD[:, labels_N]).square().sum(-1)
    # N pictures have about N coordinates, which are no independent witnesses: the root of their number makes the head
    # about as sure as it is right.
    spread_V = ((shown_VN * apart_VN).sum(1) / shown_VN.sum(1) ** 1.5).clamp(min=1e-6)[:, None, None]
    return mean_VKD.mT / spread_V, -mean_VKD.square().sum(-1)[:, None] / (2 * spread_V)


def _descend(
    name: HeadName, x_ND: Tensor, labels_N: Tensor, classes: int, shown_VN: Tensor, seed: int
) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
    """Gradient descent with momentum on all shown pictures; layers, and loss and left-out accuracy over time."""
    versions, random = len(shown_VN), torch.Generator().manual_seed(seed)
    sizes = [x_ND.shape[1], *([HIDDEN[name]] if name in HIDDEN else []), classes]
    layers: list[Tensor] = []
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        # The last layer starts at zero: at first no class is preferred.
        gain = (2 / inputs) ** 0.5 if place + 2 < len(sizes) else 0.0
        weight_DH = gain * torch.randn(inputs, outputs, generator=random)
        layers += [weight_DH.expand(versions, -1, -1).clone(), torch.zeros(versions, 1, outputs)]
    speed = [torch.zeros_like(layer) for layer in layers]
    losses, right = [], []
    for step in range(STEPS + 1):
        if step % RECORDED == 0:
            right.append((_left_out(tuple(layers), x_ND).argmax(-1) == labels_N).float().mean())
        for layer in layers:
            layer.requires_grad_(True)
        loss_V = _loss(_logits(tuple(layers), x_ND.expand(versions, -1, -1)), labels_N, shown_VN)
        pull = sum((DECAY[name] / 2 * weight.square().sum() for weight in layers[::2]), torch.zeros(()))
        gradients = torch.autograd.grad(loss_V.sum() + pull, layers)
        if step % RECORDED == 0:
            losses.append(loss_V[-1].detach())
        for layer, gradient, pace in zip(layers, gradients, speed, strict=True):
            layer.requires_grad_(False)
            layer.sub_(pace.mul_(0.9).add_(gradient), alpha=LR)
    return tuple(layers), torch.stack(losses), torch.stack(right)


def _loss(logits_VNK: Tensor, labels_N: Tensor, shown_VN: Tensor) -> Tensor:
    """Mean cross-entropy (V,) over the pictures that a version is shown."""
    nats_VN = -logits_VNK.log_softmax(-1).gather(-1, labels_N.expand(len(shown_VN), -1)[..., None])[..., 0]
    return (shown_VN * nats_VN).sum(1) / shown_VN.sum(1)
