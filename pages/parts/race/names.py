"""What the kinds of GAN are called, what each does, and the line it is drawn with."""

from __future__ import annotations

from collections.abc import Mapping

from pages.parts.words import _

LINES: Mapping[str, tuple[int, int]] = {
    "minimax": (4, 0), "non_saturating": (0, 0), "least_squares": (2, 0), "hinge_spectral": (3, 0),
    "wgan_clip": (1, 0), "wgan_gp": (1, 1), "r1": (5, 0), "r3gan": (5, 1), "label_smoothing": (0, 1),
    "instance_noise": (2, 1), "average": (3, 1),
}  # fmt: skip
"""Hue and dash of each kind: relatives share a hue."""


def names() -> Mapping[str, str]:
    """Every kind in the visitor's language."""
    return {
        "minimax": _("Minimax"), "non_saturating": _("Non-saturating"), "least_squares": _("Least squares"),
        "hinge_spectral": _("Hinge + spectral norm"), "wgan_clip": _("WGAN, clipped"), "wgan_gp": _("WGAN-GP"),
        "r1": _("Non-saturating + R1"), "r3gan": _("R3GAN"), "label_smoothing": _("Label smoothing"),
        "instance_noise": _("Instance noise"), "average": _("Averaged G"),
    }  # fmt: skip


def named(variant: str) -> str:
    return names().get(variant, variant)


def explained() -> Mapping[str, str]:
    """What each kind does otherwise, in half a sentence."""
    return {
        "minimax": _("the zero-sum game: G minimises what D maximises"),
        "non_saturating": _("G maximises the logarithm of D on its samples"),
        "least_squares": _("both players aim at targets, 1 and 0"),
        "hinge_spectral": _("D rests beyond a margin, each layer divided by its largest singular value"),
        "wgan_clip": _("a critic without a limit, its weights clipped at 0.1"),
        "wgan_gp": _("a critic whose slope is pulled to 1, λ = 0.1"),
        "r1": _("the slope of D at data is punished, γ = 0.1"),
        "r3gan": _("data against samples in pairs, with R1 and R2, γ = 0.1"),
        "label_smoothing": _("data count as real to 0.9 only"),
        "instance_noise": _("D sees everything through noise"),
        "average": _("samples come from a moving average of G, 0.998"),
    }
