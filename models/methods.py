"""What each method is worth: regularisers and ways to evaluate, one at a time, on the freeze lab's bench.

Every method trains the same nets on the same labels with the same batches as the plain recipe; so a difference is the
method's. An evaluation method is judged by how far its estimate lies from the truth: the accuracy, on a thousand
pictures nobody trained on, of a net that learned from all labels.

Letters: M methods, W ways to evaluate, S labelled sets (seeds). Accuracy as a share.

Source: weight decay, Krogh and Hertz 1991; dropout, Srivastava et al. 2014; label smoothing, Szegedy et al. 2015 (arXiv
1512.00567); mixup 1710.09412; CutMix 1905.04899; L2-SP 1802.01483; EWC 1612.00796; ensembles, Lakshminarayanan et al.
2016 (arXiv 1612.01474); cross-validation, Kohavi 1995.
Where it stops being true: strengths are usual ones, tuned for nothing; another strength, net or task can turn a loss
into a gain. That is what the knobs of the freeze lab are for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from models.experiment import Checkpoint, Event, Experiment, Pixels, Points, Scalars, Snapshot, knob
from models.layers.folding import Folded, Together, Way, viewed
from models.layers.freezing import Race
from models.layers.stack import Features
from models.metrics.freezing import TESTED, Referee, answers
from models.running import Moments
from models.transfer import FreezeLab

METHODS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "weight_decay": {"weight_decay": 0.01},
    "dropout": {"dropout": 0.3},
    "label_smoothing": {"smoothing": 0.1},
    "distortion": {"distortion": 0.5},
    "mirrored": {"mirror": True},
    "mixup": {"mixup": 0.4},
    "cutmix": {"cutmix": 1.0},
    "progressive_resizing": {"resizing": True},
    "early_stopping": {"early_stopping": True},
    "l2_sp": {"anchor": "l2_sp", "anchor_strength": 0.1},
    "ewc": {"anchor": "ewc", "anchor_strength": 100.0},
    "replay": {"replay": 1.0},
    "test_time_views": {},
    "ensemble": {},
}
"""Each method as the knobs of the freeze lab that it sets; the last two are done to trained nets."""
Strategy = Literal["full", "top_two", "head_only", "scratch"]
WAYS: tuple[Way, ...] = get_args(Way)
MEMBERS = 3
SLICES = 5
"""Steps per method: so news come often enough."""
UNITS = len(METHODS) + len(WAYS)


class MethodsBench(Experiment):
    """One method after the other; five steps are one method."""

    version: ClassVar[int] = 2
    """2: sums of convolutions are taken in another order, and training makes rounding grow."""
    title: ClassVar[str] = "What each method is worth"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {"test_MS": Points(32), "source_MS": Points(32)}
    columns: ClassVar[Mapping[str, str]] = {
        "loss": "training loss",
        "accuracy": "test accuracy",
        "kept": "accuracy on the source task",
        "estimate": "estimated accuracy",
    }

    pair: Literal["glyphs", "sketches", "fonts", "digits", "noisy", "inverted", "rotated", "fashion"] = knob(
        "glyphs", label="from which task to which", help="What the net was pretrained on, and what it must learn now."
    )
    per_class: int = knob(
        10, low=2, high=100, log=True, label="labels per class", help="Labelled pictures of each class."
    )
    strategy: Strategy = knob("full", help="Which layers learn; the methods act on top of it.")
    lr: float = knob(0.03, low=1e-3, high=0.3, log=True, label="learning rate", help="The same for all methods.")
    seeds: int = knob(
        5, low=3, high=5, label="labelled sets", help="Each with nets of its own; differences are paired."
    )
    training: int = knob(
        250, low=10, high=1000, log=True, label="training steps", help="Updates of every net.",
    )  # fmt: skip
    steps: int = knob(
        SLICES * UNITS,
        low=1,
        high=SLICES * UNITS,
        label="measuring steps",
        help="Five for each method, in their order.",
    )

    def lab(self, **methods: Any) -> FreezeLab:
        """The freeze lab with one strategy, these seeds, and a method's knobs."""
        return FreezeLab(
            pair=self.pair, per_class=self.per_class, strategies=self.strategy, lr=self.lr, seeds=self.seeds,
            steps=self.training, seed=self.seed, **methods,
        )  # fmt: skip

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`; a step is a fifth of a method, with a picture at the end of each method.

        A checkpoint holds what was measured; a method that was cut off in the middle is trained again from its start.
        """
        found = empty(self.seeds) if start is None else {name: part.copy() for name, part in start.arrays.items()}
        begin = 0 if start is None else start.step
        if start is None:
            yield Snapshot(0, copied(found))
            yield Checkpoint(0, copied(found))
        step = SLICES * (begin // SLICES)
        while step < self.steps:
            trial, whole = Trial(self, step // SLICES), step + SLICES
            while step < min(whole, self.steps):
                told = trial.advance(SLICES - (whole - step) + 1, found)
                step += 1
                if step > begin:
                    yield Scalars(step, step, told)
                    if step in (whole, self.steps):
                        yield Snapshot(step, copied(found))
                        yield Checkpoint(step, copied(found))


def empty(seeds: int) -> dict[str, np.ndarray]:
    """Nothing measured yet."""
    return {
        "test_MS": np.full((len(METHODS), seeds), np.nan, np.float32),
        "source_MS": np.full((len(METHODS), seeds), np.nan, np.float32),
        "estimate_WS": np.full((len(WAYS), seeds), np.nan, np.float32),
        "absent_W": np.zeros(len(WAYS), np.int32),
    }


def copied(found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: part.copy() for name, part in found.items()}


class Trial:
    """One method: its nets while they train, and what is measured of them at the end."""

    def __init__(self, bench: MethodsBench, unit: int) -> None:
        self.unit, self.name = unit, (*METHODS, *WAYS)[unit]
        knobs = bench.lab(**METHODS.get(self.name, {}))
        match self.name:
            case "ensemble":
                self.race: Race = Together(knobs, MEMBERS)
            case "hold_out" | "k_fold" | "stratified_k_fold" as way:
                self.race = Folded(knobs, way)
            case _:
                self.race = Race(knobs)
        self.referee = Referee(self.race)

    def advance(self, part: int, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Trains the next fifth; after the last one the method is judged and its row of `found` filled."""
        race, steps = self.race, self.race.knobs.steps
        if race.knobs.early_stopping:
            race.found = self.referee.evaluate(part)
        for step in range(steps * (part - 1) // SLICES, steps * part // SLICES):
            race.iterate(step)
        loss = float(race.rows[-1].mean()) if race.rows else np.nan
        race.rows = race.rows[-1:]
        told = {"loss": np.array([loss])}
        return told if part < SLICES else {**told, **self.judge(found)}

    def judge(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Fills the row of this method."""
        if isinstance(self.race, Folded):
            place = self.unit - len(METHODS)
            found["estimate_WS"][place] = self.race.estimate().cpu().numpy()
            found["absent_W"][place] = self.race.absent
            return {"estimate": np.array([found["estimate_WS"][place].mean()], float)}
        source_S = self.referee.kept(self.race.arms[0]).cpu().numpy()
        if isinstance(self.race, Together):
            source_S = source_S.reshape(-1, MEMBERS).mean(1)
        found["source_MS"][self.unit], found["test_MS"][self.unit] = source_S, self.tested()
        rows = {"accuracy": found["test_MS"][self.unit], "kept": found["source_MS"][self.unit]}
        return {name: np.array([row.mean()], float) for name, row in rows.items()}

    def tested(self) -> np.ndarray:
        """Test accuracy of each labelled set, (S,)."""
        race = self.race
        if isinstance(race, Together):
            return race.together().cpu().numpy()
        if self.name == "test_time_views":
            return viewed(race).numpy()
        pictures, labels_N = race.pictures(race.data.test, TESTED)
        logits_VNK = answers(race.arms[0], Features(race.source.blocks, pictures))
        right_V = (logits_VNK.argmax(-1) == labels_N).double().mean(1)
        return np.asarray(right_V.cpu().numpy())
