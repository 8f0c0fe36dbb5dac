"""What stacking nets and looking frozen layers up is worth: the freeze lab and the GAN race against plain PyTorch.

    python -m tests.benchmarks.stacks

All variants take turns in one run, on one thread and by processor time, so that other load on the machine falls on each
alike; what counts are the ratios, given as median and range over the rounds. The plain versions are written as a
tutorial would: one `nn.Sequential` and one `torch.optim` optimizer per net, one net after the other, recording nothing.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from models.gan_race import GanRace
from models.layers.freezing import Race
from models.layers.gan_racing import Race as GanRacing
from models.layers.plans import STRATEGIES, multipliers
from models.layers.stack import LAYERS
from models.transfer import FreezeLab

ROUNDS = 5
SEEDS = 5
FREEZING_STEPS, RACING_STEPS = 20, 20


def net() -> nn.Sequential:
    """The freeze lab's net."""
    conv = [nn.Conv2d(1, 8, 3, 1, 1), nn.Conv2d(8, 16, 3, 2, 1), nn.Conv2d(16, 16, 3, 1, 1), nn.Conv2d(16, 32, 3, 2, 1)]
    body = [part for layer in conv for part in (layer, nn.ReLU())]
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10))


def tutorial_freezing(steps: int) -> int:
    """Each strategy and seed a net of its own; frozen layers do not require gradients, as tutorials freeze them."""
    pictures, labels = torch.rand(100, 1, 16, 16), torch.randint(10, (100,))
    for strategy in STRATEGIES:
        learns_L = multipliers(strategy, 250)[125] > 0
        for _seed in range(SEEDS):
            model = net()
            layers = [part for part in model if isinstance(part, nn.Conv2d | nn.Linear)]
            for layer, learns in zip(layers, learns_L, strict=True):
                layer.requires_grad_(bool(learns))
            parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
            optimizer = torch.optim.SGD(parameters, 0.03, momentum=0.9, weight_decay=1e-4)
            for _step in range(steps):
                index = torch.randint(100, (16,))
                optimizer.zero_grad()
                loss = F.cross_entropy(model(pictures[index]), labels[index])
                loss.backward()
                optimizer.step()
                loss.item()
    assert len(layers) == len(LAYERS)
    return len(STRATEGIES) * SEEDS * steps


def ours_freezing() -> Callable[[int], int]:
    """The lab in the middle of its run, where plans differ the most."""
    race = Race(FreezeLab(strategies=",".join(STRATEGIES), seeds=SEEDS))
    for arm in race.arms:
        arm.touched = min((layer for step in range(125) for layer in arm.learning(step)), default=arm.touched)
        arm.touched = min(arm.touched, len(LAYERS) - 1) if arm.pretrained else 0

    def run(steps: int) -> int:
        for step in range(125, 125 + steps):
            race.iterate(step)
        race.told()
        return len(STRATEGIES) * SEEDS * steps

    return run


def perceptron(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 32), nn.LeakyReLU(), nn.Linear(32, 32), nn.LeakyReLU(), nn.Linear(32, outputs)
    )  # fmt: skip


def tutorial_racing(steps: int) -> int:
    """32 non-saturating GANs, one after the other."""
    data = torch.randn(12_000, 2)
    for _gan in range(32):
        generator, discriminator = perceptron(2, 2), perceptron(2, 1)
        players = (generator, discriminator)
        optimizer_g, optimizer_d = (torch.optim.Adam(player.parameters(), 0.002, (0.5, 0.999)) for player in players)
        ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)
        for _step in range(steps):
            real = data[torch.randint(12_000, (64,))]
            optimizer_d.zero_grad()
            fake = generator(torch.randn(64, 2)).detach()
            loss_d = F.binary_cross_entropy_with_logits(discriminator(real), ones)
            loss_d = loss_d + F.binary_cross_entropy_with_logits(discriminator(fake), zeros)
            loss_d.backward()
            optimizer_d.step()
            optimizer_g.zero_grad()
            loss_g = F.binary_cross_entropy_with_logits(discriminator(generator(torch.randn(64, 2))), ones)
            loss_g.backward()
            optimizer_g.step()
            loss_d.item(), loss_g.item()
    return 32 * steps


def ours_racing(variants: str, seeds: int) -> Callable[[int], int]:
    race = GanRacing(GanRace(variants=variants, seeds=seeds))

    def run(steps: int) -> int:
        for step in range(steps):
            race.iterate(step)
        race.told(steps)
        return race.nets * steps

    return run


def measured(run: Callable[[int], int], steps: int) -> float:
    """Net-steps per second of processor time."""
    run(2)
    began = time.process_time()
    count = run(steps)
    return count / (time.process_time() - began)


def main() -> None:
    torch.set_num_threads(1)
    plain = "non_saturating,least_squares"
    contests: dict[str, list[tuple[str, Callable[[int], int], int]]] = {
        f"freeze lab, {len(STRATEGIES)} strategies × {SEEDS} seeds": [
            ("plain PyTorch, net by net", tutorial_freezing, FREEZING_STEPS),
            ("stacks, frozen layers looked up", ours_freezing(), FREEZING_STEPS),
        ],
        "32 GANs": [
            ("plain PyTorch, one by one", tutorial_racing, RACING_STEPS),
            ("one stack, two losses without penalties", ours_racing(plain, 16), RACING_STEPS),
            ("one stack, the eight kinds of the story", ours_racing(GanRace().variants, 4), RACING_STEPS),
        ],
    }  # fmt: skip
    for title, variants in contests.items():
        rates: dict[str, list[float]] = {name: [] for name, _run, _steps in variants}
        for _round in range(ROUNDS):
            for name, run, steps in variants:
                rates[name].append(measured(run, steps))
        first = variants[0][0]
        print(f"\n{title}")
        for name, found in rates.items():
            ratios = [mine / theirs for mine, theirs in zip(found, rates[first], strict=True)]
            print(
                f"  {name:<42} {statistics.median(found):>9,.0f} net-steps/s   "
                f"{statistics.median(ratios):5.2f} × ({min(ratios):.2f} … {max(ratios):.2f})"
            )


if __name__ == "__main__":
    main()
