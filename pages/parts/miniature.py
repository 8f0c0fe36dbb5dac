"""A small still picture of a stored run: what cards and galleries show of it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from models.experiment import Experiment, Snapshot

SIDE = 240
FINER = 3
"""Dots are drawn this much larger and then shrunk, which smooths their edges."""
DOTS = 350
REAL, NEUTRAL, FAKE = np.array([[205, 224, 243], [255, 255, 255], [250, 224, 198]], float)
DOT = (196, 78, 12)


def miniature(experiment: Experiment, snapshot: Snapshot) -> Image.Image | None:
    """A square picture drawn from the snapshot's own arrays; None where none of them is a picture."""
    arrays = snapshot.arrays
    if "images" in arrays:
        return sheet(arrays["images"])
    if "samples" in arrays and "surface" in arrays:
        extent = getattr(experiment, "plane")().extent  # noqa: B009
        return plane(arrays.get("samples_ema", arrays["samples"]), arrays["surface"], extent)
    return None


def sheet(images: np.ndarray, columns: int = 8) -> Image.Image:
    """The first 64 square images (N, side²) uint8 as one picture."""
    side = int(images.shape[1] ** 0.5)
    grid = images[: columns * columns].reshape(columns, columns, side, side).transpose(0, 2, 1, 3)
    whole = Image.fromarray(255 - grid.reshape(columns * side, columns * side))
    return whole.resize((SIDE, SIDE), Image.Resampling.NEAREST)


def plane(samples: np.ndarray, surface: np.ndarray, extent: tuple[float, float, float, float]) -> Image.Image:
    """The discriminator's surface, blue where it believes in data and orange where not, with the samples on it."""
    span = float(np.abs(surface - surface.mean()).max()) or 1.0
    belief = ((surface[::-1] - surface.mean()) / span)[..., None]
    mixed = np.where(belief > 0, NEUTRAL + (REAL - NEUTRAL) * belief, NEUTRAL - (FAKE - NEUTRAL) * belief)
    side = SIDE * FINER
    picture = Image.fromarray(mixed.clip(0, 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    x0, x1, y0, y1 = extent
    at = (samples[:DOTS] - [x0, y0]) / [x1 - x0, y1 - y0]
    radius = 2.1 * FINER
    for x, y in at[np.isfinite(at).all(1)]:
        draw.ellipse((x * side - radius, (1 - y) * side - radius, x * side + radius, (1 - y) * side + radius), fill=DOT)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
