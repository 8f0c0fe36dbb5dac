"""Steps per second on GAN Lab's default work: this loop, recording on and off, against plain eager PyTorch.

    python -m tests.benchmarks.gan_lab

All variants take turns in one run, on one thread and by processor time, so that other load on the machine falls
on each alike; what counts are the ratios, given as median and range over the rounds. The plain version is the
GAN as a tutorial writes it: `nn.Sequential`, `BCELoss`, one `torch.optim.SGD` for each player, losses read
with `.item()` in every step.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from models.experiment import Scalars, Snapshot
from models.gan import GanTraining
from models.running import Moments

STEPS = 10_000
"""The length of the story: snapshots sit at log-spaced steps, so recording costs a short run more."""
ROUNDS = 5


class Never(Moments):
    """Records nothing but the end."""

    def __init__(self) -> None:
        super().__init__(checkpoint_ratio=1e12)

    def after(self, step: int) -> int:
        return step + self.block


def tutorial(steps: int) -> None:
    """The same GAN, data, noise and updates, written plainly."""
    torch.manual_seed(0)
    data = GanTraining().plane().sample(12_000, torch.Generator().manual_seed(0))
    generator = nn.Sequential(
        nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2), nn.Tanh()
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid()
    )  # fmt: skip
    optimizer_g = torch.optim.SGD(generator.parameters(), lr=0.03)
    optimizer_d = torch.optim.SGD(discriminator.parameters(), lr=0.1)
    criterion = nn.BCELoss()
    ones, zeros = torch.ones(150, 1), torch.zeros(150, 1)
    losses, batch = [], 0
    for _ in range(steps):
        for _ in range(2):
            real = data[batch * 150 : (batch + 1) * 150]
            batch = (batch + 1) % 80
            optimizer_d.zero_grad()
            fake = generator(torch.randn(150, 2)).detach()
            loss_d = criterion(discriminator(real), ones) + criterion(discriminator(fake), zeros)
            loss_d.backward()
            optimizer_d.step()
        optimizer_g.zero_grad()
        loss_g = criterion(discriminator(generator(torch.randn(150, 2))), ones)
        loss_g.backward()
        optimizer_g.step()
        losses.append((loss_d.item(), loss_g.item()))


def ours(steps: int, moments: Moments) -> None:
    """This repository's loop; its events are consumed, not stored."""
    told = 0
    for event in GanTraining(steps=steps).train(moments=moments):
        match event:
            case Scalars():
                told += len(event.values["loss_d"])
            case Snapshot():
                dict(event.arrays)  # drawn by whoever looks first
    assert told == steps


def rate(work: Callable[[], None]) -> float:
    """Steps per processor second."""
    began = time.process_time()
    work()
    return STEPS / (time.process_time() - began)


def main() -> None:
    torch.set_num_threads(1)
    variants: dict[str, Callable[[], None]] = {
        "plain eager": lambda: tutorial(STEPS),
        "ours, recording off": lambda: ours(STEPS, Never()),
        "ours, recording on": lambda: ours(STEPS, Moments()),
    }
    rates: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, work in variants.items():
            rates[name].append(rate(work))
    plain = rates["plain eager"]
    print(f"{'variant':24} {'steps/s':>9} {'ratio to plain eager (median, range)':>40}")
    for name, found in rates.items():
        ratios = [own / other for own, other in zip(found, plain, strict=True)]
        said = f"{statistics.median(ratios):.2f}  ({min(ratios):.2f} – {max(ratios):.2f})"
        print(f"{name:24} {statistics.median(found):9.0f} {said:>40}")
    cost = [1 - on / off for on, off in zip(rates["ours, recording on"], rates["ours, recording off"], strict=True)]
    print(f"recording costs {statistics.median(cost):.1%} ({min(cost):.1%} – {max(cost):.1%}) of the steps per second")


if __name__ == "__main__":
    main()
