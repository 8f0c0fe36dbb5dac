"""VAE against GAN: the same digits, the same budget, five seeds each; every row of the table is a measurement."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from models.autoencoder import LatentSpace
from models.experiment import Experiment
from models.gan import GanTraining
from models.layers.autoencoding import Autoencoding
from models.layers.game import Game
from models.metrics.rivals import DESCENT, Interval, costs, of_gan, of_vae, roc, scatter
from pages.parts.course import course
from pages.parts.lab import Lab
from pages.parts.lanes import ACTIVE
from pages.parts.later import later
from pages.parts.table import Table
from pages.parts.words import _, shown
from state.runs import Run, runs

SEEDS = (0, 1, 2, 3, 4)
VAE_STEPS, GAN_STEPS = 4000, 3000
"""The same time: on one core a step of this VAE took 1.13 ms and one of this GAN 1.52 ms, 4.5 seconds in all."""
Rows = dict[str, float]


def rivals() -> tuple[list[LatentSpace], list[GanTraining]]:
    """Both families with the same latent size, one run per seed; the GAN's other settings are those of its story."""
    gan = next(story.experiment for story in GanTraining.stories() if getattr(story.experiment, "data", "") == "digits")
    vae = LatentSpace(latent_dim=8, steps=VAE_STEPS)
    return [vae.but(seed=seed) for seed in SEEDS], [
        GanTraining.of({**gan.model_dump(), "noise_dim": 8, "steps": GAN_STEPS, "seed": seed}) for seed in SEEDS
    ]


def draw(lab: Lab, table: Table) -> None:
    """The button that trains what is missing, and the table."""
    st.markdown(
        _("The same 8×8 digits, eight random numbers each, the same {seconds} seconds of one core, five seeds.",
          seconds=4.5)
    )  # fmt: skip
    vaes, gans = rivals()
    every: list[Experiment] = [*vaes, *gans]
    known = {each.key: run for each in every if (run := runs().find(each.key)) is not None}
    missing = [each for each in every if each.key not in known]
    if missing and st.button(
        _("Train {count} runs", count=len(missing)), key=f"{lab.family}.rivals", icon=":material/play_arrow:"
    ):
        for each in missing:
            if lab.open(each) is None:
                break
        st.rerun()
    waiting = any(run.status().state in ("queued", *ACTIVE) for run in known.values())

    @st.fragment(run_every=1.5 if waiting else None)
    def tabled() -> None:
        done = [key for key, run in known.items() if run.status().state == "finished"]
        st.caption(_("{count} of {total} runs are finished.", count=len(done), total=len(every)))
        if len(done) == len(every):
            measured(vaes, gans, known)

    tabled()


def measured(vaes: Sequence[LatentSpace], gans: Sequence[GanTraining], known: dict[str, Run]) -> None:
    """The rows, once they are computed, and the ROC of the first VAE."""
    found: tuple[list[Rows], list[Rows]] | None = later(
        ("rivals", *known), lambda: tuple([rows_of(each, known) for each in side] for side in (vaes, gans)), None
    )
    if found is None:
        st.caption(_("Being measured …"))
        return
    titles = {
        "sharpness": _("sharpness (real pictures: 1)"), "classes": _("digit classes covered"),
        "coverage": _("coverage of real pictures"), "high_quality": _("share of high quality"),
        "energy_distance": _("energy distance"), "interpolation": _("high quality halfway between two samples"),
        "rebuilding": _("error of rebuilt held-out digits (mean square; GAN: by descent)"),
        "anomalies": _("finds digits upside down (area under the ROC)"),
    }  # fmt: skip
    one, other = found
    columns: dict[str, list[str]] = {
        _("measured"): list(titles.values()),
        "VAE": [interval([row[name] for row in one]) for name in titles],
        "GAN": [interval([row[name] for row in other]) for name in titles],
    }
    for name, ours, theirs in (
        (_("instability: scatter of the energy distance over seeds"), spread(one), spread(other)),
        (_("has an encoder"), _("yes: one pass"), _("no: {steps} steps of descent", steps=DESCENT)),
    ):
        for column, value in zip(columns.values(), (name, ours, theirs), strict=True):
            column.append(value)
    st.table(columns, hide_index=True)
    st.caption(
        _("Means over five seeds with 95 % intervals (Student's t); the scatter is a standard deviation with its own "
          "interval (χ²). Odd is, for the VAE, what is dear to rebuild, for the GAN, what its discriminator doubts.")
    )  # fmt: skip
    alarm(vaes[0], known)


def interval(values: Sequence[float]) -> str:
    found = Interval.of(values)
    return f"{shown(round(found.mean, 3))} ± {shown(round(found.half, 3))}"


def spread(rows: Sequence[Rows]) -> str:
    found, low, high = (shown(round(value, 3)) for value in scatter([row["energy_distance"] for row in rows]))
    return f"{found} ({low} … {high})"


def rows_of(experiment: LatentSpace | GanTraining, known: dict[str, Run]) -> Rows:
    """All rows of one finished run."""
    revived = last(experiment, known)
    return of_vae(revived, experiment.seed) if isinstance(revived, Autoencoding) else of_gan(revived, experiment.seed)


def last(experiment: LatentSpace | GanTraining, known: dict[str, Run]) -> Autoencoding | Game:
    checkpoint = known[experiment.key].checkpoint(experiment.steps)
    if checkpoint is None:
        raise ValueError("A finished run has lost its last checkpoint.")
    return experiment.revive(checkpoint)


def alarm(experiment: LatentSpace, known: dict[str, Run]) -> None:
    """The ROC of reconstruction cost as an alarm for digits that stand upside down."""
    curve = later(("roc", experiment.key), lambda: roc(*costs(last(experiment, known))), None)  # type: ignore[arg-type]
    if curve is None:
        return
    false, true, area = curve
    st.markdown(
        "**" + _("Reconstruction cost as an alarm: digits upside down, area {area}", area=round(area, 3)) + "**"
    )
    false_name, true_name = _("false alarms"), _("anomalies found")
    course(true_name, false_name, false.tolist(), {true_name: true.tolist()}, up=true_name, height=260)
