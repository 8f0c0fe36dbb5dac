"""Positions: the laws of sinusoids, rotations and biases; their page; and its pictures held against the Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from playwright.sync_api import BrowserContext, Page, expect
from streamlit.testing.v1 import AppTest
from torch import Tensor

from models.attention import AttentionTraining
from models.experiment import Checkpoint
from models.layers.positions import alibi_bias, alibi_slopes, rotary_angles, rotate, sinusoidal
from models.metrics.extrapolation import extrapolate, lengths, ratio
from pages.parts.positions import BOUNDS, Look, longer, vectors
from state.runs import runs
from tests.browsing import settled, wait
from tests.test_pages import json_like, visit
from tests.waiting import until, until_ended

F64 = torch.float64
PAGE = Path(__file__).parents[1] / "pages" / "positions.py"


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


def test_an_interval_over_sequences_holds_the_share_and_counts_no_token_twice() -> None:
    right, of = torch.tensor([4, 0, 4, 0] * 16), torch.full((64,), 4)
    share, low, high = ratio(right, of)
    # All tokens of a sequence agree, so 64 sequences say as much as 64 tokens would.
    assert share == 0.5 and high - low == pytest.approx(2 * 1.96 * 0.5 / 63**0.5)
    assert ratio(of, of) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("scheme", longer.SCHEMES)
def test_every_scheme_can_read_longer_sequences_than_it_was_trained_on(scheme: str) -> None:
    experiment = longer.CONTEST.but(positions=scheme, steps=1)
    last = [event for event in experiment.train() if isinstance(event, Checkpoint)][-1]
    found = extrapolate(experiment.revive(last), lengths(experiment.length), count=8)
    assert [one.length for one in found] == [12, 18, 24, 30, 36, 48, 60]
    assert all(0 <= one.low <= one.accuracy <= one.high <= 1 for one in found)


@given(json_like | some.fixed_dictionaries(dict.fromkeys(("width", "base", "length", "position"), json_like)))
def test_a_link_or_browser_can_say_anything(said: object) -> None:
    look, _corrected = Look.read(said)
    assert look.width % 2 == 0 and 0 <= look.position < look.length
    assert all(BOUNDS[name][0] <= getattr(look, name) <= BOUNDS[name][1] for name in ("width", "base", "length"))


def test_a_link_says_what_is_looked_at() -> None:
    look = Look(width=32, base=123.0, length=200, position=150)
    assert Look.read(look.link()) == (look, []) and Look().link() == {}
    assert Look.read({"width": "7", "base": "inf", "position": "500"}) == (Look(width=6), ["base", "position", "width"])


def opened(tab: str) -> AppTest:
    """The page with this tab open."""
    page = visit(PAGE)
    page.session_state["positions.tabs.en"] = tab
    return page.run()


def test_one_press_trains_five_models_and_the_verdict_carries_numbers(
    shared_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(longer, "CONTEST", longer.CONTEST.but(steps=2))
    page = opened("Longer than trained")
    page.button(key="positions.five").click().run()
    for one in longer.contestants(0).values():
        run = runs().find(one.key)
        assert run is not None
        until_ended(run)
    until(lambda: any("60 tokens, 2.5 times" in text.value for text in page.run().markdown))
    assert not page.exception and not page.error


def test_a_learned_table_is_trained_and_watched_on_its_tab(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = AttentionTraining(steps=2)
    monkeypatch.setattr("pages.parts.positions.learned.SHOWN", quick)
    page = opened("Learned positions")
    page.button(key="positions.train").click().run()
    run = runs().find(quick.key)
    assert run is not None
    until_ended(run)
    page.run()
    assert not page.exception and "positions.train" not in [button.key for button in page.button]


def told(page: Page, expression: str) -> Any:
    """Something that the pictures say of themselves."""
    return page.evaluate(f"() => window.__torchlight?.positions?.{expression}")


@pytest.mark.browser
def test_the_table_morphs_while_a_slider_is_dragged_and_equals_the_python(app: str, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    page.goto(f"{app}/positions?position=5&width=16&length=40")
    slider = page.get_by_role("slider", name="Base").first
    expect(slider).to_be_visible()
    wait(lambda: told(page, "table") is not None, page)
    settled(page)
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.6, middle)
    page.mouse.down()
    seen = set()
    for share in (0.5, 0.4, 0.3):
        page.mouse.move(box["x"] + box["width"] * share, middle)
        base = told(page, "table.settings.base")
        table = torch.tensor(told(page, "table.table()"), dtype=F64)
        wanted = sinusoidal(40, 16, base, F64)
        assert torch.allclose(table, wanted, rtol=0, atol=1e-6)
        assert torch.allclose(torch.tensor(told(page, "table.products()"), dtype=F64), wanted @ wanted[5], atol=1e-6)
        seen.add((base, page.locator("canvas").first.evaluate("canvas => canvas.toDataURL()")))
    assert len({base for base, _ in seen}) == 3 and "base" not in page.url
    page.mouse.up()
    wait(lambda: "base=" in page.url, page)


@pytest.mark.browser
def test_arrows_and_slopes_equal_the_python(app: str, visitor: BrowserContext) -> None:
    page = visitor.new_page()
    page.goto(f"{app}/positions")
    wait(lambda: told(page, "rotary") is not None, page)
    settled(page)
    page.get_by_role("slider", name="Position m of the query").press("End")
    score = told(page, "rotary.score")
    page.get_by_role("button", name="Move both together").click()
    page.get_by_role("slider", name="Position m of the query").press("ArrowLeft")
    rotary = told(page, "rotary")
    first, settings = vectors()[0], rotary["settings"]
    assert (settings["query"], settings["key"]) == (63, 6) and rotary["score"] == pytest.approx(score, abs=1e-9)
    for name, position in (("q", settings["query"]), ("k", settings["key"])):
        wanted = at(torch.tensor(first[name], dtype=F64).view(1, 1, 1, -1), position).flatten()
        assert torch.allclose(torch.tensor(rotary[name], dtype=F64), wanted, rtol=0, atol=1e-6)
    page.get_by_role("tab", name="Distance as a bias").click()
    wait(lambda: told(page, "alibi") is not None, page)
    settled(page)
    page.get_by_role("slider", name="Heads").press("ArrowLeft")
    alibi = told(page, "alibi")
    heads, keys = alibi["settings"]["heads"], alibi["settings"]["keys"]
    assert heads == 7 and alibi["slopes"] == pytest.approx(alibi_slopes(7, F64).tolist(), abs=1e-12)
    wanted = alibi_bias(heads, 1, keys, F64)[:, 0].flip(-1).softmax(-1)
    assert torch.allclose(torch.tensor(alibi["weights"], dtype=F64), wanted, rtol=0, atol=1e-6)
