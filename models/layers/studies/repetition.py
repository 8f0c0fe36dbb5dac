"""A paper's experiment, repeated with a few seeds at once: trainings that can stop after any step and go on later.

A study is written as one plain function that trains nets one stack after the other. It runs as a generator, one step a
`yield`; when it is resumed it runs from its beginning again, but stacks that were trained before are taken from the
checkpoint, so the function hardly notices.

Letters: K seeds of this repetition, V = variants · K nets (seeds fastest), L = 6 layers, N pictures, B batch, P_l
parameters of layer l, H×W pixels. All chance is a function of seed and step: with the same seed every variant sees
the same pictures in the same order under the same new layers, so variants are compared in pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from models.data.transfers import Images, sample
from models.layers import stack
from models.layers.arms import Arm, Lesson
from models.layers.masked import Kind
from models.layers.plans import schedule
from models.layers.pretrained import accuracy, initial
from models.layers.stack import HEAD
from models.running import device, stream

T = TypeVar("T")
Work = Generator[float, None, T]
"""Yields the training loss after each step."""
Batches = Callable[[int], Tensor]
"""Which pictures each net sees at a step, (V, B)."""
PRETRAINING, PRETRAINING_LR, PRETRAINING_BATCH = 600, 0.05, 32
DECAY = 1e-4
CHUNK = 250
HELD_FROM = 2
"""Outputs of the first layer are the largest and the cheapest: they are computed anew, those above are kept."""


class Inputs:
    """What the layers below those that learn make of the pictures, each net's own, computed once."""

    def __init__(self, arm: Arm, pictures_NHW: Tensor) -> None:
        self.blocks, self.pictures_NHW = arm.begun, pictures_NHW
        self.nets_V1 = torch.arange(len(arm.lr_V), device=pictures_NHW.device)[:, None]
        self._held: dict[int, Tensor] = {}

    def drawn(self, start: int, index_VB: Tensor) -> Tensor:
        """The inputs of layer `start` for each net's batch, as `stack.forward` wants them."""
        if start < HELD_FROM:
            x = stack.spread(self.pictures_NHW[index_VB])
            with torch.no_grad():
                return stack.forward(self.blocks, x, stop=start)
        picked = self._whole(start)[self.nets_V1, index_VB]
        return picked if start == HEAD else picked.transpose(0, 1).flatten(1, 2)

    @torch.no_grad()
    def _whole(self, start: int) -> Tensor:
        """The inputs of layer `start` for all pictures, (V, N, …)."""
        if start not in self._held:
            nets, parts = len(self.nets_V1), []
            for part in torch.split(self.pictures_NHW, CHUNK):
                x = stack.forward(self.blocks, stack.shared(part, nets), stop=start)
                parts.append(x if start == HEAD else torch.unflatten(x, 1, (nets, -1)).transpose(0, 1))
            self._held[start] = torch.cat(parts, 1)
        return self._held[start]


