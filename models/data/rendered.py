"""Digits that a typesetter drew: the faces of Streamlit's own font files, rendered, tilted, moved and scaled.

Letters: G drawings (a face in a weight, a digit), N examples, S pixels a side; images in 0 … 1, ink is 1.
Faces without digits, and icon faces, are left out. Where no such file opens (another build of Streamlit, Pillow without
FreeType), Pillow's built-in face stands in, alone; `faces()` says which were used. No font is carried here.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

DIGITS = "0123456789"
WEIGHTS = (300, 500, 800)
"""Of the variable faces, which change their weight continuously."""
CANVAS, POINT = 48, 44
ABSENT = "\U000f1234"
"""A character for private use: it shows what a face draws for what it has not."""


@cache
def faces() -> tuple[str, ...]:
    """Names of the faces, in the order of the drawings; `("Pillow",)` if no font file opens."""
    return tuple(dict.fromkeys(name for name, _font in _fonts()))


@cache
def _fonts() -> tuple[tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont], ...]:
    """Faces that have ten digits, the variable ones in each weight."""
    found: list[tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont]] = []
    for path in _files():
        try:
            fonts = _weighted(path)
        except OSError:
            continue  # Not a font that this build of Pillow opens.
        found += [(_name(font), font) for font in fonts if _has_digits(font)]
    return tuple(found) or (("Pillow", ImageFont.load_default(POINT)),)


def _files() -> list[Path]:
    """Streamlit's font files, without importing Streamlit; none if it is not installed."""
    spec = find_spec("streamlit")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return sorted(path for folder in folders for path in Path(folder, "static").rglob("*.woff2"))


def _weighted(path: Path) -> list[ImageFont.FreeTypeFont]:
    """The face as it is; a variable one once in each weight. Raises OSError if Pillow cannot open it."""
    font = ImageFont.truetype(path, POINT)
    try:
        axes = font.get_variation_axes()
    except (OSError, NotImplementedError):
        return [font]
    fonts = [ImageFont.truetype(path, POINT) for _weight in WEIGHTS]
    for variant, weight in zip(fonts, WEIGHTS, strict=True):
        variant.set_variation_by_axes([float(weight), *(float(axis["default"] or 0) for axis in axes[1:])])
    return fonts


def _name(font: ImageFont.FreeTypeFont) -> str:
    return " ".join(part for part in font.getname() if part)


def _has_digits(font: ImageFont.FreeTypeFont) -> bool:
    """Whether it has ten digits of its own; icon faces draw words as pictures, and are not asked."""
    absent = bytes(font.getmask(ABSENT))
    return "Symbols" not in _name(font) and all(bytes(font.getmask(digit)) != absent for digit in DIGITS)


@cache
def drawings() -> tuple[Tensor, Tensor]:
    """Upright digits (G, 1, 48, 48) float32, centred by their ink, and their labels (G,) int64."""
    pictures, labels = [], []
    for _name, font in _fonts():
        for label, digit in enumerate(DIGITS):
            canvas = Image.new("L", (CANVAS, CANVAS))
            left, top, right, bottom = ImageDraw.Draw(canvas).textbbox((0, 0), digit, font=font)
            corner = ((CANVAS - left - right) / 2, (CANVAS - top - bottom) / 2)
            ImageDraw.Draw(canvas).text(corner, digit, fill=255, font=font)
            pictures.append(np.asarray(canvas, dtype=np.float32) / 255)
            labels.append(label)
    return torch.from_numpy(np.stack(pictures))[:, None], torch.tensor(labels)


def rendered(count: int, seed: int, side: int) -> tuple[Tensor, Tensor]:
    """`count` shaken digits (N, 1, S, S), classes in turn, each in a random face, and their labels (N,) int64."""
    random = torch.Generator().manual_seed(seed)
    picture_G1HH, _label_G = drawings()
    label_N = torch.arange(count) % len(DIGITS)
    face_N = torch.randint(len(picture_G1HH) // len(DIGITS), (count,), generator=random)
    angle_N = 0.15 * torch.randn(count, generator=random)
    # A larger place in the drawing for every pixel is a smaller digit: about MNIST's size and its spread.
    scale_N2 = 0.85 * torch.exp(0.1 * torch.randn(count, 2, generator=random))
    move_N2 = 0.06 * torch.randn(count, 2, generator=random)
    x_N3 = torch.stack([scale_N2[:, 0] * angle_N.cos(), -scale_N2[:, 1] * angle_N.sin(), move_N2[:, 0]], -1)
    y_N3 = torch.stack([scale_N2[:, 0] * angle_N.sin(), scale_N2[:, 1] * angle_N.cos(), move_N2[:, 1]], -1)
    drawing_N, map_N23 = face_N * len(DIGITS) + label_N, torch.stack([x_N3, y_N3], 1)
    parts = []
    for row, map_B23 in zip(torch.split(drawing_N, 1000), torch.split(map_N23, 1000), strict=True):
        grid = F.affine_grid(map_B23, [len(row), 1, 3 * side, 3 * side], align_corners=False)
        parts.append(F.avg_pool2d(F.grid_sample(picture_G1HH[row], grid, align_corners=False), 3))
    return torch.cat(parts), label_N
