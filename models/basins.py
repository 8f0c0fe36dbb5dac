"""Basins: two fine-tunings of one pretrained net and two nets from scratch, and the loss between them while they learn.

The barrier between two nets is how far the loss, on the straight line between their weights, rises at most above the
line between their two losses.

Letters: S seeds, V = 4·S nets (kinds × seeds, seeds fastest), X points on a line, G×G points of the plane, N pictures,
L = 6 layers, W pairs of nets. Loss in nats on pictures that no net trained on.

Source: Neyshabur, Sedghi and Zhang 2020 (arXiv 2008.11687); loss barriers, Frankle et al. 2020 (arXiv 1912.05671).
Where it stops being true: hidden units can be permuted without changing what a net does, and a good permutation lowers
the wall between nets from scratch; nobody permutes here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from models.data.transfers import sample
from models.experiment import Checkpoint, Event, Experiment, Pixels, Points, Snapshot, knob
from models.layers import stack
from models.layers.arms import Arm, Lesson
from models.layers.freezing import below
from models.layers.plans import schedule
from models.layers.pretrained import Recipe, cross_entropy, initial, pretrained
from models.layers.rows import told
from models.layers.stack import HEAD, LAYERS
from models.metrics.cka import linear_cka
from models.metrics.comparison import band
from models.metrics.freezing import evaluation_after
from models.running import Moments, device, stream

KINDS = ("tuned_1", "tuned_2", "scratch_1", "scratch_2")
PAIRS: Mapping[str, tuple[int, int]] = {"tuned": (0, 1), "scratch": (2, 3), "mixed": (0, 2)}
"""Which nets a line runs between; one more leads from the pretrained net to its first fine-tuning."""
LINES = ("start", *PAIRS)
POINTS, SIDE, MARGIN = 21, 15, 0.25
"""Points on a line; points of the plane in each direction, which reaches a quarter beyond its corners."""
JUDGED, PLANE_JUDGED = 300, 150


class Basins(Experiment):
    """Four nets for each seed, and the loss between them."""

    version: ClassVar[int] = 2
    """2: sums of convolutions are taken in another order, and training makes rounding grow."""
    title: ClassVar[str] = "Basins"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {
        "share": Points(POINTS),
        **{f"line_{name}": Points(POINTS) for name in LINES},
        "surface": Pixels(),
    }
    columns: ClassVar[Mapping[str, str]] = {
        **{f"barrier_{name}{end}": "loss barrier" for name in PAIRS for end in ("", "_low", "_high")},
        "loss_tuned": "training loss",
        "loss_scratch": "training loss",
    }

    pair: Literal["glyphs", "fonts", "digits", "fashion"] = knob(
        "glyphs", label="from which task to which", help="What the net was pretrained on, and what it must learn now."
    )
    per_class: int = knob(
        100, low=2, high=200, log=True, label="labels per class", help="Labelled pictures of each class to learn from."
    )
    lr: float = knob(0.03, low=1e-3, high=0.3, log=True, label="learning rate", help="The same for all nets.")
    seeds: int = knob(3, low=3, high=10, help="How often all four nets are trained, each time with other labels.")
    batch_size: int = knob(32, low=8, high=64, step=8, advanced=True, help="Pictures per update.")
    steps: int = knob(300, low=1, high=2000, log=True, help="Training steps on the new task.")

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`. On one machine class the CPU's stream is the same bit for bit."""
        moments = moments or Moments()
        four = Four(self)
        step = four.load(start) if start else 0
        if start is None:
            four.survey()
            yield four.snapshot(0)
            yield four.checkpoint(0)
        while step < self.steps:
            begin, judged = step, evaluation_after(step)
            stop = min(moments.after(step), judged, self.steps)
            while step < stop:
                four.iterate(step)
                step += 1
                if moments.asked:
                    break
            found = None
            if step in (judged, self.steps):
                four.survey()
                found = four.barriers()
            yield from told(begin, step, four.told(), found)
            wanted, due = moments.everything, moments.due(step)
            if step in (judged, self.steps):
                yield four.snapshot(step)
            if (due.checkpoint and wanted) or step == self.steps:
                yield four.checkpoint(step)


