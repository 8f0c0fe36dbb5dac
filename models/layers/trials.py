"""One small experiment within a larger one: a net is tuned at several learning rates, chosen, and then tested once.

The rates are one stack of nets that see the same labelled pictures in the same order. The validation pictures choose
among them; the test pictures are asked only about the chosen one. Layers below the lowest one that learns are looked
up, so tuning the head alone costs next to nothing.

Letters: R learning rates, T updates, L = 6 layers, N pictures, B batch, P_l parameters of layer l, H×W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.data.transfers import Images, Transfer
from models.experiment import Checkpoint, Event, Scalars, Snapshot
from models.layers import stack
from models.layers.arms import Arm, Lesson
from models.layers.plans import relative
from models.layers.pretrained import Source, cross_entropy
from models.layers.stack import HEAD, LAYERS, Features
from models.metrics.freezing import answers
from models.running import Moments, device

BATCH, DECAY = 16, 1e-4
VALIDATED, TESTED, REMEMBERED = 500, 1000, 300
"""Pictures that choose the rate, that test the choice, and that ask what is left of the source task."""


class Asked:
    """Pictures with their right answers, and what the pretrained layers make of them."""

    def __init__(self, source: Source, images: Images, most: int | None = None) -> None:
        where = source.blocks[0].device
        self.features = Features(source.blocks, images.images_N1SS[:most, 0].to(where))
        self.labels_N = images.labels_N[:most].to(where)

    def accuracy(self, arm: Arm, head_1P: Tensor | None = None) -> np.ndarray:
        """The share of right answers of each net, (V,) float64, with another head where one is given."""
        right_VN = answers(arm, self.features, head_1P).argmax(-1) == self.labels_N
        return right_VN.double().mean(1).cpu().numpy()


class Bench:
    """One task seen from one pretrained net: everything that nets tuned on it are judged by."""

    def __init__(self, source: Source, data: Transfer) -> None:
        self.source, self.data, self.where = source, data, device()
        self.validation = Asked(source, data.validation, VALIDATED)
        self.test = Asked(source, data.test, TESTED)
        self.remembered = Asked(source, data.source_test, REMEMBERED)

    def begun(self, head_1P: Tensor) -> list[Tensor]:
        """The pretrained layers under a head, (1, P_l)."""
        return [*self.source.blocks[:HEAD], head_1P.to(self.where)]


@dataclass(frozen=True)
class Outcome:
    """What came of one trial."""

    best: int
    """Which of the rates did best on the validation pictures."""
    validation: float
    test: float
    kept: float
    """Accuracy on the source task afterwards, with the old head; NaN for a net that never knew it."""


def attempt(
    bench: Bench, labelled: Asked, begun: Sequence[Tensor], table_TL: np.ndarray, rates: Sequence[float],
    random: torch.Generator, *, pretrained: bool = True,
) -> Outcome:  # fmt: skip
    """Tune `begun` (1, P_l) by a plan at every rate, and test the one that validation prefers."""
    nets = len(rates)
    lr_V = torch.tensor(rates, device=bench.where)
    blocks = [block.expand(nets, -1).clone() for block in begun]
    arm = Arm("trial", blocks, table_TL, lr_V, weight_decay=DECAY, pretrained=pretrained)
    index_TB = torch.randint(len(labelled.labels_N), (len(table_TL), BATCH), generator=random).to(bench.where)
    index_VB = index_TB[0].repeat(nets, 1)
    shown = lesson(labelled, index_VB)
    for step in range(len(table_TL) if table_TL.any() else 0):
        index_VB.copy_(index_TB[step].expand(nets, -1))
        shown.labels_VB.copy_(labelled.labels_N[index_VB])
        arm.learn(step, shown)
    validation_V = bench.validation.accuracy(arm)
    best = int(validation_V.argmax())
    chosen = only(arm, best)
    old_1P = None if bench.data.related else bench.source.blocks[HEAD]
    kept = float(bench.remembered.accuracy(chosen, old_1P)[0]) if pretrained else float("nan")
    return Outcome(best, float(validation_V[best]), float(bench.test.accuracy(chosen)[0]), kept)


def lesson(labelled: Asked, index_VB: Tensor) -> Lesson:
    """The labelled pictures of those numbers, for each net its own."""
    return Lesson(lambda start: labelled.features.drawn(start, index_VB), labelled.labels_N[index_VB], still=True)


def only(arm: Arm, net: int) -> Arm:
    """One net of an arm, as an arm of its own."""
    blocks = [block[net : net + 1] for block in arm.blocks]
    chosen = Arm(arm.strategy, blocks, arm.table_TL, arm.lr_V[net : net + 1], pretrained=arm.pretrained)
    chosen.touched = arm.touched
    return chosen


def pulled(begun: Sequence[Tensor], labelled: Asked) -> np.ndarray:
    """Relative gradient norm of each layer before any update, over all labelled pictures, (L,), the largest is 1."""
    blocks = [block.clone().requires_grad_() for block in begun]
    logits_1NK = stack.forward(blocks, stack.shared(labelled.features.pictures_NHW, 1))
    gradients = torch.autograd.grad(cross_entropy(logits_1NK, labelled.labels_N[None]).sum(), blocks)
    ratio_VL = relative(list(gradients), [block.detach() for block in blocks])
    assert ratio_VL.shape == (1, len(LAYERS))
    return ratio_VL[0].cpu().numpy()


def nth(seed: int, place: int) -> int:
    """The seed of the pretrained net of a run's seed number `place`: number 0 of seed 0 is everybody's."""
    return 1000 * seed + place


def lead(way_S: np.ndarray, other_S: np.ndarray) -> float:
    """Mean difference over the seeds that have both; NaN where none has."""
    apart_S = (way_S - other_S)[np.isfinite(way_S - other_S)]
    return float(apart_S.mean()) if len(apart_S) else float("nan")


class Record:
    """Results that grow by one measurement a step: arrays, seeds along the last axis, NaN where none was taken yet."""

    def __init__(self, **arrays: np.ndarray) -> None:
        self.arrays = arrays

    def measure(self, step: int) -> dict[str, float]:
        """Takes the measurement that leads from `step` to `step + 1`."""
        raise NotImplementedError

    def snapshot(self, step: int) -> Snapshot:
        """The picture of all results so far."""
        raise NotImplementedError

    def checkpoint(self, step: int) -> Checkpoint:
        return Checkpoint(step, {name: array.copy() for name, array in self.arrays.items()})

    def load(self, checkpoint: Checkpoint) -> int:
        """Continue from `checkpoint`, of a run that may have had more or fewer seeds; returns its step."""
        for name, array in self.arrays.items():
            kept = checkpoint.arrays[name]
            seeds = min(kept.shape[-1], array.shape[-1])
            array[..., :seeds] = kept[..., :seeds]
        return checkpoint.step


def measured(record: Record, steps: int, start: Checkpoint | None, moments: Moments) -> Iterator[Event]:
    """The stream of a run whose every step is a measurement."""
    step = record.load(start) if start else 0
    if start is None:
        yield record.snapshot(0)
        yield record.checkpoint(0)
    while step < steps:
        told = record.measure(step)
        step += 1
        yield Scalars(step, step, {name: np.array([value]) for name, value in told.items()})
        due = moments.due(step)
        if due.snapshot or step == steps:
            yield record.snapshot(step)
        if due.checkpoint or step == steps:
            yield record.checkpoint(step)
