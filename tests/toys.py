"""Small experiments for the tests of the store: real optimizers and random states, steps of well under a millisecond."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import numpy as np
import torch

from models.experiment import Checkpoint, Event, Experiment, Note, Pixels, Points, Scalars, Snapshot, knob
from models.running import Moments, stream


class Toy(Experiment):
    """Least squares by Adam on noisy batches: everything that a resume must restore, in a few numbers."""

    title: ClassVar[str] = "Toy"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {"weight": Pixels()}

    lr: float = knob(0.01, low=1e-5, high=1.0, log=True, live=True, help="Adam's learning rate.")
    pace_us: int = knob(0, low=0, high=1_000_000, help="Microseconds of sleep in each step.")
    fault: Literal["none", "diverges", "raises", "segfaults", "hangs", "no_memory", "disk_full"] = knob(
        "none", help="What goes wrong at step `fault_at`."
    )
    fault_at: int = knob(100, low=0, high=10**6, help="When it goes wrong.")

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        moments = moments or Moments()
        weight = torch.zeros(8, requires_grad=True)
        optimizer = torch.optim.Adam([weight], lr=self.lr)
        noise = stream(self.seed, "noise")
        step = 0
        if start is not None:
            step = start.step
            _load(start, weight, optimizer, noise)
        else:
            yield self._snapshot(0, weight)
            yield _checkpoint(0, weight, optimizer, noise)
        while step < self.steps:
            stops = [when for when, *_ in self.changes if when > step]
            stop = min([moments.after(step), self.steps, *stops])
            optimizer.param_groups[0]["lr"] = self.at(step).lr
            rows, first = [], step + 1
            while step < stop:
                rows.append(self._step(weight, optimizer, noise))
                step += 1
                if step == self.fault_at:
                    rows[-1] = self._fail(rows[-1])
                if moments.asked:
                    break
            losses, norms = np.array(rows, np.float64).T
            yield Scalars(step, first, {"loss": losses, "norm": norms})
            if not np.isfinite(losses[-1]):
                yield Note(step, "diverged", "The loss became infinite at step {step}.", {"step": step})
                return
            due = moments.due(step)
            if due.snapshot or step == self.steps:
                yield self._snapshot(step, weight)
            if due.checkpoint or step == self.steps:
                yield _checkpoint(step, weight, optimizer, noise)

    def _step(self, weight: torch.Tensor, optimizer: torch.optim.Adam, noise: torch.Generator) -> tuple[float, float]:
        x = torch.randn(16, 8, generator=noise)
        loss = (x @ weight - x.sum(1) + 0.1 * torch.randn(16, generator=noise)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if self.pace_us:
            time.sleep(self.pace_us / 1e6)
        return loss.item(), weight.norm().item()

    def _fail(self, row: tuple[float, float]) -> tuple[float, float]:
        match self.fault:
            case "diverges":
                return float("inf"), row[1]
            case "raises":
                raise ZeroDivisionError("a mistake in the model")
            case "segfaults":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hangs":
                time.sleep(3600)
            case "no_memory":
                raise torch.OutOfMemoryError("out of memory")
            case "disk_full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return row

    def _snapshot(self, step: int, weight: torch.Tensor) -> Snapshot:
        return Snapshot(step, {"weight": weight.detach().numpy().copy()})

    def measure(self, snapshot: Snapshot) -> Mapping[str, float]:
        return {"distance": float(np.square(snapshot.arrays["weight"] - 1.0).sum())}


def _checkpoint(step: int, weight: torch.Tensor, optimizer: torch.optim.Adam, noise: torch.Generator) -> Checkpoint:
    state = optimizer.state.get(weight, {})
    arrays = {f"adam.{name}": tensor.numpy().copy() for name, tensor in state.items()}
    return Checkpoint(
        step, {**arrays, "weight": weight.detach().numpy().copy(), "noise": noise.get_state().numpy().copy()}
    )


def _load(start: Checkpoint, weight: torch.Tensor, optimizer: torch.optim.Adam, noise: torch.Generator) -> None:
    arrays = {name: torch.from_numpy(np.array(array)) for name, array in start.arrays.items()}
    weight.data.copy_(arrays["weight"])
    noise.set_state(arrays["noise"])
    state = {name.removeprefix("adam."): tensor for name, tensor in arrays.items() if name.startswith("adam.")}
    if state:
        optimizer.state[weight] = state
