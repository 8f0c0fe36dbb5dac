"""Known factors: which latent number tells what of a sprite, in three published scores and one map."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch

from models.metrics.factors import Disentanglement, disentanglement
from pages.parts.lab import Lab
from pages.parts.latent.trained import Trained, trained
from pages.parts.later import later
from pages.parts.table import Table
from pages.parts.words import _, shown

PICTURES = 3000
LEAST_REACH = 0.2
"""What the darkest shade means at the least: noise stays pale."""


def draw(lab: Lab, table: Table) -> None:
    """The scores and the map of factor against latent number."""
    found = trained(table)
    if found is None:
        return
    st.markdown(
        _(
            "Every sprite is made from a shape, a scale, an angle and a place, and nothing else. A perfect code has "
            "one number for each; a turned one mixes them and is as good for reconstruction."
        )
    )
    known: Disentanglement | None = later(("factors", found.key), lambda: measured(found), None)
    if known is None:
        st.caption(_("Being measured …"))
        return
    scores = {
        _("MIG"): known.mig, _("SAP"): known.sap, _("DCI: disentanglement"): known.disentanglement,
        _("DCI: completeness"): known.completeness, _("DCI: informativeness"): known.informativeness,
    }  # fmt: skip
    for place, (name, score) in zip(st.columns(len(scores)), scores.items(), strict=True):
        place.metric(name, shown(round(score, 3)))
    st.caption(_("1 is a perfect code, 0 is noise. Over {count} sprites.", count=PICTURES))
    st.markdown("**" + _("What each latent number knows of each factor, as a share of its entropy") + "**")
    heat(found, known.information_ZF)


@torch.no_grad()
def measured(found: Trained) -> Disentanglement:
    """The scores of the posterior means of sprites to learn from."""
    study = found.study
    factors = study.data.factor_NF
    assert factors is not None
    label = study.data.train_label_N[:PICTURES].to(study.where)
    mean_NZ = study.model.encode(study.data.train_NX[:PICTURES].to(study.where), label).mean_BZ
    return disentanglement(mean_NZ.double().cpu().numpy(), factors[:PICTURES].numpy())


def heat(found: Trained, share_ZF: np.ndarray) -> None:
    """The matrix as a table whose cells are as dark as their numbers are large."""
    names = {
        "shape": _("shape"), "scale": _("scale"), "angle": _("angle"), "x": _("place x"), "y": _("place y"),
    }  # fmt: skip
    titles = [names[name] for name in found.study.data.factors]
    rows = [f"z{latent + 1}" for latent in range(len(share_ZF))]
    shaded(rows, titles, share_ZF, reach=max(LEAST_REACH, float(share_ZF.max())))


def shaded(rows: list[str], titles: list[str], matrix: np.ndarray, reach: float = 1.0) -> None:
    """A small matrix in words and shades: blue for more, orange for less, the number always written."""
    head = "".join(f"<th scope='col'>{title}</th>" for title in titles)
    body = ""
    for name, values in zip(rows, matrix, strict=True):
        cells = ""
        for value in values:
            colour = "33, 102, 172" if value >= 0 else "212, 102, 15"
            strength = min(1.0, abs(float(value)) / reach) * 0.65
            text = shown(round(float(value), 2) + 0.0)
            cells += f"<td style='background: rgba({colour}, {strength:.2f}); padding: 6px 14px'>{text}</td>"
        body += f"<tr><th scope='row' style='padding: 6px 14px'>{name}</th>{cells}</tr>"
    st.html(
        f"<div style='overflow-x: auto'><table style='border-collapse: collapse; text-align: right'>"
        f"<tr><td></td>{head}</tr>{body}</table></div>"
    )
