"""Frozen means frozen: the vectorised engine of the freeze lab, held against PyTorch's own modules and optimizers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.experiment import Checkpoint, Scalars, Snapshot
from models.layers import pretrained as shelf
from models.layers import stack
from models.layers.arms import Arm, Lesson
from models.layers.freezing import Race
from models.layers.masked import Masked, pull
from models.layers.plans import STRATEGIES, multipliers, one_cycle, paint, painted, schedule
from models.layers.pretrained import Recipe, fisher, pretrained
from models.layers.stack import HEAD, LAYERS, Features
from models.metrics.freezing import PATIENCE, Referee
from models.transfer import FreezeLab

torch.set_num_threads(1)
SMALL = FreezeLab(strategies="scratch,head_only,full,gradual", seeds=2, per_class=3, steps=6, pretraining=50)
STEPS = 40


def twin(blocks: list[Tensor], net: int, classes: int) -> nn.Sequential:
    """The same net as ordinary modules."""
    layers: list[nn.Module] = []
    for index, shape in enumerate(stack.shapes(classes)):
        weight, bias = stack.parted(blocks[index][net : net + 1], shape)
        if index < HEAD - 1:
            part: nn.Module = nn.Conv2d(shape.weight[1], shape.weight[0], 3, shape.stride, padding=1)
        else:
            part = nn.Linear(shape.weight[1], shape.weight[0])
        part = part.double()
        with torch.no_grad():
            part.weight.copy_(weight[0])  # type: ignore[operator, union-attr]
            part.bias.copy_(bias[0])  # type: ignore[operator, union-attr]
        layers += [nn.Flatten()] if index == HEAD - 1 else []
        layers += [part] if index == HEAD else [part, nn.ReLU()]
    return nn.Sequential(*layers)


def nets(count: int, classes: int = 4) -> list[Tensor]:
    randoms = [torch.Generator().manual_seed(seed) for seed in range(count)]
    return [block.double() for block in shelf.initial(randoms, classes)]


def pictures(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(count, 16, 16, generator=random).double(), torch.randint(4, (count,), generator=random)


def lesson(pictures_NHW: Tensor, labels_N: Tensor, index_VB: Tensor, blocks: list[Tensor]) -> Lesson:
    features = Features([block[:1] for block in blocks], pictures_NHW)
    return Lesson(lambda start: features.drawn(start, index_VB), labels_N[index_VB])


def test_a_stack_answers_as_its_nets_would_alone() -> None:
    blocks, (pictures_NHW, _labels) = nets(3), pictures(5)
    logits_VBK = stack.forward(blocks, stack.shared(pictures_NHW, 3))
    for net in range(3):
        torch.testing.assert_close(logits_VBK[net], twin(blocks, net, 4)(pictures_NHW[:, None]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_a_plan_trains_as_pytorch_does_with_a_group_added_at_each_unfreezing(kind: str) -> None:
    blocks, (pictures_NHW, labels_N) = nets(2), pictures(30)
    table_TL = multipliers("gradual", STEPS) * schedule("cosine", STEPS)[:, None]
    lr_V = torch.tensor([0.05, 0.02]).double() * (1.0 if kind == "sgd" else 0.1)
    arm = Arm("gradual", [block.clone() for block in blocks], table_TL, lr_V, kind, 1e-2, pretrained=False)  # type: ignore[arg-type]
    index_TVB = torch.randint(30, (STEPS, 2, 6), generator=torch.Generator().manual_seed(1))
    for step in range(STEPS):
        arm.learn(step, lesson(pictures_NHW, labels_N, index_TVB[step], blocks))
    for net in range(2):
        alone = twin(blocks, net, 4)
        parts = [part for part in alone if isinstance(part, nn.Conv2d | nn.Linear)]
        made: dict[int, torch.optim.Optimizer] = {}
        for step in range(STEPS):
            learning = np.nonzero(table_TL[step])[0]
            for layer in learning:
                if layer not in made:
                    group = parts[layer].parameters()
                    sgd = torch.optim.SGD(group, 1.0, momentum=0.9, weight_decay=1e-2)
                    made[layer] = (
                        sgd if kind == "sgd" else torch.optim.AdamW(parts[layer].parameters(), 1.0, weight_decay=1e-2)
                    )
                made[layer].param_groups[0]["lr"] = float(lr_V[net] * table_TL[step, layer])
            alone.zero_grad()
            index_B = index_TVB[step, net]
            nn.functional.cross_entropy(alone(pictures_NHW[index_B][:, None]), labels_N[index_B]).backward()
            for layer in learning:
                made[layer].step()
        for layer, part in enumerate(parts):
            mine = stack.parted(arm.blocks[layer][net : net + 1], stack.shapes(4)[layer])[0][0]
            torch.testing.assert_close(mine, part.weight, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_a_layer_frozen_again_does_not_move_by_a_bit(kind: str) -> None:
    blocks, (pictures_NHW, labels_N) = nets(2), pictures(20)
    table_TL = np.ones((9, len(LAYERS)))
    table_TL[3:6, 1:4] = 0
    arm = Arm("own", [block.clone() for block in blocks], table_TL, torch.full((2,), 0.01).double(), kind, 0.1)  # type: ignore[arg-type]
    index_VB = torch.arange(10).view(2, 5)
    for step in range(9):
        before = [block.clone() for block in arm.blocks]
        _loss, measured = arm.learn(step, lesson(pictures_NHW, labels_N, index_VB, blocks), measure=True)
        still = [torch.equal(now, then) for now, then in zip(arm.blocks, before, strict=True)]
        assert still == [bool(table_TL[step, layer] == 0) for layer in range(len(LAYERS))]
        assert measured is not None and ((measured.moved_VL == 0).all(0)).tolist() == still


def test_looking_frozen_layers_up_gives_what_computing_them_gives() -> None:
    blocks, (pictures_NHW, labels_N) = nets(1), pictures(20)
    index_VB = torch.arange(12).view(2, 6)
    wide = [block.expand(2, -1).clone() for block in blocks]
    table_TL, lr_V = multipliers("top_two", 5), torch.full((2,), 0.05).double()
    arms = [Arm("top_two", [b.clone() for b in wide], table_TL, lr_V, pretrained=known) for known in (True, False)]
    for step in range(5):
        for arm in arms:
            arm.learn(step, lesson(pictures_NHW, labels_N, index_VB, blocks))
    assert (arms[0].touched, arms[1].touched) == (4, 0)
    for one, other in zip(arms[0].blocks, arms[1].blocks, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-13)


def test_schedules_are_those_of_pytorch() -> None:
    weight = nn.Parameter(torch.zeros(1))

    def followed(make: type, **how: object) -> list[float]:
        optimizer = torch.optim.SGD([weight], 1.0)
        theirs, rates = make(optimizer, **how), []
        for _step in range(60):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            theirs.step()
        return rates

    family = torch.optim.lr_scheduler
    np.testing.assert_allclose(schedule("cosine", 60), followed(family.CosineAnnealingLR, T_max=60), atol=1e-12)
    np.testing.assert_allclose(
        schedule("warm_restarts", 60), followed(family.CosineAnnealingWarmRestarts, T_0=20), atol=1e-12
    )
    np.testing.assert_allclose(
        one_cycle(61)[:60], followed(family.OneCycleLR, max_lr=1.0, total_steps=61, cycle_momentum=False), atol=1e-12
    )


def test_the_slanted_triangle_starts_and_ends_at_a_thirty_second_and_peaks_at_a_tenth() -> None:
    factor_T = schedule("slanted_triangle", 1000)
    assert factor_T[0] == 1 / 32 and factor_T[100] == 1.0 and factor_T.argmax() == 100
    np.testing.assert_allclose(factor_T[550], (1 + 31 * 0.5) / 32, atol=1e-12)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_painting_a_plan_keeps_what_is_frozen(strategy: str) -> None:
    table_TL = multipliers(strategy, 200)
    again_TL = painted(paint(table_TL), 200)
    middles = np.arange(10, 200, 20)
    assert ((table_TL[middles] == 0) == (again_TL[middles] == 0)).all()


def test_a_pull_to_the_start_never_overshoots_and_is_a_gradient_step_when_small() -> None:
    start, now = torch.zeros(1, 3).double(), torch.tensor([[1.0, -2.0, 0.5]]).double()
    strength = torch.tensor([[1e-3, 1.0, 1e9]]).double()
    moved = now.clone()
    pull(moved, start, strength, torch.tensor([0.1]).double())
    assert bool((moved * now > 0).all()) and bool((moved.abs() <= now.abs()).all())
    assert float(moved[0, 0]) == pytest.approx(1.0 - 0.1 * 1e-3, abs=1e-8)


def test_fisher_information_of_the_head_is_its_closed_form() -> None:
    """For a softmax over weights w_kj of features x_j: E[p_k (1 − p_k) x_j²]."""
    recipe = Recipe("glyphs", 50)
    source = pretrained(recipe)
    found = stack.parted(fisher(source, recipe)[HEAD], stack.shapes(source.classes)[HEAD])[0][0]
    pictures_NHW = recipe.data.source.images_N1SS[:1000, 0]
    x_NF = Features(source.blocks, pictures_NHW).before(HEAD)
    p_NK = stack.forward(source.blocks, x_NF[None], start=HEAD)[0].softmax(-1)
    exact = torch.einsum("nk,nf->kf", p_NK * (1 - p_NK), x_NF.square()) / len(x_NF)
    assert float(found.sum() / exact.sum()) == pytest.approx(1.0, abs=0.2)


def test_head_only_keeps_the_source_task_exactly_and_frozen_tensors_bit_for_bit() -> None:
    events = list(SMALL.train())
    snapshots = [event for event in events if isinstance(event, Snapshot)]
    place = SMALL.arms.index("head_only")
    kept = [float(event.arrays["source_ARS"][place].mean()) for event in snapshots]
    assert len(set(kept)) == 1
    assert (snapshots[-1].arrays["drift_AL"][place, :HEAD] == 0).all()
    assert (snapshots[-1].arrays["moved_AL"][place, :HEAD] == 0).all()
    assert snapshots[-1].arrays["moved_AL"][place, HEAD] > 0


def test_a_resumed_run_is_the_undisturbed_run() -> None:
    whole = list(SMALL.train())
    middle = next(event for event in whole if isinstance(event, Checkpoint) and event.step == 4)
    rest = list(SMALL.train(middle))
    for mine, theirs in zip(rest[-2:], whole[-2:], strict=True):
        assert isinstance(mine, Snapshot | Checkpoint) and isinstance(theirs, Snapshot | Checkpoint)
        for name, array in mine.arrays.items():
            np.testing.assert_array_equal(array, theirs.arrays[name], err_msg=name)


def test_changed_pictures_cost_no_strategy_its_frozen_layers_and_lambda_one_changes_nothing() -> None:
    plain = [event for event in SMALL.train() if isinstance(event, Snapshot)][-1]
    hard = SMALL.but(distortion=1.0, mirror=True, mixup=1.0, cutmix=1.0, resizing=True, replay=1.0, dropout=0.5)
    other = [event for event in hard.train() if isinstance(event, Snapshot)][-1]
    place = SMALL.arms.index("head_only")
    assert (other.arrays["moved_AL"][place, :HEAD] == 0).all()
    assert not np.array_equal(plain.arrays["accuracy_ARS"], other.arrays["accuracy_ARS"])


def test_a_net_that_stopped_early_stands_still() -> None:
    race = Race(SMALL.but(early_stopping=True))
    referee = Referee(race)
    race.found = referee.evaluate(0)
    for _evaluation in range(PATIENCE):
        race.found = referee.evaluate(0)
    before = [arm.drift() for arm in race.arms]
    race.iterate(0)
    assert all(torch.equal(arm.drift(), then) for arm, then in zip(race.arms, before, strict=True))


def test_a_plan_painted_during_training_joins_from_there() -> None:
    events = list(SMALL.train())
    start = next(event for event in events if isinstance(event, Checkpoint) and event.step == 4)
    fork = SMALL.fork(5, own_plan=".".join(["9" * 10] * 6))
    assert fork.arms == (*SMALL.arms, "own") and fork.agrees_until(SMALL) == 5
    last = [event for event in fork.train(start) if isinstance(event, Snapshot)][-1]
    assert (last.arrays["drift_AL"][-1] > 0).all()
    for mine, theirs in zip(fork.train(), fork.train(), strict=True):
        assert mine.step == theirs.step and isinstance(mine, Scalars) == isinstance(theirs, Scalars)


def test_a_pretrained_net_is_read_as_it_was_written_and_trained_anew_where_the_file_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(shelf.PLACE, str(tmp_path))
    recipe = Recipe("glyphs", 50, seed=9)
    shelf._held.cache_clear()
    first = pretrained(recipe)
    (file,) = tmp_path.glob("*.safetensors")
    shelf._held.cache_clear()
    again = pretrained(recipe)
    file.write_bytes(b"damaged")
    shelf._held.cache_clear()
    anew = pretrained(recipe)
    for one, two, three in zip(first.blocks, again.blocks, anew.blocks, strict=True):
        assert torch.equal(one, two) and torch.equal(one, three)


def test_masking_only_the_gradient_would_not_freeze() -> None:
    """Why the optimizer is told which layers learn: a zero gradient still moves a layer that has momentum."""
    optimizer, block = Masked("sgd", 0.1), torch.ones(1, 3).double()
    optimizer.update(0, block, torch.ones_like(block), torch.tensor([0.1]).double())
    before = block.clone()
    optimizer.update(0, block, torch.zeros_like(block), torch.tensor([0.1]).double())
    assert not torch.equal(block, before)


def test_more_labels_than_there_are_are_as_many_as_there_are() -> None:
    race = Race(FreezeLab(pair="sketches", per_class=300, strategies="head_only", seeds=2, pretraining=50))
    assert race.each == 60 * 10 and len(race.labels_N) == 2 * race.each
