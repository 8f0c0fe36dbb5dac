"""Engines: a step captured as a CUDA graph, or run operation by operation, is the same training."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from models.catalogue import experiments
from models.experiment import Checkpoint, Experiment, Note, Scalars
from models.gan import GanTraining

STEPS = 12
STORIES = {
    f"{cls.__name__}: {story.name}": story.experiment.but(steps=STEPS, changes=())
    for cls in experiments().values()
    for story in cls.stories()
}
every = pytest.mark.parametrize("experiment", STORIES.values(), ids=STORIES.keys())
on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.fixture(autouse=True)
def as_in_a_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Deterministic kernels, as `state/worker.py` asks for."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


def columns(experiment: Experiment) -> dict[str, np.ndarray]:
    """Every number that training tells, column by column."""
    found: dict[str, list[np.ndarray]] = {}
    for event in experiment.train():
        if isinstance(event, Scalars):
            for name, values in event.values.items():
                found.setdefault(name, []).append(values)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def alike(one: dict[str, np.ndarray], other: dict[str, np.ndarray], tolerance: float, but: frozenset[str]) -> None:
    assert one.keys() == other.keys()
    for name in one.keys() - but:
        np.testing.assert_allclose(one[name], other[name], rtol=tolerance, atol=tolerance, equal_nan=True, err_msg=name)


@on_a_gpu
@every
def test_captured_and_eager_steps_tell_the_same_losses(cls: type[Experiment], monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to rounding: other kernels may run, but no other training."""
    experiment = cls.of({"steps": STEPS})
    captured = columns(experiment)
    notes = [event for event in experiment.train() if isinstance(event, Note) and event.kind == "engine"]
    assert not notes, "the step could not be captured"
    monkeypatch.setenv("TORCHLIGHT_CAPTURE", "0")
    alike(captured, columns(experiment), 2e-3, cls.clocked)


@on_a_gpu
@every
def test_a_gpu_run_goes_on_from_its_checkpoint(experiment: Experiment) -> None:
    events = list(experiment.train())
    middle = [event for event in events if isinstance(event, Checkpoint) and event.step < STEPS][-1]
    rows = [e for e in experiment.train(start=middle) if isinstance(e, Scalars)]
    whole = [e for e in events if isinstance(e, Scalars) and e.step > middle.step]
    for name, values in whole[-1].values.items():
        if name not in experiment.clocked:
            np.testing.assert_allclose(rows[-1].values[name], values, rtol=1e-2, atol=1e-2, err_msg=name)


@on_a_gpu
def test_memory_that_runs_out_comes_back() -> None:
    gc.collect()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + 2**20) / total))
    try:
        with pytest.raises(torch.OutOfMemoryError):
            list(GanTraining(steps=3, width=256, depth=4, batch_size=1024).train())
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    gc.collect()
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() <= before + 2**20
    assert columns(GanTraining(steps=3))
