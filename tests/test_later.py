"""A picture that the recording thread draws is the one that the loop would have drawn; so are the numbers it splits."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from models.attention import AttentionTraining
from models.autoencoder import LatentSpace
from models.experiment import Experiment, Snapshot
from models.gan import GanTraining
from models.layers.autoencoding import Autoencoding
from models.layers.divergence import finite
from models.layers.game import Game
from models.layers.later import Later, Pictured
from models.layers.rows import Told, named
from models.layers.study import Study
from models.metrics import bounds, evaluation

RIGS: dict[str, tuple[type[Pictured], Experiment, dict[str, object]]] = {  # type: ignore[type-arg]
    "spectral": (Game, GanTraining(constraint="spectral_norm", data="ring"), {"label_smoothing": 0.2}),
    "relativistic": (Game, GanTraining(loss="relativistic", minibatch_std=True), {"lr_d": 0.01}),
    "average": (Game, GanTraining(ema_decay=0.9, pack=2), {"loss": "hinge"}),
    "digits": (Game, GanTraining(data="digits"), {"loss": "wasserstein"}),
    "attention": (Study, AttentionTraining(dropout=0.1), {"lr": 1e-4}),
    "vae": (Autoencoding, LatentSpace(latent_dim=3), {"beta": 0.5}),
    "codebook": (Autoencoding, LatentSpace(model="vq_vae"), {"lr": 1e-4}),
}


@pytest.mark.parametrize("name", RIGS)
def test_a_picture_drawn_later_is_that_of_its_moment(name: str) -> None:
    cls, experiment, change = RIGS[name]
    rig = cls(experiment, 8)  # type: ignore[call-arg]
    pictures, at_once = list[Snapshot](), list[dict[str, np.ndarray]]()
    for step in range(4):
        rig.iterate(step)  # type: ignore[attr-defined]
        pictures.append(rig.snapshot(step))
        at_once.append({name: array.copy() for name, array in rig.arrays().items()})
        if step == 1:
            rig.play_by(rig.knobs.but(**change))  # type: ignore[attr-defined]
    with ThreadPoolExecutor(1) as beside:
        drawn = [beside.submit(dict, picture.arrays).result() for picture in reversed(pictures)]
    assert all(isinstance(picture.arrays, Later) for picture in pictures)
    for found, expected in zip(drawn, reversed(at_once), strict=True):
        assert set(found) == set(expected)
        assert all(np.array_equal(found[name], array, equal_nan=True) for name, array in expected.items())


@pytest.mark.parametrize("name", RIGS)
def test_numbers_split_later_and_elsewhere_are_those_of_each_step(name: str) -> None:
    cls, experiment, _change = RIGS[name]
    rig, again = cls(experiment, 8), cls(experiment, 8)  # type: ignore[call-arg]
    told = list[dict[str, np.ndarray]]()
    for step in range(4):
        rig.iterate(step)  # type: ignore[attr-defined]
        again.iterate(step)  # type: ignore[attr-defined]
        told.append(dict(again.told()))  # type: ignore[attr-defined]
    at_once = rig.told()  # type: ignore[attr-defined]
    rig.iterate(4)  # type: ignore[attr-defined]  # the rows are written over
    found = dict(pickle.loads(pickle.dumps(at_once)))
    assert finite(at_once) and set(found) == set(told[0])
    for column, values in found.items():
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, np.concatenate([one[column] for one in told]))


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_noticed_before_rows_are_split(odd: float) -> None:
    split = partial(named, ("loss", "accuracy", "gradient"))
    large = np.finfo(np.float32).max
    rows_SC = np.array([[large, large, -large], [large, 1, 0]], np.float32)
    assert finite(Told(rows_SC, split)), "large is not infinite, nor is a sum of large ones"
    rows_SC[1, 1] = odd
    assert not finite(Told(rows_SC, split))


@pytest.mark.parametrize("name", ["attention", "vae", "codebook"])
def test_an_evaluation_made_later_is_that_of_its_moment(name: str) -> None:
    cls, experiment, change = RIGS[name]
    rig = cls(experiment, 8)  # type: ignore[call-arg]
    look = evaluation.evaluate if cls is Study else bounds.evaluate
    before, expected = rig.later(look), look(rig)  # type: ignore[arg-type]
    rig.iterate(0)  # type: ignore[attr-defined]
    rig.play_by(rig.knobs.but(**change))  # type: ignore[attr-defined]
    assert isinstance(before, Later) and dict(before) == expected
    assert dict(rig.later(look)) != expected  # type: ignore[arg-type]
