"""A small experiment with every fault on demand, and homes for runs that clean up after themselves."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch

from models.experiment import Checkpoint, Event, Experiment, Note, Pixels, Points, Scalars, Snapshot, knob
from models.running import Moments, stream
from state.columns import joined
from state.lease import holder
from state.recorder import measured, regular
from state.runs import Run, Runs, Status
from state.supervisor import ensure_supervisor
from tests.waiting import PATIENCE_S


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
                if moments.asked or not np.isfinite(rows[-1][0]):
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


@contextmanager
def store(at: Path, **limits: float) -> Iterator[Runs]:
    """The runs of a home of its own, whose processes end with the block."""
    wanted = {f"TORCHLIGHT_{name.upper()}": str(value) for name, value in limits.items()}
    wanted |= {
        "TORCHLIGHT_NICE": "0",
        "TORCHLIGHT_HOME": str(at),
        "TORCHLIGHT_EXPERIMENTS": "tests.toys",
        "TORCHLIGHT_DEVICE": "cpu",
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    opened = Runs(at)
    try:
        yield opened
    finally:
        end_processes(at)
        opened.close()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def end_processes(at: Path) -> None:
    """Kill the supervisor first, so that nothing is started again, then every worker; spares leave by themselves."""
    locks = [at / "supervisor.lock", *at.glob("runs/*/lease")]
    for lock in locks:
        while (pid := holder(lock)) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)


def wait(run: Run, *states: str, within_s: float = PATIENCE_S, step: int = 0) -> Status:
    """The status once the run is in one of the states (by default: ended) and at `step`; fails when that takes long."""
    until = time.monotonic() + within_s
    while True:
        status = run.status()
        if (status.state in states or (not states and status.ended)) and status.step >= step:
            return status
        assert time.monotonic() < until, f"{status} is not {states or 'ended'}: {log(run)}"
        ensure_supervisor(run.directory.parent.parent)
        time.sleep(0.005)


def log(run: Run) -> str:
    file = run.directory / "worker.log"
    return file.read_text() if file.exists() else ""


@dataclass
class Expected:
    """What an experiment yields when nothing disturbs it, computed in this very process, without any store.

    Of its pictures, those that every run keeps: what lies between them is kept by the clock (`state.recorder`).
    """

    columns: dict[str, tuple[np.ndarray, np.ndarray]]
    snapshots: dict[int, Mapping[str, np.ndarray]]
    final: Checkpoint

    @classmethod
    def of(cls, experiment: Experiment) -> Expected:
        torch.set_num_threads(1)
        events = list(experiment.train())
        rows = [event for event in events if isinstance(event, Scalars)]
        shown = [event for event in events if isinstance(event, Snapshot)]
        scores = [(one.step, experiment.measure(one)) for one in shown if measured(one.step, experiment.steps)]
        columns = joined(rows)
        for name in scores[0][1]:
            columns[name] = np.array([step for step, _ in scores]), np.array([score[name] for _, score in scores])
        return cls(
            columns,
            {one.step: one.arrays for one in shown if regular(one.step) or one.step == experiment.steps},
            [e for e in events if isinstance(e, Checkpoint)][-1],
        )

    def check(self, run: Run) -> None:
        """The run has every row, picture and weight of the undisturbed training, to the last bit."""
        found = run.columns()
        assert found.keys() == self.columns.keys(), found.keys() ^ self.columns.keys()
        for name, column in self.columns.items():
            for mine, theirs in zip(column, found[name], strict=True):
                np.testing.assert_array_equal(theirs, mine, err_msg=name)
        missing = set(self.snapshots) - set(run.moments().tolist())
        assert not missing, f"no pictures of the steps {sorted(missing)}"
        for step, arrays in self.snapshots.items():
            same(run.snapshot(step), step, arrays)
        same(run.checkpoint(self.final.step), self.final.step, self.final.arrays)
        assert not run.damage(), run.damage()


def same(found: Snapshot | Checkpoint | None, step: int, arrays: Mapping[str, np.ndarray]) -> None:
    assert found is not None
    assert found.step == step
    assert found.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, err_msg=f"{name} at step {step}")
