"""The codebook of a VQ-VAE: how much of it is used, dead codes revived, and pictures painted in codes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st
import torch

from models.autoencoder import LatentSpace
from models.layers.latent_models import Discrete
from models.layers.quantiser import perplexity
from pages.parts.lab import Lab
from pages.parts.latent.trained import Trained, layers, trained
from pages.parts.pad.codes import WORDS, codes
from pages.parts.table import Table
from pages.parts.words import _, translated

PICTURES = 40
PALETTE = 72


def draw(lab: Lab, table: Table) -> None:
    """Usage, the cure, and the painter."""
    found = trained(table)
    if found is None:
        return
    usage = torch.from_numpy(found.snapshot.arrays["usage"])
    used, whole = int((usage > 0).sum()), len(usage)
    st.markdown(
        _("Over {count} held-out pictures **{used}** of {whole} codes are in use; perplexity {perplexity}.",
          count=len(found.study.probe.x_MX), used=used, whole=whole, perplexity=perplexity(usage))
    )  # fmt: skip
    assert isinstance(table.shown, LatentSpace)
    label = _("Train the twin without revival") if table.shown.revival else _("Train the twin that revives dead codes")
    other = table.shown.but(revival=not table.shown.revival)
    pressed = st.button(label, key=f"{lab.family}.revive", icon=":material/compare:")
    if pressed and lab.open(table.shown) is not None and lab.open(other) is not None:
        lab.lay(replace(table, twin=("revival", other.revival)))
    codes(scene(found), words=translated(WORDS), key=f"{lab.family}.painter")


@torch.no_grad()
def scene(found: Trained) -> dict[str, Any]:
    """What the painter needs: the decoder, the codebook, code maps of held-out pictures, and the most used codes."""
    model, probe = found.study.model, found.study.probe
    assert isinstance(model, Discrete)
    described, weights = layers(model.decoder, model.side)
    chosen_MS = model.book.nearest(model.places(probe.x_MX[:PICTURES])).view(PICTURES, -1)
    usage = torch.from_numpy(found.snapshot.arrays["usage"])
    order = usage.argsort(descending=True)
    return {
        "model": found.key, "layers": described, "weights": weights, "dims": model.dims, "side": model.side,
        "codes": model.book.codes_KD.cpu().numpy().astype("<f4").tobytes(), "maps": chosen_MS.tolist(),
        "pictures": probe.x_MX[:PICTURES].mul(255).round().int().tolist(),
        "palette": order[: min(PALETTE, max(2, int((usage > 0).sum())))].tolist(),
    }  # fmt: skip
