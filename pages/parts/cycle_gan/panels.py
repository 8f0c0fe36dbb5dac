"""What is drawn of a CycleGAN's run: where every datum goes and whether it comes home, then the curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from models.cycle_gan import CycleGan
from models.layers.cycle.domains import SIDE, Domains
from models.layers.cycle.translation import FILMS, SHOWN
from models.metrics.translation import floors
from pages.parts.later import later
from pages.parts.once import once
from pages.parts.references import reference_lines
from pages.parts.words import _


@once
def panels(experiment: CycleGan) -> Sequence[Mapping[str, Any]]:
    """Pictures first; the curves that matter most stand beside them."""
    shown = journeys(experiment) if experiment.on_plane else films()
    return [*shown, *measured(experiment), *game()]


def legend(experiment: CycleGan) -> str:
    """How to read the pictures."""
    if experiment.on_plane:
        return _(
            "An arrow leads from each point to what became of it; colours only tell neighbours apart. Blue: the set in "
            "which the arrows should end."
        )
    return _("Three rows belong together: pictures, below each what it was translated to, below that what came back.")


@lru_cache(maxsize=50)
def sets(seed: int) -> tuple[list[list[float]], list[list[float]]]:
    """The shown points of both sets."""
    x_N2, y_N2, _label = Domains("moons_and_gaussians", seed).shown(SHOWN)
    return x_N2.double().numpy().round(3).tolist(), y_N2.double().numpy().round(3).tolist()


def journeys(experiment: CycleGan) -> Sequence[Mapping[str, Any]]:
    """Both ways, and both round trips."""
    x, y = sets(experiment.seed)
    arrived = _("arrived")
    views = (
        (_("There: from moons (X) to Gaussians (Y)"), "x", "x_there", y),
        (_("And back: where each point of X returns"), "x", "x_again", x),
        (_("The other way: from Gaussians (Y) to moons (X)"), "y", "y_there", x),
        (_("And back: where each point of Y returns"), "y", "y_again", y),
    )  # fmt: skip
    extent = list(experiment.plane().extent)
    return [
        {
            "kind": "journeys", "title": title, "from": start, "points": end, "data": data, "extent": extent,
            "labels": {"data": _("goal"), "samples": arrived},
        }
        for title, start, end, data in views
    ]  # fmt: skip


def films() -> Sequence[Mapping[str, Any]]:
    """Pictures, what became of them, and what came back, both ways."""
    common = {"kind": "images", "shape": [SIDE, SIDE], "columns": FILMS // 2}
    return [
        {**common, "title": _("Upright, laid on their side, and back again"), "array": "images"},
        {**common, "title": _("Lying, set upright, and back again"), "array": "images_back"},
    ]


def measured(experiment: CycleGan) -> Sequence[Mapping[str, Any]]:
    """The round trip, and whether the translated data are like those of the other set."""
    found: list[Mapping[str, Any]] = [
        curve("cycle_error", _("Error of the round trip"), log=True),
        curve("neighbours_kept", _("Neighbours kept in the round trip")),
    ]
    titles = (
        {"w2_there": _("Wasserstein distance to Y"), "w2_back": _("Wasserstein distance to X")}
        if experiment.on_plane
        else {
            "class_kept": _("Translated to the same digit"),
            "truth_error": _("Difference to the digit turned by hand"),
        }
    )
    known = later(("cycle floors", experiment.on_plane), lambda: floors(experiment.on_plane), {})
    for name, title in titles.items():
        if name in known:
            null = (
                _("untranslated")
                if experiment.on_plane
                else _("chance")
                if name == "class_kept"
                else _("another digit")
            )
            perfect = _("fresh data") if experiment.on_plane else _("turned by hand")
            found.append({**curve(name, title), "references": reference_lines(known[name], perfect, null)})
    return found


def curve(name: str, title: str, log: bool = False) -> dict[str, Any]:
    return {"kind": "curves", "title": title, "log": log, "columns": [{"name": name, "label": title}]}


def game() -> Sequence[Mapping[str, Any]]:
    """The losses of translators and discriminators."""
    told = [
        {"name": "loss_g", "label": _("translators")}, {"name": "loss_d", "label": _("discriminators")},
        {"name": "loss_cycle", "label": _("cycle")},
    ]  # fmt: skip
    pulls = [{"name": "gradient_g", "label": _("translators")}, {"name": "gradient_d", "label": _("discriminators")}]
    even = [{"label": _("D cannot tell: ¼"), "value": 0.25}]
    return [
        {"kind": "curves", "title": _("Losses"), "columns": told, "references": even},
        {"kind": "curves", "title": _("Gradient norms"), "log": True, "columns": pulls},
    ]
