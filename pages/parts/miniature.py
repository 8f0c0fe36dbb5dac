"""A small still picture of a stored run: what cards and galleries show of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from models.attention import AttentionTraining
from models.autoencoder import LatentSpace
from models.cycle_gan import CycleGan
from models.data.pictures import pictures
from models.experiment import Experiment, Snapshot
from models.gan import GanTraining
from models.gan_race import GanRace
from models.image_gan import ImageGan
from models.layers.positions import sinusoidal
from models.running import stream
from models.sentence_encoder import recorded
from models.transfer import FreezeLab

SIDE = 320
FINER = 3
"""Dots are drawn this much larger and then shrunk, which smooths their edges."""
DOTS = 350
LIGHT = np.array([[205, 224, 243], [255, 255, 255], [250, 224, 198], [196, 78, 12]], float)
DARK = np.array([[28, 58, 92], [24, 23, 33], [84, 50, 18], [255, 164, 84]], float)
LIGHT_WEIGHT, DARK_WEIGHT = np.array([23, 18, 74], float), np.array([200, 196, 255], float)
LIGHT_DATA, DARK_DATA = np.array([31, 90, 156], float), np.array([118, 176, 240], float)
"""Where the discriminator believes, where it cannot tell, where it does not; and the samples."""


def miniature(experiment: Experiment, snapshot: Snapshot, dark: bool) -> Image.Image | None:
    """A square picture drawn from the snapshot's own arrays; None where none of them is a picture."""
    arrays = snapshot.arrays
    if "images" in arrays:
        return sheet(arrays["images"], dark)
    if "manifold" in arrays and arrays["manifold"].ndim == 2:
        whole = len(arrays["manifold"]) == 144
        return sheet(arrays["manifold"], dark, 12) if whole else sheet(arrays["samples"], dark)
    if "agreement" in arrays:
        layer, head = np.unravel_index(int(arrays["agreement"].argmax()), arrays["agreement"].shape)
        return weights(arrays.get("maps_cross", arrays["maps_self"])[0, layer, head] / 255, dark)
    if "maps_self" in arrays:
        return weights(arrays["maps_self"][0, -1].max(0) / 255, dark)
    if "accuracy_ARS" in arrays:
        return bars(np.nanmean(arrays["accuracy_ARS"], (1, 2)), dark)
    contestants = [name for name in sorted(arrays) if name.startswith("samples_") and arrays[name].shape[1:] == (2,)]
    if contestants and "surface" not in arrays:
        return crowds([arrays[name] for name in contestants[:9]], dark)
    if "ms_full" in arrays:
        return lines(arrays["n"], [arrays[name] for name in sorted(arrays) if name.startswith("ms_")], dark)
    if "samples" in arrays and "surface" in arrays:
        extent = getattr(experiment, "plane")().extent  # noqa: B009
        return plane(arrays.get("samples_ema", arrays["samples"]), arrays["surface"], extent, DARK if dark else LIGHT)
    return None


def data_still(experiment: Experiment, dark: bool) -> Image.Image | None:
    """The data that an experiment learns from, drawn as its samples would be; None where they have no picture."""
    if isinstance(experiment, AttentionTraining):
        return weights(experiment.probe().needs_BTS[0].double().numpy(), dark)
    if isinstance(experiment, FreezeLab):
        return sheet((pictures("mnist").train_NX[:64] * 255).numpy().astype(np.uint8), dark)
    if isinstance(experiment, GanRace | CycleGan):
        points = experiment.plane().sample(2000, stream(experiment.seed, "data")).numpy()
    elif isinstance(experiment, GanTraining | LatentSpace | ImageGan):
        points = experiment.points(2000, "data").numpy()
    else:
        return None
    if points.shape[1] > 2:
        return sheet(((points + 1) * 127.5).astype(np.uint8), dark)
    real, neutral, fake, _samples = DARK if dark else LIGHT
    extent = getattr(experiment, "plane")().extent  # noqa: B009
    return plane(points, np.zeros((2, 2)), extent, np.stack((real, neutral, fake, DARK_DATA if dark else LIGHT_DATA)))


def weights(map_TS: np.ndarray, dark: bool) -> Image.Image:
    """An attention map (T, S) in 0 … 1 as one picture, as wide as it is high."""
    paper, ink = (DARK[1], DARK_WEIGHT) if dark else (LIGHT[1], LIGHT_WEIGHT)
    mixed = paper + (ink - paper) * map_TS.astype(float)[..., None] ** 0.7
    whole = Image.fromarray(mixed.clip(0, 255).astype(np.uint8))
    return whole.resize((SIDE, SIDE), Image.Resampling.NEAREST)


