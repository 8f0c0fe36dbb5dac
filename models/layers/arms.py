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
from models.running import captured

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
    replay_labels: Callable[[], Tensor] | None = None
    replay_weight: float = 0.0
    old_head_1P: Tensor | None = None
    still: bool = False
    """Whether all tensors keep their place and are filled anew for each step: then a GPU can capture the step."""


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
    remembers: bool = False
    """Whether `relative_VL` holds anything yet."""
    loss_V: Tensor = field(init=False)
    at: Tensor = field(init=False)
    pace_TL: Tensor | None = None
    """`table_TL` on the device, and which one it is a copy of."""
    paced: np.ndarray | None = None
    capturing: bool = True
    """Whether steps on a still lesson are CUDA graphs where there is a GPU; False from the first refusal on."""
    launches: dict[tuple[int, ...], Callable[[], None]] = field(default_factory=dict)
    """A captured step for each set of learning layers, made when first wanted."""

    def __post_init__(self) -> None:
        self.begun = [block.clone() for block in self.blocks]
        self.masked = Masked(self.optimizer, self.weight_decay)
        self.relative_VL = torch.zeros(len(self.lr_V), len(LAYERS), dtype=self.lr_V.dtype, device=self.lr_V.device)
        self.running_V = torch.ones_like(self.lr_V)
        self.loss_V = torch.zeros_like(self.lr_V)
        self.at = torch.zeros(1, dtype=torch.int64, device=self.lr_V.device)
        if not self.pretrained:
            self.touched = 0

    @property
    def classes(self) -> int:
        return int(self.blocks[HEAD].shape[1]) // (stack.TRUNK[-1].outputs + 1)

    def learning(self, step: int) -> list[int]:
        """The layers that learn in the update after `step`, lowest first."""
        return [layer for layer in range(len(LAYERS)) if self.table_TL[step, layer] > 0]

    def learn(self, step: int, lesson: Lesson, measure: bool = False) -> tuple[Tensor, Measured | None]:
        """The update that leads from `step` to `step + 1`: the loss of each net before it (V,), and what it did.

        Where `lesson` is still, it must be the same one at every step, and the loss is good until the next.
        """
        on_gpu = self.lr_V.device.type == "cuda" and self.masked.kind == "sgd"
        if measure or not (on_gpu and lesson.still and self.capturing):
            return self._learn(step, lesson, measure)
        learning = self.learning(step)
        key = (self.touched, int(self.remembers), *learning)
        if self.paced is not self.table_TL:
            pace_TL = torch.from_numpy(self.table_TL).to(self.lr_V)
            self.pace_TL = pace_TL if self.pace_TL is None else self.pace_TL.copy_(pace_TL)
            self.paced = self.table_TL
        self.at.fill_(step)
        if key not in self.launches:
            launch = self._captured(step, lesson)
            if launch is None:
                self.capturing = False
                return self._learn(step, lesson)
            self.launches[key] = launch
        self.launches[key]()
        self._count(learning)
        return self.loss_V, None

    @property
    def captured(self) -> bool:
        """Whether its optimizer allows for capturing, and no step was refused so far."""
        return self.capturing and self.masked.kind == "sgd"

    def _captured(self, step: int, lesson: Lesson) -> Callable[[], None] | None:
        """The step with the layers that learn now, as one CUDA graph; its learning rates are looked up there."""
        learning = self.learning(step)
        for layer in learning:
            self.masked.begin(layer, self.blocks[layer])
        counts, touched, remembers = dict(self.masked.counts), self.touched, self.remembers

        def put_back() -> None:
            self.masked.counts, self.touched, self.remembers = dict(counts), touched, remembers

        def advance() -> None:
            put_back()
            assert self.pace_TL is not None
            self.loss_V.copy_(self._learn(step, lesson, pace_L=self.pace_TL.index_select(0, self.at)[0])[0])

        averages = [part for parts in self.masked.averages.values() for part in parts]
        held = (*self.blocks, *averages, self.relative_VL)
        launch = captured(advance, torch.Generator(self.lr_V.device), held)
        put_back()
        return launch

    def _count(self, learning: Sequence[int]) -> None:
        """What a launch changes that is no tensor."""
        for layer in learning:
            self.masked.counts[layer] += 1
        if learning:
            self.touched = min(self.touched, learning[0])
        self.remembers = True

    def _learn(
        self, step: int, lesson: Lesson, measure: bool = False, pace_L: Tensor | None = None
    ) -> tuple[Tensor, Measured | None]:
        learning = self.learning(step)
        before = [block.clone() for block in self.blocks] if measure else None
        loss_V, gradients = self._differentiate(learning, lesson)
        rates = self._rates(step, learning, gradients, pace_L)
        for layer, gradient, lr_V in zip(learning, gradients, rates, strict=True):
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
        assert lesson.replay is not None and lesson.replay_labels is not None
        old = self.blocks[HEAD] if lesson.old_head_1P is None else lesson.old_head_1P.expand(len(self.lr_V), -1)
        blocks = [*self.blocks[:HEAD], old]
        with torch.no_grad():
            x = stack.forward(blocks, lesson.replay(start), start=start, stop=lowest)
        return cross_entropy(stack.forward(blocks, x, start=lowest), lesson.replay_labels())

    def _rates(
        self, step: int, learning: Sequence[int], gradients: Sequence[Tensor], pace_L: Tensor | None = None
    ) -> list[Tensor]:
        """The learning rate (V,) of each learning layer, by its multiplier in the plan or in `pace_L`."""
        if self.strategy == SURGICAL:
            now_VL = relative(list(gradients), [self.blocks[layer] for layer in learning])
            kept = REMEMBERED if self.remembers else 0.0
            self.relative_VL.mul_(kept).add_(now_VL, alpha=1 - kept)
            self.remembers = True
        rates = []
        for layer in learning:
            pace = float(self.table_TL[step, layer]) if pace_L is None else pace_L[layer]
            lr_V = self.lr_V * self.running_V * pace
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
        self.launches = {}
        self.relative_VL.copy_(state["relative"])
        self.remembers = bool(self.relative_VL.any())
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
