"""The GAN race: up to eight kinds of GAN, several seeds each, on the same data, with the same noise, all at once.

What differs between two lanes is the loss, the penalty or the constraint that gives the lane its name; players, data,
order and noise of a seed are the same in all. So differences are paired, and nobody is called better by one lucky seed.

Letters: A variants, S seeds, N samples.

Source: see `VARIANTS` in `layers/gan_racing.py`. Lucic et al. 2018 (arXiv 1711.10337) ran such a race on images at
great cost: with enough tuning, no loss was consistently better than the non-saturating one.
Where it stops being true: one learning rate for all, and strengths from the papers or the course; tuned ones differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import field_validator, model_validator

from models.data.drawing import decode
from models.data.plane import PlaneData, plane
from models.experiment import Checkpoint, Event, Experiment, Pixels, Points, Scalars, Story, knob
from models.layers.gan_kinds import VARIANTS
from models.layers.gan_racing import LOST, SHOWN, Race, evaluation_after
from models.layers.resumable import ENGINES
from models.layers.rows import told
from models.running import Moments

MOST = 8
EIGHT = "minimax,non_saturating,least_squares,hinge_spectral,wgan_clip,wgan_gp,r1,r3gan"
RING = (
    "Eight kinds of GAN, four seeds each, on a ring of eight small modes: one step is a step of all 32. With R1 "
    "samples end nearer to the data than with a clipped critic or with hinge and spectral norm; between most of the "
    "others, four seeds decide nothing, and the table says so."
)


class GanRace(Experiment):
    """Several kinds of GAN as one stack."""

    title: ClassVar[str] = "GAN race"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {f"samples_{name}": Points(SHOWN) for name in VARIANTS}
    columns: ClassVar[Mapping[str, str]] = {
        f"{kind}_{name}{end}": what
        for kind, end, what in (
            ("energy", "", "energy distance"), ("energy", "_low", "lower end of its interval"),
            ("energy", "_high", "upper end of its interval"), ("modes", "", "modes covered"),
            ("modes", "_low", "lower end of its interval"), ("modes", "_high", "upper end of its interval"),
            ("quality", "", "share of high quality"), ("quality", "_low", "lower end of its interval"),
            ("quality", "_high", "upper end of its interval"), ("loss_d", "", "loss of D"), ("loss_g", "", "loss of G"),
        )
        for name in VARIANTS
    }  # fmt: skip
    note_templates: ClassVar[tuple[str, ...]] = (LOST, *ENGINES)

    data: Literal[
        "gaussians", "ring", "grid", "moons", "checkerboard", "pinwheel", "spirals", "swiss_roll", "drawing"
    ] = knob("ring", help="What all generators are to imitate.")
    drawing: str = knob("", max_length=1200, when={"data": ("drawing",)}, help="Your own density, drawn.")
    variants: str = knob(
        EIGHT, max_length=200, pattern=r"^[a-z0-9_]+(,[a-z0-9_]+)*$", help="Which kinds take part, at most eight.",
    )  # fmt: skip
    seeds: int = knob(4, low=2, high=16, help="GANs of each kind: each has its own data, noise and first weights.")
    lr: float = knob(
        0.002, low=1e-5, high=0.1, log=True, label="learning rate", help="Adam's, for both players of all kinds."
    )
    width: int = knob(32, low=4, high=64, step=4, help="Neurons in each hidden layer of both players.")
    depth: int = knob(2, low=1, high=3, label="hidden layers", advanced=True, help="Hidden layers of both players.")
    noise_dim: int = knob(2, low=1, high=16, label="noise dimensions", advanced=True, help="Random numbers per sample.")
    batch_size: int = knob(64, low=8, high=256, step=8, advanced=True, help="Data points per update.")
    steps: int = knob(2000, low=1, high=20_000, log=True, help="Training steps of every GAN.")

    @field_validator("drawing")
    @classmethod
    def _drawing_is_readable(cls, text: str) -> str:
        if text:
            decode(text)
        return text

    @model_validator(mode="after")
    def _variants_are_known(self) -> Self:
        names = self.variants.split(",")
        unknown = [name for name in names if name not in VARIANTS]
        if unknown or not 1 <= len(set(names)) <= MOST:
            raise ValueError(f"variants: one to {MOST} of {', '.join(VARIANTS)}")
        return self

    @classmethod
    def stories(cls) -> tuple[Story, ...]:
        """Held against ten seeds by `tests/test_gan_race.py`."""
        return (Story("Eight on a ring", RING, cls()),)

    @property
    def names(self) -> tuple[str, ...]:
        """The kinds that take part, in the order in which they are known."""
        chosen = set(self.variants.split(","))
        return tuple(name for name in VARIANTS if name in chosen)

    def plane(self) -> PlaneData:
        """The distribution on the plane; raises `ValueError` for a damaged drawing."""
        return plane(self.data, self.drawing)

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`. On one machine class the CPU's stream is the same bit for bit."""
        moments = moments or Moments()
        race = Race(self, moments.block)
        step = race.load(start) if start else 0
        if start is None:
            race.found = race.evaluate(0)
            yield race.snapshot(0)
            yield Scalars(0, 0, {name: np.array([value]) for name, value in race.columns().items()})
            yield race.checkpoint(0)
        while step < self.steps:
            begin, judged = step, evaluation_after(step)
            stop = min(moments.after(step), judged, self.steps)
            while step < stop:
                race.iterate(step)
                step += 1
                if moments.asked:
                    break
            columns, lost = race.told(step)
            found = None
            if step in (judged, self.steps):
                race.found = race.evaluate(step)
                found = race.columns()
            yield from told(begin, step, columns, found)
            yield from lost
            yield from race.engines(step)
            due = moments.due(step)
            if due.snapshot or step in (judged, self.steps):
                yield race.snapshot(step)
            if due.checkpoint or step == self.steps:
                yield race.checkpoint(step)
