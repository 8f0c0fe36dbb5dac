"""How a rig keeps its state, all that the next step depends on, and how its step becomes one launch on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from models.experiment import Checkpoint, Experiment
from models.layers.rows import Rows
from models.running import captured, stream

Knobs = TypeVar("Knobs", bound=Experiment)


class Resumable(Generic[Knobs]):
    """What a training step touches, as named tensors that keep their place, and one random stream where it has one."""

    chance: ClassVar[str] = ""
    """What the random stream is called in a checkpoint; empty where nothing is left to chance."""

    knobs: Knobs
    where: torch.device
    random: torch.Generator

    def _tensors(self) -> dict[str, Tensor]:
        raise NotImplementedError

    def state(self) -> dict[str, Tensor]:
        """A copy of everything that the next step depends on, but for its number."""
        held = {name: tensor.clone() for name, tensor in self._tensors().items()}
        return {**held, self.chance: self.random.get_state()} if self.chance else held

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        for name, tensor in self._tensors().items():
            tensor.copy_(state[name])
        if self.chance:
            self.random.set_state(state[self.chance].cpu())

    def checkpoint(self, step: int) -> Checkpoint:
        """The state after `step` steps."""
        return Checkpoint(step, {name: tensor.cpu().numpy() for name, tensor in self.state().items()})

    def load(self, checkpoint: Checkpoint) -> int:
        """Continue from `checkpoint`; returns its step."""
        state = {name: torch.from_numpy(np.array(array)) for name, array in checkpoint.arrays.items()}
        if self.chance and len(state[self.chance]) != len(self.random.get_state()):
            # Another kind of device keeps another kind of random state: a fresh stream, told by the step it starts at.
            name = f"{self.chance} from {checkpoint.step}"
            state[self.chance] = stream(self.knobs.seed, name, self.where).get_state()
        self.restore(state)
        return checkpoint.step


class Capturable(Resumable[Knobs]):
    """A rig whose steps are CUDA graphs where there is a GPU that can hold them, and plain operations elsewhere."""

    capturing: bool = True
    """Whether steps are still captured; False from the first refusal on."""
    rows: Rows
    """The numbers of the steps since they were last told."""
    launches: dict[bool, Callable[[], None]]
    """Kinds of step that were wanted so far, by what tells them apart; emptied when knobs change."""

    def run(self, kind: bool, step: Callable[[], None]) -> None:
        """Do `step`, which is the same for all of its kind: captured when first wanted, where it can be."""
        if kind not in self.launches:
            launch = self.launch(step)
            if not self.capturing:  # what was captured draws from a random stream that is no more
                self.launches.clear()
            self.launches[kind] = launch
        self.launches[kind]()

    def launch(self, step: Callable[[], None], *also: Tensor) -> Callable[[], None]:
        """`step` as one CUDA graph, or `step` itself where there is none; `also` changes in it beside state and rows.

        Raises `torch.OutOfMemoryError`.
        """
        if self.where.type != "cuda" or not self.capturing:
            return step
        own = hasattr(self, "random")
        random = self.random if own else torch.Generator(self.where)
        state = random.get_state()
        graph = captured(step, random, (*self._tensors().values(), *self.rows.tensors, *also))
        if graph is not None:
            return graph
        self.capturing = False
        if own:  # the old one may be left in the middle of a capture
            self.random = torch.Generator(self.where)
            self.random.set_state(state)
        return step
