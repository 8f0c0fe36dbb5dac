"""The bound opened: one picture's code, how tight the bound is, dimensions over training, rate against distortion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
import torch
from PIL import Image

from models.autoencoder import LatentSpace
from models.layers.elbo import kl_to_prior, log_likelihood, reparameterise
from models.layers.latent_models import Continuous
from models.metrics.bounds import Importance, held_out, importance
from models.running import stream
from pages.parts import spoken
from pages.parts.course import dots
from pages.parts.lab import Lab
from pages.parts.lanes import ACTIVE
from pages.parts.latent.panels import HORIZON
from pages.parts.latent.studio import ink
from pages.parts.latent.trained import Trained, trained
from pages.parts.later import later
from pages.parts.table import Table
from pages.parts.words import _, shown
from state.runs import Run, runs

SAMPLES = (1, 10, 50, 200)
IMAGES = 200
BETAS = (0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 20.0)
SHOWN_DIMENSIONS = 8
MOST_MOMENTS = 120
BAR_PX = 14


def draw(lab: Lab, table: Table) -> None:
    """The four views of the bound."""
    found = trained(table)
    if found is None:
        return
    st.subheader(_("One picture, step by step"), anchor=False)
    one_picture(found, f"{lab.family}.bound")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(_("How tight is the bound?"), anchor=False)
        tightness(found)
    with right:
        st.subheader(_("Dimensions over training"), anchor=False)
        barcode(table)
    st.subheader(_("Rate against distortion"), anchor=False)
    rate_distortion(lab, table)


@torch.no_grad()
def one_picture(found: Trained, key: str) -> None:
    """μ, σ, ε and z of one held-out picture, and what each costs."""
    model, knobs = found.study.model, found.knobs
    assert isinstance(model, Continuous)
    x_MX, label_M = held_out(found.study, 100)
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        row = st.slider(_("Held-out picture"), 1, len(x_MX), key=f"{key}.row") - 1
    with right:
        if st.button(_("Draw ε again"), key=f"{key}.draw", icon=":material/casino:", width="stretch"):
            st.session_state[f"{key}.draws"] = st.session_state.get(f"{key}.draws", 0) + 1
    x_BX, label_B = x_MX[row : row + 1], label_M[row : row + 1]
    code = model.encode(x_BX, label_B)
    assert code.log_variance_BZ is not None
    draws = st.session_state.get(f"{key}.draws", 0)
    noise_BZ = torch.randn(code.mean_BZ.shape, generator=stream(draws, "shown noise")).to(x_BX.device)
    z_BZ = reparameterise(code.mean_BZ, code.log_variance_BZ, noise_BZ)
    kl_BZ = kl_to_prior(code.mean_BZ, code.log_variance_BZ)
    logits_BX = model.decode(z_BZ, label_B)
    cost = -float(log_likelihood(knobs.likelihood, x_BX, model.logits(z_BZ, x_BX, label_B), model.log_sigma))
    pictures, numbers = st.columns([2, 3], gap="medium")
    side = found.study.data.side
    with pictures:
        three = torch.cat((x_BX, model.decode(code.mean_BZ, label_B).sigmoid(), logits_BX.sigmoid())).cpu()
        flat = three.view(3, side, side).permute(1, 0, 2).reshape(side, 3 * side)
        alt = spoken.pictures(_("The picture x; decoded from μ; decoded from z = μ + σ·ε."), three.numpy())
        st.image(ink(flat.numpy(), 112 // side), width="stretch", alt=alt)
        st.caption(_("The picture x; decoded from μ; decoded from z = μ + σ·ε."))
    with numbers:
        order = kl_BZ[0].argsort(descending=True)[:SHOWN_DIMENSIONS].tolist()
        st.table({
            _("dimension"): [str(dimension + 1) for dimension in order],
            "μ": values(code.mean_BZ, order), "σ": values((0.5 * code.log_variance_BZ).exp(), order),
            "ε": values(noise_BZ, order), "z = μ + σ·ε": values(z_BZ, order), _("KL in nats"): values(kl_BZ, order),
        }, hide_index=True)  # fmt: skip
        st.markdown(
            _("Reconstruction {one} + KL {other} = **{total}** nats for this picture, with this ε.",
              one=cost, other=float(kl_BZ.sum()), total=cost + float(kl_BZ.sum()))
        )  # fmt: skip


def values(tensor_BZ: torch.Tensor, order: Sequence[int]) -> list[str]:
    return [shown(round(float(tensor_BZ[0, dimension]), 3)) for dimension in order]


def tightness(found: Trained) -> None:
    """-log p(x) bounded from above with more and more importance samples, each with its standard error."""
    if not found.knobs.binary and found.knobs.likelihood == "bernoulli":
        st.caption(_("Grey pictures under a Bernoulli likelihood: their numbers are costs, and no bound."))
        return
    none: tuple[Importance, ...] = ()
    known = later(("importance", found.key), lambda: tuple(importance(found.study, k, IMAGES) for k in SAMPLES), none)
    if not known:
        st.caption(_("Being estimated …"))
        return
    st.table({
        _("importance samples K"): [shown(each.samples) for each in known],
        _("−log p(x) is at most, nats"): [shown(round(each.nats, 2)) for each in known],
        _("standard error"): ["± " + shown(round(each.error, 2)) for each in known],
    }, hide_index=True)  # fmt: skip
    said = _("Over {count} held-out pictures, binarised once. K = 1 is the ELBO; more samples only tighten it.",
             count=known[0].images)  # fmt: skip
    if found.knobs.data == "mnist":
        said += " " + _("After 500 epochs on all 60,000 images {nats} was reached (published).", nats=HORIZON)
    st.caption(said)


def barcode(table: Table) -> None:
    """KL of every dimension at every recorded moment."""
    run = runs().find(table.shown.key)
    if run is None:
        return
    moments = run.moments()
    bars = later(("barcode", run.key, len(moments)), lambda: kl_history(run, moments), None)
    if bars is None:
        st.caption(_("Being read …"))
        return
    most = max(float(bars.max()), 1e-6)
    last = {str(row + 1): float(bars[row, -1]) for row in np.argsort(-bars[:, -1])}
    alt = spoken.values(_("Information per dimension over training"), {_("nats at the end, by dimension"): last})
    st.image(coloured(bars / most), width="stretch", alt=alt)
    st.caption(
        _("One row per dimension, one column per recorded moment, from step 0 to {step}. Dark: no information; bright: "
          "up to {most} nats.", step=int(moments[-1]), most=most)
    )  # fmt: skip


def kl_history(run: Run, moments: np.ndarray) -> np.ndarray:
    """(Z, T) nats at evenly many of the recorded moments."""
    chosen = moments[np.unique(np.linspace(0, len(moments) - 1, MOST_MOMENTS).astype(int))]
    found = [run.snapshot(int(step)) for step in chosen]
    return np.stack([each.arrays["kl_per_dimension"] for each in found if each is not None], 1)


def coloured(share: np.ndarray) -> Image.Image:
    """Dark blue over teal to yellow: grows in lightness, so that it reads without colour too."""
    stops = np.array([[22, 24, 60], [38, 84, 140], [40, 150, 140], [150, 205, 90], [250, 232, 90]], float)
    place = share.clip(0, 1) ** 0.6 * (len(stops) - 1)
    low = place.astype(int).clip(max=len(stops) - 2)
    mixed = stops[low] + (stops[low + 1] - stops[low]) * (place - low)[..., None]
    image = Image.fromarray(mixed.astype(np.uint8))
    return image.resize((image.width * 6, image.height * BAR_PX), Image.Resampling.NEAREST)


def rate_distortion(lab: Lab, table: Table) -> None:
    """Ten runs that differ in β alone: what they pay for the code, and what they lose of the picture."""
    assert isinstance(table.shown, LatentSpace)
    others = tuple(change for change in table.shown.changes if change[1] != "beta")
    family = [table.shown.but(beta=beta, changes=others) for beta in BETAS]
    known = [(each, run) for each in family if (run := runs().find(each.key)) is not None]
    missing = [each for each in family if all(each != one for one, _run in known)]
    if missing and st.button(
        _("Train {count} values of β", count=len(missing)), key=f"{lab.family}.rate", icon=":material/play_arrow:"
    ):
        for each in missing:
            if lab.open(each) is None:
                break
        st.rerun()

    waiting = any(run.status().state in ("queued", *ACTIVE) for _each, run in known)

    @st.fragment(run_every=1.5 if waiting else None)
    def chart() -> None:
        points = [point for each, run in known if (point := rate(each, run)) is not None]
        if len(points) > 1:
            placed = {f"β = {shown(each)}": (rate, distortion) for each, rate, distortion in points}
            across, up = _("KL: rate, nats"), _("reconstruction: distortion, nats")
            dots(_("Rate against distortion"), across, up, placed)
        st.caption(
            _("{count} of {total} runs have numbers. On held-out pictures; β = 1 is the ELBO. A low β buys sharp "
              "pictures with an expensive code.", count=len(points), total=len(BETAS))
        )  # fmt: skip

    chart()


def rate(experiment: LatentSpace, run: Run) -> tuple[float, float, float] | None:
    """β, KL and reconstruction at the newest evaluation; None before the first."""
    columns = run.columns(["held_out_kl", "held_out_reconstruction"])
    if len(columns) < 2 or not all(len(steps) for steps, _values in columns.values()):
        return None
    return experiment.beta, float(columns["held_out_kl"][1][-1]), float(columns["held_out_reconstruction"][1][-1])
