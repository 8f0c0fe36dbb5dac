"""How many labels: how well four ways of training do with 10 … 3000 labelled pictures, and where they overtake.

Every step of this run is one measurement: one way, one number of labels, one seed. A seed has a pretrained net, labels
and batches of its own; the smaller sets of labels are beginnings of the larger ones. Each way is trained at several
learning rates, the validation pictures choose one, and the test pictures are asked once. All get the same number of
updates, however many labels there are.

Letters: A ways, L numbers of labels, S seeds, T updates. Accuracy as a share.

Source: the rule of thumb it is held against is that of many courses, ours too: a new head on frozen features below
1,000 labels, fine-tuning of all layers above 10,000. Kornblith et al. 2019 (arXiv 1805.08974, section 4.7) measure
such curves on twelve data sets. Where it stops being true: thresholds belong to a net, its tasks and its training. This
net has 43,000 weights and 16×16 pixels; the crossings found here say nothing of those of a large net.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import numpy as np

from models.data.transfers import sample
from models.experiment import Checkpoint, Event, Experiment, Pixels, Points, Snapshot, knob
from models.layers.plans import multipliers, schedule
from models.layers.pretrained import Recipe, initial, pretrained
from models.layers.stack import HEAD
from models.layers.trials import Asked, Bench, Record, attempt, measured, nth
from models.metrics.comparison import band
from models.running import Moments, stream

WAYS = ("head_only", "top_two", "full", "scratch")
"""In this order within a seed: the first two cost next to nothing, so their curves are there at once."""
PER_CLASS = (1, 2, 5, 10, 20, 50, 100, 300)
POOL = {"sketches": 60}
"""Labelled pictures of a class, where there are fewer than three hundred."""
RATES = (0.004, 0.015, 0.06, 0.2)
PRETRAINING = 600
RIVALS = (("full", "head_only"), ("scratch", "head_only"), ("full", "top_two"))
"""Pairs whose difference is followed: the first is expected to overtake the second as labels grow."""


class LabelBudget(Experiment):
    """Accuracy over the number of labels, way by way."""

    version: ClassVar[int] = 2
    """2: sums of convolutions are taken in another order, and training makes rounding grow."""
    title: ClassVar[str] = "How many labels"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {
        "labels": Points(20), "seeds": Points(1),
        **{f"{kind}_{way}": Points(20) for way in WAYS for kind in ("accuracy", "low", "high", "kept")},
        **{f"{kind}_{late}_{early}": Points(20) for late, early in RIVALS for kind in ("gain", "least", "most")},
    }  # fmt: skip
    columns: ClassVar[Mapping[str, str]] = {
        "accuracy": "test accuracy of this measurement", "kept": "accuracy on the source task",
    }  # fmt: skip

    pair: Literal["glyphs", "sketches", "fonts", "digits", "noisy", "inverted", "rotated", "fashion"] = knob(
        "glyphs", label="from which task to which", help="What the net was pretrained on, and what it must learn now."
    )
    updates: int = knob(
        250, low=20, high=500, log=True, label="updates of each net",
        help="How long each net is tuned, 16 pictures an update.",
    )  # fmt: skip
    steps: int = knob(
        4 * len(WAYS) * len(PER_CLASS), low=1, high=640, log=True, label="measurements",
        help="One way with one number of labels each; 32 of them are one more seed.",
    )  # fmt: skip

    @property
    def per_class(self) -> tuple[int, ...]:
        """The numbers of labels per class, ascending."""
        return tuple(count for count in PER_CLASS if count <= POOL.get(self.pair, PER_CLASS[-1]))

    @property
    def round(self) -> int:
        """Measurements of one seed."""
        return len(WAYS) * len(self.per_class)

    @property
    def seeds(self) -> int:
        """How many seeds are begun by the end of the run."""
        return -(-self.steps // self.round)

    def place(self, step: int) -> tuple[int, int, int]:
        """Way, number of labels and seed of the measurement that leads from `step` to `step + 1`."""
        seed, rest = divmod(step, self.round)
        way, count = divmod(rest, len(self.per_class))
        return way, count, seed

    def plan(self, way: str) -> np.ndarray:
        """Learning-rate multipliers (T, L) on a cosine."""
        return np.asarray(multipliers(way, self.updates) * schedule("cosine", self.updates)[:, None])

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`: one measurement a step."""
        yield from measured(Budget(self), self.steps, start, moments or Moments())


