"""The trained players behind the tabs: the checkpoint nearest to the step that is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image
from torch import Tensor

from models.image_gan import ImageGan
from models.layers.image_gan.duel import Duel
from models.layers.image_gan.generators import DcGenerator, MlpGenerator, StyleGenerator
from pages.parts.latent.studio import ink
from pages.parts.nearest import nearest
from pages.parts.table import Table
from state.runs import runs


@dataclass(frozen=True)
class Trained:
    """Players as they were at a checkpoint; the tabs show the average of G."""

    duel: Duel
    step: int
    key: str

    @property
    def knobs(self) -> ImageGan:
        return self.duel.knobs

    @property
    def generator(self) -> MlpGenerator | DcGenerator | StyleGenerator:
        return self.duel.average

    @property
    def side(self) -> int:
        return self.duel.side


@st.cache_resource(max_entries=6, show_spinner=False)
def _revived(key: str, step: int) -> Trained | None:
    """The checkpoint of exactly this step; None where it is not to be had any more."""
    run = runs().find(key)
    checkpoint = run.checkpoint(step) if run else None
    if run is None or checkpoint is None or not isinstance(run.experiment, ImageGan):
        return None
    return Trained(run.experiment.revive(checkpoint), checkpoint.step, f"{key}.{checkpoint.step}")


def trained(table: Table) -> Trained | None:
    """The players at the step that is looked at, or a little before; says so where there are none yet."""
    return nearest(table, _revived)


def sheet(x_NX: Tensor, side: int, columns: int, room: int = 700) -> Image.Image:
    """Pictures row by row on one sheet, a whole number of screen pixels per pixel."""
    rows = len(x_NX) // columns
    gap = x_NX.new_zeros(rows, columns, side + 1, side + 1)
    gap[..., :side, :side] = x_NX[: rows * columns].view(rows, columns, side, side)
    flat = gap.permute(0, 2, 1, 3).reshape(rows * (side + 1), columns * (side + 1))
    return ink(np.asarray(flat.cpu()), max(1, room // (columns * (side + 1))))
