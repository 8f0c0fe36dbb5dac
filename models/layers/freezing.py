"""The freeze lab's rig: all strategies, each with its nets, the labels they may see, and one step of all of them.

Letters: A strategies, R learning rates, S seeds, V = R·S nets of a strategy, L = 6 layers, N pictures, B batch,
K classes, H×W pixels.

Every use of chance is a function of seed and step alone: net s of every strategy has the same labelled pictures, the
same order of batches, the same new head. So strategies are compared in pairs, and a resumed run is the same run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.data.transfers import Images, sample
from models.experiment import Checkpoint, Note, Value
from models.layers import stack
from models.layers.arms import Arm, Lesson, Measured, Pull
from models.layers.lessons import changed, shown
from models.layers.plans import OWN
from models.layers.pretrained import Source, fisher, initial, pretrained
from models.layers.stack import HEAD, Features
from models.running import device, stream

if TYPE_CHECKING:
    from models.transfer import FreezeLab

REPLAYED = 500
"""Source pictures that replay may show again."""
LOST = "{count} of {total} nets of “{arm}” diverged by step {step}: their loss is no longer a number."


class Race:
    """Everything that a training step touches, and the numbers of the steps since they were last told."""

    def __init__(self, knobs: FreezeLab) -> None:
        self.knobs, self.where = knobs, device()
        self.data = knobs.recipe.data
        self.source: Source = pretrained(knobs.recipe)
        self.classes = len(self.data.target.names)
        self.begin_data()
        self.begin_arms()
        self.rows: list[Tensor] = []
        self.still: Lesson | None = None
        self.kept: dict[str, Tensor] = {}
        self.lost: dict[str, int] = {}
        self.measured: dict[str, Measured] = {}
        self.found: dict[str, np.ndarray] = {}
        """What the newest evaluation found, by array name."""

    def begin_data(self) -> None:
        """The labelled pictures of every seed, one after the other, and what the pretrained layers make of them."""
        knobs, pool = self.knobs, self.data.target
        picked = [self.labelled(s) for s in range(knobs.seeds)]
        self.each = len(picked[0])
        index_N = torch.cat(picked)
        self.pictures_NHW = pool.images_N1SS[index_N, 0].to(self.where)
        self.labels_N = pool.labels_N[index_N].to(self.where)
        self.features = Features(self.source.blocks, self.pictures_NHW)
        if knobs.replay:
            kept = stream(knobs.seed, "replay")
            index_N = torch.randperm(len(self.data.source.labels_N), generator=kept)[:REPLAYED]
            self.replay_labels_N = self.data.source.labels_N[index_N].to(self.where)
            self.replayed = Features(self.source.blocks, self.data.source.images_N1SS[index_N, 0].to(self.where))

    def labelled(self, s: int) -> Tensor:
        """Which pictures of the pool the nets of seed s know the labels of, (N,)."""
        return sample(self.data.target, self.knobs.labels_each, stream(self.knobs.seed, f"labels {s}"))

    def begin_arms(self) -> None:
        """Pretrained layers and a new head for all strategies but the one from scratch."""
        knobs, seeds, rates = self.knobs, self.knobs.seeds, len(self.knobs.rates)
        nets, scratch = seeds * rates, [stream(knobs.seed, f"scratch {s}") for s in range(seeds)]
        heads = initial([stream(knobs.seed, f"head {s}") for s in range(seeds)], self.classes)[HEAD].to(self.where)
        if self.data.related:
            heads = self.source.blocks[HEAD].expand(seeds, -1)
        force = self.force()
        self.arms: list[Arm] = []
        for name in knobs.arms:
            if name == "scratch":
                blocks = [part.to(self.where).repeat(rates, 1) for part in initial(scratch, self.classes)]
            else:
                blocks = [part.expand(nets, -1).clone() for part in self.source.blocks[:HEAD]]
                blocks.append(heads.repeat(rates, 1))
            lr_V = torch.tensor(knobs.rates, device=self.where).repeat_interleave(seeds)
            self.arms.append(
                Arm(
                    name, blocks, knobs.plan_of(name), lr_V, knobs.optimizer, knobs.weight_decay,
                    None if name == "scratch" else force, pretrained=name != "scratch",
                )
            )  # fmt: skip

    def force(self) -> Pull | None:
        """The pull towards the pretrained weights that the knobs ask for."""
        match self.knobs.anchor:
            case "l2_sp":
                return Pull(self.knobs.anchor_strength)
            case "ewc":
                return Pull(self.knobs.anchor_strength, fisher(self.source, self.knobs.recipe))
        return None

    def play_by(self, knobs: FreezeLab) -> None:
        """Take over a learning rate or a painted plan that changed during training."""
        self.knobs = knobs
        for arm in self.arms:
            arm.lr_V.copy_(torch.tensor(knobs.rates).repeat_interleave(knobs.seeds))
            if arm.strategy == OWN:
                arm.table_TL = knobs.plan_of(OWN)

    def iterate(self, step: int, measure: bool = False) -> None:
        """The update that leads from `step` to `step + 1`, for every net of every strategy."""
        lesson, losses = self.lesson(step), []
        for arm in self.arms:
            loss_V, measured = arm.learn(step, lesson, measure)
            losses.append(loss_V)
            if measured is not None:
                self.measured[arm.strategy] = measured
        self.rows.append(torch.stack(losses))

    @property
    def capturing(self) -> bool:
        """Whether steps are CUDA graphs, as far as that is to be expected: there is no GPU, or all went well."""
        return self.where.type != "cuda" or (not changed(self.knobs) and all(arm.captured for arm in self.arms))

    def batch(self, step: int) -> Tensor:
        """Which of the labelled pictures every net sees at this step, (V, B): each seed its own."""
        knobs = self.knobs
        drawn = [
            torch.randint(self.each, (knobs.batch_size,), generator=stream(knobs.seed, f"batch {s} {step}"))
            for s in range(knobs.seeds)
        ]
        first_S1 = self.each * torch.arange(knobs.seeds)[:, None]
        return (torch.stack(drawn) + first_S1).to(self.where).repeat(len(knobs.rates), 1)

    def drawn(self, step: int) -> dict[str, Tensor]:
        """All that chance decides at this step."""
        index_VB = self.batch(step)
        found = {"index": index_VB, "labels": self.labels_N[index_VB]}
        if self.knobs.dropout:
            found["keep"] = self.dropped(step)
        if self.knobs.replay:
            found["replayed"] = self.remembered(step, len(index_VB))
        return found

    def lesson(self, step: int) -> Lesson:
        """What this step shows; on a GPU one lesson whose tensors are filled anew, where pictures stay as they are."""
        drawn = self.drawn(step)
        if self.where.type != "cuda" or changed(self.knobs):
            return self.lesson_on(step, drawn)
        if self.still is None:
            self.kept, self.still = drawn, replace(self.lesson_on(step, drawn), still=True)
        for name, part in drawn.items():
            self.kept[name].copy_(part)
        return self.still

    def lesson_on(self, step: int, drawn: Mapping[str, Tensor]) -> Lesson:
        """The lesson that these draws make."""
        knobs, index_VB = self.knobs, drawn["index"]
        lesson = Lesson(
            lambda start: self.features.drawn(start, index_VB), drawn["labels"], smoothing=knobs.smoothing,
            keep_VF=drawn.get("keep"),
        )  # fmt: skip
        if changed(knobs):
            lesson = self.with_changes(step, index_VB[: knobs.seeds], lesson)
        return lesson if not knobs.replay else self.with_replay(drawn["replayed"], lesson)

    def with_changes(self, step: int, index_SB: Tensor, lesson: Lesson) -> Lesson:
        """The lesson on distorted or mixed pictures: frozen layers see each view once, for all strategies."""
        rates, (seeds, batch) = len(self.knobs.rates), index_SB.shape
        view = shown(self.knobs, step, self.pictures_NHW[index_SB], self.labels_N[index_SB])
        features = Features(self.source.blocks, view.pictures_SBHW.flatten(0, 1))
        place_VB = torch.arange(seeds * batch, device=self.where).view(seeds, batch).repeat(rates, 1)
        lesson = replace(lesson, inputs=lambda start: features.drawn(start, place_VB))
        if view.others_SB is None or view.share_S1 is None:
            return lesson
        return replace(lesson, others_VB=view.others_SB.repeat(rates, 1), share_V1=view.share_S1.repeat(rates, 1))

    def remembered(self, step: int, nets: int) -> Tensor:
        """Which remembered source pictures every net sees again at this step, (V, B)."""
        random = stream(self.knobs.seed, f"replay {step}")
        index_B = torch.randint(len(self.replay_labels_N), (self.knobs.batch_size,), generator=random).to(self.where)
        return index_B.repeat(nets, 1)

    def with_replay(self, index_VB: Tensor, lesson: Lesson) -> Lesson:
        """The lesson with as many remembered source pictures beside it."""
        return replace(
            lesson, replay=lambda start: self.replayed.drawn(start, index_VB),
            replay_labels=lambda: self.replay_labels_N[index_VB],
            replay_weight=self.knobs.replay, old_head_1P=None if self.data.related else self.source.blocks[HEAD],
        )  # fmt: skip

    def dropped(self, step: int) -> Tensor:
        """Which hidden units stay at this step, (V, 1, F), scaled so that their sum keeps its size."""
        knobs, units = self.knobs, stack.TRUNK[-1].outputs
        kept_SF = torch.stack(
            [torch.rand(units, generator=stream(knobs.seed, f"dropout {s} {step}")) for s in range(knobs.seeds)]
        ) >= knobs.dropout  # fmt: skip
        return (kept_SF.float() / (1 - knobs.dropout)).to(self.where).repeat(len(knobs.rates), 1)[:, None]

    def told(self) -> tuple[dict[str, np.ndarray], list[Note]]:
        """Mean training loss of each strategy since the last call, over the nets that have one; and who was lost."""
        loss_TAV = torch.stack(self.rows).double().cpu().numpy()
        self.rows = []
        columns, finite = {}, np.isfinite(loss_TAV)
        for place, arm in enumerate(self.arms):
            good = finite[:, place]
            total = np.where(good, loss_TAV[:, place], 0.0).sum(1)
            columns[f"loss_{arm.strategy}"] = np.where(good.any(1), total / np.maximum(good.sum(1), 1), np.inf)
        return columns, self.losses(finite[-1])

    def losses(self, finite_AV: np.ndarray) -> list[Note]:
        """A note for each strategy of which more nets diverged than were told of."""
        notes = []
        for arm, finite_V in zip(self.arms, finite_AV, strict=True):
            count = int((~finite_V).sum())
            if count > self.lost.get(arm.strategy, 0):
                self.lost[arm.strategy] = count
                values: dict[str, Value] = {"count": count, "total": len(finite_V), "arm": arm.strategy}
                notes.append(Note(0, "phase", LOST, values))
        return notes

    def pictures(self, images: Images, most: int) -> tuple[Tensor, Tensor]:
        """The first pictures of a set and their labels, on the device."""
        return images.images_N1SS[:most, 0].to(self.where), images.labels_N[:most].to(self.where)

    def checkpoint(self, step: int) -> Checkpoint:
        """All that the next step depends on: layers that never learned are not in it."""
        held = {f"{arm.strategy}/{name}": part for arm in self.arms for name, part in arm.state().items()}
        arrays = {name: part.cpu().numpy().copy() for name, part in held.items()}
        found = {f"found/{name}": array.copy() for name, array in self.found.items()}
        lost = np.array([self.lost.get(arm.strategy, 0) for arm in self.arms])
        return Checkpoint(step, {**arrays, **found, "lost": lost})

    def load(self, checkpoint: Checkpoint) -> int:
        """Continue from `checkpoint`; returns its step."""
        held = {name: torch.from_numpy(np.array(array)).to(self.where) for name, array in checkpoint.arrays.items()}
        for arm in self.arms:
            # A plan that was painted later takes part from there on: until then its nets stood still.
            if state := below(held, f"{arm.strategy}/"):
                arm.restore(state)
        self.found = {name: part.cpu().numpy().copy() for name, part in below(held, "found/").items()}
        if len(self.found["best_A"]) != len(self.arms):
            self.found = {}
        self.lost = {arm.strategy: int(count) for arm, count in zip(self.arms, held["lost"], strict=False)}
        return checkpoint.step


def below(held: Mapping[str, Tensor], mark: str) -> dict[str, Tensor]:
    """The entries whose names begin with `mark`, without it."""
    return {name[len(mark) :]: part for name, part in held.items() if name.startswith(mark)}
