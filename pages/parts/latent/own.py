"""Your own picture: draw or upload it, let the encoder guess its code, then watch the search for a better one."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import streamlit as st
import torch
from PIL import Image
from torch import Tensor

from models.data.drawing import from_hex
from models.layers.inversion import Inversion, invert
from models.layers.latent_models import Continuous
from models.layers.latent_picture import pixels
from pages.parts.brush import WORDS as BRUSH_WORDS
from pages.parts.brush import brush
from pages.parts.lab import Lab
from pages.parts.latent.panels import class_names
from pages.parts.latent.trained import Trained, trained
from pages.parts.latent.uploaded import MOST_BYTES, Unreadable, ink
from pages.parts.pad.descent import WORDS, descent
from pages.parts.table import Table
from pages.parts.words import _, language, translated

CELLS = 32
FILLED = {"digits": 1.0, "mnist": 20 / 28, "fashion": 1.0, "sketches": 1.0, "sprites": 0.42}
"""Share of the side that the longer side of a picture fills, by its set: medians of the pictures to learn from."""
Start = Literal["encoder", "middle", "chance"]
STARTS: tuple[Start, ...] = ("encoder", "middle", "chance")


def draw(lab: Lab, table: Table) -> None:
    """The brush or a file, what becomes of the picture, and the search."""
    found = trained(table)
    if found is None:
        return
    key = f"{lab.family}.own"
    left, right = st.columns([2, 5], gap="large")
    with left:
        picture_1X = given(found, key)
        label = told_class(found, key)
    with right:
        if picture_1X is None:
            st.info(_("There is no picture yet: draw one, or choose a file."), icon=":material/brush:")
        else:
            search(found, picture_1X, label, key)


def given(found: Trained, key: str) -> Tensor | None:
    """The visitor's picture (1, X), drawn or uploaded; None where there is none. Says what is wrong with a file."""
    ways = {"draw": _("Draw it"), "upload": _("Upload it")}
    way = st.segmented_control(
        _("Where your picture comes from"), list(ways), default="draw", format_func=ways.__getitem__,
        key=f"{key}.way.{language()}", label_visibility="collapsed",
    )  # fmt: skip
    side, filled = found.study.data.side, FILLED[found.knobs.data]
    if way != "upload":
        st.caption(_("Draw a picture of the kind that the model knows."))
        result = brush("0" * CELLS**2, words=translated(BRUSH_WORDS), key=f"{key}.brush", on_levels=lambda: None)
        return drawn(result, side, filled)
    most = MOST_BYTES // 1_000_000
    file = st.file_uploader(
        _("A PNG or JPEG picture, at most {most} MB: one thing, dark on light or light on dark.", most=most),
        type=["png", "jpg", "jpeg"], key=f"{key}.file", max_upload_size=most,
    )  # fmt: skip
    if file is None:
        return None
    try:
        return fitted(ink(file.getvalue()), side, filled)
    except Unreadable as error:
        st.error(str(error), icon=":material/broken_image:")
        return None


def told_class(found: Trained, key: str) -> Tensor | None:
    """The class that a conditional model must be told."""
    if not found.study.model.classes:
        return None
    names = class_names(found.knobs)
    chosen = st.selectbox(
        _("Class"), range(len(names)), format_func=names.__getitem__, key=f"{key}.class", filter_mode=None
    )
    return torch.tensor([chosen])


def drawn(result: Mapping[str, object], side: int, filled: float) -> Tensor | None:
    """The drawing (1, X) in 0 … 1; None where there is none."""
    text = result.get("levels")
    if not isinstance(text, str):
        return None
    try:
        levels = from_hex(text)
    except ValueError:
        return None
    return fitted(np.asarray(levels, float) / max(float(levels.max()), 1.0), side, filled)


