"""Writing an answer: what is shown is what was written, held against the task's own answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.attention import AttentionTraining
from models.data.sequences import END, Sequences
from models.data.sequences.arrange import arrange
from models.experiment import Checkpoint
from models.layers.study import Study
from models.metrics.evaluation import written_alone
from models.metrics.writing import Manner, answer, beams, prompt_of

SHAPES = {
    "decoder": AttentionTraining(architecture="decoder", task="sort", length=6, symbols=3, steps=30),
    "various lengths": AttentionTraining(architecture="encoder_decoder", task="number_words", steps=40),
    "sequence": AttentionTraining(task="induction", length=12, symbols=6, steps=20),
    "own": AttentionTraining(task="own_text", length=12, steps=5),
}


def trained(experiment: AttentionTraining) -> Study:
    return experiment.revive([event for event in experiment.train() if isinstance(event, Checkpoint)][-1])


@pytest.mark.parametrize("which", SHAPES)
def test_an_answer_carries_its_own_distributions_and_maps(which: str) -> None:
    study = trained(SHAPES[which])
    drawn = study.task.held_out(1, torch.Generator().manual_seed(0))
    prompt = prompt_of(study.knobs, drawn, 4)
    found = answer(study, prompt, Manner(1.5, 4, 0.9, seed=3))
    assert found.tokens == answer(study, prompt, Manner(1.5, 4, 0.9, seed=3)).tokens
    assert 1 <= len(found.tokens) <= len(prompt.answer) and END not in found.tokens[:-1]
    assert np.allclose(found.whole_MV.sum(1), 1, atol=1e-12) and np.allclose(found.cut_MV.sum(1), 1, atol=1e-12)
    assert ((found.cut_MV > 0).sum(1) <= 4).all()
    assert all(cut[token] > 0 for cut, token in zip(found.cut_MV, found.tokens, strict=True))
    length = len(prompt.read_T) + len(found.tokens)
    own = found.maps["maps_self"]
    assert own.shape[0] == 1 and own.shape[-2:] == (length, length) and not np.triu(own, 1).any()
    assert (abs(own.sum(-1).astype(int) - 255) <= length).all()


@pytest.mark.parametrize("which", ["decoder", "various lengths"])
def test_without_chance_it_is_right_exactly_where_the_evaluation_says(which: str) -> None:
    study = trained(SHAPES[which])
    held = study.task.held_out(24, torch.Generator().manual_seed(1))
    wanted = written_alone(study, arrange(held, study.task, study.shape)).tolist()
    assert not isinstance(held, Sequences)
    for row, right in enumerate(wanted):
        single = type(held)(*(getattr(held, name)[row : row + 1] for name in ("source_BN", "target_BM", "needs_BMN")))
        prompt = prompt_of(study.knobs, single, 1)
        found = answer(study, prompt, Manner(temperature=0))
        whole = len(found.tokens) == sum(each is not None for each in prompt.answer)
        assert (all(found.right) and whole) == right
    best = beams(study, prompt, 3)
    assert best[0].score >= best[-1].score and all(len(beam.tokens) <= len(prompt.answer) for beam in best)
    assert 0 < sum(wanted) < 24


def test_of_a_sequence_only_what_can_be_known_is_judged() -> None:
    study = trained(SHAPES["sequence"])
    drawn = study.task.held_out(1, torch.Generator().manual_seed(2))
    assert isinstance(drawn, Sequences)
    for given in (1, 5, 12):
        prompt = prompt_of(study.knobs, drawn, given)
        assert len(prompt.read_T) == given and len(prompt.answer) == 12 - given
        for place, wanted in enumerate(prompt.answer):
            at = given + place
            assert wanted == (int(drawn.tokens_BS[0, at]) if drawn.scored_BT[0, at - 1] else None)
    assert answer(study, prompt_of(study.knobs, drawn, 12), Manner()).tokens == ()
