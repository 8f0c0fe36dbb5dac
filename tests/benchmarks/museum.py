"""Precision and recall of the failure detector on a hundred runs of the museum, with seeds it was not tuned on.

    python -m tests.benchmarks.museum

Every exhibit and its cure train with ten seeds (100 to 109). A run of an exhibit is to be named by its own failure when
it ends, a cured run is to be named nothing. The detector looks every `LOOK` steps, as the page does every second; the
delay is from the first step at which the newest numbers would name it, looked for step by step in hindsight, to the look
at which it is named, in processor seconds of this machine.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter

import numpy as np
import torch

from models.experiment import Scalars, Snapshot
from models.gan import GanTraining
from models.metrics.coverage import coverage
from models.metrics.failures import Columns, Finding, diagnose
from models.museum import MUSEUM
from models.running import Moments
from state.recorder import measured

SEEDS = range(100, 110)
LOOK = 50
KINDS = {
    "Mode collapse": "collapse", "Vanishing gradient": "vanishing", "Oscillation": "oscillation",
    "Clipped critic": "capacity", "Divergence": "divergence",
}  # fmt: skip


def trained(experiment: GanTraining) -> tuple[Columns, float]:
    """The columns that the detector reads, and the steps per processor second."""
    told: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    began = time.process_time()
    for event in experiment.train(moments=Moments()):
        match event:
            case Scalars():
                steps = np.arange(event.first, event.step + 1)
                for name, values in event.values.items():
                    told.setdefault(name, []).append((steps, values))
            case Snapshot() if "samples" in event.arrays and measured(event.step, experiment.steps):
                data = experiment.plane()
                assert data.modes is not None and data.mode_sigma is not None
                found = coverage(torch.from_numpy(event.arrays["samples"]), data.modes, data.mode_sigma)
                for name, value in (("modes_covered", found.modes_covered), ("high_quality", found.high_quality)):
                    told.setdefault(name, []).append((np.array([event.step]), np.array([float(value)])))
    seconds = time.process_time() - began
    columns = {
        name: (np.concatenate([s for s, _v in parts]), np.concatenate([v for _s, v in parts]))
        for name, parts in told.items()
    }
    return columns, float(columns["loss_d"][0][-1]) / seconds


def delay(columns: Columns, experiment: GanTraining, kind: str) -> int:
    """Steps from the onset, the first step from which on the newest numbers alone would name it, to its naming."""
    last = int(columns["loss_d"][0][-1])
    named = [at for at in range(LOOK, last + LOOK, LOOK) if (f := diagnose(columns, experiment, at)) and f.kind == kind]
    if not named:
        return last
    first = named[0]
    sooner = range(max(1, first - LOOK), first)
    onset = next((at for at in sooner if (f := diagnose(columns, experiment, at)) and f.kind == kind), first)
    return first - onset


def main() -> None:
    torch.set_num_threads(1)
    right, named, failing = 0, 0, 0
    delays: list[float] = []
    for story in (story for story in GanTraining.stories() if story.shelf == MUSEUM):
        kind = KINDS[story.name]
        assert story.beside is not None
        cured = story.experiment.but(**{story.beside[0]: story.beside[1][0]})
        for what, setting in (("failing", story.experiment), ("cured", cured)):
            found: Counter[str] = Counter()
            ends: list[dict[str, float]] = []
            for seed in SEEDS:
                experiment = setting.but(seed=seed)
                columns, rate = trained(experiment)
                finding: Finding | None = diagnose(columns, experiment)
                found[finding.kind if finding else "nothing"] += 1
                ends.append({name: float(np.median(values[-60:])) for name, (_s, values) in columns.items()})
                named += finding is not None
                if what == "failing":
                    failing += 1
                    right += finding is not None and finding.kind == kind
                    delays.append(delay(columns, experiment, kind) / rate)
            print(f"{story.name:20} {what:8} {dict(found)}", flush=True)
            for name in ("high_quality", "modes_covered", "spread", "gradient_d", "gradient_g", "d_fake"):
                values = sorted(end[name] for end in ends if name in end)
                if values:
                    median = statistics.median(values)
                    print(f"    {name:14} {median:.4g}  ({values[0]:.4g} … {values[-1]:.4g})", flush=True)
    print(f"precision {right}/{named} = {right / named:.3f}, recall {right}/{failing} = {right / failing:.3f}")
    print(f"named after onset: median {statistics.median(delays):.3f} s, at most {max(delays):.3f} s of processor time")


if __name__ == "__main__":
    main()
