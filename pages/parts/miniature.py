"""A small still picture of a stored run, as SVG or PNG: what cards and galleries show of it."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from models.experiment import Experiment, Snapshot

SIDE = 220
DOTS = 350


def miniature(experiment: Experiment, snapshot: Snapshot) -> str:
    """An `<img>`- or `<svg>`-string drawn from the snapshot's own arrays; empty where none of them is a picture."""
    arrays = snapshot.arrays
    if "images" in arrays:
        return sheet(arrays["images"])
    if "samples" in arrays and "surface" in arrays:
        extent = getattr(experiment, "plane")().extent  # noqa: B009
        return plane(arrays.get("samples_ema", arrays["samples"]), arrays["surface"], extent)
    return ""


def sheet(images: np.ndarray, columns: int = 8) -> str:
    """The first 64 square images (N, side²) uint8 as one picture."""
    side = int(images.shape[1] ** 0.5)
    grid = images[: columns * columns].reshape(columns, columns, side, side).transpose(0, 2, 1, 3)
    return image(Image.fromarray(255 - grid.reshape(columns * side, columns * side)))


def image(picture: Image.Image) -> str:
    """A picture as an inline, decorative `<img>`."""
    packed = io.BytesIO()
    picture.resize((SIDE, SIDE), Image.Resampling.NEAREST).save(packed, "PNG")
    data = base64.b64encode(packed.getvalue()).decode()
    return f'<img alt="" style="width:100%;border-radius:8px;display:block" src="data:image/png;base64,{data}">'


def plane(samples: np.ndarray, surface: np.ndarray, extent: tuple[float, float, float, float]) -> str:
    """The discriminator's surface, purple where it believes in data and orange where not, with the samples on it."""
    low, high = float(surface.min()), float(surface.max())
    belief = ((surface[::-1] - low) / (high - low or 1))[..., None]
    ends = np.array([[253, 231, 208], [255, 255, 255], [222, 216, 246]], float)
    mixed = np.where(belief < 0.5, ends[0] + (ends[1] - ends[0]) * belief * 2, ends[1] + (ends[2] - ends[1]) * (belief * 2 - 1))
    back = Image.fromarray(mixed.astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    x0, x1, y0, y1 = extent
    at = (samples[:DOTS] - [x0, y0]) / [x1 - x0, y1 - y0]
    inside = np.isfinite(at).all(1) & (at >= 0).all(1) & (at <= 1).all(1)
    packed = io.BytesIO()
    back.save(packed, "PNG")
    data = base64.b64encode(packed.getvalue()).decode()
    dots = "".join(f'<circle cx="{x * SIDE:.1f}" cy="{(1 - y) * SIDE:.1f}" r="2"/>' for x, y in at[inside])
    return (
        f'<svg viewBox="0 0 {SIDE} {SIDE}" aria-hidden="true" style="width:100%;border-radius:8px;display:block">'
        f'<image href="data:image/png;base64,{data}" width="{SIDE}" height="{SIDE}"/>'
        f'<g fill="#4a3bb0" fill-opacity=".75">{dots}</g></svg>'
    )
