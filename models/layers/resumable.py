"""How a rig keeps its state, all that the next step depends on, and how its step becomes one launch.

On a GPU that is a CUDA graph, made before the first step; on the CPU, where `TORCHLIGHT_COMPILE` asks for it, a
compiled step that takes over later (`models/layers/takeover.py`). A checkpoint is the same whatever ran the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from models.experiment import Checkpoint, Experiment, Note
from models.layers.compiling import place
from models.layers.rows import Rows
from models.layers.takeover import COMPILED, NOT_FASTER, PROOFS, UNCOMPILED, UNEQUAL, News, Takeover
from models.running import NOT_CAPTURED, captured, stream

Knobs = TypeVar("Knobs", bound=Experiment)
CAPTURED = "From step {step} on, each training step is one CUDA graph."
ENGINES = (CAPTURED, NOT_CAPTURED, COMPILED, UNEQUAL, NOT_FASTER, UNCOMPILED)
"""What a run can say of how its steps are done; plain operations on the CPU need no word."""


class Resumable(Generic[Knobs]):
    """What a training step touches, as named tensors that keep their place, and one random stream where it has one."""

    chance: ClassVar[str] = ""
    """What the random stream is called in a checkpoint; empty where nothing is left to chance."""

    knobs: Knobs
    where: torch.device
    random: torch.Generator

    @cached_property
    def news(self) -> list[News]:
        """Ways of doing steps that are new since `engines` was last asked."""
        return []

    def engines(self, step: int) -> Iterator[Note]:
        """A note for every change, since the last call, of what runs the steps; `step` are done."""
        for news in self.news:
            begun = step - news.steps
            yield Note(begun, "engine", news.text, {"step": begun, "count": PROOFS})
        self.news.clear()

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
    told_engines: tuple[str, ...] = ()
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

        On the CPU a compiled step may take over later. Raises `torch.OutOfMemoryError`.
        """
        if self.capturing and self.where.type == "cpu" and place() is not None:
            return Takeover(step, self.news)
        if self.where.type != "cuda" or not self.capturing:
            return step
        own = hasattr(self, "random")
        random = self.random if own else torch.Generator(self.where)
        state = random.get_state()
        graph = captured(step, random, (*self._tensors().values(), *self.rows.tensors, *also))
        self._tell(NOT_CAPTURED if graph is None else CAPTURED)
        if graph is not None:
            return graph
        self.capturing = False
        if own:  # the old one may be left in the middle of a capture
            self.random = torch.Generator(self.where)
            self.random.set_state(state)
        return step

    def _tell(self, text: str) -> None:
        """Say it once, however many kinds of step there are."""
        if text not in self.told_engines:
            self.told_engines = (*self.told_engines, text)
            self.news.append(News(text))
