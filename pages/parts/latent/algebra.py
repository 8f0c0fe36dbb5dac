"""Attribute algebra: directions that stand for something visible, what else they change, and a − b + c."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st
import torch
from PIL import Image
from torch import Tensor

from models.metrics.attributes import ATTRIBUTES, METHODS, Method, attributes, directions, leakage
from pages.parts import spoken
from pages.parts.lab import Lab
from pages.parts.latent.factors import shaded
from pages.parts.latent.studio import ink, means
from pages.parts.latent.trained import Trained, trained
from pages.parts.later import later
from pages.parts.table import Table
from pages.parts.words import _, language

WALK = 9
SIGMAS = 2.0
NEIGHBOURS = 6
LEAKED_OVER = 300
"""Held-out pictures that the leakage is a mean over."""


def draw(lab: Lab, table: Table) -> None:
    """Directions and their leakage; then arithmetic with pictures."""
    found = trained(table)
    if found is None:
        return
    key = f"{lab.family}.algebra"
    said: dict[Method, str] = {
        "means": _("difference of means"), "logistic": _("logistic regression"), "principal": _("principal directions"),
    }  # fmt: skip
    method = st.segmented_control(
        _("Directions by"), METHODS, default="means", format_func=said.__getitem__, key=f"{key}.method.{language()}"
    )
    code_NZ = means(found)
    way_DZ, table_DA = later(("directions", found.key, method), lambda: walked(found, method or "means"), (None, None))
    if way_DZ is None:
        st.caption(_("Being measured …"))
        return
    walks, matrix = st.columns([3, 2], gap="large")
    names = attribute_names()
    rows = names if method != "principal" else [_("direction {number}", number=row + 1) for row in range(len(way_DZ))]
    with walks:
        row = st.slider(_("Held-out picture"), 1, len(code_NZ), key=f"{key}.row") - 1
        decode = told_decoder(found, row)
        for name, way_Z in zip(rows, way_DZ, strict=True):
            st.caption(_("{what}: from −2σ to +2σ along its direction", what=f"**{name}**"))
            step_W1 = torch.linspace(-SIGMAS, SIGMAS, WALK)[:, None] * (code_NZ @ way_Z).std()
            walk_WX = decode(code_NZ[row] + step_W1 * way_Z)
            st.image(film(found, walk_WX), width="stretch", alt=spoken.pictures(f"{name}.", walk_WX.numpy()))
    with matrix:
        st.markdown("**" + _("What else changed: the leakage") + "**")
        shaded(rows, names, table_DA.numpy(), reach=1.5)
        st.caption(
            _("Row: one standard deviation along a direction. Column: the change of each attribute, measured on the "
              "decoded pixels, in standard deviations of real pictures. A clean direction has only its diagonal.")
        )  # fmt: skip
    arithmetic(found, code_NZ, key)


def attribute_names() -> list[str]:
    names = {"ink": _("ink"), "width": _("breadth"), "height": _("height"), "slant": _("slant")}
    return [names[name] for name in ATTRIBUTES]


def walked(found: Trained, method: Method) -> tuple[Tensor, Tensor]:
    """Directions (D, Z) from the held-out codes, and their leakage (D, A)."""
    data, code_NZ = found.study.data, means(found)
    attribute_NA = attributes(data.test_MX[: len(code_NZ)], data.side)
    way_DZ = directions(method, code_NZ, attribute_NA)
    few = slice(0, LEAKED_OVER)
    label = data.test_label_M[few]
    table_DA = leakage(way_DZ, code_NZ[few], attribute_NA[few], decoder_for(found, label), data.side)
    return way_DZ, table_DA


def decoder_for(found: Trained, label_N: Tensor) -> Callable[[Tensor], Tensor]:
    """Codes → pictures, each told its own class where the model wants one."""
    model, where = found.study.model, found.study.where

    @torch.no_grad()
    def decode(z_NZ: Tensor) -> Tensor:
        return model.decode(z_NZ.to(where), label_N.to(where)).sigmoid().cpu()

    return decode


def told_decoder(found: Trained, row: int) -> Callable[[Tensor], Tensor]:
    """Codes → pictures of the class of one held-out picture."""
    label = found.study.data.test_label_M[row]
    return lambda z_NZ: decoder_for(found, label.expand(len(z_NZ)))(z_NZ)


def film(found: Trained, picture_NX: Tensor) -> Image.Image:
    """Pictures side by side."""
    side = found.study.data.side
    flat = picture_NX.view(-1, side, side).permute(1, 0, 2).reshape(side, -1)
    return ink(np.asarray(flat), 56 // side + 1)


def arithmetic(found: Trained, code_NZ: Tensor, key: str) -> None:
    """a − b + c on codes, decoded, with the real pictures whose codes lie nearest."""
    st.markdown("**" + _("a − b + c") + "**")
    places = st.columns(3)
    chosen = []
    for place, letter, start in zip(places, "abc", (1, 2, 3), strict=True):
        with place:
            row = st.number_input(
                _("Picture {letter}", letter=letter), 1, len(code_NZ), value=start, key=f"{key}.{letter}"
            )
            chosen.append(int(row) - 1)
    a, b, c = chosen
    z_Z = code_NZ[a] - code_NZ[b] + code_NZ[c]
    real_MX = found.study.data.test_MX[: len(code_NZ)]
    near = (code_NZ - z_Z).norm(dim=1).argsort()[:NEIGHBOURS]
    made_1X = told_decoder(found, c)(z_Z[None])
    left, right = st.columns([4, 6], gap="medium")
    with left:
        four, said = torch.cat((real_MX[chosen], made_1X)), _("a, b, c, and the decoded a − b + c")
        st.image(film(found, four), width="stretch", alt=spoken.pictures(f"{said}.", four.cpu().numpy()))
        st.caption(said)
    with right:
        said = _("The real held-out pictures whose codes lie nearest to it")
        st.image(
            film(found, real_MX[near]), width="stretch", alt=spoken.pictures(f"{said}.", real_MX[near].cpu().numpy())
        )
        st.caption(said)
