"""Writing token by token: truncation against brute force, greedy and beam search against exhaustive search."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as some
from torch import Tensor

from models.layers.decoding import beam_search, greedy, next_logits, truncated, write
from models.layers.flat import initialise
from models.layers.transformer import Plan, Transformer

F64 = torch.float64
V, END = 5, 3
logits = some.lists(some.integers(-800, 800), min_size=1, max_size=9, unique=True).map(
    lambda found: torch.tensor(found, dtype=F64) / 100
)


def cut(probabilities: list[float], top_k: int, top_p: float) -> list[float]:
    """By hand: the likeliest tokens one by one, until there are `top_k` or they carry `top_p`."""
    kept, carried = set(), 0.0
    for token in sorted(range(len(probabilities)), key=lambda token: -probabilities[token]):
        if kept and (carried >= top_p or len(kept) == top_k):
            break
        kept.add(token)
        carried += probabilities[token]
    return [p / carried if token in kept else 0.0 for token, p in enumerate(probabilities)]


@given(logits, some.floats(0.1, 3), some.integers(0, 10), some.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_truncation_is_brute_force(found: Tensor, temperature: float, top_k: int, top_p: float) -> None:
    whole = (found / temperature).softmax(-1)
    assume(top_p == 1 or ((whole.sort(descending=True)[0].cumsum(-1) - top_p).abs() > 1e-9).all())
    wanted = torch.tensor(cut(whole.tolist(), top_k, top_p), dtype=F64)
    torch.testing.assert_close(truncated(found, temperature, top_k, top_p), wanted, rtol=0, atol=1e-12)


@given(logits, some.integers(0, 10), some.floats(0, 1))
@settings(deadline=None)
def test_what_is_sampled_from_sums_to_one_and_carries_enough(found: Tensor, top_k: int, top_p: float) -> None:
    p = truncated(found, 1.0, top_k, top_p)
    assert torch.isclose(p.sum(), torch.ones((), dtype=F64), rtol=0, atol=1e-12) and p.argmax() == found.argmax()
    kept = found.softmax(-1)[p > 0]
    if top_k == 0:
        assert kept.sum() >= top_p - 1e-12
        # Without the least of them it would be too little: the set is the smallest.
        assert len(kept) == 1 or kept.sum() - kept.min() < top_p + 1e-12


@given(logits)
@settings(deadline=None)
def test_temperature_zero_and_one_candidate_are_greedy(found: Tensor) -> None:
    one = torch.nn.functional.one_hot(found.argmax(), len(found)).to(F64)
    assert torch.equal(truncated(found, temperature=0), one) and torch.equal(truncated(found, 1.0, top_k=1), one)
    assert torch.equal(truncated(found, 1.0, top_p=0.0), one)


def test_nothing_is_cut_by_default_even_where_floats_reach_one_early() -> None:
    sure = torch.tensor([40.0, 0.0, 1.0, 2.0])
    assert torch.equal(truncated(sure) > 0, torch.ones(4, dtype=torch.bool))
    many = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(truncated(many), many.softmax(-1))


def writer(shape: Any = "decoder", seed: int = 0) -> Transformer:
    made = Transformer(Plan(shape, V, 8, 2, 1, 20)).double()
    initialise(made, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        made.unembedding.weight.mul_(6)
    return made


PROMPT, SOURCE = torch.tensor([1, 4, 2]), torch.tensor([2, 2, 4, 1])


def exhaustive(model: Transformer, source: Tensor | None, count: int, alpha: float) -> list[tuple[float, Any, float]]:
    """Every sequence of `count` tokens, or shorter up to its first END, with its probability, token by token."""
    found = set()
    for written in itertools.product(range(V), repeat=count):
        found.add(written[: written.index(END) + 1] if END in written else written)
    ranked = []
    for written in found:
        total = 0.0
        for t, token in enumerate(written):
            read = torch.cat((PROMPT, torch.tensor(written[:t], dtype=torch.int64)))
            log = next_logits(model, read[None], None if source is None else source[None])[0].log_softmax(-1)
            total += float(log[token])
        ranked.append((total / len(written) ** alpha, written, total))
    return sorted(ranked, reverse=True)


@pytest.mark.parametrize(("shape", "alpha"), [("decoder", 1.0), ("encoder_decoder", 0.6)])
def test_a_beam_as_wide_as_all_sequences_finds_the_best_of_all(shape: str, alpha: float) -> None:
    model, source = writer(shape), SOURCE if shape == "encoder_decoder" else None
    wanted = exhaustive(model, source, 3, alpha)
    found = beam_search(model, PROMPT, source, 3, END, V**3, alpha)
    assert [beam.tokens for beam in found] == [tokens for _score, tokens, _log in wanted]
    for beam, (score, _tokens, log) in zip(found, wanted, strict=True):
        assert abs(beam.score - score) < 1e-12 and abs(beam.log_probability - log) < 1e-12


@pytest.mark.parametrize("seed", range(8))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    model = writer(seed=seed)
    written = greedy(model, PROMPT[None], None, 6)[0].tolist()
    wanted = written[: written.index(END) + 1] if END in written else written
    assert [beam.tokens for beam in beam_search(model, PROMPT, None, 6, END, 1)] == [tuple(wanted)]


@pytest.mark.parametrize("width", [1, 2, 4])
def test_every_hypothesis_is_whole_and_only_the_last_token_ends_it(width: int) -> None:
    for seed in range(6):
        beams = beam_search(writer(seed=seed), PROMPT, None, 5, END, width)
        assert 1 <= len(beams) <= width and [b.score for b in beams] == sorted((b.score for b in beams), reverse=True)
        for beam in beams:
            assert END not in beam.tokens[:-1] and (len(beam.tokens) == 5 or beam.tokens[-1] == END)
            assert abs(beam.score * len(beam.tokens) - beam.log_probability) < 1e-12


@pytest.mark.parametrize(("shape", "seed"), [("decoder", 0), ("encoder_decoder", 1)])
def test_writing_without_chance_is_greedy_and_the_same_seed_writes_the_same(shape: str, seed: int) -> None:
    model, source = writer(shape, seed), SOURCE if shape == "encoder_decoder" else None
    wanted = greedy(model, PROMPT[None], None if source is None else source[None], 6)[0].tolist()
    wanted = wanted[: wanted.index(END) + 1] if END in wanted else wanted

    def written(temperature: float, seed: int) -> tuple[int, ...]:
        random = torch.Generator().manual_seed(seed)
        found = write(model, PROMPT, source, 6, END, random, temperature)
        assert len(found.logits_TV) == len(found.tokens)
        return found.tokens

    assert written(0.0, 0) == tuple(wanted)
    assert written(2.0, 5) == written(2.0, 5) and len({written(2.0, seed) for seed in range(9)}) > 1
    assert END not in written(2.0, 5)[:-1]


def test_tokens_are_drawn_as_often_as_the_distribution_says() -> None:
    model, count = writer(), 4000
    p = truncated(next_logits(model, PROMPT[None], None)[0], 1.5, top_k=3)
    random = torch.Generator().manual_seed(0)
    drawn = torch.tensor([write(model, PROMPT, None, 1, END, random, 1.5, 3).tokens[0] for _ in range(count)])
    seen = drawn.bincount(minlength=V) / count
    assert ((seen - p).abs() <= 4 * (p * (1 - p) / count).sqrt()).all()
