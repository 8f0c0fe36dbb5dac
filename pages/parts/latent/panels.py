"""What is drawn of a latent-space run: the map, the sheet, reconstructions, samples, and the curves beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.autoencoder import LatentSpace
from models.data.pictures import pictures
from models.experiment import Reference
from models.layers.latent_picture import ACROSS
from pages.parts.later import later
from pages.parts.once import once
from pages.parts.references import reference_lines
from pages.parts.words import _

SHOWN_SAMPLES = 8
HORIZON = 89.8
"""-log p(x) of a one-layer VAE on MNIST after 500 epochs on all 60,000 images (pythae's reproduction, K = 200)."""


@once
def panels(experiment: LatentSpace) -> Sequence[Mapping[str, Any]]:
    """Pictures first; the curves that matter most stand beside them."""
    return [*shown(experiment), *costs(experiment), *quality(experiment), *training(experiment)]


def class_names(experiment: LatentSpace) -> list[str]:
    """The classes in the visitor's language; digits are themselves."""
    said = {
        "T-shirt": _("T-shirt"), "trouser": _("trouser"), "pullover": _("pullover"), "dress": _("dress"),
        "coat": _("coat"), "sandal": _("sandal"), "shirt": _("shirt"), "sneaker": _("sneaker"), "bag": _("bag"),
        "ankle boot": _("ankle boot"), "apple": _("apple"), "bicycle": _("bicycle"), "cat": _("cat"),
        "envelope": _("envelope"), "eyeglasses": _("eyeglasses"), "fish": _("fish"), "house": _("house"),
        "ladder": _("ladder"), "star": _("star"), "sun": _("sun"), "rectangle": _("rectangle"),
        "ellipse": _("ellipse"), "triangle": _("triangle"),
    }  # fmt: skip
    return [said.get(name, name) for name in pictures(experiment.data).names]


def shown(experiment: LatentSpace) -> Sequence[Mapping[str, Any]]:
    """The four pictures of a moment."""
    side = pictures(experiment.data).side
    shape = [side, side]
    flat = experiment.model != "vq_vae" and experiment.latent_dim == 2
    axes = {
        "kind": "cloud", "names": class_names(experiment), "prior": experiment.has_prior, "points": "active_codes",
        "spread": "active_spread", "axes": "active", "title": _("Map of the codes: the two most active numbers"),
    }  # fmt: skip
    sheet = {
        "kind": "images", "title": _("The same along the two most active numbers"), "array": "active_sheet",
        "shape": shape, "columns": 8,
    }  # fmt: skip
    return [
        {
            "kind": "cloud", "names": class_names(experiment), "prior": experiment.has_prior and flat,
            "title": _("Map of the codes") if flat else _("Map of the codes: two principal directions"),
        },
        *([] if flat or experiment.model == "vq_vae" else [axes]),
        {"kind": "images", "title": sheet_title(experiment), "array": "manifold", "shape": shape, "columns": 12},
        *([] if flat or experiment.model in ("vq_vae", "cvae") else [sheet]),
        {
            "kind": "images", "title": _("Held-out pictures, and below each what became of it"), "array": "pairs",
            "shape": shape, "columns": 8,
        },
        {
            "kind": "images", "title": samples_title(experiment), "array": "samples", "shape": shape,
            "columns": SHOWN_SAMPLES,
        },
    ]  # fmt: skip


def sheet_title(experiment: LatentSpace) -> str:
    if experiment.model == "cvae":
        return _("One row per class, one code per column")
    return _("What each place on the map stands for")


def samples_title(experiment: LatentSpace) -> str:
    """Where new pictures come from: not every model has a prior of its own."""
    match experiment.model:
        case "ae":
            return _("New pictures, from one Gaussian fitted to the codes")
        case "vq_vae":
            return _("New pictures, each place's code drawn on its own")
        case "cvae":
            return _("New pictures, one column per class in turn")
    return _("New pictures, from the prior")


def costs(experiment: LatentSpace) -> Sequence[Mapping[str, Any]]:
    """The bound taken apart, and how many dimensions or codes are in use."""
    parts = [{"name": "held_out_reconstruction", "label": _("reconstruction, held out")}]
    if experiment.is_random:
        parts = [
            {"name": "held_out_bound", "label": _("−ELBO, held out")}, *parts,
            {"name": "held_out_kl", "label": _("KL, held out")},
        ]  # fmt: skip
    known = experiment.data == "mnist" and experiment.binary
    horizon = [{"label": _("published, after 500 epochs"), "value": HORIZON}] if known else []
    found: list[Mapping[str, Any]] = [
        {"kind": "curves", "title": _("What a picture costs"), "unit": _("nats per picture"), "columns": parts,
         "references": horizon}
    ]  # fmt: skip
    if experiment.model == "vq_vae":
        in_use = [{"name": "used_codes", "label": _("codes in use")}, {"name": "perplexity", "label": _("perplexity")}]
        whole = [{"label": _("all codes"), "value": experiment.codes}]
        found.append(
            {"kind": "curves", "title": _("Codebook, over held-out pictures"), "columns": in_use, "references": whole}
        )
        found.append(
            {
                "kind": "profile", "title": _("How often each code is chosen"), "x_label": _("code"),
                "x": list(range(1, experiment.codes + 1)), "lines": [{"array": "usage", "label": _("places")}],
            }
        )  # fmt: skip
        return found
    whole = [{"label": _("all dimensions"), "value": experiment.latent_dim}]
    units = [{"name": "active_units", "label": _("active units")}]
    found.append({"kind": "curves", "title": _("Active units"), "whole": True, "columns": units, "references": whole})
    if experiment.is_random:
        found.append(
            {
                "kind": "profile", "title": _("KL per dimension"), "unit": "nats", "x_label": _("dimension"),
                "x": list(range(1, experiment.latent_dim + 1)),
                "lines": [{"array": "kl_per_dimension", "label": _("KL")}],
            }
        )  # fmt: skip
    return found


def quality(experiment: LatentSpace) -> Sequence[Mapping[str, Any]]:
    """Measured numbers of the samples, each with what perfect and ignorant samples reach."""
    titles = {
        "energy_distance": _("Energy distance of samples to the data"), "high_quality": _("High quality samples"),
        "classes_covered": _("Digit classes covered"),
    }  # fmt: skip
    known: Mapping[str, Reference] = later(("latent references", experiment.data), experiment.references, {})
    return [
        {
            "kind": "curves", "title": titles[name], "log": name == "energy_distance",
            "columns": [{"name": name, "label": titles[name]}], "whole": name == "classes_covered",
            "references": reference_lines(found, _("real pictures"), _("one Gaussian")),
        }
        for name, found in known.items()
    ]  # fmt: skip


def training(experiment: LatentSpace) -> Sequence[Mapping[str, Any]]:
    """The training loss and what else the kind of model tells."""
    own = [{"name": "loss", "label": _("loss")}, {"name": "reconstruction", "label": _("reconstruction")}]
    if experiment.is_random:
        own.append({"name": "kl", "label": _("KL")})
    found: list[Mapping[str, Any]] = [
        {"kind": "curves", "title": _("Training loss"), "unit": _("nats per picture"), "columns": own}
    ]
    if experiment.has_prior:
        told = [{"name": "prior_mmd", "label": _("MMD²")}]
        same = [{"label": _("same distribution"), "value": 0.0}]
        title = _("Codes against the prior")
        found.append({"kind": "curves", "title": title, "columns": told, "references": same})
    if experiment.is_random:
        found.append(aggregated(experiment))
        told = [{"name": "beta_effective", "label": _("effective β")}]
        found.append({"kind": "curves", "title": _("Effective β"), "columns": told,
                      "references": [{"label": "ELBO", "value": 1.0}]})  # fmt: skip
    if experiment.model == "vae_gan":
        found.append({"kind": "curves", "title": _("Loss of the critic"), "unit": "nats",
                      "columns": [{"name": "critic", "label": _("critic")}]})  # fmt: skip
    gradient = [{"name": "gradient", "label": _("gradient norm")}]
    return [*found, {"kind": "curves", "title": _("Gradient norm"), "log": True, "columns": gradient}]


def aggregated(experiment: LatentSpace) -> Mapping[str, Any]:
    """All posteriors together, in the two most active numbers, beside the prior that they are to fill."""
    lines = [_("first active number"), _("second active number"), _("prior")]
    return {
        "kind": "profile", "title": _("Aggregated posterior against the prior"),
        "x_label": _("value of a latent number"), "x": [round(at, 3) for at in ACROSS.tolist()],
        "lines": [{"array": "aggregate", "row": row, "label": label} for row, label in enumerate(lines)],
    }  # fmt: skip


def legend(experiment: LatentSpace) -> str:
    """How to read the pictures."""
    if experiment.model == "vq_vae":
        return _(
            "Each point is the code map of a held-out picture, seen from its two widest sides. The sheet walks over "
            "that plane; every place of a picture jumps to its nearest code."
        )
    if experiment.is_random:
        return _(
            "Each point is a held-out picture; the ellipse says how unsure the encoder is of its place (2σ, forty are "
            "drawn). Dashed: the prior. The sheet is the same plane, decoded."
        )
    return _("Each point is a held-out picture. The sheet is the same plane, decoded place by place.")
