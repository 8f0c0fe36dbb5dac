"""The GAN page: a generator chases its data while you watch."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from models.experiment import BadExperiment, Value
from models.gan import GanTraining
from models.layers.game import POINTS
from pages.parts.brush import WORDS as BRUSH_WORDS
from pages.parts.brush import brush
from pages.parts.controls import key_of
from pages.parts.lab import Lab
from pages.parts.later import later
from pages.parts.prose import prose
from pages.parts.words import _, translated

PAGE = {
    "order": 1,
    "title": "GAN training",
    "line": "Two networks in a game: one forges data, one catches forgeries. Watch the forger learn, or fail.",
    "family": "GanTraining",
}
SHOWN_POINTS = 500


def panels(experiment: GanTraining) -> Sequence[Mapping[str, Any]]:
    """What is drawn of a run: samples and discriminator on the plane or a sheet of digits, then the curves."""
    probability = experiment.loss in ("non_saturating", "minimax")
    return [picture(experiment), *losses(probability), *quality(experiment)]


def picture(experiment: GanTraining) -> Mapping[str, Any]:
    """The living picture itself."""
    if not experiment.on_plane:
        title = _("Samples from fixed noise")
        return {"kind": "images", "title": title, "array": "images", "shape": [8, 8], "columns": 8}
    points = real_points(experiment.data, experiment.drawing, experiment.seed)
    probability = experiment.loss in ("non_saturating", "minimax")
    return {
        "kind": "plane", "title": _("Data, samples, and what the discriminator believes"),
        "extent": list(experiment.plane().extent), "data": points, "points": "samples",
        "surface": "surface", "surface_mid": 0.5 if probability or experiment.loss == "least_squares" else 0.0,
        **({"ema": "samples_ema"} if experiment.ema_decay > 0 else {}),
    }  # fmt: skip


@st.cache_data(max_entries=100, show_spinner=False)
def real_points(data: str, drawing: str, seed: int) -> list[list[float]]:
    """Some of the very points that the run trains on."""
    experiment = GanTraining.of({"data": data, "drawing": drawing, "seed": seed})
    points: list[list[float]] = experiment.points(POINTS, "data")[:SHOWN_POINTS].numpy().round(4).tolist()
    return points


def legend(experiment: GanTraining) -> str:
    """How to read the picture."""
    if not experiment.on_plane:
        return _("Every picture is made by the generator, each from noise of its own that stays the same.")
    return _(
        "Blue dots: real data. Orange: what the generator makes. Behind them: blue where the discriminator believes "
        "in real data, orange where it does not."
    )


def losses(probability: bool) -> Sequence[Mapping[str, Any]]:
    """Both losses, what D says of data and samples, and how strongly both players are pulled."""
    half = [{"label": _("cannot tell: ½"), "value": 0.5}] if probability else []
    equilibrium = [{"label": _("D at equilibrium: 2 ln 2"), "value": 2 * math.log(2)}] if probability else []
    return [
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


def quality(experiment: GanTraining) -> Sequence[Mapping[str, Any]]:
    """The measured numbers, each with what a perfect generator and a null generator reach."""
    titles = {
        "energy_distance": _("Energy distance to the data"), "modes_covered": _("Modes covered"),
        "high_quality": _("High quality samples"), "reverse_kl": _("Reverse KL over modes"),
        "classes_covered": _("Digit classes covered"),
    }  # fmt: skip
    known = later(("references", experiment.data, experiment.drawing), experiment.references, {})
    return [
        {
            "kind": "curves", "title": titles[name], "log": name == "energy_distance",
            "unit": "nats" if name == "reverse_kl" else "",
            "columns": [{"name": name, "label": titles[name]}], "whole": name in ("modes_covered", "classes_covered"),
            "references": [
                {"label": _("perfect generator"), "value": found.perfect, "low": found.low, "high": found.high},
                {"label": _("null generator"), "value": found.null},
            ],
        }
        for name, found in known.items()
    ]  # fmt: skip


def drawing(family: str, experiment: GanTraining) -> dict[str, Value]:
    """The brush, where the data are the visitor's own."""
    if experiment.data != "drawing":
        return {}
    from models.data.drawing import decode, encode, from_hex, to_hex

    key = key_of(family, "drawing")
    st.caption(_("Draw where the data shall be; darker means more of them."))
    levels = to_hex(decode(experiment.drawing))
    result = brush(levels, words=translated(BRUSH_WORDS), key=f"{key}.brush", on_levels=lambda: None)
    drawn, heard = result.get("levels"), f"{key}.heard"
    # The brush keeps what it said last: only news count, so that a link since then is not painted over. They are old
    # once the experiment has them, not before: a next stroke may interrupt this script run.
    if drawn == levels:
        st.session_state[heard] = drawn
    if not isinstance(drawn, str) or drawn == st.session_state.get(heard, levels):
        return {"drawing": experiment.drawing}
    try:
        return {"drawing": encode(from_hex(drawn))}
    except ValueError as error:
        raise BadExperiment({"drawing": _("The drawing is empty: draw at least one cell.")}) from error


st.title(_("GAN training"), anchor=False)
Lab(
    family="gan", cls=GanTraining, line=str(PAGE["line"]), panels=panels, legend=legend,
    special=drawing, own=("drawing",),
    front=("data", "loss", "optimizer", "lr_d", "lr_g", "k_d", "width", "depth", "steps", "seed"),
).draw()  # fmt: skip
told = st.expander(_("What is happening here?"), icon=":material/school:", on_change="rerun", key="gan.told")
if told.open:
    with told:
        prose("gan")
