"""How much a training is slowed by those who watch it: the same run, by turns watched by nobody and by many."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from models.gan import GanTraining
from state.lease import holder
from state.runs import Run, Runs
from tests.load.visiting import watching
from tests.waiting import until

ROUNDS = 6
WATCHED = GanTraining(steps=1_000_000)


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has used."""
    said = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


async def pace(run: Run, pid: int, seconds: float) -> tuple[float, float]:
    """Steps per second, and per processor second of the worker."""
    step, spent, began = run.status().step, cpu_s(pid), time.monotonic()
    await asyncio.sleep(seconds)
    steps = run.status().step - step
    return steps / (time.monotonic() - began), steps / (cpu_s(pid) - spent)


async def watched(address: str, run: Run, pid: int, count: int, seconds: float) -> tuple[float, float, int]:
    """The pace while `count` viewers follow the run live, and how many messages reached them."""
    heard = 0

    async def one() -> None:
        nonlocal heard
        async with watching(address, run.key) as socket:
            async for _message in socket:
                heard += 1

    viewers = [asyncio.create_task(one()) for _ in range(count)]
    await asyncio.sleep(3.0)
    before = heard
    paces = await pace(run, pid, seconds)
    here = heard - before
    for each in viewers:
        each.cancel()
    await asyncio.gather(*viewers, return_exceptions=True)
    return *paces, here


async def rounds(address: str, run: Run, count: int, seconds: float) -> str:
    """Alone and watched by turns."""
    pid = holder(run.directory / "lease")
    assert pid is not None
    ratios: list[tuple[float, float]] = []
    messages = 0
    for _ in range(ROUNDS):
        alone = await pace(run, pid, seconds)
        wall, cpu, heard = await watched(address, run, pid, count, seconds)
        messages += heard
        ratios.append((wall / alone[0], cpu / alone[1]))
    rate = messages / (ROUNDS * seconds * count)
    return (
        f"a run with {count} live viewers, {rate:.1f} messages a second each: "
        f"{told([one for one, _ in ratios])} of its steps a second, {told([one for _, one in ratios])} of its steps a "
        f"processor second"
    )


def told(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


def slowing(address: str, home: Path, count: int, seconds: float) -> str:
    """The figure in a line."""
    with Runs(home) as store:
        run = store.open(WATCHED)
        until(lambda: run.status().step > 5000, 120)
        try:
            return asyncio.run(rounds(address, run, count, seconds))
        finally:
            run.stop()
