"""The trained model behind the tabs: the checkpoint nearest to the step that is looked at, and its map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
import torch
from torch import nn

from models.autoencoder import LatentSpace
from models.experiment import Snapshot
from models.layers.autoencoding import Autoencoding
from models.layers.latent_models import Continuous
from models.layers.latent_picture import active, axes_of
from pages.parts.latent.panels import class_names
from pages.parts.nearest import nearest
from pages.parts.table import Table
from state.runs import runs

MOST_SLIDERS = 10
SLIDER_SIGMAS = 2.5


@dataclass(frozen=True)
class Trained:
    """A model as it was at a checkpoint, with the picture of that very moment."""

    study: Autoencoding
    snapshot: Snapshot
    key: str

    @property
    def step(self) -> int:
        return self.snapshot.step

    @property
    def knobs(self) -> LatentSpace:
        return self.study.knobs


@st.cache_resource(max_entries=6, show_spinner=False)
def _revived(key: str, step: int) -> Trained | None:
    """The checkpoint of exactly this step; None where it is not to be had any more."""
    run = runs().find(key)
    checkpoint = run.checkpoint(step) if run else None
    if run is None or checkpoint is None or not isinstance(run.experiment, LatentSpace):
        return None
    study = run.experiment.revive(checkpoint)
    return Trained(study, study.snapshot(checkpoint.step), f"{key}.{checkpoint.step}")


def trained(table: Table) -> Trained | None:
    """The model at the step that is looked at, or a little before; says so where there is none yet."""
    return nearest(table, _revived)


def layers(decoder: nn.Module, side: int) -> tuple[list[dict[str, Any]], bytes]:
    """The decoder layer by layer, and all its weights in that order, for the browser's forward pass.

    `side` is that of the first map which a convolution reads.
    """
    described: list[dict[str, Any]] = []
    parts: list[np.ndarray] = []
    for module in decoder.modules():
        if isinstance(module, nn.ReLU):
            described[-1]["relu"] = True
        if not isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            continue
        assert module.bias is not None
        weight, bias = (part.detach().cpu().numpy() for part in (module.weight, module.bias))
        parts += [weight.ravel(), bias]
        up, around = isinstance(module, nn.ConvTranspose2d), isinstance(module, nn.Conv2d)
        kind = "up" if up else "around" if around else "linear"
        entry = {"kind": kind, "weights": weight.size, "biases": bias.size, "relu": False}
        described.append({**entry, "out": bias.size, "side": side})
        side *= 2 if kind == "up" else 1
    return described, np.concatenate(parts).astype("<f4").tobytes()


@torch.no_grad()
def scene(found: Trained, axes: bool = False) -> dict[str, Any]:
    """What the pad needs of a continuous model: map, decoder, and how far each latent number reaches.

    With `axes` the map is the plane of the two most active latent numbers, else that of the recorded picture.
    """
    model, arrays = found.study.model, found.snapshot.arrays
    assert isinstance(model, Continuous)
    described, weights = layers(model.decoder, found.study.data.side // 4)
    code = model.encode(found.study.probe.x_MX, found.study.probe.label_M)
    spread_Z = code.mean_BZ.std(0)
    reach_Z = torch.maximum(SLIDER_SIGMAS * spread_Z + code.mean_BZ.mean(0).abs(), torch.tensor(1.0))
    if found.knobs.has_prior:
        reach_Z = reach_Z.clamp(min=SLIDER_SIGMAS)
    spread, plane, codes = arrays.get("spread"), torch.from_numpy(arrays["plane"]), arrays["codes"]
    if axes:
        plane = axes_of(code.mean_BZ, active(code)).cpu()
        spread, codes = arrays.get("active_spread"), arrays["active_codes"]
    return {
        "model": f"{found.key}{'.axes' * axes}", "layers": described, "weights": weights, "latent": model.latent,
        "classes": model.classes, "side": found.study.data.side, "plane": plane.tolist(), "codes": codes.tolist(),
        "labels": arrays["labels"].tolist(), "spread": None if spread is None else spread.tolist(),
        "names": class_names(found.knobs), "prior": found.knobs.has_prior and (axes or model.latent == 2),
        "order": sorted(spread_Z.argsort(descending=True)[:MOST_SLIDERS].tolist()), "reach": reach_Z.tolist(),
    }  # fmt: skip