def lines(x_N: np.ndarray, y_KN: Sequence[np.ndarray], dark: bool) -> Image.Image:
    """Several curves over one x, both axes logarithmic, each as large as the picture allows; gaps where not finite."""
    colours = (DARK[3], DARK_DATA, DARK_WEIGHT) if dark else (LIGHT[3], LIGHT_DATA, LIGHT_WEIGHT)
    side = SIDE * FINER
    picture = Image.new("RGB", (side, side), tuple(int(part) for part in (DARK if dark else LIGHT)[1]))
    draw = ImageDraw.Draw(picture)
    every = np.concatenate([y[np.isfinite(y) & (y > 0)] for y in y_KN])
    if len(every) == 0 or len(x_N) < 2:
        return picture.resize((SIDE, SIDE))
    x0, x1 = np.log(x_N[[0, -1]])
    y0, y1 = np.log(every.min()), np.log(every.max())
    for place, y in enumerate(y_KN):
        known = np.isfinite(y) & (y > 0)
        across = 0.06 + 0.88 * (np.log(x_N[known]) - x0) / (x1 - x0)
        up = 0.94 - 0.88 * (np.log(y[known]) - y0) / max(y1 - y0, 1e-9)
        points = [(float(a) * side, float(b) * side) for a, b in zip(across, up, strict=True)]
        if len(points) > 1:
            fill = tuple(int(part) for part in colours[place % len(colours)])
            draw.line(points, fill=fill, width=3 * FINER, joint="curve")
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def sheet(images: np.ndarray, dark: bool, columns: int = 8) -> Image.Image:
    """The first 64 square images (N, side²) uint8 as one picture."""
    side = int(images.shape[1] ** 0.5)
    framed = np.pad(images[: columns * columns].reshape(-1, side, side), ((0, 0), (1, 1), (1, 1)))
    grid = framed.reshape(columns, columns, side + 2, side + 2).transpose(0, 2, 1, 3)
    flat = grid.reshape(columns * (side + 2), columns * (side + 2))
    whole = Image.fromarray(flat if dark else 255 - flat)
    return whole.resize((SIDE, SIDE), Image.Resampling.NEAREST)


def plane(
    samples: np.ndarray, surface: np.ndarray, extent: tuple[float, float, float, float], colours: np.ndarray
) -> Image.Image:
    """The discriminator's surface, blue where it believes in data and orange where not, with the samples on it."""
    real, neutral, fake, dot = colours
    span = float(np.abs(surface - surface.mean()).max()) or 1.0
    belief = ((surface[::-1] - surface.mean()) / span)[..., None]
    mixed = np.where(belief > 0, neutral + (real - neutral) * belief, neutral - (fake - neutral) * belief)
    side = SIDE * FINER
    picture = Image.fromarray(mixed.clip(0, 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    x0, x1, y0, y1 = extent
    at = (samples[:DOTS] - [x0, y0]) / [x1 - x0, y1 - y0]
    radius, fill = 2.4 * FINER, tuple(int(part) for part in dot)
    for x, y in at[np.isfinite(at).all(1)]:
        draw.ellipse(
            (x * side - radius, (1 - y) * side - radius, x * side + radius, (1 - y) * side + radius), fill=fill
        )
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def blank(dark: bool) -> Image.Image:
    """An empty picture, larger than it will be shown."""
    side = SIDE * FINER
    return Image.new("RGB", (side, side), tuple(int(part) for part in (DARK if dark else LIGHT)[1]))


def inks(dark: bool) -> list[tuple[int, ...]]:
    """The three colours of lines, bars and crowds."""
    colours = (DARK_DATA, DARK[3], DARK_WEIGHT) if dark else (LIGHT_DATA, LIGHT[3], LIGHT_WEIGHT)
    return [tuple(int(part) for part in colour) for colour in colours]


def bars(value_A: np.ndarray, dark: bool) -> Image.Image:
    """Shares as lying bars, the longest on top: each strategy of the freeze lab is one."""
    picture, side = blank(dark), SIDE * FINER
    draw, (first, second, _third) = ImageDraw.Draw(picture), inks(dark)
    ordered = np.sort(value_A[np.isfinite(value_A)])[::-1]
    height = 0.9 * side / max(len(ordered), 1)
    for place, value in enumerate(ordered):
        top = 0.05 * side + place * height
        end = 0.05 * side + 0.9 * side * float(np.clip(value, 0.02, 1))
        draw.rectangle((0.05 * side, top, end, top + 0.7 * height), fill=second if place == 0 else first)
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def crowds(samples: Sequence[np.ndarray], dark: bool) -> Image.Image:
    """Up to nine clouds of points (N, 2), each in a field of its own, all on one scale."""
    picture, side = blank(dark), SIDE * FINER
    draw, colours = ImageDraw.Draw(picture), inks(dark)
    reach = 1.05 * max(float(np.nanquantile(np.abs(part), 0.99)) for part in samples) or 1.0
    field = side / 3
    for place, points_N2 in enumerate(samples):
        left, top = field * (place % 3), field * (place // 3)
        for x, y in points_N2[np.isfinite(points_N2).all(1) & (np.abs(points_N2) < reach).all(1)]:
            across, down = left + field * (x / reach + 1) / 2, top + field * (1 - y / reach) / 2
            draw.ellipse((across - FINER, down - FINER, across + FINER, down + FINER), fill=colours[place % 3])
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def positions(dark: bool) -> Image.Image:
    """The sinusoids of 64 positions in 64 dimensions."""
    return weights((sinusoidal(64, 64).double().numpy() + 1) / 2, dark)


def sentence(dark: bool) -> Image.Image:
    """The sharpest head's map in the recorded sentence."""
    weight_LHGG = recorded().maps_LHGG.astype(float) / 255
    sharp_LH = weight_LHGG[..., 1:-1, 1:-1].max(-1).mean(-1)
    layer, head = np.unravel_index(int(sharp_LH.argmax()), sharp_LH.shape)
    return weights(weight_LHGG[layer, head], dark)


def sketches(dark: bool) -> Image.Image:
    """Sketches of ten things, as people drew them."""
    return sheet((pictures("sketches").train_NX[:64] * 255).numpy().astype(np.uint8), dark)
