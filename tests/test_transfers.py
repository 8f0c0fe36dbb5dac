"""Laws of the pairs of tasks: balanced, always the same, and shifted by exactly what their dials say."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.data import glyphs, images, rendered
from models.data.transfers import PAIRS, SIDE, Images, Pair, Transfer, sample, transfer

TASKS = ("source", "source_test", "target", "validation", "test")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sets(pair: Transfer) -> dict[str, Images]:
    return {name: getattr(pair, name) for name in TASKS}


@pytest.mark.parametrize("pair", PAIRS)
def test_pictures_have_one_size_and_every_beginning_is_balanced(pair: Pair) -> None:
    tasks = transfer(pair)
    for name, data in sets(tasks).items():
        assert data.images_N1SS.shape == (len(data), 1, SIDE, SIDE), name
        assert data.images_N1SS.dtype == torch.float32 and data.labels_N.dtype == torch.int64
        assert data.images_N1SS.min() >= 0 and data.images_N1SS.max() <= 1
        classes = len(data.names)
        assert torch.equal(data.labels_N[: 5 * classes], data.labels_N[:classes].repeat(5)), name
        assert torch.bincount(data.labels_N).unique().numel() == 1, name
    assert tasks.chance == 1 / len(tasks.test.names) == 1 / len(tasks.target.names)
    assert not tasks.related or len(tasks.source.names) == len(tasks.target.names)


@pytest.mark.parametrize("pair", ["glyphs", "sketches", "digits", "rotated"])
def test_no_picture_is_both_learned_from_and_judged_by(pair: Pair) -> None:
    tasks = transfer(pair)
    seen = {image.numpy().tobytes() for data in (tasks.source, tasks.target) for image in data.images_N1SS}
    held_out = [image.numpy().tobytes() for image in tasks.test.images_N1SS]
    # A few sketches of different people are the same pixels.
    assert sum(image in seen for image in held_out) <= len(held_out) / 100


def test_glyphs_are_always_the_same() -> None:
    first, labels = glyphs.write(glyphs.alphabet(0), 3, seed=5)
    glyphs.alphabet.cache_clear()
    torch.manual_seed(1)
    again, _labels = glyphs.write(glyphs.alphabet(0), 3, seed=5)
    assert torch.equal(first, again) and labels.tolist() == list(range(10)) * 3
    assert not torch.equal(first, glyphs.write(glyphs.alphabet(0), 3, seed=6)[0])


def test_a_glyph_without_shaking_is_its_class_alone() -> None:
    still = glyphs.Shake(0, 0, 0, 0, 0, 0)
    drawn, _labels = glyphs.write(glyphs.alphabet(0), 2, 0, still)
    assert torch.allclose(drawn[:10], drawn[10:], atol=1e-6)
    other, _labels = glyphs.write(glyphs.alphabet(1), 1, 0, still)
    apart = torch.cdist(torch.cat([drawn[:10], other]).flatten(1), torch.cat([drawn[:10], other]).flatten(1))
    assert apart.fill_diagonal_(torch.inf).min() > 2.5  # of at most 16: all twenty letters differ


def test_with_a_dial_the_target_is_the_source_shifted_and_without_a_new_alphabet() -> None:
    plain, half = transfer("glyphs"), transfer("glyphs", shapes=1)
    assert not plain.related and half.related
    assert torch.equal(plain.target.images_N1SS, half.target.images_N1SS)
    assert plain.target.names != plain.source.names and half.target.names == half.source.names


def test_the_contrast_dial_is_its_formula() -> None:
    clear, grey = transfer("glyphs", labels=1), transfer("glyphs", labels=1, contrast=0.8)
    expected = clear.test.images_N1SS * (1 - 0.65 * 0.8) + 0.45 * 0.8
    assert torch.equal(grey.test.images_N1SS, expected)
    assert torch.equal(grey.source.images_N1SS, clear.source.images_N1SS)


def test_the_label_dial_exchanges_pairs_and_nothing_else() -> None:
    shares = [0.2, 0.6, 1.0]
    plain, *moved = (transfer("glyphs", contrast=0.5, labels=share) for share in (0.0, *shares))
    for share, tasks in zip(shares, moved, strict=True):
        assert torch.equal(tasks.target.images_N1SS, plain.target.images_N1SS)
        changed = tasks.target.labels_N != plain.target.labels_N
        assert torch.equal(tasks.target.labels_N[changed], 9 - plain.target.labels_N[changed])
        assert float(changed.float().mean()) == pytest.approx(share)


def test_the_shape_dial_moves_the_letters_steadily() -> None:
    start = transfer("glyphs", shapes=1e-9).test.images_N1SS
    moved = [float((transfer("glyphs", shapes=s).test.images_N1SS - start).square().mean()) for s in (0.25, 0.5, 1.0)]
    assert moved == sorted(moved) and moved[0] > 1e-3


def test_inverted_and_rotated_digits_are_what_they_say() -> None:
    digits, inverted, rotated = (transfer(pair).test.images_N1SS for pair in ("fonts", "inverted", "rotated"))  # type: ignore[arg-type]
    assert torch.equal(inverted, 1 - digits)
    # The jitter is of 0.2 radians: on the mean picture of a class little is left of it.
    turned, exact = rotated[3::10].mean(0), torch.rot90(digits[3::10].mean(0), 1, (1, 2))
    wrong = torch.rot90(exact, 2, (1, 2))
    assert (turned - exact).square().mean() < 0.2 * (turned - wrong).square().mean()


def test_typeset_digits_are_told_apart_from_each_other_but_not_by_face() -> None:
    picture_G1HH, label_G = rendered.drawings()
    assert len(picture_G1HH) % 10 == 0 and label_G.tolist() == list(range(10)) * (len(label_G) // 10)
    assert (picture_G1HH.amax((1, 2, 3)) > 0.5).all()
    assert len(rendered.faces()) >= 1 and len(set(rendered.faces())) == len(rendered.faces())


def test_without_a_font_file_pillows_own_face_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    cached = (rendered.faces, rendered._fonts, rendered.drawings)
    monkeypatch.setattr(rendered, "_files", list)
    for function in cached:
        function.cache_clear()
    assert rendered.faces() == ("Pillow",) and len(rendered.drawings()[0]) == 10
    for function in cached:
        function.cache_clear()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 40), st.integers(0, 60), st.integers(0, 10_000))
def test_a_smaller_sample_is_the_beginning_of_a_larger_one(small: int, more: int, seed: int) -> None:
    pool = transfer("sketches").target
    few, many = (sample(pool, per_class, generator(seed)) for per_class in (small, min(small + more, 60)))
    assert torch.equal(many[: len(few)], few) and many.unique().numel() == len(many)
    assert torch.equal(torch.bincount(pool.labels_N[few], minlength=10), torch.full((10,), small))


def test_bad_questions_get_a_sentence() -> None:
    with pytest.raises(ValueError, match="60 labelled pictures of a class, not 61"):
        sample(transfer("sketches").target, 61, generator())
    with pytest.raises(ValueError, match="no pair of tasks"):
        transfer("nothing")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="from 0 to 1"):
        transfer("glyphs", labels=1.5)


def test_carried_pictures_are_averaged_by_area() -> None:
    # Area averaging keeps the mean where 16 divides the side, and nearly elsewhere.
    whole = images.mnist().test.images.float().mean() / 255
    assert float(transfer("fonts").test.images_N1SS.mean()) == pytest.approx(float(whole), rel=0.03)
