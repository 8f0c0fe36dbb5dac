"""What a strategy costs: parameters that learn, multiply-adds, measured time, memory, and what must be stored of it.

    forward    every layer above the lowest that ever learned (what lies below is looked up)
    backward   once for the weights of each learning layer, once for what goes through each layer above the lowest

Letters: T steps, L = 6 layers. All counts are for one net and one picture, averaged over the plan's steps, where not
said otherwise; bytes are those of float32.

Source: counting as in Howard et al. 2017 (arXiv 1704.04861), multiply-adds of weights only. Time is read off the clock,
on this machine, now: the median of repeated steps of one stack of nets, with the middle half of them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.layers import stack
from models.layers.arms import Arm
from models.layers.freezing import Race
from models.layers.stack import HEAD, LAYERS

if TYPE_CHECKING:
    from models.transfer import FreezeLab

REPEATS = 7
FLOAT_BYTES = 4
OUTPUTS = tuple(shape.outputs * shape.pixels for shape in stack.TRUNK)
"""Numbers that leave each layer of the trunk for one picture."""


@dataclass(frozen=True)
class Cost:
    """One strategy's bill."""

    arm: str
    trainable_parameters: int
    """Parameters that learn at any time."""
    mean_parameters: float
    """Parameters that learn, averaged over the steps."""
    forward_macs: float
    backward_macs: float
    step_ms: tuple[float, float, float]
    """Milliseconds per net and step: median, lower and upper quartile of the repeats, averaged over the plan."""
    activation_bytes: int
    """What a batch must remember until backpropagation, at its fullest."""
    checkpoint_bytes: int
    """What must be stored beside the pretrained net."""


@dataclass(frozen=True)
class Phase:
    """A stretch of the plan in which the same layers learn, from the same lowest layer that ever did."""

    learning: tuple[int, ...]
    start: int
    steps: int
    first: int


def phases(arm: Arm) -> list[Phase]:
    """The plan as stretches, in order of their first step; equal ones are one."""
    found: dict[tuple[tuple[int, ...], int], list[int]] = {}
    touched = 0 if not arm.pretrained else HEAD
    for step in range(len(arm.table_TL)):
        learning = tuple(arm.learning(step))
        start = min([touched, *learning[:1]])
        found.setdefault((learning, start), []).append(step)
        touched = start
    return [Phase(learning, start, len(steps), steps[0]) for (learning, start), steps in found.items()]


def macs(phase: Phase, classes: int) -> tuple[float, float]:
    """Multiply-adds of one picture in this phase: forward, and backward."""
    each = [shape.multiply_adds for shape in stack.shapes(classes)]
    forward = sum(each[phase.start :])
    if not phase.learning:
        return float(forward), 0.0
    through = sum(each[phase.learning[0] + 1 :])
    return float(forward), float(sum(each[layer] for layer in phase.learning) + through)


def remembered(phase: Phase, classes: int, batch: int) -> int:
    """Bytes of activations that backpropagation needs: what enters and leaves each layer that is differentiated."""
    if not phase.learning:
        return 0
    lowest = phase.learning[0]
    entering = stack.SIDE * stack.SIDE if lowest == 0 else OUTPUTS[lowest - 1]
    return FLOAT_BYTES * batch * (entering + sum(OUTPUTS[lowest:]) + classes)


def cost_ledger(experiment: FreezeLab) -> list[Cost]:
    """The bill of every strategy of the experiment, in its order; takes about a second."""
    race = Race(experiment.but(tried=1, changes=()))
    return [bill(race, arm) for arm in race.arms]


def bill(race: Race, arm: Arm) -> Cost:
    """One strategy's bill."""
    shapes, steps = stack.shapes(arm.classes), len(arm.table_TL)
    parts = phases(arm)
    weight = np.array([phase.steps / steps for phase in parts])
    ever = sorted({layer for phase in parts for layer in phase.learning})
    counted = np.array([macs(phase, arm.classes) for phase in parts])
    learning = np.array([sum(shapes[layer].parameters for layer in phase.learning) for phase in parts])
    times = np.array([timed(race, arm, phase) for phase in parts])
    stored = set(ever) | {HEAD} if arm.pretrained else set(range(len(LAYERS)))
    return Cost(
        arm.strategy,
        sum(shapes[layer].parameters for layer in ever),
        float(weight @ learning),
        float(weight @ counted[:, 0]),
        float(weight @ counted[:, 1]),
        tuple(float(part) for part in weight @ times),  # type: ignore[arg-type]
        max(remembered(phase, arm.classes, race.knobs.batch_size) for phase in parts),
        FLOAT_BYTES * sum(shapes[layer].parameters for layer in stored),
    )


def timed(race: Race, arm: Arm, phase: Phase) -> tuple[float, float, float]:
    """Milliseconds per net of one step of this phase: median and quartiles."""
    arm.touched, spent = phase.start, []
    for repeat in range(REPEATS + 2):
        lesson = race.lesson(repeat)
        began = time.perf_counter()
        arm.learn(phase.first, lesson)
        if arm.lr_V.device.type == "cuda":
            arm.lr_V.sum().item()  # the device has finished only when it answers
        spent.append(1000 * (time.perf_counter() - began) / len(arm.lr_V))
    low, middle, high = np.percentile(spent[2:], [25, 50, 75])
    return float(middle), float(low), float(high)