class Four:
    """Two fine-tunings and two nets from scratch for each seed, and what lies between them."""

    def __init__(self, knobs: Basins) -> None:
        self.knobs, self.where = knobs, device()
        recipe = Recipe(knobs.pair, seed=knobs.seed)
        data, seeds = recipe.data, knobs.seeds
        self.source, self.classes = pretrained(recipe), len(data.target.names)
        picked = [sample(data.target, knobs.per_class, stream(knobs.seed, f"labels {s}")) for s in range(seeds)]
        self.each, index_N = len(picked[0]), torch.cat(picked)
        self.pictures_NHW = data.target.images_N1SS[index_N, 0].to(self.where)
        self.labels_N = data.target.labels_N[index_N].to(self.where)
        self.judged_NHW = data.validation.images_N1SS[:JUDGED, 0].to(self.where)
        self.judged_labels_N = data.validation.labels_N[:JUDGED].to(self.where)
        self.heads = initial([stream(knobs.seed, f"head {s}") for s in range(seeds)], self.classes)[HEAD]
        tuned = [*(part.expand(seeds, -1) for part in self.source.blocks[:HEAD]), self.heads.to(self.where)]
        fresh = [initial([stream(knobs.seed, f"scratch {n} {s}") for s in range(seeds)], self.classes) for n in (1, 2)]
        kinds = [tuned, tuned, *([part.to(self.where) for part in net] for net in fresh)]
        blocks = [torch.cat(parts).clone() for parts in zip(*kinds, strict=True)]
        table_TL = np.repeat(schedule("cosine", knobs.steps)[:, None], len(LAYERS), 1)
        lr_V = torch.full((4 * seeds,), knobs.lr, device=self.where)
        self.arm = Arm("full", blocks, table_TL, lr_V, "sgd", 1e-4, pretrained=False)
        self.lesson: Lesson | None = None
        """The same at every step; its tensors are filled anew."""
        self.rows: list[Tensor] = []
        self.found: dict[str, np.ndarray] = {}

    def iterate(self, step: int) -> None:
        """One update of every net; each has an order of its own."""
        knobs, drawn = self.knobs, []
        for kind in KINDS:
            for s in range(knobs.seeds):
                random = stream(knobs.seed, f"order {kind} {s} {step}")
                drawn.append(torch.randint(self.each, (knobs.batch_size,), generator=random) + s * self.each)
        index_VB = torch.stack(drawn).to(self.where)
        if self.lesson is None:
            self.index_VB, labels_VB = index_VB, self.labels_N[index_VB]
            self.lesson = Lesson(lambda start: stack.spread(self.pictures_NHW[self.index_VB]), labels_VB, still=True)
        self.index_VB.copy_(index_VB)
        self.lesson.labels_VB.copy_(self.labels_N[index_VB])
        self.rows.append(self.arm.learn(step, self.lesson)[0].clone())

    def told(self) -> dict[str, np.ndarray]:
        """Mean training losses of both kinds since the last call."""
        loss_TKS = torch.stack(self.rows).double().cpu().numpy().reshape(len(self.rows), 2, -1)
        self.rows = []
        return {"loss_tuned": loss_TKS[:, 0].mean(-1), "loss_scratch": loss_TKS[:, 1].mean(-1)}

    def nets(self, kind: int) -> list[Tensor]:
        """The layers (S, P_l) of one kind."""
        seeds = self.knobs.seeds
        return [block[kind * seeds : (kind + 1) * seeds] for block in self.arm.blocks]

    def start(self) -> list[Tensor]:
        """The pretrained layers under the new heads, (S, P_l)."""
        return [begun[: self.knobs.seeds] for begun in self.arm.begun]

    def survey(self) -> None:
        """Losses along all lines and over the plane, distances and likeness of features, as the nets are now."""
        ends = {"start": (self.start(), self.nets(0))}
        ends |= {name: (self.nets(one), self.nets(other)) for name, (one, other) in PAIRS.items()}
        lines = {name: self.line(*pair) for name, pair in ends.items()}
        found = {f"line_{name}": line_XS.mean(1) for name, line_XS in lines.items()}
        found["share"] = np.linspace(0, 1, POINTS)
        found["barrier_WS"] = np.stack([barrier(lines[name]) for name in PAIRS])
        found["distance_WS"] = np.stack([apart(*ends[name]).numpy() for name in PAIRS])
        found["cka_WL"] = np.stack([self.alike(*ends[name]) for name in LINES])
        found["surface"] = self.plane()
        self.found = {name: np.asarray(part, np.float32) for name, part in found.items()}

    @torch.no_grad()
    def losses(self, blocks: Sequence[Tensor], most: int) -> Tensor:
        """Loss of each net on held-out pictures, (V,)."""
        nets = len(blocks[0])
        logits_VNK = stack.forward(blocks, stack.shared(self.judged_NHW[:most], nets))
        return cross_entropy(logits_VNK, self.judged_labels_N[:most].expand(nets, -1)).double().cpu()

    def line(self, one: Sequence[Tensor], other: Sequence[Tensor]) -> np.ndarray:
        """The loss on the way from one net to the other, (X, S)."""
        shares = torch.linspace(0, 1, POINTS).tolist()
        between = ([torch.lerp(a, b, share) for a, b in zip(one, other, strict=True)] for share in shares)
        return torch.stack([self.losses(blocks, JUDGED) for blocks in between]).numpy()

    def plane(self) -> np.ndarray:
        """The loss on the plane through the pretrained net, its first fine-tuning and a net from scratch, (G, G).

        Of the first seed; x is the share of the way to the fine-tuned net, y to the one from scratch.
        """
        corners = [[block[:1] for block in net] for net in (self.start(), self.nets(0), self.nets(2))]
        share_G = torch.linspace(-MARGIN, 1 + MARGIN, SIDE, device=self.where)
        x_V1, y_V1 = (part.reshape(-1, 1) for part in torch.meshgrid(share_G, share_G, indexing="xy"))
        rows = [
            base + x_V1 * (tuned - base) + y_V1 * (scratch - base)
            for base, tuned, scratch in zip(*corners, strict=True)
        ]
        parts = [[block[first : first + SIDE] for block in rows] for first in range(0, SIDE * SIDE, SIDE)]
        return torch.stack([self.losses(blocks, PLANE_JUDGED) for blocks in parts]).numpy()

    @torch.no_grad()
    def alike(self, one: Sequence[Tensor], other: Sequence[Tensor]) -> np.ndarray:
        """Linear CKA of the two nets' features after each layer of the trunk, mean over seeds, (L - 1,)."""
        found, seeds = [], self.knobs.seeds
        mine = theirs = stack.shared(self.judged_NHW[:100], seeds)
        for index in range(HEAD):
            mine, theirs = (
                stack.layer(index, net[index], x, self.classes) for net, x in ((one, mine), (other, theirs))
            )
            flat = [self._features(x, index) for x in (mine, theirs)]
            found.append(float(linear_cka(flat[0], flat[1]).mean()))
        return np.array(found)

    def _features(self, x: Tensor, index: int) -> Tensor:
        """(S, N, features) float64 of what a layer gave."""
        if index == HEAD - 1:
            return x.double()
        return x.reshape(len(x), self.knobs.seeds, -1).transpose(0, 1).double()

    def barriers(self) -> dict[str, float]:
        """The curves' numbers: mean barrier of each pair of nets, with its interval."""
        spread = band(self.found["barrier_WS"].astype(float))
        told: dict[str, float] = {}
        for place, name in enumerate(PAIRS):
            told |= spread.columns(f"barrier_{name}", place)
        return told

    def snapshot(self, step: int) -> Snapshot:
        return Snapshot(step, {name: part.copy() for name, part in self.found.items()})

    def checkpoint(self, step: int) -> Checkpoint:
        """All nets, and the newest survey."""
        held = {f"arm/{name}": part.cpu().numpy().copy() for name, part in self.arm.state().items()}
        return Checkpoint(step, {**held, **{f"found/{name}": part.copy() for name, part in self.found.items()}})

    def load(self, checkpoint: Checkpoint) -> int:
        """Continue from `checkpoint`; returns its step."""
        held = {name: torch.from_numpy(np.array(part)) for name, part in checkpoint.arrays.items()}
        self.arm.restore({name: part.to(self.where) for name, part in below(held, "arm/").items()})
        self.found = {name: part.numpy().copy() for name, part in below(held, "found/").items()}
        return checkpoint.step


def barrier(line_XS: np.ndarray) -> np.ndarray:
    """How far a line of losses rises at most above the straight line between its ends, (S,) nats."""
    share_X1 = np.linspace(0, 1, len(line_XS))[:, None]
    return np.asarray((line_XS - (1 - share_X1) * line_XS[0] - share_X1 * line_XS[-1]).max(0))


def apart(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """Euclidean distance of all weights of two nets, (S,)."""
    squares = [(a - b).double().square().sum(1) for a, b in zip(one, other, strict=True)]
    return torch.stack(squares).sum(0).sqrt().cpu()
