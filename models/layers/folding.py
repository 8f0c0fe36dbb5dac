"""Nets that share their labels: folds of one labelled set, and ensembles trained on one labelled set.

Letters: G nets per labelled set, N labelled pictures, V = S·G nets, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from models.data.augmentation import views
from models.layers import stack
from models.layers.freezing import Race
from models.layers.stack import Features
from models.metrics.folds import k_folds, stratified_folds
from models.metrics.freezing import CHUNK, TESTED, answers
from models.running import stream

if TYPE_CHECKING:
    from models.transfer import FreezeLab

Way = Literal["hold_out", "k_fold", "stratified_k_fold"]
FOLDS = 5
VIEWS = 5


def widened(knobs: FreezeLab, group: int) -> FreezeLab:
    """The lab with `group` nets per labelled set, beyond what a visitor may ask for."""
    return knobs.model_copy(update={"seeds": knobs.seeds * group})


class Together(Race):
    """`group` nets for each labelled set: they differ in their new head and in the order of their batches."""

    def __init__(self, knobs: FreezeLab, group: int) -> None:
        self.group = group
        super().__init__(widened(knobs, group))

    def labelled(self, s: int) -> Tensor:
        return super().labelled(s // self.group)

    @torch.no_grad()
    def together(self) -> Tensor:
        """Test accuracy of the mean of each group's probabilities, one per labelled set."""
        pictures, labels_N = self.pictures(self.data.test, TESTED)
        p_VNK = answers(self.arms[0], Features(self.source.blocks, pictures)).softmax(-1)
        p_SNK = p_VNK.view(-1, self.group, *p_VNK.shape[1:]).mean(1)
        return (p_SNK.argmax(-1) == labels_N).double().mean(1)


class Folded(Race):
    """Nets that each do without one fold of their labelled set, and are judged on it."""

    def __init__(self, knobs: FreezeLab, way: Way) -> None:
        self.way, self.group, self.held = way, 1 if way == "hold_out" else FOLDS, []  # type: ignore[var-annotated]
        super().__init__(widened(knobs, self.group))

    def labelled(self, s: int) -> Tensor:
        known, fold = super().labelled(s // self.group), s % self.group
        random = stream(self.knobs.seed, f"folds {s // self.group}")
        if self.way == "stratified_k_fold":
            fold_N = stratified_folds(self.data.target.labels_N[known], FOLDS, random)
        else:
            fold_N = k_folds(len(known), FOLDS, random)
        self.held.append(known[fold_N == fold])
        return known[fold_N != fold]

    @torch.no_grad()
    def estimate(self) -> Tensor:
        """What each labelled set says of its nets' accuracy: the mean over its folds, one per labelled set."""
        arm, pool = self.arms[0], self.data.target
        index_VB = torch.stack(self.held)
        pictures_VBHW = pool.images_N1SS[index_VB, 0].to(self.where)
        logits_VBK = stack.forward(arm.blocks, stack.spread(pictures_VBHW))
        right_V = (logits_VBK.argmax(-1) == pool.labels_N[index_VB].to(self.where)).double().mean(1)
        return right_V.view(-1, self.group).mean(1)

    @property
    def absent(self) -> int:
        """In how many folds a class of the task does not occur at all."""
        labels = self.data.target.labels_N
        return sum(len(torch.unique(labels[held])) < self.classes for held in self.held)


@torch.no_grad()
def viewed(race: Race) -> Tensor:
    """Test accuracy of each net of the first strategy with the mean of five views' answers, (V,)."""
    pictures_NHW, labels_N = race.pictures(race.data.test, TESTED)
    right_V, random = torch.zeros(len(race.arms[0].lr_V), dtype=torch.float64), stream(race.knobs.seed, "views")
    for pictures, labels in zip(torch.split(pictures_NHW, CHUNK), torch.split(labels_N, CHUNK), strict=True):
        seen = views(pictures, VIEWS, random).flatten(0, 1)
        p_VNK = answers(race.arms[0], Features(race.source.blocks, seen)).softmax(-1)
        p_VBK = p_VNK.view(len(p_VNK), VIEWS, len(pictures), -1).mean(1)
        right_V += (p_VBK.argmax(-1) == labels).sum(1).double().cpu()
    return right_V / len(labels_N)
