"""Your own picture: draw it, let the encoder guess its code, then search for a better one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st
import torch
from PIL import Image
from torch import Tensor

from models.data.drawing import from_hex
from models.layers.inversion import invert
from models.layers.latent_models import Continuous
from pages.parts.brush import WORDS as BRUSH_WORDS
from pages.parts.brush import brush
from pages.parts.lab import Lab
from pages.parts.latent.algebra import film
from pages.parts.latent.panels import class_names
from pages.parts.latent.trained import Trained, trained
from pages.parts.table import Table
from pages.parts.words import _, translated

CELLS = 32
FILLED = 0.72
"""Share of the side that the longer side of a drawing fills: as the 20 of 28 pixels of MNIST."""
SHOWN = (0, 2, 5, 10, 20, 50, 150)


def draw(lab: Lab, table: Table) -> None:
    """The brush, what becomes of the drawing, and the search."""
    found = trained(table)
    if found is None:
        return
    key = f"{lab.family}.own"
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.caption(_("Draw a picture of the kind that the model knows."))
        result = brush("0" * CELLS**2, words=translated(BRUSH_WORDS), key=f"{key}.brush", on_levels=lambda: None)
        label = told_class(found, key)
    with right:
        picture_1X = drawn(result, found.study.data.side)
        if picture_1X is None:
            st.info(_("Nothing is drawn yet."), icon=":material/brush:")
        else:
            search(found, picture_1X, label)


def told_class(found: Trained, key: str) -> Tensor | None:
    """The class that a conditional model must be told."""
    if not found.study.model.classes:
        return None
    names = class_names(found.knobs)
    chosen = st.selectbox(
        _("Class"), range(len(names)), format_func=names.__getitem__, key=f"{key}.class", filter_mode=None
    )
    return torch.tensor([chosen])


def drawn(result: Mapping[str, object], side: int) -> Tensor | None:
    """The drawing (1, X) in 0 … 1, scaled and centred like the pictures of the sets; None where there is none."""
    text = result.get("levels")
    if not isinstance(text, str):
        return None
    try:
        levels = from_hex(text)
    except ValueError:
        return None
    grey = np.asarray(levels, float) / max(float(levels.max()), 1.0)
    rows, columns = np.nonzero(grey > 0)
    if len(rows) < 2:
        return None
    cut = grey[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = FILLED * side / max(cut.shape)
    high, wide = (max(1, round(scale * length)) for length in cut.shape)
    small = np.asarray(Image.fromarray((255 * cut).astype(np.uint8)).resize((wide, high), Image.Resampling.BOX)) / 255
    page = np.zeros((side, side))
    # Centred by mass, as MNIST's digits are, but never beyond the edge.
    middle = [float((small.sum(1 - axis) @ np.arange(small.shape[axis])) / small.sum()) for axis in (0, 1)]
    top, start = (
        int(np.clip(round(side / 2 - 0.5 - mass), 0, side - length))
        for mass, length in zip(middle, small.shape, strict=True)
    )
    page[top : top + high, start : start + wide] = small
    return torch.from_numpy(page / max(page.max(), 1e-6)).float().view(1, -1)


def search(found: Trained, x_1X: Tensor, label_1: Tensor | None) -> None:
    """The encoder's guess, the descent, and what both cost."""
    study = found.study
    model, where = study.model, study.where
    assert isinstance(model, Continuous)
    x_1X, label_1 = x_1X.to(where), None if label_1 is None else label_1.to(where)
    with torch.no_grad():
        start_1Z = model.encode(x_1X, label_1).mean_BZ
    way = invert(model, found.knobs.likelihood, x_1X, start_1Z, label_1, prior=float(found.knobs.has_prior))
    stops = [step for step in SHOWN if step < len(way.losses)]
    with torch.no_grad():
        label_S = None if label_1 is None else label_1.expand(len(stops))
        picture_SX = model.decode(way.codes_SZ[stops], label_S).sigmoid()
    st.image(film(found, torch.cat((x_1X, picture_SX)).cpu()), width="stretch")
    st.caption(
        _("Your picture; decoded from the encoder's guess; then after {steps} steps of descent.",
          steps=", ".join(map(str, stops[1:])))
    )  # fmt: skip
    st.markdown(
        _("The encoder's guess costs {first} nats, the best code found {best}.", first=way.losses[0],
          best=way.losses[way.best])
    )  # fmt: skip
    columns = {_("step"): list(range(len(way.losses))), _("cost in nats"): list(way.losses)}
    st.line_chart(columns, x=_("step"), height=220)
