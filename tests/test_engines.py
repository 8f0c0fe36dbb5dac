"""Engines: a step captured as a CUDA graph, compiled, run operation by operation or in a stack is the same training."""

from __future__ import annotations

import gc
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from torch import fx

from models.attention import AttentionTraining
from models.autoencoder import LatentSpace
from models.catalogue import experiments
from models.cycle_gan import CycleGan
from models.experiment import Checkpoint, Event, Experiment, Note, Scalars
from models.gan import GanTraining
from models.gan_race import GanRace
from models.layers import compiling, takeover
from models.layers.arms import Arm, Lesson
from models.layers.compiling import Package
from models.layers.pretrained import initial
from models.layers.program import graph_of
from models.layers.stack import LAYERS, SIDE, spread
from models.layers.takeover import COMPILED, NOT_FASTER, UNCOMPILED, UNEQUAL, _agree, at_once
from models.layers.tape import Tape
from models.memory import CopyMemory
from models.running import NOT_CAPTURED, Moments
from models.transfer import FreezeLab
from tests.waiting import until

STEPS = 12
TOLERANCE = 2e-3
"""Relative and absolute, over twelve steps: a graph may run other kernels of the same operation."""
ROUNDING = 1e-6
CASES = {name: cls.of({"steps": STEPS}) for name, cls in experiments().items()} | {
    f"{name}: {story.name}": story.experiment.but(steps=STEPS, changes=())
    for name, cls in experiments().items()
    for story in cls.stories()[1:]
}
classes = pytest.mark.parametrize("experiment", [CASES[name] for name in experiments()], ids=experiments().keys())
every = pytest.mark.parametrize("experiment", CASES.values(), ids=CASES.keys())
RECORDED = {name: CASES[name] for name, cls in experiments().items() if COMPILED in cls.note_templates}
compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.fixture(autouse=True)
def as_in_a_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Deterministic kernels, as `state/worker.py` asks for."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


def events(experiment: Experiment, start: Checkpoint | None = None) -> list[Event]:
    """Few moments: a step before a picture may be measured, and then runs operation by operation."""
    return list(experiment.train(start, Moments(dense=1, ratio=4.0)))


def columns(told: list[Event]) -> dict[str, np.ndarray]:
    """Every number that training tells, column by column."""
    found: dict[str, list[np.ndarray]] = {}
    for event in told:
        if isinstance(event, Scalars):
            for name, values in event.values.items():
                found.setdefault(name, []).append(values)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def said(told: list[Event]) -> list[str]:
    """What a run says of its engines."""
    return [event.text for event in told if isinstance(event, Note) and event.kind == "engine"]


@on_a_gpu
@every
def test_captured_and_eager_steps_tell_the_same_losses(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    captured = events(experiment)
    assert NOT_CAPTURED not in said(captured), "the step could not be captured"
    monkeypatch.setenv("TORCHLIGHT_CAPTURE", "0")
    one, other = columns(captured), columns(events(experiment))
    assert one.keys() == other.keys()
    for name in one.keys() - experiment.clocked:
        np.testing.assert_allclose(one[name], other[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


@on_a_gpu
@classes
def test_a_gpu_run_goes_on_from_its_checkpoint(experiment: Experiment) -> None:
    whole = events(experiment)
    middle = [event for event in whole if isinstance(event, Checkpoint) and event.step < STEPS][-1]
    rows = [event for event in events(experiment, middle) if isinstance(event, Scalars)]
    last = [event for event in whole if isinstance(event, Scalars)][-1]
    for name, values in last.values.items():
        if name not in experiment.clocked:
            np.testing.assert_allclose(rows[-1].values[name][-1], values[-1], rtol=1e-2, atol=1e-2, err_msg=name)


@on_a_gpu
def test_gpu_memory_that_runs_out_comes_back() -> None:
    gc.collect()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + 2**20) / total))
    try:
        with pytest.raises(torch.OutOfMemoryError):
            events(LatentSpace(steps=3, data="mnist", width=512, depth=3))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    gc.collect()
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() <= before + 2**20
    assert columns(events(GanTraining(steps=3)))


