"""Laws of memory: cells against torch's, cheap attention against masked full attention, the copy task, its stories."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.experiment import Checkpoint, Event, Scalars, Snapshot
from models.layers import efficient, recurrent
from models.layers.contestants import ATTENTION, RECURRENT, Attentive, contestant
from models.layers.copying import Copying, copy_batch, pixels
from models.memory import CopyMemory
from models.running import Moments, stream

MODELS = CopyMemory.knobs()["model"].options
FIFTY, NEAR, KINDS = CopyMemory.stories()
TEN = range(10)
QKV = torch.randn(3, 2, 3, 37, 8, dtype=torch.float64, generator=stream(1, "qkv")).unbind()


@pytest.mark.parametrize("kind", recurrent.CELLS)
def test_a_cell_repeated_is_torchs_layer(kind: str) -> None:
    layer = recurrent.fast(kind, 5, 7).double()
    x_BTI = torch.randn(3, 11, 5, dtype=torch.float64, requires_grad=True)
    own, theirs = recurrent.unroll(kind, x_BTI, recurrent.weights_of(layer)), layer(x_BTI)[0]
    torch.testing.assert_close(own, theirs, rtol=1e-12, atol=1e-12)
    wanted = torch.autograd.grad(theirs.square().sum(), [x_BTI, *layer.parameters()])
    given = torch.autograd.grad(own.square().sum(), [x_BTI, *layer.parameters()])
    torch.testing.assert_close(given, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("window", "dilation"), [(1, 1), (4, 1), (37, 1), (60, 1), (5, 3), (3, 16), (2, 50)])
def test_windows_are_full_attention_behind_a_mask(window: int, dilation: int) -> None:
    q, k, v = QKV
    own = efficient.dilated(q, k, v, window, dilation) if dilation > 1 else efficient.windowed(q, k, v, window)
    seen_TT = efficient.visible(37, window, dilation)
    wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen_TT)
    torch.testing.assert_close(own, wanted, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(efficient.softmax_weights(q, k, window, dilation) @ v, wanted, rtol=1e-12, atol=1e-12)


def test_full_and_fused_attention_are_one_function() -> None:
    torch.testing.assert_close(efficient.full(*QKV), efficient.fused(*QKV), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", [1, 37, 64, 150])
def test_linear_attention_is_its_closed_form(length: int) -> None:
    """Katharopoulos et al. 2020, eq. 9, one position at a time, against sums taken block by block."""
    q, k, v = torch.randn(3, 2, 3, length, 8, dtype=torch.float64, generator=stream(2, "qkv")).unbind()
    state, norm, rows = torch.zeros(2, 3, 8, 8).double(), torch.zeros(2, 3, 8).double(), []
    for t in range(length):
        fq, fk = efficient.feature(q[:, :, t]), efficient.feature(k[:, :, t])
        state, norm = state + fk[..., :, None] * v[:, :, t, None, :], norm + fk
        rows.append((fq[..., None, :] @ state)[..., 0, :] / (fq * norm).sum(-1, keepdim=True))
    torch.testing.assert_close(efficient.linear(q, k, v), torch.stack(rows, 2), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(efficient.linear_weights(q, k) @ v, torch.stack(rows, 2), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_no_contestant_sees_the_future(model: str) -> None:
    experiment = CopyMemory(model=model, delay=20)
    network = contestant(experiment.plan, stream(0, "weights")).double()
    ids_BT, _kept = copy_batch(2, 8, 5, 20, stream(0, "batch"))
    x_BTW = network.embed(ids_BT).detach()
    changed = x_BTW.clone()
    changed[:, 17:] += 1.0
    assert torch.equal(network.think(x_BTW)[:, :17], network.think(changed)[:, :17])


@pytest.mark.parametrize("model", ATTENTION)
def test_the_maps_shown_are_the_weights_used(model: str) -> None:
    experiment = CopyMemory(model=model, delay=20, window=4)
    network = contestant(experiment.plan, stream(0, "weights")).double()
    assert isinstance(network, Attentive)
    ids_BT, _kept = copy_batch(2, 8, 5, 20, stream(0, "batch"))
    maps = network.maps(ids_BT)
    torch.testing.assert_close(maps.sum(-1), torch.ones_like(maps[..., 0]))
    x_BTW = network.embed(ids_BT)
    first = network.layers[0]
    *_qk, v = first.parts(x_BTW)
    torch.testing.assert_close(first.out((maps[:, 0] @ v).transpose(1, 2).flatten(2)), first(x_BTW))


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize("width", [16, 64, 128])
def test_contestants_have_about_equal_parameters(kind: str, width: int) -> None:
    attention, own = CopyMemory(width=width), CopyMemory(width=width, model=kind)
    counted = sum(weight.numel() for weight in contestant(own.plan, stream(0, "weights")).parameters())
    assert counted == own.plan.parameters()
    assert abs(counted / attention.plan.parameters() - 1) < 0.05


def test_a_batch_asks_for_what_it_began_with() -> None:
    ids_BT, kept_BM = copy_batch(50, 8, 5, 30, stream(3, "batch"))
    assert ids_BT.shape == (50, 41) and torch.equal(ids_BT[:, :5], kept_BM) and int(kept_BM.max()) < 8
    assert bool((ids_BT[:, 5:35] == 8).all() and (ids_BT[:, 35] == 9).all() and (ids_BT[:, 36:] == 8).all())


def last(events: list[Event], kind: type) -> Event:
    return [event for event in events if isinstance(event, kind)][-1]


@pytest.mark.parametrize("model", MODELS)
def test_a_run_resumed_from_any_checkpoint_ends_bit_identically(model: str) -> None:
    experiment = CopyMemory(model=model, delay=10, steps=40, width=32).fork(20, lr=0.01)
    whole = list(experiment.train())
    for start in [event for event in whole if isinstance(event, Checkpoint)][:-1:5]:
        rest = list(experiment.train(start, Moments(dense=1, ratio=9.0)))
        for kind in (Checkpoint, Snapshot):
            mine, theirs = last(rest, kind), last(whole, kind)
            assert isinstance(mine, Checkpoint | Snapshot) and isinstance(theirs, Checkpoint | Snapshot)
            for name, array in mine.arrays.items():
                np.testing.assert_array_equal(array, theirs.arrays[name], err_msg=name)


def test_gradients_of_a_plain_rnn_vanish_and_a_transformers_do_not() -> None:
    """After twenty updates, over 56 tokens: what one net loses by a factor of a million, the other keeps."""
    reach = {}
    for model in ("rnn", "transformer"):
        copying = Copying(CopyMemory(model=model, batch_size=16), block=20)
        for step in range(20):
            copying.iterate(step)
        gradient = copying.gradient_by_distance()
        reach[model] = float(gradient[CopyMemory().distance] / gradient[0])
    assert reach["rnn"] < 1e-6 < 1e-2 < reach["transformer"]


def test_shrunk_maps_keep_their_peaks() -> None:
    maps = torch.zeros(1, 1, 1, 211, 211)
    maps[..., 200, 3] = 1.0
    small = pixels(maps)
    assert small.shape == (1, 1, 1, 106, 106) and int(small[..., 100, 1]) == 255 and int(small.sum()) == 255


def accuracy(experiment: CopyMemory) -> np.ndarray:
    """Accuracy of every step, from the run's own record."""
    events = experiment.train(moments=Moments(dense=1, ratio=1e6, checkpoint_ratio=1e9, block=10**6))
    return np.concatenate([event.values["accuracy"] for event in events if isinstance(event, Scalars)])


