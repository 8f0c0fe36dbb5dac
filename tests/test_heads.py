"""Head roles: a head that does one thing scores 1 for it, and what looks like a role without being one does not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.attention import AttentionTraining
from models.data.sequences import PAD, Sequences, task
from models.data.sequences.arrange import arrange
from models.metrics.evaluation import null_scores
from models.metrics.heads import ROLES, distance, entropy, mass, patterns, roles, uniform
from models.running import stream

F64 = torch.float64


def repeats() -> Tensor:
    """Blocks that repeat with periods of their own, the last rows padded."""
    drawn = task("induction", length=24, symbols=8).draw(6, torch.Generator().manual_seed(0))
    assert isinstance(drawn, Sequences)
    tokens_BT = drawn.tokens_BS[:, :-1].clone()
    tokens_BT[-2:, 20:] = PAD
    return tokens_BT


def wanted_by_hand(tokens: list[int], role: str, t: int) -> set[int]:
    """The keys that a role names for query `t`, written as its sentence says it."""
    if tokens[t] == PAD:
        return set()
    keys = {
        "previous": {t - 1},
        "current": {t},
        "next": {t + 1},
        "first": {0},
        "same_token": {s for s, token in enumerate(tokens) if token == tokens[t] and s != t},
        "induction": {s + 1 for s in range(t) if tokens[s] == tokens[t]},
    }[role]
    return {s for s in keys if 0 <= s < len(tokens) and tokens[s] != PAD}


def test_each_role_looks_where_its_sentence_says() -> None:
    tokens_BT = repeats()
    found_RBTT = patterns(tokens_BT)
    for r, role in enumerate(ROLES):
        for b, row in enumerate(tokens_BT.tolist()):
            for t in range(len(row)):
                assert set(found_RBTT[r, b, t].nonzero()[:, 0].tolist()) == wanted_by_hand(row, role, t), role


@pytest.mark.parametrize("role", ROLES)
def test_a_head_that_does_nothing_else_scores_one(role: str) -> None:
    """It looks at one wanted key; where there is none, at nothing."""
    tokens_BT = repeats()
    wanted_RBTT = patterns(tokens_BT)
    wanted_BTT = wanted_RBTT[ROLES.index(role)]
    weight_BTT = torch.nn.functional.one_hot(wanted_BTT.int().argmax(-1), wanted_BTT.shape[-1]).to(F64)
    weight_BTT = weight_BTT * wanted_BTT.any(-1, keepdim=True)
    scores_R = roles(weight_BTT[None, :, None], tokens_BT)[0, 0]
    for other, score in zip(ROLES, scores_R.tolist(), strict=True):
        looks = bool(((weight_BTT > 0) & wanted_RBTT[ROLES.index(other)]).any())
        assert score == 1.0 if other == role else (score > 0) == looks and score <= 1.0


def test_looking_a_fixed_way_back_is_no_induction() -> None:
    """Periods vary: a head tuned to one of them finds the next token only where that period happens to be."""
    drawn = task("induction", length=48, symbols=32).draw(64, torch.Generator().manual_seed(1))
    assert isinstance(drawn, Sequences)
    tokens_BT = drawn.tokens_BS[:, :-1]
    length = tokens_BT.shape[1]
    for back in (8, 12, 16):
        weight_TT = torch.eye(length, dtype=F64).roll(-back + 1, 1).tril()
        fixed = roles(weight_TT.expand(1, 64, 1, length, length), tokens_BT)[0, 0, ROLES.index("induction")]
        assert fixed < 0.3


@pytest.mark.parametrize(
    ("name", "shape"),
    [("induction", "decoder"), ("reverse", "encoder"), ("sort", "decoder"), ("copy", "encoder_decoder")],
)
def test_a_head_that_knows_nothing_scores_what_is_drawn_as_null(name: str, shape: str) -> None:
    experiment = AttentionTraining.of({"task": name, "architecture": shape, "length": 12})
    source = experiment.source()
    probe = arrange(source.held_out(8, stream(experiment.seed, "probe")), source, experiment.shape)
    causal = experiment.shape != "encoder"
    found = null_scores(experiment)
    for role in ROLES:
        shares = []
        for row in probe.input_BT.tolist():
            for t in range(len(row)):
                visible = {s for s in range(len(row)) if row[s] != PAD and (s <= t or not causal)}
                # What the mask hides counts as a target that cannot be reached.
                if wanted := wanted_by_hand(row, role, t):
                    shares.append(len(visible & wanted) / len(visible))
        assert abs(found[role] - sum(shares) / max(1, len(shares))) < 1e-12, role
    keys_BS = probe.input_BT if probe.encoder_BN is None else probe.encoder_BN
    shares = []
    for needs_TS, keys in zip(probe.needs_BTS, keys_BS.tolist(), strict=True):
        for t, needs_S in enumerate(needs_TS.tolist()):
            if any(needs_S):
                hidden = causal and probe.encoder_BN is None
                visible = {s for s, key in enumerate(keys) if key != PAD and (s <= t or not hidden)}
                shares.append(sum(needed and s in visible for s, needed in enumerate(needs_S)) / len(visible))
    assert abs(found["agreement"] - sum(shares) / len(shares)) < 1e-12


def test_what_a_task_needs_can_be_seen() -> None:
    """No demanded key lies in the future of a decoder: a right map exists, and it scores 1."""
    for name in ("induction", "sort", "copy"):
        source = task(name, length=12)
        read = arrange(source.draw(16, torch.Generator().manual_seed(2)), source, "decoder")
        assert not read.needs_BTS.triu(1).any()
        right = uniform(read.needs_BTS)
        torch.testing.assert_close(mass(right, read.needs_BTS), torch.ones(1, dtype=F64), rtol=0, atol=1e-12)


def test_entropy_and_distance_of_simple_heads() -> None:
    even, own = torch.full((1, 1, 4, 4), 0.25, dtype=F64), torch.eye(4, dtype=F64)[None, None]
    assert abs(float(entropy(even)) - torch.log(torch.tensor(4.0, dtype=F64))) < 1e-12 and float(entropy(own)) == 0
    assert float(distance(own)) == 0 and abs(float(distance(even)) - 1.25) < 1e-12
