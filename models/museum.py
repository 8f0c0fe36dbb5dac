"""Named settings of the GAN: what it can do, and the museum of its failures, each with its cure beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.experiment import Change, Story

if TYPE_CHECKING:
    from models.gan import GanTraining

GAN_LAB = (
    "The work of GAN Lab, number for number, so that speed can be compared. With plain settings like these the seed "
    "decides: some runs find both blobs, others collapse."
)
CALM = (
    "Adam, a leaky slope, an R1 penalty and an average of G: the same data, and every seed ends nearer to them than "
    "one Gaussian can."
)
RING = "Eight small modes on a circle. The average of G finds all eight, with nine of ten samples inside three sigma."
SHARP = (
    "The same ring with learning rates that fall twice, at the marks on the curves: all eight modes, and nineteen of "
    "twenty samples inside three sigma. Fresh data reach 98.9 %."
)
GRID = (
    "Twenty-five small modes on a grid, the hard one. D sees everything through noise that is taken away step by step, "
    "and learning rates fall at the end: more than twenty modes, with nine of ten samples inside three sigma."
)
DIGITS = (
    "Handwritten digits of 8×8 pixels, made from 16 random numbers: all ten classes appear, and three of four samples "
    "come as near to a real digit as real digits come to each other."
)


def calm(cls: type[GanTraining]) -> GanTraining:
    """What most settings start from: Adam for both players, a leaky slope, samples that may go anywhere."""
    return cls(optimizer="adam", activation="leaky_relu", output="linear", k_d=1, seed=1)


def ring(cls: type[GanTraining]) -> GanTraining:
    """Eight modes, and networks of three times 64 neurons."""
    return calm(cls).but(data="ring", lr_d=0.001, lr_g=0.001, width=64, depth=3, batch_size=256, ema_decay=0.998)


def sharp(cls: type[GanTraining]) -> GanTraining:
    """The ring, with learning rates that fall as the training goes on."""
    rates = ((9000, 0.0003), (14_000, 0.0001))
    changes = tuple((step, name, value) for step, value in rates for name in ("lr_d", "lr_g"))
    return ring(cls).but(steps=20_000, changes=changes)


def grid(cls: type[GanTraining]) -> GanTraining:
    """Twenty-five modes: noise on what D sees, and learning rates, that fall as the training goes on."""
    noise = ((4000, 0.12), (7000, 0.08), (10_000, 0.05), (13_000, 0.03), (15_000, 0.01), (16_500, 0.0))
    rates = ((18_000, 0.0003), (22_000, 0.0001))
    changes: list[Change] = [(step, "instance_noise", value) for step, value in noise]
    changes += [(step, name, value) for step, value in rates for name in ("lr_d", "lr_g")]
    return ring(cls).but(data="grid", loss="least_squares", instance_noise=0.2, steps=25_000, changes=tuple(changes))


def presets(cls: type[GanTraining]) -> tuple[Story, ...]:
    """Settings that work."""
    digits = ring(cls).but(
        data="digits", width=128, depth=2, noise_dim=16, batch_size=64, r1_gamma=3.0, lr_d=0.002, lr_g=0.002,
        steps=8000, output="tanh",
    )  # fmt: skip
    blobs = calm(cls).but(lr_d=0.003, lr_g=0.003, width=32, r1_gamma=0.1, ema_decay=0.995, steps=5000)
    return (
        Story("GAN Lab default", GAN_LAB, cls(seed=1)),
        Story("Two blobs, calmly", CALM, blobs),
        Story("Ring of eight", RING, ring(cls)),
        Story("Ring, sharper", SHARP, sharp(cls)),
        Story("Grid of twenty-five", GRID, grid(cls)),
        Story("Handwritten digits", DIGITS, digits),
    )


MUSEUM = "museum"
"""The shelf on which failures stand, apart from the settings that work."""

COLLAPSE = (
    "G moves five times while D moves once, and rushes with all its samples to the one place that D "
    "believes in. On every seed they shrink to less than a tenth of the data's spread, and the heap then wanders. "
    "Beside it D moves as often as G, and the samples spread over the ring."
)
VANISHING = (
    "D tells digits from noise within two hundred steps, and the minimax loss then leaves G with a "
    "gradient of two thousandths at most: the pictures stay noise. Beside it the non-saturating loss: the same D, a "
    "gradient a thousand times as strong, and digits appear."
)
OSCILLATION = (
    "Two numbers, θ for G and ψ for D, turn around the equilibrium for ever and come no "
    "nearer. Beside it R1 with γ = 0.3: the circle becomes a spiral into the middle."
)
CAPACITY = (
    "With the bound 0.01 of the WGAN paper, D's weights are so small that its gradient dies on its "
    "way through the layers, below a thousandth. Beside it the gradient penalty: a critic whose gradient is a thousand "
    "times as strong, and samples that gather at the modes."
)
DIVERGENCE = (
    "With the learning rate 1.0 for D and a loss without a bound, each update overshoots more than the one "
    "before; within a few steps a number is infinite. Beside it the same with 0.1 for D: it stays finite, though rough."
)


def exhibits(cls: type[GanTraining]) -> tuple[Story, ...]:
    """Failures, each beside the one knob that cures it."""
    adam = calm(cls).but(data="ring", width=32, depth=2, batch_size=128, lr_d=0.001)
    sure = cls(
        data="digits", loss="minimax", k_d=5, width=64, activation="leaky_relu", noise_dim=16, batch_size=64, lr_d=0.2,
        lr_g=0.01, steps=400, seed=1,
    )  # fmt: skip
    clipped = adam.but(loss="wasserstein", constraint="clip", clip=0.01, k_d=5, depth=3, lr_g=0.001, steps=800)
    wild = cls(
        data="ring", loss="least_squares", output="linear", lr_d=1.0, lr_g=0.1, depth=3, width=64, steps=600, seed=1
    )
    circle = cls(data="dirac", loss="minimax", k_d=1, lr_d=0.1, lr_g=0.1, steps=1500, seed=1)
    return (
        Story("Mode collapse", COLLAPSE, adam.but(width=64, lr_g=0.008, k_g=5, steps=1200), ("k_d", (5,)), MUSEUM),
        Story("Vanishing gradient", VANISHING, sure, ("loss", ("non_saturating",)), MUSEUM),
        Story("Oscillation", OSCILLATION, circle, ("r1_gamma", (0.3,)), MUSEUM),
        Story("Clipped critic", CAPACITY, clipped, ("constraint", ("gradient_penalty",)), MUSEUM),
        Story("Divergence", DIVERGENCE, wild, ("lr_d", (0.1,)), MUSEUM),
    )
