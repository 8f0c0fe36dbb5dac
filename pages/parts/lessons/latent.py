"""Lessons on autoencoders: what a map knows without labels, why a VAE blurs, what a code may cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.autoencoder import LatentSpace
from pages.parts.latent.panels import panels
from pages.parts.lessons.lesson import Evidence, Found, Lesson, Share, Way, decisive
from pages.parts.words import _

STORIES = {story.name: story.experiment for story in LatentSpace.stories()}
TWO, COLLAPSED = STORIES["Two numbers per digit"], STORIES["Posterior collapse"]
NEIGHBOURS = 10
FEW, MOST = 0.3, 0.9
CLEARLY = 0.02
"""A difference in greyness that can be seen."""


def neighbours(runs: Sequence[Evidence]) -> Found:
    """Which share of a code's ten nearest neighbours on the map are of its own class."""
    codes_N2, label_N = runs[0].arrays["codes"].astype(float), runs[0].arrays["labels"]
    squared_NN = ((codes_N2[:, None] - codes_N2[None]) ** 2).sum(-1)
    near_NK = np.argsort(squared_NN, 1)[:, 1 : NEIGHBOURS + 1]
    own = float((label_N[near_NK] == label_N[:, None]).mean())
    return Found("chance" if own < FEW else "all" if own > MOST else "most", {"own": Share(own)})


def greyness(images: np.ndarray) -> float:
    """How grey pictures (N, X) of bytes are: the mean of 4p(1 − p), 0 for ink and paper alone, 1 for even grey."""
    p_NX = images.astype(float) / 255
    return float((4 * p_NX * (1 - p_NX)).mean())


def blur(runs: Sequence[Evidence]) -> Found:
    """Whether pictures rebuilt from two numbers are greyer than from ten; rows of eight take turns with originals."""
    rows = [run.arrays["pairs"].reshape(-1, 2, 8, run.arrays["pairs"].shape[-1]) for run in runs]
    (real, two), (_same, ten) = ((greyness(both[:, 0]), greyness(both[:, 1])) for both in rows)
    return Found(
        "two" if two > ten + CLEARLY else "ten" if ten > two + CLEARLY else "same",
        {"two": two, "ten": ten, "real": real},
    )


def price(runs: Sequence[Evidence]) -> Found:
    """How many of ten dimensions are in use at β = 10, and with 0.3 nats free for each."""
    dear, free = (run.last("active_units") for run in runs)
    return Found("none" if dear == 0 else "all" if dear >= 10 else "some", {"dear": dear, "free": free})


def seen(pictures: Sequence[str], *columns: str) -> Any:
    """The pictures of these arrays, `codes` being the map, and the curves of these columns."""

    def drawn(experiment: LatentSpace) -> Sequence[Mapping[str, Any]]:
        found = decisive(panels(experiment), *columns)
        return [panel for panel in found if panel["kind"] == "curves" or shown_in(panel) in pictures]

    return drawn


def shown_in(panel: Mapping[str, Any]) -> str:
    """The array that a panel draws."""
    if panel["kind"] == "profile":
        return str(panel["lines"][0]["array"])
    return str(panel.get("array", panel.get("points", "codes")))


def lessons() -> tuple[Lesson, ...]:
    """The lessons of this file, in the order of a course."""
    return (
        Lesson(
            "walk", "latent", _("Walk through a latent space"),
            _("A VAE squeezes each digit into two numbers: a place on a map. Nobody tells it which digit is which. "
              "Take a digit and its ten nearest neighbours on the map: how many of them are the same digit?"),
            {"chance": _("About one in ten, as by chance"), "most": _("More than half"), "all": _("Nearly all ten")},
            TWO, None, seen(("codes", "manifold"), "held_out_bound"), neighbours,
            _("{own} of a digit's ten nearest neighbours on the map are the same digit, though no label was used."),
            _("To rebuild pictures from two numbers, it pays to lay alike pictures side by side: a small error in "
              "the place is then a small error in the picture. Two numbers leave little room for ten digits, so their "
              "regions overlap."),
            "Kingma and Welling 2014, arXiv 1312.6114",
            (Way(_("Take the map in hand: drag and it morphs"), TWO),
             Way(_("Tell it the class, and the map holds the style"), STORIES["Style without class"])),
        ),
        Lesson(
            "blur", "latent", _("Why a VAE blurs"),
            _("One VAE rebuilds a digit from two numbers, its twin from ten. Rebuilt pictures are greyer than the "
              "originals, as if out of focus. Which of the two is greyer?"),
            {"two": _("The one with two numbers"), "ten": _("The one with ten numbers"), "same": _("Both alike")},
            TWO, ("latent_dim", (10,)), seen(("pairs", "samples"), "held_out_bound"), blur,
            _("Greyness, the mean of 4p(1 − p), is {two} with two numbers and {ten} with ten; the original pictures "
              "have {real}."),
            _("The decoder says a probability for each pixel. Where several different digits share a code, the most "
              "likely answer is their mean: grey. It is no fault of the network but of what it is not told; more "
              "numbers tell it more, up to the price of the KL."),
            "Kingma and Welling 2014, arXiv 1312.6114; Larsen et al. 2016, arXiv 1512.09300",
            (Way(_("A critic instead of pixels: VAE-GAN"), TWO.but(model="vae_gan", latent_dim=10)),
             Way(_("A higher price: β = 4"), TWO.but(latent_dim=10, beta=4.0))),
        ),
        Lesson(
            "price", "latent", _("What a code may cost"),
            _("In a β-VAE each nat of information in the code costs β. At β = 10, how many of ten dimensions does "
              "the network still use?"),
            {"none": _("None"), "some": _("A few, the most useful ones"), "all": _("All ten, each a little")},
            COLLAPSED, ("free_bits", (0.3,)), seen(("pairs", "samples", "kl_per_dimension"), "active_units"), price,
            _("At β = 10 it uses {dear} of ten dimensions. In the twin, where 0.3 nats of each are free, {free}."),
            _("If a nat of code saves less than ten nats of reconstruction, it is cheaper to say nothing: every "
              "posterior becomes the prior and all samples are one average digit (posterior collapse). Free bits "
              "take away the gain of giving a dimension up; warm-up lets the code become useful before it costs."),
            "Higgins et al. 2017; Kingma et al. 2016, arXiv 1606.04934, appendix C.8",
            (Way(_("β that comes down: dimensions come back"), STORIES["β comes down"]),
             Way(_("The same with β = 1"), COLLAPSED.but(beta=1.0))),
        ),
    )  # fmt: skip
