"""How many labels: what the measurements keep, whatever they find."""

from __future__ import annotations

import numpy as np
import torch

from models.experiment import Checkpoint, Snapshot
from models.label_budget import PER_CLASS, WAYS, LabelBudget
from models.layers.pretrained import Recipe, pretrained
from models.layers.trials import Bench
from pages.parts.freezing.labels import sentence

torch.set_num_threads(1)
QUICK = LabelBudget(updates=20, steps=10)


def last(experiment: LabelBudget, start: Checkpoint | None = None) -> Snapshot:
    return [event for event in experiment.train(start) if isinstance(event, Snapshot)][-1]


def test_a_new_head_leaves_the_source_task_exactly_as_it_was() -> None:
    source = pretrained(Recipe("glyphs"))
    bench = Bench(source, Recipe("glyphs").data)
    before = bench.remembered.features.before(5) @ source.blocks[5][0, :640].view(10, 64).T + source.blocks[5][0, 640:]
    accuracy = float((before.argmax(-1) == bench.remembered.labels_N).double().mean())
    kept_L = last(QUICK).arrays["kept_ALS"][WAYS.index("head_only"), :, 0]
    np.testing.assert_allclose(kept_L, accuracy, atol=1e-6)


def test_measurements_go_on_from_a_checkpoint_as_if_never_interrupted() -> None:
    whole = list(QUICK.train())
    middle = next(event for event in whole if isinstance(event, Checkpoint) and event.step >= 4)
    for name, array in last(QUICK, middle).arrays.items():
        np.testing.assert_array_equal(array, last(QUICK).arrays[name], err_msg=name)


def test_every_way_number_of_labels_and_seed_is_measured_once() -> None:
    for pair, counts in (("glyphs", 8), ("sketches", 7)):
        experiment = LabelBudget(pair=pair, steps=64)  # type: ignore[arg-type]
        assert len(experiment.per_class) <= counts and experiment.round == 4 * len(experiment.per_class)
        places = [experiment.place(step) for step in range(2 * experiment.round)]
        assert len(set(places)) == len(places) and {seed for *_rest, seed in places} == {0, 1}


def test_a_crossing_is_said_where_it_was_made_and_not_below_three_seeds() -> None:
    """Full tuning passes the head exactly at 100 labels."""
    label_L = 10.0 * np.array(PER_CLASS)
    test_ALS = np.full((len(WAYS), len(label_L), 4), 0.5)
    test_ALS[WAYS.index("full")] += 0.05 * np.log10(label_L / 100)[:, None] + 1e-4 * (np.arange(4) - 1.5)
    found = {"test_ALS": test_ALS, "labels": label_L}
    assert "overtakes Head only **at about 100 labels**" in sentence(found, "full", "head_only")
    test_ALS[WAYS.index("full")] = 0.5 + 0.1 * np.array([1, -1, 1, -1])
    assert "shown for good" in sentence(found, "full", "head_only")
    test_ALS[..., 2:] = np.nan
    assert "three seeds" in sentence(found, "full", "head_only")
