"""How a run is run: devices, threads, seeded streams, and the moments at which it is recorded.

Snapshots sit at log-spaced steps (every step at first, then each 3 % later, in long runs every 400 steps), so that
any run can be scrubbed: early training, where most happens, in slow motion. The steps are a pure function of the step
number: a resumed run is recorded at the same ones as an undisturbed run.
"""

from __future__ import annotations

import logging
import math
import os
import platform
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Due:
    """What is to be recorded after a step."""

    snapshot: bool
    checkpoint: bool


Flags = bytearray | memoryview


class Flag:
    """An attribute that is a byte of its owner's `flags`: memory, which processes can share."""

    def __init__(self, place: int) -> None:
        self.place = place

    def __get__(self, owner: Any, _kind: type) -> bool:
        return bool(owner.flags[self.place])

    def __set__(self, owner: Any, raised: bool) -> None:
        owner.flags[self.place] = raised


class Moments:
    """Decides after which steps the training loop stops to tell what happened.

    The loop runs undisturbed to `after(step)`, leaving early only if `asked` was raised, by another thread or process,
    to hear of the newest losses; with `everything` also raised it hands over a snapshot and a checkpoint.
    """

    asked, everything = Flag(0), Flag(1)

    def __init__(
        self,
        dense: int = 50,
        ratio: float = 1.03,
        checkpoint_ratio: float = 1.25,
        block: int = 1000,
        widest: int = 400,
        flags: Flags | None = None,
    ) -> None:
        """`flags`: where the two flags are kept, if others are to share them."""
        self.flags: Flags = bytearray(2) if flags is None else flags
        self.dense, self.ratio, self.checkpoint_ratio, self.block = dense, ratio, checkpoint_ratio, block
        # Three thousand steps a second at the most: so a picture comes at least seven times a second, ever.
        self.widest, self.knee = widest, int(widest / (ratio - 1))
        self._pictures = [0]
        """The regular snapshots' steps, as far as they were needed."""

    def after(self, step: int) -> int:
        """The next step, later than `step`, after which the loop must stop by itself."""
        return min(self._picture_after(step), step + self.block)

    def _picture_after(self, step: int) -> int:
        """The next step with a regular snapshot: log-spaced, and never more than `widest` steps away."""
        evenly = (max(step, self.knee) // self.widest + 1) * self.widest
        return min(self._next(step, self.dense, self.ratio), evenly)

    def due(self, step: int) -> Due:
        """What to record after `step`; lowers `asked` and `everything`."""
        everything, self.asked, self.everything = self.everything, False, False
        regular = step == 0 or self._picture_after(step - 1) == step
        return Due(snapshot=everything or regular, checkpoint=everything or (regular and self._milestone(step)))

    def _milestone(self, step: int) -> bool:
        """Whether a member of the checkpoints' sequence lies after the last snapshot before `step`, up to `step`.

        So each checkpoint has its picture, and from whatever moment a visitor forks, one is not far before.
        """
        while self._pictures[-1] < step:
            self._pictures.append(self._picture_after(self._pictures[-1]))
        before = self._pictures[max(bisect_left(self._pictures, step) - 1, 0)]
        return self._next(before, 1, self.checkpoint_ratio) <= step

    @staticmethod
    def _next(step: int, dense: int, ratio: float) -> int:
        """The first member of the fixed sequence 0, 1, … dense, dense·ratio, dense·ratio² … that exceeds `step`."""
        if step < dense:
            return step + 1
        power = max(math.floor(math.log(max(step, 1) / dense) / math.log(ratio)) - 1, 0)
        while (moment := round(dense * ratio**power)) <= step:
            power += 1
        return int(moment)


def power_after(step: int, ratio: float, first: int) -> int:
    """The next rounded power of `ratio`, from the power `first` on, that is later than `step`."""
    power = max(first, int(np.log(max(step, 1)) / np.log(ratio)) - 1)
    while (moment := round(ratio**power)) <= step:
        power += 1
    return moment


COMPILE = "TORCHLIGHT_COMPILE"
"""Set to 1, compiled steps may take over on the CPU (`models/layers/takeover.py`)."""
NOT_CAPTURED = "The training step could not be captured as one CUDA graph; it runs operation by operation instead."


def device() -> torch.device:
    """Where to train: `TORCHLIGHT_DEVICE` if set, else CUDA, else Apple's MPS, else the CPU."""
    wanted = os.environ.get("TORCHLIGHT_DEVICE", "")
    if wanted:
        chosen = torch.device(wanted)
        if chosen.type == "cuda" and chosen.index is not None:
            torch.cuda.set_device(chosen)  # graphs and streams belong to the current device
        return chosen
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def signature() -> dict[str, str]:
    """What bit-identity depends on: device, thread count, instruction set, library version, who rounds."""
    where = device()
    name = torch.cuda.get_device_name(where) if where.type == "cuda" else platform.machine()
    compiled = {"steps": "compiled"} if where.type == "cpu" and os.environ.get(COMPILE, "") == "1" else {}
    return {
        **compiled,
        "device": where.type,
        "processor": name,
        "threads": str(torch.get_num_threads()),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
    }


def stream(seed: int, name: str, where: torch.device | str = "cpu") -> torch.Generator:
    """An independent random stream for one purpose, so that changing one use of chance leaves the others alone."""
    words = [seed, *name.encode()]
    mixed = int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1)
    return torch.Generator(where).manual_seed(mixed)


def _rescue(random: torch.Generator) -> None:
    """A broken capture leaves even the device's own generator in the middle of it: give it a fresh state."""
    fresh = torch.Generator(random.device).manual_seed(random.initial_seed())
    random.graphsafe_set_state(fresh.graphsafe_get_state())


def captured(
    step: Callable[[], None], random: torch.Generator, tensors: Iterable[torch.Tensor]
) -> Callable[[], None] | None:
    """`step` as one CUDA graph: one launch instead of hundreds. None where it cannot be captured.

    All that `step` reads and writes must stay at its address and on the device. `tensors` are those it changes
    (put back after the warm-up that capture needs); `random` is registered with the graph, so that every replay
    draws fresh numbers. After a refusal `random` may be left in the middle of a capture: replace it.
    `TORCHLIGHT_CAPTURE=0` refuses always. Raises `torch.OutOfMemoryError`.
    """
    if os.environ.get("TORCHLIGHT_CAPTURE", "") == "0":
        return None
    changed = list(tensors)
    saved, state = [tensor.clone() for tensor in changed], random.get_state()

    @torch.no_grad()
    def put_back() -> None:
        for tensor, value in zip(changed, saved, strict=True):
            tensor.copy_(value)
        random.set_state(state)

    graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(current)
    try:
        with torch.cuda.stream(side):
            for _ in range(3):
                step()
        current.wait_stream(side)
        put_back()
        # Later releases register every generator by themselves and drop the call.
        if hasattr(graph, "register_generator_state"):
            graph.register_generator_state(random)
        with torch.cuda.graph(graph):
            step()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:
        logging.getLogger(__name__).warning("A training step is not captured.", exc_info=True)
        torch.cuda.set_stream(current)
        torch.cuda.synchronize()
        _rescue(torch.cuda.default_generators[torch.cuda.current_device()])
        with torch.no_grad():
            for tensor, value in zip(changed, saved, strict=True):
                tensor.copy_(value)
        return None
    put_back()
    return graph.replay
