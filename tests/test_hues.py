"""Colours of things that appear together differ for every kind of sight: computed, not believed."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from pages.parts.freezing.names import LINES as STRATEGIES
from pages.parts.hues import DARK, LIGHT
from pages.parts.race.names import LINES as KINDS

ROOT = Path(__file__).parents[1]
SIGHT = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB."""
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
PAPER = {"light": "#ffffff", "dark": "#14131c"}


def linear(colour: str) -> np.ndarray:
    value = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(colour: str, sight: str) -> np.ndarray:
    """CIE 1976 L*a*b* of the colour as that sight has it."""
    x = TO_XYZ @ np.clip(np.array(SIGHT[sight]) @ linear(colour), 0, 1) / WHITE
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(colours: tuple[str, ...]) -> tuple[float, str, str, str]:
    """The two colours that are hardest to tell apart, and for whom."""
    return min(
        (float(np.linalg.norm(lab(one, sight) - lab(other, sight))), sight, one, other)
        for sight in SIGHT
        for one, other in itertools.combinations(colours, 2)
    )


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""
    light, dark = sorted((float(TO_XYZ[1] @ linear(colour)) for colour in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def written(file: str, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The hexadecimal colours after `name` in a script, light and dark."""
    text = (ROOT / "pages/parts/live" / file).read_text(encoding="utf-8")
    lists = re.findall(rf"{name}[^\[]*\[([^\]]*)\]", text)
    return tuple(tuple(re.findall(r"#[0-9a-f]{6}", each)) for each in lists[:2])  # type: ignore[return-value]


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_no_two_series_look_alike_to_anybody(colours: tuple[str, ...]) -> None:
    assert nearest(colours)[0] >= 18, nearest(colours)


def test_every_chart_has_the_same_series() -> None:
    theme = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))["theme"]
    for paper, colours in (("light", LIGHT), ("dark", DARK)):
        assert tuple(theme[paper]["chartCategoricalColors"]) == colours
    assert written("theme.js", "series") == (LIGHT, DARK)
    own = [
        path
        for path in (ROOT / "pages").rglob("*.py")
        if re.search(r'"#[0-9a-f]{6}", "#[0-9a-f]{6}", "#', path.read_text("utf-8"))
    ]
    assert [path.name for path in own] == ["hues.py"], "a palette of its own"


def test_series_stand_out_from_their_paper() -> None:
    for paper, colours in (("light", LIGHT), ("dark", DARK)):
        assert min(contrast(colour, PAPER[paper]) for colour in colours) >= 3


@pytest.mark.parametrize("lines", [STRATEGIES, KINDS])
def test_more_lines_than_colours_differ_in_their_dashes(lines: dict[str, tuple[int, int]]) -> None:
    assert len(set(lines.values())) == len(lines) and max(hue for hue, _dash in lines.values()) < len(LIGHT)


def test_data_samples_and_their_average_differ() -> None:
    text = (ROOT / "pages/parts/live/theme.js").read_text(encoding="utf-8")
    for line in re.findall(r'data: .*ema: "#[0-9a-f]{6}"', text):
        assert nearest(tuple(re.findall(r"#[0-9a-f]{6}", line)))[0] >= 18, line


def test_ten_classes_differ_though_each_is_also_written_as_its_name() -> None:
    for name in ("LIGHT_CLASSES", "DARK_CLASSES"):
        (colours,) = written("cloud.js", f"{name} =")
        assert len(colours) == 10 and nearest(colours)[0] >= 10, nearest(colours)
