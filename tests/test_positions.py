"""Positions: the laws of sinusoids, rotations and biases."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.layers.positions import alibi_bias, alibi_slopes, rotary_angles, rotate, sinusoidal

F64 = torch.float64


def vector(width: int, seed: int) -> Tensor:
    return torch.randn(1, 1, 1, width, dtype=F64, generator=torch.Generator().manual_seed(seed))


def at(x: Tensor, position: int, base: float = 10_000.0) -> Tensor:
    """`x` as a query or key at this position."""
    return rotate(x, *rotary_angles(position + 1, x.shape[-1], base, F64), offset=position)


def test_the_sinusoids_are_those_of_the_notes() -> None:
    table = sinusoidal(50, 7, 100.0, F64)
    for position, column in ((0, 0), (0, 1), (13, 4), (49, 5), (49, 6)):
        angle = torch.tensor(position / 100 ** (2 * (column // 2) / 7), dtype=F64)
        wanted = angle.cos() if column % 2 else angle.sin()
        assert torch.isclose(table[position, column], wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("width", "base"), [(2, 10_000.0), (64, 10_000.0), (128, 10.0)])
def test_the_dot_product_of_sinusoids_depends_on_distance_alone(width: int, base: float) -> None:
    table = sinusoidal(200, width, base, F64)
    products = table @ table.T
    for distance in (0, 1, 7, 100):
        diagonal = products.diagonal(distance)
        assert (diagonal - diagonal[0]).abs().max() <= 1e-12
    assert torch.allclose(products.diagonal(), torch.tensor(width / 2, dtype=F64), rtol=0, atol=1e-12)


def test_the_dot_product_is_largest_at_home_and_does_not_fall_steadily() -> None:
    table = sinusoidal(200, 64, dtype=F64)
    by_distance = table @ table[0]
    assert (by_distance[1:] < by_distance[0]).all()
    falls = by_distance.diff()
    assert (falls[:3] < 0).all() and (falls > 0).any()


def test_a_rotated_score_depends_on_distance_alone() -> None:
    q, k = vector(32, 1), vector(32, 2)
    for m, n in ((0, 0), (5, 3), (3, 9)):
        scores = torch.stack([(at(q, m + shift) * at(k, n + shift)).sum() for shift in (0, 1, 40, 1000)])
        assert (scores - scores[0]).abs().max() <= 1e-12


def test_a_rotation_keeps_the_norm_and_position_zero_is_untouched() -> None:
    x = vector(16, 3)
    assert torch.equal(at(x, 0), x)
    assert torch.isclose(at(x, 321).norm(), x.norm(), rtol=0, atol=1e-12)


def test_rotating_whole_sequences_is_rotating_each_position() -> None:
    x = torch.randn(2, 3, 9, 8, dtype=F64, generator=torch.Generator().manual_seed(4))
    cos, sin = rotary_angles(20, 8, dtype=F64)
    whole = rotate(x, cos, sin, offset=5)
    single = torch.cat([rotate(x[:, :, t : t + 1], cos, sin, offset=5 + t) for t in range(9)], 2)
    assert torch.equal(whole, single)
    with pytest.raises(ValueError, match="outside"):
        rotate(x, cos, sin, offset=12)


def test_rotary_widths_are_even() -> None:
    with pytest.raises(ValueError, match="even"):
        rotary_angles(4, 7)


def test_eight_heads_have_the_published_slopes() -> None:
    assert torch.equal(alibi_slopes(8, F64), 2.0 ** -torch.arange(1, 9, dtype=F64))


@pytest.mark.parametrize("heads", [1, 3, 6, 12, 16, 20])
def test_other_numbers_of_heads_follow_the_reference(heads: int) -> None:
    """The recursion of the published code: the lower power of two, then every second slope of the higher."""

    def reference(n: int) -> list[float]:
        lower = 1 << (n.bit_length() - 1)
        start = 2 ** (-8 / lower)
        slopes = [start ** (i + 1) for i in range(lower)]
        return slopes if lower == n else slopes + reference(2 * lower)[0::2][: n - lower]

    wanted = torch.tensor(reference(heads), dtype=F64)
    assert torch.allclose(alibi_slopes(heads, F64), wanted, rtol=1e-12, atol=0)


def test_the_bias_depends_on_distance_alone_and_spares_the_own_place() -> None:
    bias = alibi_bias(4, 10, 10, F64)
    assert torch.equal(bias, bias.transpose(1, 2)) and not bias.diagonal(dim1=1, dim2=2).any()
    assert torch.equal(bias[:, 3:, 3:], bias[:, :-3, :-3])


def test_the_last_query_of_a_decoder_stands_at_the_last_key() -> None:
    assert torch.equal(alibi_bias(4, 2, 10), alibi_bias(4, 10, 10)[:, -2:])
    with pytest.raises(ValueError, match="queries"):
        alibi_bias(4, 11, 10)
