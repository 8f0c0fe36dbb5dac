"""The pretrained net: trained once on the source task, kept on disk where there is a place for it, shared by all.

Letters: S nets (one per source seed), P_l parameters of layer l, N pictures, B batch, K classes.
Where the environment names a directory (`TORCHLIGHT_PRETRAINED`, set by whoever owns the store), a net that was trained
before is read from there; a file that is damaged is trained anew. The net is a pure function of its recipe, so nothing
that is shown depends on whether it was read or trained.

Source: Fisher information, Kirkpatrick et al. 2017 (arXiv 1612.00796), section 2: the mean square of the gradient of
log p(y | x), with y drawn from the net's own answer.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from models.data.transfers import Pair, Transfer, transfer
from models.layers import stack
from models.layers.masked import Masked
from models.layers.plans import schedule
from models.running import device, stream

PLACE = "TORCHLIGHT_PRETRAINED"
BATCH, LR, DECAY = 32, 0.05, 1e-4
FISHER = 500
"""Pictures over which the Fisher information is averaged."""
CHUNK = 500
SHELF = 200
"""Nets kept on disk, 0.2 MB each; beyond it the ones that were written first go."""


@dataclass(frozen=True)
class Recipe:
    """All that the pretrained net depends on."""

    pair: Pair
    steps: int = 600
    seed: int = 0
    contrast: float = 0.0
    shapes: float = 0.0
    labels: float = 0.0
    version: int = 2

    @property
    def data(self) -> Transfer:
        return transfer(self.pair, contrast=self.contrast, shapes=self.shapes, labels=self.labels)

    @property
    def name(self) -> str:
        """The file that holds it: a hash of the recipe."""
        return hashlib.sha256(repr(sorted(asdict(self).items())).encode()).hexdigest()[:26]


@dataclass(frozen=True, eq=False)
class Source:
    """A net trained on the source task: its six layers (1, P_l), and what it reached."""

    blocks: tuple[Tensor, ...]
    loss_T: Tensor
    """Training loss at each step, nats."""
    accuracy: float
    """On source pictures that it never saw."""

    @property
    def classes(self) -> int:
        return int(self.blocks[stack.HEAD].shape[1]) // (stack.TRUNK[-1].outputs + 1)


def pretrained(recipe: Recipe) -> Source:
    """The net of that recipe: from memory, from disk, or trained now (about a second)."""
    return _held(recipe, str(device()))


@lru_cache(maxsize=32)
def _held(recipe: Recipe, where: str) -> Source:
    directory = os.environ.get(PLACE, "")
    file = Path(directory) / f"{recipe.name}.safetensors" if directory else None
    source = _read(file) if file is not None else None
    if source is None:
        source = train([recipe])[0]
        if file is not None:
            _write(file, source)
    blocks = tuple(block.to(where) for block in source.blocks)
    return Source(blocks, source.loss_T, source.accuracy)


def _read(file: Path) -> Source | None:
    try:
        held = load_file(file)
        blocks = tuple(held[name].clone() for name in stack.LAYERS)  # the file itself may go
        found = Source(blocks, held["loss"], float(held["accuracy"]))
        fits = [block.shape[1] for block in blocks] == [shape.parameters for shape in stack.shapes(found.classes)]
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
    return found if fits else None


def _write(file: Path, source: Source) -> None:
    """Under another name first, so that nobody reads half a file. A full disk costs nothing but the next reading."""
    held = {name: block.cpu().contiguous() for name, block in zip(stack.LAYERS, source.blocks, strict=True)}
    held |= {"loss": source.loss_T, "accuracy": torch.tensor(source.accuracy, dtype=torch.float64)}
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, half = tempfile.mkstemp(dir=file.parent, suffix=".part")
        os.close(handle)
        try:
            save_file(held, half)
            os.replace(half, file)
            for old in sorted(file.parent.glob("*.safetensors"), key=lambda each: each.stat().st_mtime)[:-SHELF]:
                old.unlink(missing_ok=True)
        except (OSError, SafetensorError):
            Path(half).unlink(missing_ok=True)
            raise


def train(recipes: Sequence[Recipe]) -> list[Source]:
    """Trains one net per recipe, as one stack; recipes may differ in nothing but their seed."""
    first, where = recipes[0], device()
    images, held_out = first.data.source, first.data.source_test
    classes, nets, steps = len(images.names), len(recipes), first.steps
    pictures_NHW, labels_N = images.images_N1SS[:, 0].to(where), images.labels_N.to(where)
    blocks = initial([stream(recipe.seed, "pretrained") for recipe in recipes], classes, where)
    optimizer, pace_T = Masked("sgd", DECAY), schedule("cosine", steps)
    chance = [stream(recipe.seed, "pretrained batches") for recipe in recipes]
    rates_V, losses = torch.ones(nets, device=where), []
    for step in range(steps):
        index_VB = torch.stack([torch.randint(len(labels_N), (BATCH,), generator=each) for each in chance]).to(where)
        for block in blocks:
            block.requires_grad_(True)
        logits_VBK = stack.forward(blocks, stack.spread(pictures_NHW[index_VB]))
        loss_V = cross_entropy(logits_VBK, labels_N[index_VB])
        gradients = torch.autograd.grad(loss_V.sum(), blocks)
        losses.append(loss_V.detach())
        for layer, (block, gradient) in enumerate(zip(blocks, gradients, strict=True)):
            block.requires_grad_(False)
            optimizer.update(layer, block, gradient, rates_V * (LR * float(pace_T[step])))
    right_V = accuracy(blocks, held_out.images_N1SS[:, 0].to(where), held_out.labels_N.to(where))
    loss_VT = torch.stack(losses, 1).cpu()
    return [
        Source(tuple(block[net : net + 1].clone() for block in blocks), loss_VT[net], float(right_V[net]))
        for net in range(nets)
    ]


def initial(randoms: Iterable[torch.Generator], classes: int, where: torch.device | str = "cpu") -> list[Tensor]:
    """Six fresh layers (V, P_l), one net per random stream, drawn on the CPU so that every device starts alike."""
    nets = [[stack.fresh(layer, classes, random) for layer in range(len(stack.LAYERS))] for random in randoms]
    return [torch.stack(rows).to(where) for rows in zip(*nets, strict=True)]


def cross_entropy(logits_VBK: Tensor, labels_VB: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean loss of each net (V,), in nats."""
    loss_VB = F.cross_entropy(
        logits_VBK.flatten(0, 1), labels_VB.flatten(), reduction="none", label_smoothing=smoothing
    )
    return loss_VB.view(labels_VB.shape).mean(1)