class Budget(Record):
    """All measurements so far, (A, L, S): test accuracy, chosen rate, and accuracy left on the source task."""

    def __init__(self, knobs: LabelBudget) -> None:
        self.knobs = knobs
        cells = (len(WAYS), len(knobs.per_class), knobs.seeds)
        super().__init__(**{name: np.full(cells, np.nan) for name in ("test_ALS", "rate_ALS", "kept_ALS")})
        self.at = -1
        self.recipe = Recipe(knobs.pair, PRETRAINING)
        self.classes = len(self.recipe.data.target.names)

    def bench(self, seed: int) -> Bench:
        """The new task seen from this seed's own pretrained net."""
        if seed != self.at:
            source = pretrained(Recipe(self.knobs.pair, PRETRAINING, nth(self.knobs.seed, seed)))
            self.at, self.held = seed, Bench(source, self.recipe.data)
        return self.held

    def measure(self, step: int) -> dict[str, float]:
        """Takes one measurement; returns what there is to tell of it."""
        knobs = self.knobs
        way, count, seed = knobs.place(step)
        bench = self.bench(seed)
        picked = sample(bench.data.target, knobs.per_class[count], stream(knobs.seed, f"labels {seed}"))
        labelled = Asked(bench.source, bench.data.target[picked])
        scratch = WAYS[way] == "scratch"
        if scratch:
            begun = [part.to(bench.where) for part in initial([stream(knobs.seed, f"scratch {seed}")], self.classes)]
        elif bench.data.related:
            begun = bench.begun(bench.source.blocks[HEAD])
        else:
            begun = bench.begun(initial([stream(knobs.seed, f"head {seed}")], self.classes)[HEAD])
        random = stream(knobs.seed, f"batches {seed}")
        found = attempt(bench, labelled, begun, knobs.plan(WAYS[way]), RATES, random, pretrained=not scratch)
        self.arrays["test_ALS"][way, count, seed] = found.test
        self.arrays["rate_ALS"][way, count, seed] = RATES[found.best]
        self.arrays["kept_ALS"][way, count, seed] = found.kept
        return {"accuracy": found.test, **({} if scratch else {"kept": found.kept})}

    def snapshot(self, step: int) -> Snapshot:
        """The curves as they are: means and Student's intervals over the seeds, and paired differences of rivals."""
        test_ALS, kept_ALS = self.arrays["test_ALS"], self.arrays["kept_ALS"]
        arrays: dict[str, np.ndarray] = {"labels": np.array(self.knobs.per_class) * float(self.classes)}
        for way, test_LS, kept_LS in zip(WAYS, test_ALS, kept_ALS, strict=True):
            found = band(test_LS)
            arrays |= {f"accuracy_{way}": found.mean, f"low_{way}": found.low, f"high_{way}": found.high}
            arrays[f"kept_{way}"] = band(kept_LS).mean
        for late, early in RIVALS:
            found = band(test_ALS[WAYS.index(late)] - test_ALS[WAYS.index(early)])
            pair = f"{late}_{early}"
            arrays |= {f"gain_{pair}": found.mean, f"least_{pair}": found.low, f"most_{pair}": found.high}
        held = {name: array.astype(np.float32) for name, array in (arrays | self.arrays).items()}
        return Snapshot(step, {**held, "seeds": np.array([min(step // self.knobs.round, self.knobs.seeds)], np.int32)})
