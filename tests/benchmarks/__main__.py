"""Every training loop of this house against the same work written as a tutorial would: one table of ratios.

    python -m tests.benchmarks                  on the CPU, one thread, by processor time
    TORCHLIGHT_DEVICE=cuda python -m tests.benchmarks    on a GPU, by wall time, synchronised; captured and eager

    TORCHLIGHT_HOME=... keeps what was compiled, in `compiled` there, for the next time

All ways of one workload take turns, so that other load on the machine falls on each alike; what counts are the ratios
to the plain way, given as median and range over the rounds. The plain ways record nothing but their losses, read with
`.item()` in every step; ours keep every number of every step. The floor is what the products alone would take: their
operations in one of our steps over the rate of one large product, measured beside. On the CPU our step runs compiled
as well: that way is missing where a step does not take over, and the reason stands there. `gan_lab`, `attention` and
`stacks` look closer at one workload each, `recording` at what recording costs, `results` at the time to a result.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from torch.utils.flop_counter import FlopCounterMode

from models.layers.compiling import PLACE, Package
from models.layers.takeover import at_once
from models.running import COMPILE, device
from tests.benchmarks.workloads import WORKLOADS, Work

ROUNDS = 5
WARM = 3
SETTLED = 40
"""Steps within which every kind of step has come often enough to be compiled and proved."""


def prepared(work: Work, eager: bool) -> Callable[[int], None]:
    """Ours, captured where there is a GPU unless `eager`; warm either way."""
    with mock.patch.dict(os.environ, {"TORCHLIGHT_CAPTURE": "0" if eager else "1", COMPILE: "0"}):
        run = work.ours()
        run(WARM)
    return run


def compiled(work: Work, where: Path) -> tuple[Callable[[int], None] | None, str]:
    """Ours once compiled steps have taken over, and the compiler's seconds; or nothing, and what stood in the way."""
    ask, packages, began = Package.ask, list[Package](), time.perf_counter()

    def waited(self: Package, text: str) -> None:
        packages.append(self)
        ask(self, text)
        while not (self.there or self.refused or self.slow):
            time.sleep(0.1)

    environment = mock.patch.dict(os.environ, {COMPILE: "1", PLACE: str(where)})
    with environment, at_once(), mock.patch.object(Package, "ask", waited):
        run = work.ours()
        run(SETTLED)
    if not packages:
        return None, "no step that can be written down"
    stopped = [one for one in packages if not one.there]
    if len(stopped) == len(packages):  # of several kinds of step, some may stay plain
        return None, "not faster" if stopped[0].slow else stopped[0].refusal.read_text().splitlines()[0][:60]
    return run, f"ready after {time.perf_counter() - began:.0f} s"


def seconds(run: Callable[[int], None], steps: int) -> float:
    """Processor time on the CPU; on a GPU wall time up to the last kernel's end."""
    if device().type != "cuda":
        began = time.process_time()
        run(steps)
        return time.process_time() - began
    torch.cuda.synchronize()
    began = time.perf_counter()
    run(steps)
    torch.cuda.synchronize()
    return time.perf_counter() - began


def product_rate() -> float:
    """Floating-point operations per second of a large float32 product."""
    side = 8192 if device().type == "cuda" else 768
    one = torch.randn(side, side, device=device())

    def run(times: int) -> None:
        for _ in range(times):
            one @ one

    run(2)
    return 2 * side**3 / statistics.median(seconds(run, 1) for _ in range(7))


def floor(work: Work) -> float:
    """Seconds that one step's products need at the rate of a large one."""
    run = prepared(work, eager=True)
    with FlopCounterMode(display=False) as counter:
        run(4)
    return counter.get_total_flops() / 4 / product_rate()


def measured(work: Work, rounds: int, where: Path) -> tuple[dict[str, list[float]], str]:
    """Seconds of each way in each round; and how compiling went."""
    plain = work.plain()
    plain(WARM)
    ways = {"plain": plain, "ours": prepared(work, eager=True)}
    said = ""
    if device().type == "cuda":
        ways["ours, captured"] = prepared(work, eager=False)
    elif shutil.which("g++") is not None:
        run, said = compiled(work, where)
        if run is not None:
            ways["ours, compiled"] = run
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _round in range(rounds):
        for way, run in ways.items():
            found[way].append(seconds(run, work.steps))
    return found, said


def main(rounds: int, packages: Path) -> None:
    torch.set_num_threads(1)
    where = device()
    said = torch.cuda.get_device_name(where) if where.type == "cuda" else "one CPU thread, processor time"
    print(f"torch {torch.__version__}, {said}; {rounds} rounds; median ratio to the plain way (range)\n")
    print(f"{'workload':46} {'way':16} {'steps/s':>9} {'nets·steps/s':>13}  {'ratio':>6}")
    for work in WORKLOADS:
        found, compiling = measured(work, rounds, packages)
        for way, times in found.items():
            ratios = [one / other for one, other in zip(found["plain"], times, strict=True)]
            rate = work.steps / statistics.median(times)
            print(
                f"{work.name if way == 'plain' else '':46} {way:16} {rate:9,.0f} {rate * work.nets:13,.0f}  "
                f"{statistics.median(ratios):6.2f}  ({min(ratios):.2f} … {max(ratios):.2f})", flush=True,
            )  # fmt: skip
        if compiling:
            print(f"{'':46} {'  compiled:':16} {compiling}", flush=True)
        least = floor(work)
        ratio = statistics.median(found["plain"]) / work.steps / least
        print(f"{'':46} {'floor':16} {1 / least:9,.0f} {work.nets / least:13,.0f}  {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as at:
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS, Path(os.environ.get("TORCHLIGHT_HOME", at)) / "compiled"
        )
