"""Lessons on GANs: what too eager a generator does, and which loss still teaches where D is perfect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.gan import GanTraining
from pages.parts.gan.panels import panels
from pages.parts.lessons.lesson import Evidence, Found, Lesson, Share, Way, decisive
from pages.parts.words import _

STORIES = {story.name: story for story in GanTraining.stories()}
COLLAPSE, VANISHING = STORIES["Mode collapse"], STORIES["Vanishing gradient"]
RING = STORIES["Ring of eight"].experiment
SHRUNK = 0.1
"""Of the data's spread: below it the samples are a heap."""
STRONGER = 100.0


def collapse(runs: Sequence[Evidence]) -> Found:
    """Whether the samples of the eager generator shrink to a heap in the second half, and those of its calm twin."""
    eager, calm = (run.lowest("spread") for run in runs)
    choice = "heap" if eager < SHRUNK else "better" if eager > calm else "same"
    return Found(choice, {"eager": Share(eager), "calm": Share(calm)})


def vanishing(runs: Sequence[Evidence]) -> Found:
    """Which loss leaves G a gradient: medians over the last quarter of both runs."""
    minimax, other = (
        float(np.nanmedian(run.columns["gradient_g"][1][-len(run.columns["gradient_g"][1]) // 4 :])) for run in runs
    )
    ratio = other / max(minimax, 1e-30)
    choice = "other" if ratio > STRONGER else "minimax" if ratio < 1 / STRONGER else "same"
    return Found(choice, {"minimax": minimax, "other": other, "ratio": ratio})


def seen(*columns: str) -> Any:
    def drawn(experiment: GanTraining) -> Sequence[Mapping[str, Any]]:
        return decisive(panels(experiment), *columns)

    return drawn


def lessons() -> tuple[Lesson, ...]:
    """The lessons of this file, in the order of a course."""
    return (
        Lesson(
            "collapse", "gan", _("How a GAN collapses, and what cures it"),
            _("The data are eight spots on a ring. The generator G makes five moves for each move of the "
              "discriminator D. In the twin D moves as often as G. What do the eager generator's samples do?"),
            {"heap": _("They rush into one heap"), "better": _("They find the ring sooner"),
             "same": _("The same as in the twin")},
            COLLAPSE.experiment, COLLAPSE.beside, seen("spread", "loss_d", "modes_covered"), collapse,
            _("Smallest spread of the samples in the second half of training, against the data's: {eager} where G "
              "makes five moves for each of D, {calm} where D may keep up."),
            _("While D holds still, the best thing G can do is to put all samples on the one place that D believes "
              "in most. When D moves at last, the heap runs to the next place. The cure is a D that keeps up: more "
              "moves, a higher rate, or a penalty (R1) that keeps it smooth."),
            "Goodfellow et al. 2014, arXiv 1406.2661, section 4; Metz et al. 2017, arXiv 1611.02163",
            (Way(_("A ring that is found: Adam, an average of G"), RING),
             Way(_("The same eager G with an R1 penalty"), COLLAPSE.experiment.but(r1_gamma=1.0))),
        ),
        Lesson(
            "vanishing", "gan", _("A critic that is too good"),
            _("D may move five times for each move of G, and soon tells digits from noise without fail. One G "
              "minimises log(1 − D), the loss of the minimax game, its twin −log D (non-saturating). Who still gets "
              "a gradient?"),
            {"other": _("Only the non-saturating one"), "minimax": _("Only minimax"), "same": _("Both alike")},
            VANISHING.experiment, VANISHING.beside, seen("gradient_g", "d_fake"), vanishing,
            _("In the last quarter of training the gradient norm of G is {minimax} with minimax and {other} with the "
              "non-saturating loss: {ratio} times as strong."),
            _("Both losses have the same fixed point. But where D(G(z)) is near 0, log(1 − D) is flat, so a G that "
              "is bad learns least; −log D is steepest exactly there."),
            "Goodfellow et al. 2014, arXiv 1406.2661, section 3; Arjovsky and Bottou 2017, arXiv 1701.04862",
            (Way(_("Wasserstein loss with a gradient penalty"),
                 RING.but(loss="wasserstein", constraint="gradient_penalty")),
             Way(_("Digits that work"), STORIES["Handwritten digits"].experiment)),
        ),
    )  # fmt: skip