def check_fifty(seed: int) -> None:
    transformer = accuracy(FIFTY.experiment.but(seed=seed, steps=200))
    lstm = accuracy(FIFTY.experiment.but(seed=seed, steps=200, model="lstm"))
    assert transformer[-50:].min() >= 0.99 and lstm[-50:].max() < 0.5


def check_near(seed: int) -> None:
    knobs = [NEAR.experiment.but(seed=seed, model=model) for model in ("transformer", *RECURRENT)]
    transformer, lstm, gru, rnn = (accuracy(experiment) for experiment in knobs)
    assert min(run[-50:].mean() for run in (transformer, lstm, gru, rnn)) > 0.9
    assert int(np.argmax(rnn > 0.9)) < int(np.argmax(transformer > 0.9)) < 100
    assert min(int(np.argmax(run > 0.9)) for run in (lstm, gru)) > 200


def check_kinds(seed: int) -> None:
    ends = {model: accuracy(KINDS.experiment.but(seed=seed, model=model))[-50:].mean() for model in ATTENTION}
    assert min(ends["transformer"], ends["dilated"], ends["linear"]) >= 0.99 and ends["window"] < 0.2


def test_a_jump_of_fifty() -> None:
    check_fifty(seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", TEN)
def test_a_jump_of_fifty_on_every_seed(seed: int) -> None:
    check_fifty(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", TEN)
def test_within_reach_on_every_seed(seed: int) -> None:
    check_near(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", TEN)
def test_what_a_window_cannot_see_on_every_seed(seed: int) -> None:
    check_kinds(seed)
