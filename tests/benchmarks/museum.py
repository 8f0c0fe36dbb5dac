"""Precision and recall of the failure detector on a hundred runs of the museum, with seeds it was not tuned on.

    python -m tests.benchmarks.museum [names of exhibits]

Every exhibit and its cure train with ten seeds (100 to 109). The detector looks every `LOOK` steps, as the page does
every second; a run is named by the first failure that two looks in a row tell. A run of an exhibit is to be named by
its own failure, a cured run by none at all. The delay is from the first step at which the newest numbers would name it,
looked for step by step in hindsight, to the look at which it is named, in processor seconds of this machine.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter

import numpy as np
import torch

from models.experiment import Scalars, Snapshot
from models.gan import GanTraining
from models.metrics.coverage import coverage
from models.metrics.failures import Columns, diagnose
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


def looks(columns: Columns, experiment: GanTraining) -> list[tuple[int, str]]:
    """What the detector says at every look."""
    last = int(columns["loss_d"][0][-1])
    found = ((at, diagnose(columns, experiment, at)) for at in range(LOOK, last + LOOK, LOOK))
    return [(min(at, last), finding.kind if finding else "nothing") for at, finding in found]


def named(seen: list[tuple[int, str]]) -> tuple[int, str]:
    """The first failure that two looks in a row tell, or the only look, and its step."""
    for (at, kind), (_later, again) in zip(seen, seen[1:] or seen, strict=False):
        if kind == again != "nothing":
            return at, kind
    return seen[-1][0], "nothing"


def delay(columns: Columns, experiment: GanTraining, at: int, kind: str) -> int:
    """Steps from the onset to the look at `at`."""
    for sooner in range(max(1, at - LOOK), at):
        finding = diagnose(columns, experiment, sooner)
        if finding is not None and finding.kind == kind:
            return at - sooner
    return 0


def narrowest(columns: Columns) -> float:
    """The smallest spread over 60 steps in a row, beyond the first 300."""
    values = columns["spread"][1][300:] if "spread" in columns else np.ones(0)
    if len(values) < 60:
        return float("nan")
    return min(float(np.median(values[at : at + 60])) for at in range(0, len(values) - 59, 20))


def main() -> None:
    torch.set_num_threads(1)
    right, told, failing = 0, 0, 0
    delays: list[float] = []
    wanted = sys.argv[1:] or list(KINDS)
    for story in (story for story in GanTraining.stories() if story.shelf == MUSEUM and story.name in wanted):
        kind = KINDS[story.name]
        assert story.beside is not None
        cured = story.experiment.but(**{story.beside[0]: story.beside[1][0]})
        for what, setting in (("failing", story.experiment), ("cured", cured)):
            found: Counter[str] = Counter()
            ends: list[dict[str, float]] = []
            for seed in SEEDS:
                experiment = setting.but(seed=seed)
                columns, rate = trained(experiment)
                at, name = named(looks(columns, experiment))
                found[name] += 1
                ends.append({name: float(np.median(values[-60:])) for name, (_s, values) in columns.items()})
                ends[-1]["narrowest"] = narrowest(columns)
                told += name != "nothing"
                if what == "failing":
                    failing += 1
                    right += name == kind
                    delays.append(delay(columns, experiment, at, name) / rate)
            print(f"{story.name:20} {what:8} {dict(found)}", flush=True)
            for name in ("high_quality", "modes_covered", "spread", "narrowest", "gradient_d", "gradient_g", "d_fake"):
                values = sorted(end[name] for end in ends if name in end)
                if values:
                    median = statistics.median(values)
                    print(f"    {name:14} {median:.4g}  ({values[0]:.4g} … {values[-1]:.4g})", flush=True)
    print(f"precision {right}/{told} = {right / max(told, 1):.3f}, recall {right}/{failing} = {right / failing:.3f}")
    print(f"named after onset: median {statistics.median(delays):.3f} s, at most {max(delays):.3f} s of processor time")


if __name__ == "__main__":
    main()
