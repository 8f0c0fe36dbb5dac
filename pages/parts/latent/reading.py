"""Code or chance: what a decoder that also reads takes from the code, seen by drawing many codes with one chance."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch
from PIL import Image
from torch import Tensor

from models.layers.latent_models import Continuous
from models.metrics.bounds import decided_by_code
from models.running import stream
from pages.parts.lab import Lab
from pages.parts.latent.studio import ink
from pages.parts.latent.trained import Trained, trained
from pages.parts.later import later
from pages.parts.table import Table
from pages.parts.words import _, percent

CODES, DRAWS = 8, 10
MEASURED_CODES, MEASURED_DRAWS = 60, 30
GAP = 1


def draw(lab: Lab, table: Table) -> None:
    """The table of codes and draws, and the share that the code decides."""
    found = trained(table)
    if found is None:
        return
    st.markdown(
        _("This decoder draws pixel by pixel and reads what it has drawn. Below, every row is the code of one held-out "
          "picture, every column one draw of chance, the same for all rows. If the code is dead, all rows are alike.")
    )  # fmt: skip
    key = f"{lab.family}.reading"
    known: float | None = later(("decided", found.key), lambda: decided(found), None)
    grid, words = st.columns([3, 2], gap="large")
    with words:
        if known is None:
            st.caption(_("Being measured …"))
        else:
            st.metric(_("Decided by the code"), percent(known))
            st.caption(
                _("Share of the pictures' variance, over {codes} codes with {draws} draws each; chance decides the "
                  "rest.", codes=MEASURED_CODES, draws=MEASURED_DRAWS)
            )  # fmt: skip
        if st.button(_("Draw chance again"), key=f"{key}.again", icon=":material/casino:"):
            st.session_state[f"{key}.turn"] = st.session_state.get(f"{key}.turn", 0) + 1
    with grid:
        said = _("Left: the held-out pictures. Then {draws} draws from the code of each.", draws=DRAWS)
        alt = said if known is None else f"{said} {_('Decided by the code')}: {percent(known)}."
        st.image(table_of(found, st.session_state.get(f"{key}.turn", 0)), width="stretch", alt=alt)
        st.caption(said)


def chances(found: Trained, draws: int, turn: int) -> Tensor:
    """(draws, X) in 0 … 1, by which pixels become black or white."""
    return torch.rand(draws, found.study.data.side**2, generator=stream(turn, "shown chance")).to(found.study.where)


@torch.no_grad()
def table_of(found: Trained, turn: int) -> Image.Image:
    """One row per held-out picture: the picture, a gap, and its code drawn with every chance."""
    model, probe, side = found.study.model, found.study.probe, found.study.data.side
    assert isinstance(model, Continuous)
    x_CX, label_C = probe.x_MX[:CODES], probe.label_M[:CODES]
    code_CZ = model.encode(x_CX, label_C).mean_BZ
    label_N, chance_NX = label_C.repeat_interleave(DRAWS), chances(found, DRAWS, turn).repeat(CODES, 1)
    drawn_NX = model.decode(code_CZ.repeat_interleave(DRAWS, 0), label_N, chance_NX).sigmoid()
    page = np.zeros((CODES * (side + GAP) - GAP, (DRAWS + 1) * (side + GAP) + side // 2))
    for row in range(CODES):
        top = row * (side + GAP)
        pictures = [x_CX[row], *drawn_NX[row * DRAWS : (row + 1) * DRAWS]]
        for column, picture_X in enumerate(pictures):
            left = column * (side + GAP) + (side // 2 if column else 0)
            page[top : top + side, left : left + side] = picture_X.view(side, side).cpu().numpy()
    return ink(page, 56 // side)


def decided(found: Trained) -> float:
    """The share of variance that the code decides."""
    model, probe = found.study.model, found.study.probe
    assert isinstance(model, Continuous)
    x_CX, label_C = probe.x_MX[:MEASURED_CODES], probe.label_M[:MEASURED_CODES]
    with torch.no_grad():
        code_CZ = model.encode(x_CX, label_C).mean_BZ
    return decided_by_code(model, code_CZ, label_C, chances(found, MEASURED_DRAWS, 0))
