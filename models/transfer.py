"""The freeze lab: one pretrained net, a new task with few labels, and a dozen ways to fine-tune it, side by side.

A strategy is a plan: which layer learns how fast at which step. All strategies train at once on the same labels, with
the same batches and the same new heads, several seeds each; so what differs between them is the plan alone.

Letters: A strategies, R learning rates, S seeds, L = 6 layers, T steps. Loss in nats; accuracy as a share.

Source: for the strategies see `layers/plans.py`; how transferable features are, Yosinski et al. 2014 (arXiv 1411.1792).
Where it stops being true: the net has 43,000 weights and pictures have 16×16 pixels. Thresholds such as "a thousand
labels" do not carry over to large nets; the order of strategies often does, and the page says when it was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator

from models.data.transfers import MOST_LABELS
from models.experiment import Checkpoint, Event, Experiment, Note, Pixels, Points, Scalars, Story, knob
from models.layers.freezing import LOST, Race
from models.layers.plans import OWN, PLAN, STRATEGIES, multipliers, schedule
from models.layers.pretrained import Recipe
from models.layers.rows import told
from models.metrics.freezing import Referee, evaluation_after
from models.running import NOT_CAPTURED, Moments

SIX = "scratch,head_only,full,gradual,discriminative,lp_ft"
KEPT = 4
"""Between the first and the last step, a checkpoint is kept at powers of four: each holds every net."""


LABELS = (
    "A hundred labels, ten of each letter. From scratch a net is far behind; a new head on frozen features is better; "
    "where the two top layers learn as well, it beats both, and it beats a net in which everything learns."
)
FAST = (
    "A learning rate that suits a new head, for every layer. Full fine-tuning wrecks the net and forgets what it knew; "
    "with a slower rate for each lower layer it learns more than the head alone, and keeps most of the old task."
)
PALE = (
    "The same letters, grey on grey, forty labels: a shift of the input. The frozen features no longer fit, and a head "
    "on top cannot mend them: it stays twenty points and more behind full fine-tuning. A painted plan lets only the "
    "two lowest layers learn."
)
NAMES = (
    "The same letters, but their names are exchanged: a shift of the output. All that must change is the last layer, "
    "and the strategy that changes nothing else wins."
)
CLOTHES = (
    "From digits to clothes, three hundred labels: strokes are of little use there. Features frozen after digits lose "
    "six points and more to a net from scratch."
)
LOWEST_TWO = ".".join(["9" * 10] * 2 + ["0" * 10] * 4)


class FreezeLab(Experiment):
    """All chosen strategies on one pair of tasks."""

    version: ClassVar[int] = 2
    """2: sums of convolutions are taken in another order, and training makes rounding grow."""
    title: ClassVar[str] = "Freeze lab"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {
        name: Points(1000)
        for name in (
            "accuracy_ARS", "loss_ARS", "source_ARS", "evaluated", "best_A", "rate_AL", "gradient_AL", "update_AL",
            "moved_AL", "drift_AL", "cka_AL", "histogram_ALB", "histogram_start_LB", "edges_LB",
        )
    }  # fmt: skip
    columns: ClassVar[Mapping[str, str]] = {
        f"{kind}_{name}{end}": what
        for kind, end, what in (
            ("accuracy", "", "validation accuracy"), ("accuracy", "_low", "lower end of its interval"),
            ("accuracy", "_high", "upper end of its interval"), ("source", "", "accuracy on the source task"),
            ("loss", "", "training loss"),
        )
        for name in (*STRATEGIES, OWN)
    }  # fmt: skip
    note_templates: ClassVar[tuple[str, ...]] = (LOST, NOT_CAPTURED)

    pair: Literal["glyphs", "sketches", "fonts", "digits", "noisy", "inverted", "rotated", "fashion"] = knob(
        "glyphs", label="from which task to which", help="What the net was pretrained on, and what it must learn now."
    )
    contrast: float = knob(
        0.0, low=0.0, high=1.0, step=0.05, label="shift of the input", when={"pair": ("glyphs",)},
        help="Paler pictures on a brighter ground, of the same classes: a shift of the input.",
    )  # fmt: skip
    shapes: float = knob(
        0.0, low=0.0, high=1.0, step=0.05, label="shift of the features", when={"pair": ("glyphs",)},
        help="Other shapes for the same classes: a shift of the features.",
    )  # fmt: skip
    labels: float = knob(
        0.0, low=0.0, high=1.0, step=0.05, label="shift of the labels", when={"pair": ("glyphs",)},
        help="The share of classes whose names are exchanged: a shift of the output.",
    )  # fmt: skip
    per_class: int = knob(
        10, low=1, high=300, log=True, label="labels per class",
        help="Labelled pictures of each class to learn from; of sketches there are 60.",
    )  # fmt: skip
    strategies: str = knob(
        "scratch,head_only,full", max_length=200, pattern=r"^[a-z_]+(,[a-z_]+)*$",
        help="Which strategies take part, with commas between.",
    )  # fmt: skip
    own_plan: str = knob(
        "", max_length=65, pattern=r"^([0-9]{10}(\.[0-9]{10}){5})?$", live=True, label="your own plan",
        help="A painted plan, which takes part as one more strategy.",
    )  # fmt: skip
    schedule: Literal["constant", "cosine", "warm_restarts", "one_cycle", "slanted_triangle"] = knob(
        "cosine", label="schedule", help="How all learning rates rise and fall over the run."
    )
    lr: float = knob(
        0.03, low=1e-4, high=1.0, log=True, live=True, label="learning rate",
        help="The rate of a layer that learns at full speed, before the schedule.",
    )  # fmt: skip
    tried: int = knob(
        1, low=1, high=5, step=2, label="learning rates tried",
        help="How many rates each strategy tries, half a power of ten apart, the given one in the middle.",
    )  # fmt: skip
    seeds: int = knob(3, low=2, high=16, help="Nets per strategy: each has its own labels, batches and new head.")
    optimizer: Literal["sgd", "adamw"] = knob(
        "sgd", advanced=True, help="SGD with momentum 0.9, or AdamW. Frozen layers are touched by neither."
    )
    weight_decay: float = knob(1e-4, low=0.0, high=0.1, step=1e-4, advanced=True, help="Pull of all weights to zero.")
    batch_size: int = knob(16, low=4, high=64, step=4, advanced=True, help="Pictures per update.")
    anchor: Literal["none", "l2_sp", "ewc"] = knob(
        "none", label="pull to the pretrained weights", advanced=True,
        help="L2-SP pulls all weights back alike, EWC those the most that the source task depends on.",
    )  # fmt: skip
    anchor_strength: float = knob(
        1.0, low=0.01, high=1000.0, log=True, label="strength of the pull", advanced=True,
        when={"anchor": ("l2_sp", "ewc")}, help="How strongly weights are pulled back.",
    )  # fmt: skip
    replay: float = knob(
        0.0, low=0.0, high=2.0, step=0.1, advanced=True,
        help="How much the loss on 500 remembered source pictures counts, beside the new task's.",
    )  # fmt: skip
    dropout: float = knob(0.0, low=0.0, high=0.9, step=0.05, advanced=True, help="Share of hidden units left out.")
    distortion: float = knob(
        0.0, low=0.0, high=1.0, step=0.1, advanced=True,
        help="How far training pictures are turned, scaled and moved at random.",
    )  # fmt: skip
    mirror: bool = knob(
        False, label="mirrored pictures", advanced=True, help="Half of the pictures are seen in a mirror."
    )
    mixup: float = knob(
        0.0, low=0.0, high=2.0, step=0.1, advanced=True,
        help="α of mixup: two pictures are faded into one, and so are their labels. 0 mixes nothing.",
    )  # fmt: skip
    cutmix: float = knob(
        0.0, low=0.0, high=2.0, step=0.1, label="CutMix", advanced=True,
        help="α of CutMix: a piece of one picture is pasted into another. 0 mixes nothing.",
    )  # fmt: skip
    resizing: bool = knob(
        False, label="progressive resizing", advanced=True, help="Pictures start coarse and become fine."
    )
    early_stopping: bool = knob(
        False, advanced=True, help="A net stops once its validation loss has not fallen for three evaluations."
    )
    smoothing: float = knob(
        0.0, low=0.0, high=0.5, step=0.05, label="label smoothing", advanced=True,
        help="How much certainty is taken from each label and spread over all classes.",
    )  # fmt: skip
    pretraining: int = knob(
        600, low=50, high=1500, log=True, label="steps of pretraining", advanced=True,
        help="How long the source net was trained, 32 pictures a step.",
    )  # fmt: skip
    steps: int = knob(250, low=1, high=5000, log=True, help="Training steps on the new task.")

    @classmethod
    def stories(cls) -> tuple[Story, ...]:
        """Each sentence is held against ten seeds by `tests/test_stories_freeze.py`."""
        front = "head_only,full,gradual,discriminative"
        return (
            Story("A hundred labels", LABELS, cls(strategies=",".join(STRATEGIES), seeds=5)),
            Story("One rate for all", FAST, cls(strategies=front, lr=0.1, seeds=5)),
            Story(
                "Grey on grey",
                PALE,
                cls(lr=0.003, contrast=1.0, per_class=4, strategies=front, own_plan=LOWEST_TWO, seeds=5),
            ),
            Story("Names exchanged", NAMES, cls(labels=1.0, per_class=20, strategies=f"scratch,{front}", seeds=5)),
            Story("Nothing to carry over", CLOTHES, cls(pair="fashion", per_class=30, strategies=SIX, seeds=5)),
        )

    @model_validator(mode="after")
    def _strategies_are_known(self) -> Self:
        for name in self.strategies.split(","):
            if name not in STRATEGIES:
                raise ValueError(f"strategies: {name!r} is not one of {', '.join(STRATEGIES)}")
        return self

    @property
    def labels_each(self) -> int:
        """Labelled pictures of each class: as many as asked for, where there are as many."""
        return min(self.per_class, MOST_LABELS.get(self.pair, self.per_class))

    @property
    def arms(self) -> tuple[str, ...]:
        """The strategies that take part, in the order in which they are known; a painted plan is the last."""
        chosen = set(self.strategies.split(","))
        painted = any(name == "own_plan" and value for _step, name, value in self.changes)
        own = (OWN,) if self.own_plan or painted else ()
        return (*(name for name in STRATEGIES if name in chosen), *own)

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates that every strategy tries, ascending."""
        half = self.tried // 2
        return tuple(self.lr * 10 ** (power / 2) for power in range(-half, half + 1))

    @property
    def recipe(self) -> Recipe:
        """The pretrained net."""
        return Recipe(self.pair, self.pretraining, self.seed, *self.dials)

    @property
    def dials(self) -> tuple[float, float, float]:
        """Shift of input, features and labels; only the procedural pair has them."""
        return (self.contrast, self.shapes, self.labels) if self.pair == "glyphs" else (0.0, 0.0, 0.0)

    def plan_of(self, arm: str) -> np.ndarray:
        """Learning-rate multipliers (T, L) of a strategy, schedule included; 0 is frozen."""
        own = self.own_plan if PLAN.fullmatch(self.own_plan) else ".".join(["0" * 10] * 6)
        pace_T1 = schedule(self.schedule, self.steps)[:, None]
        return np.asarray(multipliers(arm, self.steps, own) * pace_T1)

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`. On one machine class the CPU's stream is the same bit for bit."""
        moments = moments or Moments()
        race = Race(self)
        eager, step = False, race.load(start) if start else 0
        race.play_by(self.at(step))
        referee = Referee(race)
        if not race.found:
            race.found = referee.evaluate(step)
        if start is None:
            yield referee.snapshot(0)
            yield Scalars(0, 0, {name: np.array([value]) for name, value in referee.columns(race.found).items()})
            yield race.checkpoint(0)
        while step < self.steps:
            race.play_by(self.at(step))
            begin, judged = step, evaluation_after(step)
            changed = (when for when, *_ in self.changes if when > step)
            stop = min([moments.after(step), judged, self.steps, *changed])
            while step < stop:
                # What a layer did is measured in the step before a picture, so the picture waits for that step.
                asked = moments.asked
                race.iterate(step, measure=asked or step + 1 == stop)
                step += 1
                if asked:
                    break
            yield from self.tell(race, referee, begin, step, judged)
            if not race.capturing and not eager:
                eager = True
                yield Note(step, "engine", NOT_CAPTURED)
            wanted, due = moments.everything, moments.due(step)
            if due.snapshot or step in (judged, self.steps):
                yield referee.snapshot(step, step == self.steps)
            if (due.checkpoint and wanted) or step == self.steps or milestone(begin, step):
                yield race.checkpoint(step)

    def tell(self, race: Race, referee: Referee, begin: int, step: int, judged: int) -> Iterator[Event]:
        """The numbers of the steps since `begin`, with an evaluation where one is due, and who was lost."""
        rows = race.rows[-1:]
        columns, lost = race.told()
        found = None
        if step in (judged, self.steps):
            race.rows = rows
            race.found = referee.evaluate(step)
            race.rows = []
            found = referee.columns(race.found)
        yield from told(begin, step, columns, found)
        yield from (Note(step, note.kind, note.text, note.values) for note in lost)


def milestone(begin: int, step: int) -> bool:
    """Whether a power of four lies after `begin`, up to `step`."""
    return any(begin < KEPT**power <= step for power in range(1, 12))
