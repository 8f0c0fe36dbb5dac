"""What is drawn of an image GAN's run: pictures of G and of its average, then the curves, each with its floor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from models.autoencoder import LatentSpace
from models.data.pictures import Name, pictures
from models.experiment import Reference
from models.image_gan import ImageGan
from models.metrics.image_quality import floors
from pages.parts.latent import panels as latent
from pages.parts.later import later
from pages.parts.once import once
from pages.parts.references import reference_lines
from pages.parts.words import _


@once
def panels(experiment: ImageGan) -> Sequence[Mapping[str, Any]]:
    """Pictures first; the curves that matter most stand beside them."""
    return [*shown(experiment), *quality(experiment), *game(experiment)]


def class_names(data: Name) -> list[str]:
    """The classes in the visitor's language."""
    return latent.class_names(LatentSpace(data=data))


def legend(experiment: ImageGan) -> str:
    """How to read the pictures."""
    if experiment.conditional:
        return _("A row is a class that G is told, a column one noise: the same ten noises in every row.")
    return _("Every picture is made by the generator, each from noise of its own that stays the same.")


def shown(experiment: ImageGan) -> Sequence[Mapping[str, Any]]:
    """The same noise, through the average of G and through G as it is at this step."""
    side = pictures(experiment.data).side
    common = {"kind": "images", "shape": [side, side], "columns": 10}
    return [
        {**common, "title": _("Pictures of the average of G"), "array": "images_average"},
        {**common, "title": _("Pictures of G at this very step"), "array": "images"},
    ]


def quality(experiment: ImageGan) -> Sequence[Mapping[str, Any]]:
    """What our classifier says of a thousand pictures of the average of G."""
    titles = {
        "frechet": _("Fréchet distance to held-out pictures"),
        **({"obeyed": _("Shows the class asked for")} if experiment.conditional else {}),
        "classes_covered": _("Classes covered"), "class_entropy": _("Entropy of the classes"),
    }  # fmt: skip
    key = ("image gan floors", experiment.data, experiment.conditional)
    known: Mapping[str, Reference] = later(key, lambda: floors(experiment.data, experiment.conditional), {})
    return [
        {
            "kind": "curves", "title": titles[name], "log": name == "frechet", "whole": name == "classes_covered",
            "unit": "nats" if name == "class_entropy" else "",
            "columns": [{"name": name, "label": titles[name]}],
            "references": reference_lines(
                known.get(name), _("real pictures"), _("chance") if name == "obeyed" else _("one Gaussian")
            ),
        }
        for name in titles
    ]  # fmt: skip


def game(experiment: ImageGan) -> Sequence[Mapping[str, Any]]:
    """Both losses, what D says, how its opinions are spread, and how strongly both players are pulled."""
    probability = experiment.loss == "non_saturating"
    half = [{"label": _("cannot tell: ½"), "value": 0.5}] if probability else []
    even = {"non_saturating": 2 * math.log(2), "relativistic": math.log(2)}.get(experiment.loss)
    equilibrium = [] if even is None else [{"label": _("D at equilibrium"), "value": even}]
    both = [{"label": _("discriminator"), "name": "loss_d"}, {"label": _("generator"), "name": "loss_g"}]
    pulls = [{"label": _("discriminator"), "name": "gradient_d"}, {"label": _("generator"), "name": "gradient_g"}]
    says = [{"label": _("D(x), data"), "name": "d_real"}, {"label": _("D(G(z)), samples"), "name": "d_fake"}]
    told: list[Mapping[str, Any]] = [
        {"kind": "curves", "title": _("Losses"), "unit": "nats", "references": equilibrium, "columns": both},
        {"kind": "curves", "title": _("What D says"), "references": half, "columns": says},
        {
            "kind": "profile", "title": _("How D's opinions are spread"), "x": "opinion",
            "x_label": _("D's opinion: forged on the left, real on the right"),
            "lines": [
                {"array": "opinion_real", "label": _("share of held-out pictures")},
                {"array": "opinion_fake", "label": _("share of forgeries")},
            ],
        },
        {"kind": "curves", "title": _("Gradient norms"), "log": True, "columns": pulls},
    ]  # fmt: skip
    if experiment.r1_gamma > 0:
        steep = [{"label": "E‖∇D‖²", "name": "penalty"}]
        told.append({"kind": "curves", "title": _("Steepness of D at the data"), "log": True, "columns": steep})
    return told
