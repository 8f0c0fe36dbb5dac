"""One strategy at work: a stack of nets that follow the same plan, one net for each learning rate and seed.

All nets of an arm have the same layers frozen at the same time. So backpropagation stops at the lowest layer that
learns, and where the layers below it are still the pretrained ones, their outputs are looked up, never computed again.

Letters: V = R·S nets (learning rates × seeds, seeds fastest), L = 6 layers, P parameters, B batch, K classes, F
features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from models.layers import stack
from models.layers.masked import Kind, Masked, pull
from models.layers.plans import relative
from models.layers.pretrained import cross_entropy
from models.layers.stack import HEAD, LAYERS

SURGICAL = "surgical"
REMEMBERED = 0.9
"""Of the relative gradient norms, an average over the last steps is taken: one small batch says little."""

Inputs = Callable[[int], Tensor]
"""The inputs of layer `start` for the batch of each net, as `stack.forward` wants them."""


@dataclass(frozen=True)
class Pull:
    """A force towards the pretrained weights: its strength per weight, for the layers below the head."""

    strength: float
    weights: tuple[Tensor, ...] | None = None
    """Fisher information of each layer (1, P_l) for EWC; None pulls all weights alike (L2-SP)."""


@dataclass(frozen=True)
class Lesson:
    """What one step shows to every net: the inputs of any layer, and two labels with their shares (for mixtures)."""

    inputs: Inputs
    labels_VB: Tensor
    others_VB: Tensor | None = None
    share_V1: Tensor | None = None
    smoothing: float = 0.0
    keep_VF: Tensor | None = None
    replay: Inputs | None = None
    """The inputs for remembered source pictures, answered with the old head, and how much they count."""
    replay_VB: Tensor | None = None
    replay_weight: float = 0.0
    old_head_1P: Tensor | None = None


@dataclass
class Measured:
    """What a step did to each layer, (V, L): NaN where no gradient was computed."""

    gradient_VL: Tensor
    update_VL: Tensor
    moved_VL: Tensor


@dataclass
class Arm:
    """The nets of one strategy. `blocks` (V, P_l) change in place; `begun` is what they started from."""

    strategy: str
    blocks: list[Tensor]
    table_TL: np.ndarray
    """Learning-rate multiplier of each layer at each step, schedule included; 0 is frozen."""
    lr_V: Tensor
    optimizer: Kind = "sgd"
    weight_decay: float = 0.0
    force: Pull | None = None
    pretrained: bool = True
    """Whether the layers below the head are those of the shared source net at first."""
    touched: int = HEAD
    """The lowest layer that ever learned: below it the pretrained features still hold. A new head is never shared."""
    begun: list[Tensor] = field(init=False)
    masked: Masked = field(init=False)
    relative_VL: Tensor = field(init=False)
    running_V: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.begun = [block.clone() for block in self.blocks]
        self.masked = Masked(self.optimizer, self.weight_decay)
        self.relative_VL = torch.zeros(len(self.lr_V), len(LAYERS), dtype=self.lr_V.dtype, device=self.lr_V.device)
        self.running_V = torch.ones_like(self.lr_V)
        if not self.pretrained:
            self.touched = 0

    @property
    def classes(self) -> int:
        return int(self.blocks[HEAD].shape[1]) // (stack.TRUNK[-1].outputs + 1)

    def learning(self, step: int) -> list[int]:
        """The layers that learn in the update after `step`, lowest first."""
        return [layer for layer in range(len(LAYERS)) if self.table_TL[step, layer] > 0]

    def learn(self, step: int, lesson: Lesson, measure: bool = False) -> tuple[Tensor, Measured | None]:
        """The update that leads from `step` to `step + 1`: the loss of each net before it (V,), and what it did."""
        learning = self.learning(step)
        before = [block.clone() for block in self.blocks] if measure else None
        loss_V, gradients = self._differentiate(learning, lesson)
        for layer, gradient, lr_V in zip(learning, gradients, self._rates(step, learning, gradients), strict=True):
            self.masked.update(layer, self.blocks[layer], gradient, lr_V)
            if self.force is not None and layer != HEAD:
                weights = self.force.weights
                unit = torch.ones_like(self.begun[layer][:1]) if weights is None else weights[layer]
                pull(self.blocks[layer], self.begun[layer], self.force.strength * unit, lr_V)
        if learning:
            self.touched = min(self.touched, learning[0])
        return loss_V, None if before is None else self._measured(before, dict(zip(learning, gradients, strict=True)))

    def _differentiate(self, learning: Sequence[int], lesson: Lesson) -> tuple[Tensor, Sequence[Tensor]]:
        lowest = learning[0] if learning else HEAD + 1
        start = min(self.touched, lowest)
        for layer in learning:
            self.blocks[layer].requires_grad_(True)
        with torch.no_grad():
            x = stack.forward(self.blocks, lesson.inputs(start), start=start, stop=lowest)
        keep = lesson.keep_VF if lowest <= HEAD else None
        logits_VBK = stack.forward(self.blocks, x, start=lowest, keep_VF=keep)
        loss_V = mixed_loss(logits_VBK, lesson)
        total = loss_V.sum()
        if lesson.replay is not None and lowest < HEAD:
            total = total + lesson.replay_weight * self._replayed(lesson, start, lowest).sum()
        gradients = torch.autograd.grad(total, [self.blocks[layer] for layer in learning]) if learning else ()
        for layer in learning:
            self.blocks[layer].requires_grad_(False)
        return loss_V.detach(), gradients

    def _replayed(self, lesson: Lesson, start: int, lowest: int) -> Tensor:
        """The loss of each net on remembered source pictures, (V,)."""
        assert lesson.replay is not None and lesson.replay_VB is not None
        old = self.blocks[HEAD] if lesson.old_head_1P is None else lesson.old_head_1P.expand(len(self.lr_V), -1)
        blocks = [*self.blocks[:HEAD], old]
        with torch.no_grad():
            x = stack.forward(blocks, lesson.replay(start), start=start, stop=lowest)
        return cross_entropy(stack.forward(blocks, x, start=lowest), lesson.replay_VB)

    def _rates(self, step: int, learning: Sequence[int], gradients: Sequence[Tensor]) -> list[Tensor]:
        """The learning rate (V,) of each learning layer."""
        if self.strategy == SURGICAL:
            now_VL = relative(list(gradients), [self.blocks[layer] for layer in learning])
            kept = REMEMBERED if bool(self.relative_VL.any()) else 0.0
            self.relative_VL.mul_(kept).add_(now_VL, alpha=1 - kept)
        rates = []
        for layer in learning:
            lr_V = self.lr_V * self.running_V * float(self.table_TL[step, layer])
            rates.append(lr_V * self.relative_VL[:, layer] if self.strategy == SURGICAL else lr_V)
        return rates

    def _measured(self, before: Sequence[Tensor], gradients: Mapping[int, Tensor]) -> Measured:
        nothing_V = torch.full_like(self.lr_V, float("nan"))
        gradient, update, moved = [], [], []
        for layer, (now, then) in enumerate(zip(self.blocks, before, strict=True)):
            moved.append((now - then).abs().amax(1))
            update.append(
                torch.linalg.vector_norm(now - then, dim=1) / torch.linalg.vector_norm(then, dim=1).clamp(min=1e-12)
            )
            gradient.append(torch.linalg.vector_norm(gradients[layer], dim=1) if layer in gradients else nothing_V)
        return Measured(torch.stack(gradient, 1), torch.stack(update, 1), torch.stack(moved, 1))

    def drift(self) -> Tensor:
        """How far each layer is from where it started, relative to its size there, (V, L)."""
        found = [
            torch.linalg.vector_norm(now - then, dim=1) / torch.linalg.vector_norm(then, dim=1).clamp(min=1e-12)
            for now, then in zip(self.blocks, self.begun, strict=True)
        ]
        return torch.stack(found, 1)

    def state(self) -> dict[str, Tensor]:
        """What the next step depends on; layers that never learned are left out: they are known from the start."""
        ever = [layer for layer in range(len(LAYERS)) if layer in self.masked.averages]
        held = {f"weights.{layer}": self.blocks[layer].clone() for layer in ever}
        held |= {f"optimizer.{name}": part.clone() for name, part in self.masked.state().items()}
        return {**held, "relative": self.relative_VL.clone(), "running": self.running_V.clone()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        for layer, (block, begun) in enumerate(zip(self.blocks, self.begun, strict=True)):
            block.copy_(state.get(f"weights.{layer}", begun))
        mark = "optimizer."
        self.masked.load({name[len(mark) :]: part for name, part in state.items() if name.startswith(mark)})
        self.relative_VL.copy_(state["relative"])
        self.running_V.copy_(state["running"])
        lowest = min([int(name.split(".")[1]) for name in state if name.startswith("weights.")], default=HEAD)
        self.touched = min(lowest, HEAD) if self.pretrained else 0


def mixed_loss(logits_VBK: Tensor, lesson: Lesson) -> Tensor:
    """Cross-entropy of each net (V,), nats: of one label, or of two with the share λ of the first."""
    first_V = cross_entropy(logits_VBK, lesson.labels_VB, lesson.smoothing)
    if lesson.others_VB is None or lesson.share_V1 is None:
        return first_V
    share_V = lesson.share_V1[:, 0]
    return share_V * first_V + (1 - share_V) * cross_entropy(logits_VBK, lesson.others_VB, lesson.smoothing)
