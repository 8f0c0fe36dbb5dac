"""Laws of the data: densities sum to one and are the samples' own, links carry drawings, files are what they say."""

from __future__ import annotations

import base64
import hashlib
import math
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2
from torch import Tensor

from models.data import images
from models.data.curves import NoisyCurve, moons, spirals, swiss_roll
from models.data.drawing import INK, MAX_TEXT, SIDE, Drawing, decode, drawing, encode, smile
from models.data.plane import PLANE_NAMES, plane

ENTROPY_NATS = {
    "moons": 2.393,
    "checkerboard": math.log(32),
    "pinwheel": 2.314,
    "spirals": 2.647,
    "swiss_roll": 2.669,
}
"""Tabulated beforehand with other programs: by quadrature, exactly, and by nearest neighbours."""

drawings = arrays(np.uint8, (SIDE, SIDE), elements=st.integers(0, INK), fill=st.just(0)).filter(np.any)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def midpoints(low: float, high: float, cells: int) -> tuple[Tensor, float]:
    """Midpoints (cells²,) of a square's cells, and the area of a cell."""
    step = (high - low) / cells
    ticks = low + step * (torch.arange(cells, dtype=torch.float64) + 0.5)
    return torch.cartesian_prod(ticks, ticks), step**2


def window(name: str) -> tuple[float, float, int]:
    """A square that holds all but 1e-6 of the mass, and so many cells that their borders meet the data's."""
    x0, x1, *_ = plane(name).extent
    if name in ("drawing", "checkerboard"):
        return math.floor(x0), math.ceil(x1), 320
    margin = (x1 - x0) / 2 if name == "gaussians" else (x1 - x0) / 16
    return x0 - margin, x1 + margin, 480 if name in ("ring", "grid") else 160


@pytest.mark.parametrize("name", PLANE_NAMES)
def test_densities_sum_to_one(name: str) -> None:
    points_N2, area = midpoints(*window(name))
    mass = float(plane(name).log_density(points_N2).exp().sum()) * area
    assert mass == pytest.approx(1.0, abs=2e-5)


@pytest.mark.parametrize("name", PLANE_NAMES)
def test_samples_fall_where_the_density_says(name: str) -> None:
    low, high, cells = window(name)
    points_N2, area = midpoints(low, high, cells)
    expected_cells = plane(name).log_density(points_N2).exp().reshape(cells, cells) * area
    # Blocks of 8 by 8 cells (4 by 4 of the narrow modes), as far as they expect enough samples for a chi² test.
    block = 4 if name in ("ring", "grid") else 8
    n, side = 40_000, cells // block
    expected = expected_cells.reshape(side, block, side, block).sum(dim=(1, 3)) * n
    sample = plane(name).sample(n, generator(1)).double()
    seen, _ = np.histogramdd(sample.numpy(), bins=side, range=[(low, high)] * 2)
    busy = expected > 10
    rest = (float(expected[~busy].sum()), float(seen[~busy.numpy()].sum()))
    statistic = float(((torch.from_numpy(seen)[busy] - expected[busy]) ** 2 / expected[busy]).sum())
    assert statistic < chi2.ppf(0.9999, int(busy.sum()))
    assert abs(rest[1] - rest[0]) < 4 * math.sqrt(rest[0]) + 3


@pytest.mark.parametrize("name", sorted(ENTROPY_NATS))
def test_entropies_are_the_tabulated_ones(name: str) -> None:
    surprise_N = -plane(name).log_density(plane(name).sample(20_000, generator(2)))
    standard_error = float(surprise_N.std()) / math.sqrt(len(surprise_N))
    assert float(surprise_N.mean()) == pytest.approx(ENTROPY_NATS[name], abs=4 * standard_error + 0.01)