class Repetition:
    """Some seeds of one study: their chance, what they trained so far, and what was measured."""

    def __init__(self, seed: int, numbers: Sequence[int], results: Mapping[str, np.ndarray]) -> None:
        self.seed, self.numbers, self.where = seed, tuple(numbers), device()
        self.results = results
        """Values (S,) of every row of the study; this repetition writes the places `numbers`."""
        self.kept: list[list[Tensor]] = []
        """Weights of the stacks that are trained, in their order."""
        self.now: tuple[Arm, int] | None = None
        """The stack in training and how many steps it has made."""
        self.trained = 0
        self.found: tuple[dict[str, Tensor], int] | None = None
        """What a checkpoint held of the stack that was in training then."""

    @property
    def count(self) -> int:
        return len(self.numbers)

    def streams(self, name: str) -> list[torch.Generator]:
        """One random stream per seed."""
        return [stream(self.seed, f"{name} {number}") for number in self.numbers]

    def fresh(self, name: str, classes: int = 10) -> list[Tensor]:
        """Six untrained layers (K, P_l)."""
        return initial(self.streams(name), classes, self.where)

    def drawn(self, pool: Images, per_class: int) -> Images:
        """Labelled pictures of every seed, balanced, one seed's after the other's."""
        return pool[torch.cat([sample(pool, per_class, random) for random in self.streams("labels")])]

    def batches(self, name: str, pictures: int, size: int, variants: int, own: bool = False) -> Batches:
        """Batches drawn evenly from `pictures`; with `own`, from each seed's own part of that size."""
        first_K1 = torch.arange(self.count)[:, None] * (pictures if own else 0)

        def drawn(step: int) -> Tensor:
            rows = [torch.randint(pictures, (size,), generator=each) for each in self.streams(f"{name} {step}")]
            return (torch.stack(rows) + first_K1).repeat(variants, 1).to(self.where)

        return drawn

    def tell(self, row: str, values: Tensor | Sequence[float] | np.ndarray) -> None:
        """Record one measurement of each seed (K,)."""
        self.results[row][list(self.numbers)] = np.asarray(torch.as_tensor(values).cpu(), dtype=np.float64)

    def pretrain(self, images: Images) -> Work[list[Tensor]]:
        """One net of each seed, trained on those pictures from scratch: six layers (K, P_l)."""
        batches = self.batches("pretraining", len(images), PRETRAINING_BATCH, 1)
        begun = self.fresh("pretrained")
        return (yield from self.train(learner(begun, falling(PRETRAINING), (PRETRAINING_LR,)), images, batches))

    def train(
        self, arm: Arm, shown: Images, batches: Batches, after: Callable[[Arm], None] = lambda arm: None
    ) -> Work[list[Tensor]]:
        """Train a stack along its table; `after` acts after each step. Returns its layers (V, P_l)."""
        place, self.trained = self.trained, self.trained + 1
        if place < len(self.kept):
            return self.kept[place]
        # The layers that it was given may begin other stacks too.
        arm.blocks = [block.clone() for block in arm.blocks]
        pictures_NHW, labels_N = shown.images_N1SS[:, 0].to(self.where), shown.labels_N.to(self.where)
        inputs, step = Inputs(arm, pictures_NHW), 0
        if self.found is not None:
            state, step = self.found
            arm.restore(state)
            self.found = None
        began = step
        while step < len(arm.table_TL):
            drawn_VB = batches(step)
            if step == began:
                index_VB = drawn_VB
                same = lesson(inputs, index_VB, labels_N)
            index_VB.copy_(drawn_VB)
            same.labels_VB.copy_(labels_N[index_VB])
            loss_V, _measured = arm.learn(step, same)
            after(arm)
            step += 1
            self.now = arm, step
            yield float(loss_V.mean())
        self.kept.append([block.clone() for block in arm.blocks])
        self.now = None
        return self.kept[-1]

    def state(self) -> dict[str, np.ndarray]:
        """What the next step depends on, besides the knobs."""
        held = {f"kept.{place}.{layer}": block for place, blocks in enumerate(self.kept)
                for layer, block in enumerate(blocks)}  # fmt: skip
        if self.now is not None:
            arm, step = self.now
            held |= {f"now.{name}": part for name, part in arm.state().items()}
            held["step"] = torch.tensor(step)
        return {name: part.cpu().numpy().copy() for name, part in held.items()}

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """The inverse of `state`, before the study runs."""
        held = {name: torch.from_numpy(np.array(array)).to(self.where) for name, array in arrays.items()}
        places = {int(name.split(".")[1]) for name in held if name.startswith("kept.")}
        self.kept = [[held[f"kept.{place}.{layer}"] for layer in range(HEAD + 1)] for place in sorted(places)]
        if "step" in held:
            now = {name.removeprefix("now."): part for name, part in held.items() if name.startswith("now.")}
            self.found = now, int(held["step"])


def lesson(inputs: Inputs, index_VB: Tensor, labels_N: Tensor) -> Lesson:
    """The pictures of those numbers, for each net its own."""
    return Lesson(lambda start: inputs.drawn(start, index_VB), labels_N[index_VB], still=True)


def falling(steps: int, learning: Sequence[int] = range(HEAD + 1)) -> np.ndarray:
    """A plan (T, L) in which those layers learn at a rate that falls as a cosine, and the others are frozen."""
    table_TL = np.zeros((steps, HEAD + 1))
    table_TL[:, list(learning)] = schedule("cosine", steps)[:, None]
    return table_TL


def learner(
    begun: Sequence[Tensor], table_TL: np.ndarray, rates: Sequence[float], variants: int = 1, kind: Kind = "sgd"
) -> Arm:
    """A stack of variants · R · K nets that follow one plan, each variant at every rate."""
    seeds = len(begun[0]) // (variants * len(rates))
    lr_V = torch.tensor(rates, device=begun[0].device).repeat_interleave(seeds).repeat(variants)
    return Arm("study", list(begun), table_TL, lr_V, kind, DECAY)


def tiled(blocks: Sequence[Tensor], variants: int) -> list[Tensor]:
    """The layers (K, P_l) of one variant for so many variants, (variants · K, P_l), ready to be trained."""
    return [block.repeat(variants, 1) for block in blocks]


def joined(*parts: Sequence[Tensor]) -> list[Tensor]:
    """Several variants' layers as one stack."""
    return [torch.cat(blocks) for blocks in zip(*parts, strict=True)]


def right(blocks: Sequence[Tensor], images: Images, most: int = 1000, variants: int = 1) -> Tensor:
    """The share of right answers of every net, (variants, K) float64."""
    where = blocks[0].device
    share_V = accuracy(blocks, images.images_N1SS[:most, 0].to(where), images.labels_N[:most].to(where))
    return share_V.view(variants, -1)


def preferred(blocks: Sequence[Tensor], judges: Images, rates: int, variants: int) -> list[Tensor]:
    """Of nets (variants · R · K), the ones whose rate the validation pictures prefer, seed by seed."""
    share_VRK = right(blocks, judges, 500).view(variants, rates, -1)
    best_VK, seeds = share_VRK.argmax(1), share_VRK.shape[-1]
    first_V1 = torch.arange(variants, device=best_VK.device)[:, None] * rates * seeds
    net_VK = first_V1 + best_VK * seeds + torch.arange(seeds, device=best_VK.device)
    return [block[net_VK.flatten().to(block.device)] for block in blocks]
