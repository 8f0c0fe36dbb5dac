"""What is drawn of the race: the curves of all kinds with their bands, and everybody's samples side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.gan_race import GanRace
from models.layers.gan_racing import COMPARED, fresh_distance
from pages.parts.freezing.panels import note
from pages.parts.gan.panels import real_points
from pages.parts.later import later
from pages.parts.once import once
from pages.parts.race.names import LINES, named
from pages.parts.words import _


@once
def panels(experiment: GanRace) -> Sequence[Mapping[str, Any]]:
    """Distance to the data over steps, then a small picture for each kind, then how many modes are covered."""
    pictures = [samples(experiment, name) for name in experiment.names]
    curves = [bands(experiment, "energy", _("Energy distance to the data"), log=True, references=floor(experiment))]
    modes = experiment.plane().modes
    if modes is not None:
        count = [{"label": _("all modes"), "value": len(modes)}]
        pictures.append({**bands(experiment, "modes", _("Modes covered"), references=count), "plain": True})
        pictures.append({**bands(experiment, "quality", _("Share of high quality"), percent=True), "plain": True})
    return [*curves, *pictures]


def styled(experiment: GanRace) -> list[dict[str, Any]]:
    """How each kind is drawn."""
    return [
        {"arm": name, "label": named(name), "hue": LINES[name][0], "dash": LINES[name][1]} for name in experiment.names
    ]


def bands(experiment: GanRace, kind: str, title: str, **more: Any) -> dict[str, Any]:
    """One number of all kinds over steps, with Student's bands over seeds."""
    columns = [
        {
            **line,
            **{part: f"{kind}_{line['arm']}{end}" for part, end in (("name", ""), ("low", "_low"), ("high", "_high"))},
        }
        for line in styled(experiment)
    ]
    return {"kind": "bands", "title": title, "columns": columns, "note": note(experiment.seeds), **more}


def samples(experiment: GanRace, name: str) -> Mapping[str, Any]:
    """The samples of the first seed of one kind over the data."""
    return {
        "kind": "plane", "title": named(name), "extent": list(experiment.plane().extent),
        "data": real_points(experiment.data, experiment.drawing, experiment.seed), "points": f"samples_{name}",
    }  # fmt: skip


def floor(experiment: GanRace) -> list[dict[str, Any]]:
    """Below which distance nothing can be told from fresh data."""
    key = ("race floor", experiment.data, experiment.drawing)
    found = later(key, lambda: fresh_distance(experiment), None)
    return [] if found is None else [{"label": _("fresh data reach, of {count}", count=COMPARED), "value": found}]


def legend(experiment: GanRace) -> str:
    """How to read the picture."""
    return _(
        "Every line is a kind of GAN: {seeds} of each, which share first weights, data and noise with those of the "
        "other kinds. The pictures show the samples of the first seed.",
        seeds=experiment.seeds,
    )  # fmt: skip