def test_a_stack_of_one_is_the_single_net() -> None:
    """Whatever stands beside it, a net of the freeze lab learns the same."""
    table_TL = np.ones((5, len(LAYERS)))
    three = initial([torch.Generator().manual_seed(seed) for seed in range(3)], 4)
    random = torch.Generator().manual_seed(3)
    pictures_VBHW = torch.rand(3, 8, SIDE, SIDE, generator=random).double()
    labels_VB = torch.randint(4, (3, 8), generator=random)

    def losses(nets: slice) -> torch.Tensor:
        blocks = [block[nets].double() for block in three]
        rate_V = torch.full((len(blocks[0]),), 0.03, dtype=torch.float64)
        arm = Arm("full", blocks, table_TL, rate_V, pretrained=False)
        lesson = Lesson(lambda _start: spread(pictures_VBHW[nets]), labels_VB[nets])
        return torch.stack([arm.learn(step, lesson)[0] for step in range(5)], 1)

    torch.testing.assert_close(losses(slice(1, 2)), losses(slice(0, 3))[1:2], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("cls", [GanTraining, AttentionTraining, CycleGan, FreezeLab, CopyMemory, GanRace])
def test_the_cpu_is_the_same_to_the_last_bit_from_run_to_run(
    cls: type[Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHLIGHT_DEVICE", "cpu")
    experiment = cls.of({"steps": STEPS})
    one, other = columns(events(experiment)), columns(events(experiment))
    assert one.keys() == other.keys()
    for name in one.keys() - cls.clocked:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


class Repeated:
    """A package that repeats the recorded operations one by one: what is compiled, without the compiler."""

    def __init__(self, step: fx.GraphModule, fault: float = 0.0) -> None:
        self.step, self.fault = step, fault

    @torch.no_grad()
    def boxed_run(self, inputs: list[torch.Tensor]) -> None:
        before = [memory.clone() for memory in inputs]
        self.step(*inputs)
        for memory, old in zip(inputs, before, strict=True):
            if memory.is_floating_point() and not torch.equal(memory, old):
                memory.mul_(1 + self.fault)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Steps are written down at once, and repeated from that as soon as they have proved equal."""
    steps: dict[str, fx.GraphModule] = {}
    monkeypatch.setenv("TORCHLIGHT_DEVICE", "cpu")
    monkeypatch.setenv("TORCHLIGHT_COMPILE", "1")
    monkeypatch.setenv("TORCHLIGHT_COMPILED", str(tmp_path))
    monkeypatch.setattr(Package, "ask", lambda self, text: steps.update({self.key: graph_of(json.loads(text))}))
    monkeypatch.setattr(Package, "there", property(lambda self: self.key in steps))
    monkeypatch.setattr(Package, "load", lambda self: Repeated(steps[self.key]))
    monkeypatch.setattr(takeover, "WORTH", 0.0)
    with at_once():
        yield


def plainly(experiment: Experiment, start: Checkpoint | None = None) -> list[Event]:
    with mock.patch.dict(os.environ, TORCHLIGHT_COMPILE="0"):
        return events(experiment, start)


def equal(one: list[Event], other: list[Event], tolerance: float = 0.0) -> None:
    """Both tell the same numbers."""
    mine, theirs = columns(one), columns(other)
    assert mine.keys() == theirs.keys()
    for name in mine.keys() - {"milliseconds"}:
        np.testing.assert_allclose(mine[name], theirs[name], rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("experiment", RECORDED.values(), ids=RECORDED.keys())
def test_a_recorded_step_repeats_the_step(experiment: Experiment, recorded: None) -> None:
    """To the last bit, but where plain operations multiply and add in one rounding."""
    told = events(experiment)
    assert said(told) == [COMPILED] * len(said(told)) != []
    equal(told, plainly(experiment), ROUNDING)


def test_a_step_is_the_same_wherever_its_sliders_stand(recorded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Learning rates are inputs: one package for all of them, and each run goes at its own."""
    wished: list[str] = []
    ask = Package.ask
    monkeypatch.setattr(Package, "ask", lambda self, text: (wished.append(self.key), ask(self, text)))
    for lr in (0.01, 0.3):
        experiment = GanTraining(steps=STEPS, lr_d=lr, lr_g=lr / 2)
        equal(events(experiment), plainly(experiment), ROUNDING)
    assert len(wished) == 2
    assert len(set(wished)) == 1


def test_a_step_that_is_no_faster_stays_plain_and_nobody_compiles_it_again(
    recorded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "WORTH", 1e9)
    experiment = GanTraining(steps=STEPS)
    one = events(experiment)
    monkeypatch.setattr(Package, "ask", lambda self, text: pytest.fail("compiled again"))
    other = events(experiment.but(lr_d=0.05))
    assert said(one) == said(other) == [NOT_FASTER]
    equal(one, plainly(experiment))


@pytest.mark.parametrize("fault", [1e-3, float("nan")])
def test_a_compiled_step_that_differs_is_discarded(
    recorded: None, monkeypatch: pytest.MonkeyPatch, fault: float
) -> None:
    load = Package.load
    monkeypatch.setattr(Package, "load", lambda self: Repeated(load(self).step, fault))
    told = events(GanTraining(steps=STEPS))
    assert said(told) == [UNEQUAL]
    equal(told, plainly(GanTraining(steps=STEPS)))


@pytest.mark.parametrize(("wrong", "by", "judged"), [(2, 0.2, True), (3, 0.2, False), (1, 0.3, False), (0, 0.0, True)])
def test_few_numbers_that_go_the_other_way_are_rounding_and_more_are_not(wrong: int, by: float, judged: bool) -> None:
    before = torch.linspace(-1, 1, 1000)
    expected = before + 0.1
    found = expected * (1 + 1e-7)
    found[:wrong] -= by - 1e-3
    assert _agree(before, found, expected) is judged


def test_a_step_that_cannot_be_compiled_stays_plain(recorded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Package, "ask", lambda self, text: self.refuse("no compiler"))
    told = events(GanTraining(steps=STEPS))
    assert said(told) == [UNCOMPILED]
    equal(told, plainly(GanTraining(steps=STEPS)))


@pytest.mark.parametrize("cls", [GanTraining, LatentSpace])
def test_a_checkpoint_goes_on_in_either_engine(cls: type[Experiment], recorded: None) -> None:
    experiment = cls.of({"steps": STEPS})
    whole = {one: run(experiment) for one, run in (("compiled", events), ("plain", plainly))}
    for begun, goes_on in (("compiled", plainly), ("plain", events)):
        middle = [event for event in whole[begun] if isinstance(event, Checkpoint) and event.step < STEPS][-1]
        (last,) = [event for event in goes_on(experiment, middle) if isinstance(event, Checkpoint)][-1:]
        for name, array in whole["plain"][-1].arrays.items():  # type: ignore[union-attr]
            np.testing.assert_allclose(last.arrays[name], array, ROUNDING, ROUNDING, err_msg=name)


def test_a_step_that_branches_on_its_numbers_is_not_recorded() -> None:
    weight = torch.ones(3)
    with Tape() as tape:
        weight.mul_(2 if float(weight.sum()) > 2 else 3)
    assert tape.fault is not None
    assert weight.tolist() == [2, 2, 2]


@compiler
def test_a_compiled_step_is_the_step_but_for_rounding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    check_compiled(GanTraining(steps=STEPS, width=2, depth=1, k_d=1), monkeypatch, tmp_path)


@compiler
@pytest.mark.slow
@pytest.mark.parametrize("experiment", RECORDED.values(), ids=RECORDED.keys())
def test_every_compiled_step_is_the_step_but_for_rounding(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    check_compiled(experiment, monkeypatch, tmp_path)


def check_compiled(experiment: Experiment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A real compiler, waited for: it takes over after a few steps and tells the same."""
    ask = Package.ask

    def waited(self: Package, text: str) -> None:
        ask(self, text)
        until(lambda: self.there or self.refused, seconds=600)

    monkeypatch.setattr(Package, "ask", waited)
    monkeypatch.setenv("TORCHLIGHT_DEVICE", "cpu")
    monkeypatch.setenv("TORCHLIGHT_COMPILE", "1")
    monkeypatch.setenv("TORCHLIGHT_COMPILED", str(tmp_path))
    with at_once():
        told = events(experiment)
    for compiler in compiling._started:
        compiler.wait()
    assert said(told) == [COMPILED] * len(said(told)) != [], (tmp_path / "log").read_text()
    equal(told, plainly(experiment), TOLERANCE)
