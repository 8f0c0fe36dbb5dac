"""Explanations: rollout is a matrix product, gradients are finite differences, attention is held against removal."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from models.attention import AttentionTraining
from models.experiment import Checkpoint
from models.layers.attention import Trace
from models.layers.study import Study
from models.metrics.explanation import (
    METHODS,
    Question,
    across,
    candidates,
    explain,
    gradient_times_input,
    leave_one_out,
    replacements,
    rolled,
    rollout,
)
from models.metrics.rankings import against_leave_one_out, compare, one, questions, same_first, shares, spearman

F64 = torch.float64
SHAPES = {
    "encoder": AttentionTraining(num_layers=2, num_heads=2, length=8),
    "decoder": AttentionTraining(num_layers=2, num_heads=2, length=8, architecture="decoder", task="sort"),
    "sequence": AttentionTraining(num_layers=2, num_heads=2, length=12, task="induction", positions="rope"),
    "encoder_decoder": AttentionTraining(
        num_layers=2, num_heads=2, encoder_layers=3, architecture="encoder_decoder", task="dates"
    ),
}
every = pytest.mark.parametrize("shape", SHAPES)


def maps(layers: int, queries: int, keys: int, seed: int = 0) -> Tensor:
    scores = torch.randn(layers, 3, queries, keys, dtype=F64, generator=torch.Generator().manual_seed(seed))
    return scores.mul(2).softmax(-1)


def untrained(shape: str, seed: int = 0) -> tuple[Study, Question]:
    """In float64, asked about the last scored position of the first example."""
    study = Study(SHAPES[shape].but(seed=seed))
    study.model.double()
    held = study.knobs.arranged(2, "explained")
    position = int(held.scored_BT[0].nonzero().max())
    return study, Question(one(held, 0), position, int(held.target_BT[0, position]))


def test_rollout_is_the_product_of_the_layers() -> None:
    weight = maps(4, 6, 6)
    steps = [(layer.mean(0) + torch.eye(6, dtype=F64)) / 2 for layer in weight]
    wanted = reduce(lambda so_far, step: step @ so_far, steps)
    torch.testing.assert_close(rolled(weight), wanted, rtol=0, atol=1e-14)
    torch.testing.assert_close(rolled(weight).sum(-1), torch.ones(6, dtype=F64), rtol=0, atol=1e-14)
    identity = torch.eye(6, dtype=F64).expand(4, 3, 6, 6)
    assert torch.equal(rolled(identity), torch.eye(6, dtype=F64))


def test_rollout_through_an_encoder_and_a_decoder_is_one_graph_of_both() -> None:
    """By brute force on the joint graph: encoder layers first, then each decoder layer's two steps."""
    own, cross, encoder = maps(2, 5, 5), maps(2, 5, 4, 1), maps(3, 4, 4, 2)
    joint = torch.eye(9, dtype=F64)
    for layer in encoder:
        joint = torch.block_diag((layer.mean(0) + torch.eye(4, dtype=F64)) / 2, torch.eye(5, dtype=F64)) @ joint
    for mine, other in zip(own, cross, strict=True):
        joint = torch.block_diag(torch.eye(4, dtype=F64), (mine.mean(0) + torch.eye(5, dtype=F64)) / 2) @ joint
        step = torch.eye(9, dtype=F64)
        step[4:, 4:] /= 2
        step[4:, :4] = other.mean(0) / 2
        joint = step @ joint
    to_own, to_source = across(own, cross, encoder)
    torch.testing.assert_close(torch.cat((to_source, to_own), 1), joint[4:], rtol=0, atol=1e-14)
    torch.testing.assert_close((to_own.sum(1) + to_source.sum(1)), torch.ones(5, dtype=F64), rtol=0, atol=1e-14)


@every
def test_rollout_of_the_model_starts_from_its_own_maps(shape: str) -> None:
    study, question = untrained(shape)
    trace = Trace()
    study.model(question.example.input_BT, question.example.encoder_BN, trace)
    found = rollout(trace, question.position)
    assert found.shape == question.source.shape and (found >= 0).all()
    if question.example.encoder_BN is None:
        weight = torch.stack([look.weight_BHTS[0] for look in trace.self])
        torch.testing.assert_close(found, rolled(weight)[question.position])
        assert abs(float(found.detach().sum()) - 1) < 1e-12