def fitted(grey: np.ndarray, side: int, filled: float) -> Tensor | None:
    """Ink (h, w) as a picture (1, X) in 0 … 1, scaled and centred like those of the sets; None where there is none."""
    rows, columns = np.nonzero(grey > 0)
    if len(rows) < 2:
        return None
    cut = grey[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = filled * side / max(cut.shape)
    high, wide = (min(side, max(1, round(scale * length))) for length in cut.shape)
    small = np.asarray(Image.fromarray((255 * cut).astype(np.uint8)).resize((wide, high), Image.Resampling.BOX)) / 255
    page, total = np.zeros((side, side)), max(float(small.sum()), 1e-9)
    # Centred by mass, as MNIST's digits are, but never beyond the edge.
    middle = [float((small.sum(1 - axis) @ np.arange(small.shape[axis])) / total) for axis in (0, 1)]
    top, start = (
        int(np.clip(round(side / 2 - 0.5 - mass), 0, side - length))
        for mass, length in zip(middle, small.shape, strict=True)
    )
    page[top : top + high, start : start + wide] = small
    return torch.from_numpy(page / max(page.max(), 1e-6)).float().view(1, -1)


def search(found: Trained, x_1X: Tensor, label_1: Tensor | None, key: str) -> None:
    """The encoder's guess, the descent as a film, and what both cost."""
    names: dict[Start, str] = {
        "encoder": _("the encoder's guess"), "middle": _("the middle of the map"), "chance": _("a place by chance"),
    }  # fmt: skip
    start: Start | None = st.segmented_control(
        _("Where the descent begins"), STARTS, default="encoder", format_func=names.__getitem__,
        key=f"{key}.start.{language()}",
    )  # fmt: skip
    x_1X, label_1 = x_1X.to(found.study.where), None if label_1 is None else label_1.to(found.study.where)
    guess = descended(found, x_1X, label_1, "encoder")
    way = guess if start is None or start == "encoder" else descended(found, x_1X, label_1, start)
    descent(film_of(found, x_1X, label_1, way), words={**translated(WORDS), "locale": language()}, key=f"{key}.film")
    st.markdown(
        _("The encoder's guess costs {first} nats, the best code found {best}.", first=guess.losses[0],
          best=way.losses[way.best])
    )  # fmt: skip
    st.caption(
        _("An encoder answers in one pass; the descent moves the code itself, step by step, towards a picture like "
          "yours (and, where there is a prior, towards the middle). What no code can draw, remains.")
    )  # fmt: skip


def descended(found: Trained, x_1X: Tensor, label_1: Tensor | None, start: Start) -> Inversion:
    """The search from one of its beginnings."""
    model = found.study.model
    assert isinstance(model, Continuous)
    with torch.no_grad():
        begin_1Z = model.encode(x_1X, label_1).mean_BZ
    plane_3Z = torch.from_numpy(found.snapshot.arrays["plane"]).to(begin_1Z)
    if start == "middle":
        begin_1Z = torch.zeros_like(begin_1Z) if found.knobs.has_prior else plane_3Z[:1]
    elif start == "chance":
        codes_M2 = torch.from_numpy(found.snapshot.arrays["codes"]).to(begin_1Z)
        begin_1Z = plane_3Z[:1] + codes_M2[-1:] @ plane_3Z[1:]
    return invert(model, found.knobs.likelihood, x_1X, begin_1Z, label_1, prior=float(found.knobs.has_prior))


@torch.no_grad()
def film_of(found: Trained, x_1X: Tensor, label_1: Tensor | None, way: Inversion) -> dict[str, Any]:
    """What the film shows: the picture of every step, its cost, and the code's place on the map."""
    arrays, model = found.snapshot.arrays, found.study.model
    label_S = None if label_1 is None else label_1.expand(len(way.codes_SZ))
    plane_3Z = torch.from_numpy(arrays["plane"]).to(way.codes_SZ)
    target = x_1X.mul(255).round().to(torch.uint8).cpu().numpy().tobytes()
    return {
        "film": base64.b64encode(target).decode() + f"{found.key}{way.losses[0]}", "side": found.study.data.side,
        "target": target, "pictures": pixels(model.decode(way.codes_SZ, label_S)).cpu().numpy().tobytes(),
        "losses": list(way.losses), "places": ((way.codes_SZ - plane_3Z[0]) @ plane_3Z[1:].T).tolist(),
        "codes": arrays["codes"].tolist(), "labels": arrays["labels"].tolist(), "names": class_names(found.knobs),
        "prior": found.knobs.has_prior and model.latent == 2,
    }  # fmt: skip
