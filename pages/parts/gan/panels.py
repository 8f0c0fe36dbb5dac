"""What is drawn of a GAN: the living picture with its layers, the curves, and the measured numbers with their bands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from models.gan import GanTraining
from models.layers.dirac import REACH
from models.layers.game import POINTS
from pages.parts.later import later
from pages.parts.once import once
from pages.parts.references import reference_lines
from pages.parts.words import _

SHOWN_POINTS = 500
OPTIMAL = ("non_saturating", "minimax", "least_squares")
"""Losses whose best discriminator is p / (p + q)."""


@once
def panels(experiment: GanTraining, beside: bool = False) -> Sequence[Mapping[str, Any]]:
    """The picture, with `beside` the optimal discriminator as a second one, then losses and measured numbers."""
    pictures = [picture(experiment)]
    if beside and experiment.on_plane and experiment.loss in OPTIMAL:
        pictures.append(optimal(experiment))
    return [*pictures, *losses(experiment), *quality(experiment)]


def picture(experiment: GanTraining) -> Mapping[str, Any]:
    """The living picture itself."""
    if experiment.data == "dirac":
        return {
            "kind": "plane", "title": _("Both players as one point: samples at θ, D(x) = ψx"),
            "extent": [-REACH, REACH, -REACH, REACH], "data": [[0, 0]], "field": "arrows", "path": "path",
            "axes": [_("θ, the generator"), _("ψ, the discriminator")], "labels": {"data": _("Equilibrium")},
        }  # fmt: skip
    if not experiment.on_plane:
        title = _("Samples from fixed noise")
        return {"kind": "images", "title": title, "array": "images", "shape": [8, 8], "columns": 8}
    probability = experiment.probabilistic
    optimal_too = {"optimal": "optimal"} if experiment.loss in OPTIMAL else {}
    return {
        "kind": "plane", "title": _("Data, samples, and what the discriminator believes"),
        "extent": list(experiment.plane().extent), "data": shown_points(experiment), "points": "samples",
        "surface": "surface", "surface_mid": 0.5 if probability or experiment.loss == "least_squares" else 0.0,
        "manifold": "net", "arrows": "arrows", **optimal_too,
        **({"ema": "samples_ema"} if experiment.ema_decay > 0 else {}),
    }  # fmt: skip


def optimal(experiment: GanTraining) -> Mapping[str, Any]:
    """The discriminator that cannot be beaten, for the generator as it is."""
    return {
        "kind": "plane", "title": _("The optimal discriminator, p / (p + q)"),
        "extent": list(experiment.plane().extent), "data": shown_points(experiment), "points": "samples",
        "surface": "optimal", "surface_range": [0, 1], "surface_symbol": "D*",
        "labels": {"surface": _("Optimal discriminator D*")},
    }  # fmt: skip


def shown_points(experiment: GanTraining) -> tuple[tuple[float, ...], ...]:
    return real_points(experiment.data, experiment.drawing, experiment.seed)


@lru_cache(maxsize=100)
def real_points(data: str, drawing: str, seed: int) -> tuple[tuple[float, ...], ...]:
    """Some of the very points that the run trains on."""
    experiment = GanTraining.of({"data": data, "drawing": drawing, "seed": seed})
    return tuple(map(tuple, experiment.points(POINTS, "data")[:SHOWN_POINTS].double().numpy().round(4).tolist()))


def legend(experiment: GanTraining) -> str:
    """How to read the picture."""
    if experiment.data == "dirac":
        return _(
            "Each arrow: where both players would move from there. The line: where they have been; the middle is the "
            "equilibrium."
        )
    if not experiment.on_plane:
        return _("Every picture is made by the generator, each from noise of its own that stays the same.")
    if not (experiment.probabilistic or experiment.loss == "least_squares"):
        return _(
            "Blue dots: real data. Orange: what the generator makes. Behind them the critic's value: blue where it "
            "finds more of the data, orange where more of the samples."
        )
    return _(
        "Blue dots: real data. Orange: what the generator makes. Behind them: blue where the discriminator believes "
        "in real data, orange where it does not."
    )


def losses(experiment: GanTraining) -> Sequence[Mapping[str, Any]]:
    """Both losses, what D says of data and samples, how strongly both players are pulled, how wide samples lie."""
    probability, dirac = experiment.probabilistic, experiment.data == "dirac"
    half = [{"label": _("cannot tell: ½"), "value": 0.5}] if probability else []
    equilibrium = [{"label": _("D at equilibrium: 2 ln 2"), "value": 2 * math.log(2)}] if probability else []
    marks = changes(experiment)
    found: list[dict[str, Any]] = [
        {
            "kind": "curves", "title": _("Losses"), "unit": "nats" if probability else "", "references": equilibrium,
            "columns": [{"name": "loss_d", "label": _("discriminator")}, {"name": "loss_g", "label": _("generator")}],
        },
        {
            "kind": "curves", "title": _("What D says"), "references": half,
            "columns": [
                {"name": "d_real", "label": _("D(x), data")}, {"name": "d_fake", "label": _("D(G(z)), samples")},
            ],
        },
        {
            "kind": "curves", "title": _("Gradient norms"), "log": True,
            "columns": [
                {"name": "gradient_d", "label": _("discriminator")}, {"name": "gradient_g", "label": _("generator")},
            ],
        },
    ]  # fmt: skip
    if experiment.on_plane:
        even = [{"label": _("as wide as the data"), "value": 1.0}]
        label = _("samples against data")
        found.append({
            "kind": "curves", "title": _("Spread of the samples"), "references": even,
            "columns": [{"name": "spread", "label": label}],
        })  # fmt: skip
    if experiment.constraint == "clip" and not dirac:
        found.append({
            "kind": "curves", "title": _("Weights of D at the clipping bound"),
            "columns": [{"name": "clipped", "label": _("share of weights")}],
        })  # fmt: skip
    return [{**panel, "marks": marks} for panel in found]


def changes(experiment: GanTraining) -> list[dict[str, Any]]:
    """The steps at which knobs changed, for the curves."""
    return [{"step": step} for step in dict.fromkeys(step for step, _name, _value in experiment.changes)]


def quality(experiment: GanTraining) -> Sequence[Mapping[str, Any]]:
    """The measured numbers, each with what a perfect generator and a null generator reach."""
    titles = {
        "modes_covered": _("Modes covered"), "high_quality": _("High quality samples"),
        "energy_distance": _("Energy distance to the data"), "w2": _("Wasserstein-2 distance to the data"),
        "reverse_kl": _("Reverse KL over modes"), "classes_covered": _("Digit classes covered"),
        "distance": _("Distance from the equilibrium"),
    }  # fmt: skip
    known = later(("references", experiment.data, experiment.drawing), experiment.references, {})
    perfect = _("equilibrium") if experiment.data == "dirac" else _("perfect generator")
    null = _("at the start") if experiment.data == "dirac" else _("null generator")
    return [
        {
            "kind": "curves", "title": titles[name], "log": name in ("energy_distance", "w2"),
            "unit": "nats" if name == "reverse_kl" else "",
            "columns": [{"name": name, "label": titles[name]}], "whole": name in ("modes_covered", "classes_covered"),
            "references": reference_lines(found, perfect, null),
            "marks": changes(experiment),
        }
        for name in titles
        if (found := known.get(name)) is not None
    ]  # fmt: skip
