"""Paper mode: what papers on transfer claim, tested here on nets that anybody can train in a minute.

Every paper is a small study that is repeated with several seeds; its claims are inequalities between means, tested over
these seeds together (`metrics/claims.py`). A step of this run is one of five hundred equal portions of the work.

Letters: R rows (what is measured), S seeds.

Source: the studies in `layers/studies` name their papers. Where it stops being true: a claim that passes holds for
this net, these pictures and these settings, which were chosen beforehand; one that fails may hold at another scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import numpy as np

from models.experiment import Checkpoint, Event, Experiment, Pixels, Points, Scalars, Snapshot, knob
from models.layers.studies import ewc, kumar, lee, neyshabur, ulmfit, yosinski
from models.layers.studies.repetition import Repetition, Work
from models.layers.studies.study import Study, Values
from models.metrics.claims import judge
from models.running import Moments

STUDIES: Mapping[str, Study] = {
    "yosinski_2014": yosinski.STUDY,
    "ulmfit_2018": ulmfit.STUDY,
    "kumar_2022": kumar.STUDY,
    "lee_2022": lee.STUDY,
    "neyshabur_2020": neyshabur.STUDY,
    "ewc_2017": ewc.STUDY,
}
PORTIONS = 500
KEPT = 4
"""Between the first and the last portion, a checkpoint is kept at powers of four: each holds every net in training."""


class PaperClaims(Experiment):
    """One paper's study, seed after seed, and the verdicts so far."""

    version: ClassVar[int] = 2
    """2: sums of convolutions are taken in another order, and training makes rounding grow."""
    title: ClassVar[str] = "Paper mode"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {"values_RS": Points(64)}
    columns: ClassVar[Mapping[str, str]] = {
        "loss": "training loss",
        "finished": "seeds finished",
        "passed": "claims passed",
        "failed": "claims failed",
    }

    paper: Literal["yosinski_2014", "ulmfit_2018", "kumar_2022", "lee_2022", "neyshabur_2020", "ewc_2017"] = knob(
        "yosinski_2014", help="Which paper's study is repeated."
    )
    seeds: int = knob(10, low=2, high=16, help="How often the study is repeated, each time from other random numbers.")
    steps: int = knob(
        PORTIONS, low=1, high=PORTIONS, log=True, label="portions of the work",
        help="Five hundred are the whole study; fewer stop before its end.",
    )  # fmt: skip

    @property
    def study(self) -> Study:
        return STUDIES[self.paper]

    def values(self, snapshot: Snapshot) -> Values:
        """What a picture holds, by the study's rows: values (S,), NaN where a seed is not there yet."""
        return dict(zip(self.study.rows, snapshot.arrays["values_RS"].astype(np.float64), strict=True))

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`. On one machine class the CPU's stream is the same bit for bit."""
        moments = moments or Moments()
        desk = Desk(self)
        step = desk.load(start) if start else 0
        if start is None:
            yield desk.snapshot(0)
            yield desk.checkpoint(0)
        while step < self.steps:
            seen = desk.known
            desk.work(step)
            step += 1
            yield Scalars(step, step, desk.told())
            wanted, due = moments.everything, moments.due(step)
            if due.snapshot or desk.known != seen or step == self.steps:
                yield desk.snapshot(step)
            if (due.checkpoint and wanted) or step == self.steps or milestone(step):
                yield desk.checkpoint(step)


class Desk:
    """The study at work: what is measured so far, and the repetition that is under way."""

    def __init__(self, knobs: PaperClaims) -> None:
        self.knobs, self.study = knobs, knobs.study
        self.results = {row: np.full(knobs.seeds, np.nan) for row in self.study.rows}
        self.ticks = 0
        """Training steps done, over all repetitions."""
        self.loss = np.nan
        self.repetition: Repetition | None = None
        self.running: Work[None] | None = None

    @property
    def known(self) -> int:
        """How many numbers are measured."""
        return int(sum(np.isfinite(values_S).sum() for values_S in self.results.values()))

    @property
    def repetitions(self) -> int:
        return -(-self.knobs.seeds // self.study.together)

    def begin(self, block: int) -> Repetition:
        """The repetition of those seeds, not yet running."""
        first = block * self.study.together
        numbers = range(first, min(first + self.study.together, self.knobs.seeds))
        return Repetition(self.knobs.seed, numbers, self.results)

    def work(self, portion: int) -> None:
        """Do one portion."""
        until = (portion + 1) * self.repetitions * self.study.ticks // PORTIONS
        while self.ticks < until:
            if self.running is None:
                self.repetition = self.repetition or self.begin(self.ticks // self.study.ticks)
                self.running = self.study.run(self.repetition)
            self.loss = next(self.running)
            self.ticks += 1
            if self.ticks % self.study.ticks == 0:
                # Behind the last step there is still something to be measured, but nothing to be trained.
                for _loss in self.running:
                    raise AssertionError("a study trains longer than it says")
                self.running = self.repetition = None

    def told(self) -> dict[str, np.ndarray]:
        """The newest training loss, and how the claims stand."""
        findings = judge(self.study.claims(self.results))
        verdicts = [finding.verdict for finding in findings]
        numbers = {
            "loss": self.loss, "finished": min(finding.n for finding in findings),
            "passed": verdicts.count("pass"), "failed": verdicts.count("fail"),
        }  # fmt: skip
        return {name: np.array([float(number)]) for name, number in numbers.items()}

    def snapshot(self, step: int) -> Snapshot:
        values_RS = np.stack([self.results[row] for row in self.study.rows])
        return Snapshot(step, {"values_RS": values_RS.astype(np.float32)})

    def checkpoint(self, step: int) -> Checkpoint:
        now = {} if self.repetition is None else self.repetition.state()
        values_RS = np.stack([self.results[row] for row in self.study.rows])
        told = {"values_RS": values_RS, "ticks": np.array(self.ticks), "loss": np.array(self.loss)}
        return Checkpoint(step, {**told, **{f"repetition/{name}": part for name, part in now.items()}})

    def load(self, checkpoint: Checkpoint) -> int:
        """Continue from `checkpoint`; returns its step."""
        arrays = checkpoint.arrays
        for row, values_S in zip(self.study.rows, arrays["values_RS"], strict=True):
            self.results[row][:] = values_S
        self.ticks, self.loss = int(arrays["ticks"]), float(arrays["loss"])
        if self.ticks % self.study.ticks:
            self.repetition = self.begin(self.ticks // self.study.ticks)
            mark = "repetition/"
            self.repetition.load({name[len(mark) :]: part for name, part in arrays.items() if name.startswith(mark)})
        return checkpoint.step


def milestone(step: int) -> bool:
    """Whether `step` is a power of four."""
    return any(step == KEPT**power for power in range(1, 6))


def texts() -> Iterator[str]:
    """Every sentence and name of the studies that a visitor can read."""
    for study in STUDIES.values():
        yield study.setting
        for claim in study.claims({row: np.full(2, np.nan) for row in study.rows}):
            yield from (claim.text, claim.published, *(part.of for part in claim.parts))
        for sheet in study.sheets:
            yield from (sheet.title, sheet.across, sheet.up, *(curve.name for curve in sheet.curves))
            yield from () if sheet.ordered else sheet.places
