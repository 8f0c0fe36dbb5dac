"""A Transformer's training: the optimizer, what twins share, going on from a checkpoint, recorded pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models.attention import AttentionTraining
from models.experiment import Checkpoint, Note, Scalars, Snapshot
from models.layers.attention import Trace, causal
from models.layers.flat import Flat
from models.layers.mlp import Adam
from models.layers.study import Study
from models.metrics.evaluation import evaluate, written_alone

F64 = torch.float64
SMALL = AttentionTraining(length=8, num_layers=2, num_heads=2, d_model=16, batch_size=8, steps=12, dropout=0.1)
PADDED = SMALL.but(architecture="encoder_decoder", task="dates")
GPT = SMALL.but(architecture="decoder", task="sort", symbols=4, positions="rope")
T5 = SMALL.but(architecture="encoder_decoder", task="copy", positions="alibi", encoder_layers=3)


def checkpoints(experiment: AttentionTraining, start: Checkpoint | None = None) -> dict[int, Checkpoint]:
    return {event.step: event for event in experiment.train(start) if isinstance(event, Checkpoint)}


def same(one: Checkpoint, other: Checkpoint) -> bool:
    return one.step == other.step and all(np.array_equal(a, other.arrays[name]) for name, a in one.arrays.items())


def test_a_flat_adamw_with_clipping_is_pytorchs() -> None:
    torch.manual_seed(0)
    ours, theirs = (nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)).double() for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    flat = Flat(ours)
    adam = Adam(flat.weights_P, 0.03, 0.9, 0.98, decay=0.1)
    adamw = torch.optim.AdamW(theirs.parameters(), lr=0.03, betas=(0.9, 0.98), weight_decay=0.1)
    for step in range(5):
        x = torch.randn(9, 5, dtype=F64)
        scale = 10.0**step / 100
        flat.differentiate((ours(x) * scale).square().mean())
        adamw.zero_grad()
        (theirs(x) * scale).square().mean().backward()
        norm = nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        with torch.no_grad():
            assert torch.isclose(flat.clip(0.5), norm, rtol=1e-12, atol=0)
            adam.step(flat.gradient_P)
        adamw.step()
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("experiment", [SMALL, GPT, T5], ids=["encoder", "decoder", "encoder_decoder"])
def test_going_on_from_a_checkpoint_is_never_having_stopped(experiment: AttentionTraining) -> None:
    whole = checkpoints(experiment)
    middle = max(step for step in whole if 0 < step < experiment.steps)
    assert same(checkpoints(experiment, whole[middle])[experiment.steps], whole[experiment.steps])
    half = checkpoints(experiment.but(steps=6))[6]
    assert same(checkpoints(experiment, half)[12], whole[12])


def test_a_fork_without_a_change_is_the_run_itself_and_a_change_acts_from_its_step() -> None:
    assert SMALL.fork(5, lr=SMALL.lr) == SMALL
    whole, fork = checkpoints(SMALL), checkpoints(SMALL.fork(5, lr=0.1))
    assert all(same(whole[step], fork[step]) for step in whole if step <= 5)
    assert not any(same(whole[step], fork[step]) for step in whole if step > 5)


@pytest.mark.parametrize("change", [{"num_heads": 4}, {"lr": 0.1}, {"norm": "none"}, {"positions": "none"}])
def test_twins_see_the_same_batches(change: dict[str, Any]) -> None:
    one, other = Study(SMALL), Study(SMALL.but(**change))
    for step in (0, 15, 16, 40):
        one.prepare(step), other.prepare(step)
        assert all(torch.equal(part, other.batches[name]) for name, part in one.batches.items())
        assert torch.equal(one.cursor, other.cursor)


def test_batches_are_fresh_at_every_step() -> None:
    study, seen = Study(GPT), set()
    for step in range(40):
        study.prepare(step)
        seen.add(study.batches["input_BT"][study.cursor].numpy().tobytes())
    assert len(seen) == 40


@pytest.mark.parametrize(
    "experiment", [SMALL, GPT, T5, PADDED], ids=["encoder", "decoder", "encoder_decoder", "padded"]
)
def test_a_picture_is_what_the_weights_of_its_step_do(experiment: AttentionTraining) -> None:
    events = list(experiment.train())
    pictures = {event.step: event for event in events if isinstance(event, Snapshot)}
    for step, checkpoint in checkpoints(experiment).items():
        study, trace, arrays = experiment.revive(checkpoint), Trace(), pictures[step].arrays
        with torch.no_grad():
            logits = study.model(study.probe.input_BT, study.probe.encoder_BN, trace)
        for kind in ("encoder", "self", "cross"):
            looks = getattr(trace, kind)
            assert (f"maps_{kind}" in arrays) == bool(looks)
            for layer, look in enumerate(looks):
                recorded = torch.from_numpy(arrays[f"maps_{kind}"][:, layer]) / 255
                assert (recorded - look.weight_BHTS[: len(recorded)]).abs().max() <= 0.5 / 255 + 1e-6
        shown = len(arrays["predicted"])
        assert np.array_equal(arrays["predicted"], logits.argmax(-1)[:shown].numpy())


@pytest.mark.parametrize("experiment", [SMALL, GPT], ids=["encoder", "decoder"])
def test_recorded_queries_and_keys_give_the_recorded_map(experiment: AttentionTraining) -> None:
    arrays = [event for event in experiment.train() if isinstance(event, Snapshot)][-1].arrays
    q, k = (torch.from_numpy(arrays[f"{name}_self"]).double() for name in "qk")
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    if experiment.shape == "decoder":
        scores = scores.masked_fill(~causal(*scores.shape[-2:]), -torch.inf)
    apart = (scores.softmax(-1) - torch.from_numpy(arrays["maps_self"]) / 255).abs().max()
    assert apart <= 0.5 / 255 + 1e-6


def test_heads_silenced_during_training_are_silent_from_that_step_on() -> None:
    fork = SMALL.fork(5, knocked_out="self.0.1+self.1.0")
    whole, forked = checkpoints(SMALL), checkpoints(fork)
    assert all(same(whole[step], forked[step]) for step in whole if step <= 5)
    for step, checkpoint in forked.items():
        layer = fork.revive(checkpoint).model.attentions("self")[0]
        assert (layer.silence is not None) == (step >= 5)
    # A head that is silent has no gradient: its values stay where they were, and Adam's memory alone moves them.
    study = Study(SMALL.but(knocked_out="self.0.1"))
    study.iterate(0)
    gradient = study.model.attentions("self")[0].project.weight.grad
    assert gradient is not None
    of_head = gradient.unflatten(0, (3, 2, -1))
    assert not of_head[:, 1].any() and of_head[:, 0].any()


@pytest.mark.parametrize("knob", [{"lr": 0.1, "norm": "none", "num_layers": 6}])
def test_a_run_that_diverges_says_where_and_keeps_its_last_good_step(knob: dict[str, Any]) -> None:
    wild = AttentionTraining(steps=60).but(**knob)
    events = list(wild.train())
    note, kept = events[-1], [event for event in events if isinstance(event, Checkpoint)][-1]
    assert isinstance(note, Note) and note.kind == "diverged"
    assert note.values["good"] == kept.step == note.step - 1
    assert all(np.isfinite(array).all() for array in kept.arrays.values())
    told = [event for event in events if isinstance(event, Scalars) and "loss" in event.values]
    assert told[-1].step == note.step and not all(np.isfinite(c).all() for c in told[-1].values.values())
    assert isinstance(list(wild.train(kept))[-1], Note)


HALF = AttentionTraining(
    architecture="decoder", task="sort", length=6, symbols=3, num_layers=2, num_heads=2, d_model=32, steps=45
)
MARKS = {
    "decoder": HALF,
    "various lengths": HALF.but(task="number_words", batch_size=32, lr=5e-3, steps=42),
    "encoder_decoder": HALF.but(architecture="encoder_decoder", task="reverse", steps=34),
}


@pytest.mark.parametrize("which", MARKS)
def test_right_throughout_is_really_written_right(which: str) -> None:
    """One forward pass with the right answers before it tells what writing alone would give, example by example."""
    experiment = MARKS[which]
    study = experiment.revive(checkpoints(experiment)[experiment.steps])
    held = experiment.arranged(128, "held out")
    with torch.no_grad():
        right_BT = (study.model(held.input_BT, held.encoder_BN).argmax(-1) == held.target_BT) | ~held.scored_BT
        alone_B = written_alone(study, held)
    assert 0.05 < float(alone_B.float().mean()) < 0.95
    assert torch.equal(right_BT.all(-1)[: len(alone_B)], alone_B)
    assert float(evaluate(study)["exact"][0]) == float(right_BT.all(-1).float().mean())