@every
def test_gradient_times_input_is_the_slope_of_shrinking_a_token(shape: str) -> None:
    study, question = untrained(shape)
    model, example, h = study.model, question.example, 1e-5
    embedded = model.embedding(question.source)[None].detach()

    def log_p(scaled: Tensor) -> float:
        logits = model(example.input_BT, example.encoder_BN, embedded=scaled)
        return float(logits[0, question.position].detach().log_softmax(-1)[question.answer])

    found = gradient_times_input(study, question)
    for place in range(len(question.source)):
        up, down = (embedded.clone() for _ in range(2))
        up[0, place] *= 1 + h
        down[0, place] *= 1 - h
        assert abs(abs(log_p(up) - log_p(down)) / (2 * h) - float(found[place])) < 1e-8


@every
@pytest.mark.parametrize("padding", [False, True])
def test_leave_one_out_is_replacing_tokens_one_by_one(shape: str, padding: bool) -> None:
    study, question = untrained(shape)
    example, kept = question.example, candidates(study, question)

    def log_p(source: Tensor) -> float:
        read = (source[None],) if example.encoder_BN is None else (example.input_BT, source[None])
        return float(study.model(*read)[0, question.position].detach().log_softmax(-1)[question.answer])

    found, whole = leave_one_out(study, question, padding), log_p(question.source)
    for place in range(len(question.source)):
        drops = []
        for token in [0] if padding else replacements(study, question, place):
            changed = question.source.clone()
            changed[place] = token
            drops.append(whole - log_p(changed))
        wanted = sum(drops) / len(drops) if kept[place] else 0.0
        assert abs(float(found[place]) - wanted) < 1e-6


def test_what_lies_in_the_future_is_no_candidate_and_replacements_differ() -> None:
    for shape in SHAPES:
        study, question = untrained(shape)
        kept, source = candidates(study, question), question.source
        assert kept.any() and (source[kept] >= 5).all()
        if study.shape == "decoder":
            assert not kept[question.position + 1 :].any()
        for place in kept.nonzero()[:, 0].tolist():
            others = replacements(study, question, place)
            assert int(source[place]) not in others and 1 <= len(set(others)) == len(others) <= 9


def test_the_rank_correlation_is_scipys() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        one_S, other_S = random.integers(0, 6, (2, 12)).astype(float)
        assert abs(spearman(one_S, other_S) - spearmanr(one_S, other_S).statistic) < 1e-12
    assert spearman(np.ones(4), np.arange(4.0)) == 0


def test_tokens_below_an_even_share_are_equal() -> None:
    assert shares(np.array([8.0, 1.0, 0.5, 0.5])).tolist() == [0.8, 0, 0, 0]
    assert shares(np.array([-1.0, 0.0, 0.0])).tolist() == [0, 0, 0]
    assert same_first(np.array([0.0, 1.0, 0.0]), np.array([2.0, 2.0, 1.0]))
    assert not same_first(np.ones(3), np.array([1.0, 0.0, 0.0]))


def test_no_method_wins_within_the_interval() -> None:
    random = np.random.default_rng(1)
    truth = random.gamma(0.3, size=(32, 10))
    near, noise = truth + random.normal(0, 0.05, truth.shape), random.gamma(0.3, size=(3, 32, 10))
    clear = [
        {"raw": near[e], "rollout": noise[0, e], "gradient": noise[1, e], "leave_one_out": truth[e]} for e in range(32)
    ]
    assert compare(clear).best == "raw" and compare(clear).agreements[0].low > 0.6
    blind = [
        {"raw": noise[2, e], "rollout": noise[0, e], "gradient": noise[1, e], "leave_one_out": truth[e]}
        for e in range(32)
    ]
    told = compare(blind)
    assert told.best is None and all(each.low < 0.15 < each.high + 0.15 for each in told.agreements)
    assert compare([{"raw": np.ones(5), "leave_one_out": np.zeros(5)}]).examples == 0


@pytest.mark.parametrize("seed", [0, 1])
def test_one_layer_that_reverses_is_explained_by_its_attention(seed: int) -> None:
    experiment = AttentionTraining.stories()[0].experiment.but(seed=seed)
    study = experiment.revive([event for event in experiment.train() if isinstance(event, Checkpoint)][-1])
    asked = questions(study, 4)
    assert set(explain(study, asked[0], (0, 0))) == {*METHODS, "head"}
    found = {each.method: each for each in against_leave_one_out(study).agreements}
    assert found["raw"].rho >= 0.9 and found["raw"].top >= 0.95
    assert found["raw"].low <= found["raw"].rho <= found["raw"].high
