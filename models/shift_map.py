"""What kind of shift: which layer has to learn again depends on what has changed in the world.

    input      the same classes, paler pictures on a brighter ground
    features   the same classes, written with other shapes
    labels     the same pictures, with their names exchanged

Every step of this run is one measurement: one kind of shift, one part of the net that may learn, one seed. A seed has
a pretrained net, labels and batches of its own; each part is tuned at several learning rates, the validation pictures
choose one of them, and the test pictures are asked once. So a longer run is the same map with more seeds.

Letters: K kinds of shift, P parts of the net, L = 6 layers, S seeds. Accuracy as a share.

Source: Lee et al. 2022 (arXiv 2210.11466), sections 2 and 3; the relative gradient norm (Auto-RGN) is their 3.2, here
taken once, before the first update. They tune residual networks on photographs, with far more labels than 40.
Where it stops being true: with some hundred labels, tuning everything catches up. The dial for labels shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from models.data.transfers import Transfer, sample, transfer
from models.experiment import Checkpoint, Event, Experiment, Pixels, Points, Snapshot, knob
from models.layers.plans import schedule
from models.layers.pretrained import Recipe, pretrained
from models.layers.stack import HEAD, LAYERS
from models.layers.trials import Asked, Bench, Record, attempt, lead, measured, nth, pulled
from models.running import Moments, stream

KINDS = ("input", "features", "labels")
PARTS: Mapping[str, tuple[int, ...]] = {
    "none": (), "conv1": (0,), "conv1_2": (0, 1), "conv3": (2,), "conv4": (3,), "hidden": (4,), "head": (5,),
    "all": (0, 1, 2, 3, 4, 5),
}  # fmt: skip
"""The layers that learn; the others keep their pretrained weights."""
ORDER = ("none", "head", "hidden", "conv4", "conv3", "conv1", "conv1_2", "all")
"""The cheap ones first: the map fills faster."""
RATES = (0.0004, 0.0015, 0.006, 0.025, 0.1)
"""They reach down to where full tuning is best after a shift of the input: a higher grid would flatter its rivals."""
EXPECTED = {"input": "conv1_2", "features": "hidden", "labels": "head"}
"""What the paper lets expect to win."""
ROUND = len(KINDS) * len(PARTS)
PRETRAINING = 600


class ShiftMap(Experiment):
    """Three kinds of shift, and which part of the net is best tuned after each."""

    version: ClassVar[int] = 2
    """2: sums of convolutions are taken in another order, and training makes rounding grow."""
    title: ClassVar[str] = "What kind of shift"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {
        "accuracy_PK": Points(100), "lead_PK": Points(100), "pulled_LK": Points(100), "seeds": Points(1)
    }  # fmt: skip
    columns: ClassVar[Mapping[str, str]] = {
        "accuracy": "test accuracy of this measurement",
        "lead_input": "lead of the first two layers over full tuning",
        "lead_features": "lead of the hidden layer over full tuning",
        "lead_labels": "lead of the head over full tuning",
    }

    contrast: float = knob(
        1.0, low=0.1, high=1.0, step=0.05, label="shift of the input",
        help="Paler pictures on a brighter ground, of the same classes: a shift of the input.",
    )  # fmt: skip
    shapes: float = knob(
        1.0, low=0.1, high=1.0, step=0.05, label="shift of the features",
        help="Other shapes for the same classes: a shift of the features.",
    )  # fmt: skip
    labels: float = knob(
        1.0, low=0.2, high=1.0, step=0.2, label="shift of the labels",
        help="The share of classes whose names are exchanged: a shift of the output.",
    )  # fmt: skip
    per_class: int = knob(
        2, low=1, high=100, log=True, label="labels per class", help="Labelled pictures of each class to learn from."
    )
    updates: int = knob(
        200, low=20, high=500, log=True, advanced=True, label="updates of each net",
        help="How long each net is tuned, 16 pictures an update.",
    )  # fmt: skip
    steps: int = knob(
        5 * ROUND, low=1, high=20 * ROUND, log=True, label="measurements", help="24 measurements are one more seed."
    )

    @property
    def seeds(self) -> int:
        """How many seeds are begun by the end of the run."""
        return -(-self.steps // ROUND)

    def data(self, kind: str) -> Transfer:
        """The two tasks of a kind of shift."""
        dial = {"input": "contrast", "features": "shapes", "labels": "labels"}[kind]
        return transfer("glyphs", **{dial: getattr(self, dial)})

    def plan(self, part: str) -> np.ndarray:
        """Learning-rate multipliers (T, L): the part learns, on a cosine."""
        table_TL = np.zeros((self.updates, len(LAYERS)))
        table_TL[:, list(PARTS[part])] = schedule("cosine", self.updates)[:, None]
        return table_TL

    @staticmethod
    def place(step: int) -> tuple[str, str, int]:
        """Kind of shift, part and seed of the measurement that leads from `step` to `step + 1`."""
        seed, rest = divmod(step, ROUND)
        turn, kind = divmod(rest, len(KINDS))
        return KINDS[kind], ORDER[turn], seed

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`: one measurement a step."""
        yield from measured(Map(self), self.steps, start, moments or Moments())


