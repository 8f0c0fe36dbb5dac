"""An autoencoder presses a picture into a few numbers and rebuilds it; a variational one also says how sure it is.

Letters: B batch, X pixels, Z latent numbers. All losses are in nats per picture, summed over pixels and dimensions;
`beta_effective` is the weight of the KL beside such a sum, whatever the reductions.

Source: AE: Hinton and Salakhutdinov 2006; VAE: Kingma and Welling 2014, arXiv 1312.6114; β-VAE: Higgins et al. 2017
(the knob β); WAE-MMD: Tolstikhin et al. 2018, arXiv 1711.01558 (here with the picture's log-likelihood as cost);
VQ-VAE: van den Oord et al. 2017, arXiv 1711.00937; VAE-GAN: Larsen et al. 2016, arXiv 1512.09300 (here the pixel term
stays beside the features'); conditional VAE: Sohn et al. 2015. Warm-up: Bowman et al. 2016, arXiv 1511.06349, section
3.1; again and again: Fu et al. 2019, arXiv 1903.10145. The decoder that reads: `models/layers/earlier_pixels.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from models.data.pictures import pictures
from models.experiment import (
    Checkpoint,
    Event,
    Experiment,
    Pixels,
    Points,
    Reference,
    Scalars,
    Snapshot,
    Story,
    knob,
)
from models.layers.autoencoding import Autoencoding
from models.layers.divergence import DIVERGED, divergence, finite
from models.layers.resumable import ENGINES
from models.metrics.bounds import evaluate
from models.metrics.evaluation import evaluation_after
from models.metrics.samples import sample_quality, sample_references
from models.running import Moments, stream

TWO_NUMBERS = (
    "Every handwritten digit becomes two numbers. Within seconds the classes drift apart on the map, and the sheet "
    "beside it shows what each place on the map stands for."
)
COLLAPSE = (
    "β = 10 on ten dimensions: to say nothing is cheaper than to say anything. Every dimension dies, and all samples "
    "are the same average digit."
)
FREE = (
    "The same β = 10, but each dimension may spend 0.3 nats for free, so there is nothing to gain by giving it up: all "
    "ten stay active, and the ten classes come back."
)
WITHIN = (
    "MNIST in twenty numbers, the classic setting, with a learning rate that comes down twice: after 2,500 steps "
    "pictures it never saw cost less than 104 nats, less than 100 once 200 samples tighten the bound, and every one "
    "of the twenty dimensions is in use."
)
REVIVED = (
    "A codebook of 256 for patches of MNIST digits. Codes that nobody chooses restart where a patch is far from every "
    "code: in the end all are in use or nearly so, while in the twin without revival most lie dead."
)
READS = (
    "This decoder also sees the pixels before each one, and models the digits well without any code. So the code dies: "
    "all eight dimensions, at β = 1, with a better bound than the twin whose decoder must rely on the code."
)
WARM = (
    "The same reading decoder, but β grows from zero over the first 1,000 steps: by the time the code costs its full "
    "price it is useful, and at least seven of the eight dimensions stay active. The twin without warm-up has none."
)
COMES_DOWN = (
    "β = 10 kills all ten dimensions within 500 steps; then β comes down to 1, and dimensions come back to life, "
    "three at least. What is dead is not lost, as long as the price falls."
)
STYLE = (
    "Each digit's class is told to encoder and decoder, so the two numbers need only hold the style: in the sheet a "
    "row is a class, and a column the same hand."
)
PULLED = (
    "No noise in the code, but the whole cloud of codes is pulled towards the prior (MMD): samples come nearer to the "
    "data than those of the VAE with the same networks and steps."
)
POSTERIOR = ("vae", "cvae", "vae_gan")
CONTINUOUS = ("vae", "ae", "wae_mmd", "vae_gan", "cvae")
DISCRETE = ("vq_vae",)
READERS = ("vae", "cvae")
SMALL = ("digits", "sprites")
"""Pictures that a decoder which reads may draw: pixel by pixel, 28×28 would take a second for every moment."""


class LatentSpace(Experiment):
    """An autoencoder of any of six kinds on small pictures."""

    version: ClassVar[int] = 3
    """3: sums of convolutions are taken in another order, and training makes rounding grow."""
    title: ClassVar[str] = "Latent space"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {
        "codes": Points(800),
        "labels": Points(800),
        "spread": Points(40),
        "manifold": Points(144),
        "pairs": Points(64),
        "samples": Points(64),
        "active": Points(2),
        "active_codes": Points(800),
        "active_sheet": Points(64),
        "active_spread": Points(40),
        "aggregate": Points(3),
        "kl_per_dimension": Points(64),
        "usage": Points(512),
    }
    columns: ClassVar[Mapping[str, str]] = {
        "held_out_bound": "bound on held-out pictures",
        "held_out_reconstruction": "reconstruction of held-out pictures",
        "held_out_kl": "KL on held-out pictures",
        "active_units": "active units",
        "perplexity": "perplexity of the codes",
        "used_codes": "codes in use",
        "prior_mmd": "distance of the codes to the prior",
        "high_quality": "share of high quality",
        "classes_covered": "digit classes covered",
        "energy_distance": "energy distance",
        "loss": "loss",
        "reconstruction": "reconstruction",
        "kl": "KL",
        "mmd": "MMD to the prior",
        "commitment": "distance to the chosen codes",
        "critic": "loss of the critic",
        "gradient": "gradient norm",
        "beta_effective": "effective β",
    }
    note_templates: ClassVar[tuple[str, ...]] = (DIVERGED, *ENGINES)

    data: Literal["digits", "mnist", "fashion", "sketches", "sprites"] = knob(
        "digits", group="data", help="The pictures: digits of 8×8 or 28×28 pixels, clothes, sketches of ten things, or "
        "sprites made from known factors.",
    )  # fmt: skip
    model: Literal["vae", "ae", "wae_mmd", "vq_vae", "vae_gan", "cvae"] = knob(
        "vae", group="model", label="kind of autoencoder",
        help="What stands between encoder and decoder, and what keeps the codes together.",
    )  # fmt: skip
    latent_dim: int = knob(
        2, low=2, high=64, group="model", label="latent numbers", when={"model": CONTINUOUS},
        help="How many numbers describe a picture.",
    )  # fmt: skip
    beta: float = knob(
        1.0, low=0.01, high=100.0, log=True, group="model", live=True, label="weight of the KL (β)",
        when={"model": POSTERIOR},
        help="Weight of the KL term. 1 is the ELBO; more presses codes together (β-VAE), until dimensions die.",
    )  # fmt: skip
    warm_up: int = knob(
        0, low=0, high=5000, step=50, group="cures", advanced=True, label="warm-up", when={"model": POSTERIOR},
        help="Steps over which β grows from zero to its value.",
    )  # fmt: skip
    cycle: int = knob(
        0, low=0, high=5000, step=50, group="cures", advanced=True, label="warm-up anew every",
        when={"model": POSTERIOR},
        help="Steps after which β falls to zero and grows again (cyclical annealing); 0 is never.",
    )  # fmt: skip
    free_bits: float = knob(
        0.0, low=0.0, high=2.0, step=0.05, group="cures", advanced=True, live=True, label="free nats per dimension",
        when={"model": POSTERIOR}, help="A dimension that carries less than this costs as much as one that carries it: "
        "giving it up gains nothing (free bits).",
    )  # fmt: skip
    mmd_weight: float = knob(
        100.0, low=1.0, high=10_000.0, log=True, group="model", live=True, label="weight of the MMD",
        when={"model": ("wae_mmd",)}, help="How strongly the cloud of codes is pulled towards the prior.",
    )  # fmt: skip
    adversarial: float = knob(
        0.3, low=0.01, high=30.0, log=True, group="model", live=True, label="weight of the critic",
        when={"model": ("vae_gan",)}, help="How much the critic's taste counts beside the pixels.",
    )  # fmt: skip
    codes: int = knob(
        64, low=2, high=512, log=True, group="model", when={"model": DISCRETE}, help="Vectors in the codebook."
    )
    code_dim: int = knob(
        8, low=2, high=32, group="model", advanced=True, label="numbers per code", when={"model": DISCRETE},
        help="Length of each vector in the codebook.",
    )  # fmt: skip
    commitment: float = knob(
        0.25, low=0.01, high=10.0, log=True, group="model", advanced=True, live=True, when={"model": DISCRETE},
        label="commitment", help="How strongly the encoder is held to the codes it chooses.",
    )  # fmt: skip
    revival: bool = knob(
        False, group="cures", live=True, label="revive dead codes", when={"model": DISCRETE},
        help="Every 25 steps, codes that hardly anything chooses restart at encodings that are far from every code.",
    )  # fmt: skip
    architecture: Literal["mlp", "conv"] = knob(
        "mlp", group="networks", when={"model": CONTINUOUS}, help="Perceptrons, or convolutions."
    )
    width: int = knob(
        128, low=16, high=512, step=16, group="networks",
        help="Neurons in each hidden layer; a convolution has an eighth as many channels, and twice that at its core.",
    )  # fmt: skip
    depth: int = knob(
        2, low=1, high=3, group="networks", advanced=True, label="hidden layers",
        when={"architecture": ("mlp",), "model": CONTINUOUS}, help="Hidden layers of encoder and decoder.",
    )  # fmt: skip
    decoder: Literal["independent", "autoregressive"] = knob(
        "independent", group="networks", when={"model": READERS, "data": SMALL, "likelihood": ("bernoulli",)},
        help="Whether a pixel follows from the code alone, or also from the pixels before it, row by row. A decoder "
        "that reads can do without the code.",
    )  # fmt: skip
    likelihood: Literal["bernoulli", "gaussian"] = knob(
        "bernoulli", group="loss", advanced=True,
        help="Pixels as coins (training pictures are drawn anew from their grey values), or with Gaussian errors of "
        "one learned size.",
    )  # fmt: skip
    reduction: Literal["sum", "mean"] = knob(
        "sum", group="loss", advanced=True, label="reconstruction over pixels", when={"model": POSTERIOR},
        help="The ELBO sums over pixels. Code that averages instead multiplies β by the number of pixels: watch the "
        "effective β.",
    )  # fmt: skip
    lr: float = knob(
        2e-3, low=1e-5, high=1e-1, log=True, group="training", live=True, label="learning rate",
        help="How far Adam moves the weights in each step.",
    )  # fmt: skip
    batch_size: int = knob(128, low=2, high=512, group="training", advanced=True, help="Pictures per step.")
    steps: int = knob(1500, low=1, high=100_000, log=True, help="Training steps.")

    @classmethod
    def stories(cls) -> tuple[Story, ...]:
        """Each sentence is held against ten seeds by `tests/test_stories_latent.py`."""
        collapse = cls(latent_dim=10, beta=10.0)
        revived = cls(data="mnist", model="vq_vae", codes=256, code_dim=16, batch_size=64, revival=True, steps=1000)
        reads = cls(latent_dim=8, decoder="autoregressive", lr=7e-3, steps=2000)
        within = cls(data="mnist", latent_dim=20, width=400, depth=1, lr=3e-3, steps=2500)
        # Chosen on the 1,500 held-out pictures after those that evaluations judge: 2.8 nats below lr 1e-3 throughout.
        slower = ((1500, "lr", 1e-3), (2100, "lr", 3e-4))
        return (
            Story("Two numbers per digit", TWO_NUMBERS, cls()),
            Story("Posterior collapse", COLLAPSE, collapse),
            Story("Free bits", FREE, collapse.but(free_bits=0.3)),
            Story("β comes down", COMES_DOWN, collapse.but(changes=((500, "beta", 1.0),))),
            Story("A decoder that needs no code", READS, reads, ("decoder", ("independent",))),
            Story("Warm-up", WARM, reads.but(warm_up=1000), ("warm_up", (0,))),
            Story("MNIST in twenty numbers", WITHIN, within.but(changes=slower)),
            Story("Dead codes revived", REVIVED, revived, ("revival", (False,))),
            Story("Style without class", STYLE, cls(model="cvae")),
            Story("A pull on the whole cloud", PULLED, cls(model="wae_mmd", latent_dim=8), ("model", ("vae",))),
        )

    @property
    def is_random(self) -> bool:
        """Whether the encoder gives a distribution."""
        return self.model in POSTERIOR

    @property
    def has_prior(self) -> bool:
        """Whether training pulls the codes towards a standard normal."""
        return self.model in (*POSTERIOR, "wae_mmd")

    @property
    def binary(self) -> bool:
        """Whether training pictures are drawn as coins: where the loss is to be a bound on binary pictures."""
        return self.likelihood == "bernoulli" and self.model in ("vae", "cvae")

    @property
    def is_autoregressive(self) -> bool:
        """Whether the decoder sees the earlier pixels beside the code; only for few pixels, and such that are coins."""
        return self.decoder == "autoregressive" and self.binary and self.data in SMALL

    @property
    def told(self) -> tuple[str, ...]:
        """The numbers that every step tells."""
        own = {
            "wae_mmd": ("mmd",), "vq_vae": ("commitment",), "vae_gan": ("kl", "critic", "beta_effective"),
            "vae": ("kl", "beta_effective"), "cvae": ("kl", "beta_effective"),
        }  # fmt: skip
        return ("loss", "reconstruction", *own.get(self.model, ()), "gradient")

    def beta_at(self, step: int, pixels: int) -> float:
        """The weight of the KL beside a reconstruction that is summed over pixels, in the update after `step`."""
        since = step % self.cycle if self.cycle else step
        grown = min(1.0, (since + 1) / self.warm_up) if self.warm_up else 1.0
        return self.beta * grown * (pixels if self.reduction == "mean" else 1)

    def points(self, count: int, name: str) -> Tensor:
        """`count` pictures (count, X) in -1 … 1, in an order of the run's own stream `name`."""
        found = pictures(self.data).train_NX
        return 2 * found[torch.randperm(len(found), generator=stream(self.seed, name))[:count]] - 1

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`. On one machine class the CPU's stream is the same bit for bit, every time."""
        moments = moments or Moments()
        study = Autoencoding(self.at(start.step if start else 0), moments.block)
        step = study.load(start) if start else 0
        if start is None:
            yield study.snapshot(0)
            yield study.checkpoint(0)
        while step < self.steps:
            study.play_by(self.at(step))
            good, begin = study.state(), step
            told = evaluation_after(step)
            stop = min([moments.after(step), told, self.steps, *(when for when, *_ in self.changes if when > step)])
            while step < stop:
                study.iterate(step)
                step += 1
                if moments.asked:
                    break
            columns = study.told()
            if not finite(columns):
                yield from divergence(study, good, begin, columns)
                return
            yield Scalars(step, begin + 1, columns)
            yield from study.engines(step)
            due = moments.due(step)
            if step in (told, self.steps):
                yield Scalars(step, step, study.later(evaluate))
            if due.snapshot or step == self.steps:
                yield study.snapshot(step)
            if due.checkpoint or step == self.steps:
                yield study.checkpoint(step)

    def revive(self, checkpoint: Checkpoint) -> Autoencoding:
        """Networks and data as they were after `checkpoint.step` steps."""
        study = Autoencoding(self.at(checkpoint.step))
        study.load(checkpoint)
        return study

    def sitter(self) -> Autoencoding:
        """See `Experiment.sitter`."""
        return Autoencoding(self.at(0))

    def measure(self, snapshot: Snapshot) -> Mapping[str, float]:
        """How like the data the recorded samples are."""
        return sample_quality(self.data, torch.from_numpy(snapshot.arrays["samples"]).float() / 255)

    def references(self) -> Mapping[str, Reference]:
        """What as many real pictures reach, and as many draws of one Gaussian."""
        return sample_references(self.data)