@torch.no_grad()
def accuracy(blocks: Sequence[Tensor], pictures_NHW: Tensor, labels_N: Tensor) -> Tensor:
    """The share of right answers of each net, (V,) float64."""
    nets, right_V = len(blocks[0]), torch.zeros(len(blocks[0]), dtype=torch.float64)
    for pictures, labels in zip(torch.split(pictures_NHW, CHUNK), torch.split(labels_N, CHUNK), strict=True):
        logits_VBK = stack.forward(blocks, stack.shared(pictures, nets))
        right_V += (logits_VBK.argmax(-1) == labels).sum(1).double().cpu()
    return right_V / len(labels_N)


def fisher(source: Source, recipe: Recipe) -> tuple[Tensor, ...]:
    """The diagonal of the Fisher information of each layer, (1, P_l), over `FISHER` source pictures."""
    return information(source.blocks, recipe.data.source.images_N1SS[:, 0], stream(recipe.seed, "fisher"))


def information(blocks_1P: Sequence[Tensor], pictures_NHW: Tensor, random: torch.Generator) -> tuple[Tensor, ...]:
    """The diagonal of one net's Fisher information, (1, P_l), over `FISHER` of the pictures."""
    index_N = torch.randperm(len(pictures_NHW), generator=random)[:FISHER]
    # One net per picture: its gradient is the gradient of that picture alone.
    totals = [torch.zeros_like(block) for block in blocks_1P]
    for part in torch.split(index_N, 50):
        blocks = [block.expand(len(part), -1).clone().requires_grad_() for block in blocks_1P]
        logits_VK = stack.forward(blocks, pictures_NHW[part][None].to(blocks_1P[0].device))[:, 0]
        drawn_V = torch.multinomial(logits_VK.detach().softmax(-1).cpu(), 1, generator=random)[:, 0]
        log_p = logits_VK.log_softmax(-1).gather(1, drawn_V.to(logits_VK.device)[:, None]).sum()
        for total, gradient in zip(totals, torch.autograd.grad(log_p, blocks), strict=True):
            total += gradient.square().sum(0, keepdim=True)
    return tuple(total / len(index_N) for total in totals)