class Map(Record):
    """All measurements: test accuracy and chosen rate (K, P, S), and each layer's relative gradient (K, L, S)."""

    def __init__(self, knobs: ShiftMap) -> None:
        self.knobs = knobs
        cells = (len(KINDS), len(PARTS), knobs.seeds)
        super().__init__(
            test_KPS=np.full(cells, np.nan), rate_KPS=np.full(cells, np.nan),
            pulled_KLS=np.full((len(KINDS), len(LAYERS), knobs.seeds), np.nan),
        )  # fmt: skip
        self.at = -1
        self.benches: dict[str, tuple[Bench, Asked]] = {}

    def bench(self, kind: str, seed: int) -> tuple[Bench, Asked]:
        """The task of this kind seen from the seed's own pretrained net, and its labelled pictures."""
        knobs = self.knobs
        if seed != self.at:
            self.at, self.benches = seed, {}
        if kind not in self.benches:
            source = pretrained(Recipe("glyphs", PRETRAINING, nth(knobs.seed, seed)))
            data = knobs.data(kind)
            picked = sample(data.target, knobs.per_class, stream(knobs.seed, f"labels {seed}"))
            self.benches[kind] = Bench(source, data), Asked(source, data.target[picked])
        return self.benches[kind]

    def measure(self, step: int) -> dict[str, float]:
        """Takes one measurement; returns what there is to tell of it."""
        kind, part, seed = self.knobs.place(step)
        bench, labelled = self.bench(kind, seed)
        begun = bench.begun(bench.source.blocks[HEAD])
        cell = KINDS.index(kind), list(PARTS).index(part), seed
        if part == ORDER[0]:
            self.arrays["pulled_KLS"][cell[0], :, seed] = pulled(begun, labelled)
        random = stream(self.knobs.seed, f"batches {seed}")
        found = attempt(bench, labelled, begun, self.knobs.plan(part), RATES, random)
        self.arrays["test_KPS"][cell] = found.test
        self.arrays["rate_KPS"][cell] = RATES[found.best]
        return {"accuracy": found.test, **self.leads()}

    def leads(self) -> dict[str, float]:
        """How far the part that is expected to win is ahead of full tuning, the mean over the seeds that have both."""
        names = list(PARTS)
        found = {
            f"lead_{kind}": lead(test_PS[names.index(EXPECTED[kind])], test_PS[names.index("all")])
            for kind, test_PS in zip(KINDS, self.arrays["test_KPS"], strict=True)
        }
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def snapshot(self, step: int) -> Snapshot:
        """The map as it is: means over seeds, parts down and kinds across; NaN where nothing was measured."""
        test_KPS, pulled_KLS = self.arrays["test_KPS"], self.arrays["pulled_KLS"]
        everything_K1S = test_KPS[:, list(PARTS).index("all")][:, None]
        means = {"accuracy_PK": test_KPS, "lead_PK": test_KPS - everything_K1S, "pulled_LK": pulled_KLS}
        whole = np.array([min(step // ROUND, self.knobs.seeds)], np.int32)
        return Snapshot(step, {
            **{name: mean(values).T.astype(np.float32) for name, values in means.items()},
            "test_KPS": test_KPS.astype(np.float32), "rate_KPS": self.arrays["rate_KPS"].astype(np.float32),
            "pulled_KLS": pulled_KLS.astype(np.float32), "seeds": whole,
        })  # fmt: skip


def mean(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis without the gaps; NaN where there are only gaps."""
    known = np.isfinite(values)
    count = known.sum(-1)
    return np.asarray(np.where(count > 0, np.where(known, values, 0).sum(-1) / np.maximum(count, 1), np.nan))