@pytest.mark.parametrize("curve", [moons(), swiss_roll(), spirals()])
def test_twice_the_quadrature_nodes_change_no_density(curve: NoisyCurve) -> None:
    points_N2, _ = midpoints(-4.0, 4.0, 24)
    once, twice = (curve._log_density(points_N2, nodes) for nodes in (curve.nodes, 2 * curve.nodes))
    assert torch.allclose(once, twice, rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("name", PLANE_NAMES)
@given(points=st.lists(st.tuples(st.floats(width=64), st.floats(width=64)), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_every_point_has_a_density(name: str, points: list[tuple[float, float]]) -> None:
    log_density_N = plane(name).log_density(torch.tensor(points, dtype=torch.float64))
    assert not log_density_N.isnan().any()
    assert (log_density_N < math.inf).all()


@pytest.mark.parametrize("name", PLANE_NAMES)
def test_no_sample_is_impossible_and_seeds_repeat(name: str) -> None:
    data = plane(name)
    sample = data.sample(5_000, generator(3))
    assert sample.dtype == torch.float32 and sample.shape == (5_000, 2)
    assert data.log_density(sample).isfinite().all()
    assert torch.equal(sample, data.sample(5_000, generator(3)))
    x0, x1, y0, y1 = data.extent
    assert x1 - x0 == y1 - y0
    assert float((sample.abs() <= 1.2 * data.reach).all(dim=1).double().mean()) > 0.95


def test_only_round_modes_are_modes() -> None:
    assert {name for name in PLANE_NAMES if plane(name).modes is not None} == {"ring", "grid"}
    assert plane("ring").modes.shape == (8, 2) and plane("grid").modes.shape == (25, 2)


def test_unknown_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="is not one of gaussians"):
        plane("donut")


@given(drawings)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_links_carry_drawings(levels: np.ndarray) -> None:
    text = encode(levels)
    assert len(text) <= MAX_TEXT and text.isascii()
    assert np.array_equal(decode(text), levels)


def test_the_noisiest_drawing_fits_a_link() -> None:
    levels = np.random.default_rng(0).integers(0, INK + 1, (SIDE, SIDE))
    assert np.array_equal(decode(encode(levels)), levels)


@given(drawings)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_drawn_densities_sum_to_one(levels: np.ndarray) -> None:
    points_N2, area = midpoints(0.0, 1.0, SIDE)
    assert float(drawing(encode(levels)).log_density(points_N2).exp().sum()) * area == pytest.approx(1.0, abs=1e-12)


def test_row_zero_is_the_top() -> None:
    levels = np.zeros((SIDE, SIDE), np.uint8)
    levels[0, SIDE - 1] = 1
    corner = drawing(encode(levels))
    x_N, y_N = corner.sample(100, generator()).T
    assert (x_N > 1 - 1 / SIDE).all() and (y_N > 1 - 1 / SIDE).all()
    assert corner.log_density(torch.tensor([[1.0, 1.0], [0.0, 0.0]])).exp().tolist() == pytest.approx([1024.0, 0.0])


def refused(text: str) -> bool:
    """Whether `decode` answers with one sentence; any other exception escapes."""
    try:
        levels = decode(text)
    except ValueError as error:
        return str(error).endswith(".")
    assert levels.shape == (SIDE, SIDE) and levels.any() and levels.max() <= INK
    return False


@given(st.text(min_size=1) | st.binary(min_size=1).map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_garbage_is_refused_with_a_sentence(text: str) -> None:
    assert refused(text)


@given(st.data())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_damaged_links_are_drawings_or_refused(data: st.DataObject) -> None:
    text = encode(smile())
    at = data.draw(st.integers(0, len(text) - 1))
    refused(text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :])


def test_cut_and_prolonged_links_are_refused() -> None:
    text = encode(smile())
    assert all(refused(text[:end]) for end in range(1, len(text)))
    assert refused(text + "AAAA")


@pytest.mark.parametrize("size", [0, 1, 511, 513, 10_000_000])
def test_drawings_of_another_size_are_refused(size: int) -> None:
    bomb = base64.urlsafe_b64encode(zlib.compress(b"\x11" * size, 9)).decode().rstrip("=")
    assert refused(bomb)
    assert refused(bomb[:MAX_TEXT])


def test_empty_drawings_are_refused_and_no_text_is_the_smile() -> None:
    assert refused(base64.urlsafe_b64encode(zlib.compress(bytes(512), 9)).decode().rstrip("="))
    with pytest.raises(ValueError, match="empty"):
        encode(np.zeros((SIDE, SIDE), np.uint8))
    assert np.array_equal(decode(""), smile())
    default = plane("drawing")
    assert isinstance(default, Drawing) and np.array_equal(default.levels, smile())


@pytest.mark.parametrize("name", sorted(images.CARRIED))
def test_carried_files_are_what_they_say(name: str) -> None:
    said = images.CARRIED[name]
    assert hashlib.sha256(images.carried_file(name).read_bytes()).hexdigest() == said.sha256
    with np.load(images.carried_file(name), allow_pickle=False) as held:
        assert {key: held[key].shape for key in held} == dict(said.shapes)
    words = images.carried_file(name).with_name("LICENSES.md").read_text(encoding="utf-8")
    assert said.sha256 in words and said.licence in words


def test_every_class_is_carried_equally_often() -> None:
    for name, split in {"mnist": images.mnist(), "fashion_mnist": images.fashion_mnist()}.items():
        labels_N = torch.cat([split.train.labels, split.test.labels])
        assert labels_N.bincount().tolist() == [images.CARRIED[name].per_class] * 10
        assert len(split.train.names) == 10
    sketches = images.quickdraw()
    assert sketches.images.shape == (34_500, 28, 28)
    assert bool(((sketches.images == 0) | (sketches.images == 255)).all())
    assert sketches.labels.bincount().tolist() == [images.CARRIED["quickdraw"].per_class] * 345
    assert len(set(sketches.names)) == 345


def test_digits_span_minus_one_to_one() -> None:
    pixels_N64, labels_N = images.digits()
    assert pixels_N64.shape == (1797, 64) and pixels_N64.dtype == torch.float32
    assert (float(pixels_N64.min()), float(pixels_N64.max())) == (-1.0, 1.0)
    assert labels_N.bincount().min() >= 174 and labels_N.dtype == torch.int64


def softmax_regression(split: images.Split, steps: int = 80) -> float:
    """Test accuracy of logistic regression on raw pixels, full batch."""
    torch.manual_seed(0)
    train_NP, test_NP = (part.images.flatten(1).float() / 255 for part in (split.train, split.test))
    model = torch.nn.Linear(784, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(train_NP), split.train.labels).backward()
        optimizer.step()
    return float((model(test_NP).argmax(dim=1) == split.test.labels).double().mean())


@pytest.mark.parametrize(("load", "floor"), [(images.mnist, 0.85), (images.fashion_mnist, 0.75)])
def test_labels_belong_to_their_images(load: Callable[[], images.Split], floor: float) -> None:
    assert softmax_regression(load()) >= floor
