"""Two fine-tunings of one net end in one basin of the loss; two nets from scratch end in two, with a wall between.

The barrier between two nets: on the straight line between their weights, how far the loss rises at most over the line
between their two losses, in nats, at 11 points, on test pictures. Both fine-tunings begin
with the same new head, and each has its own order of batches.

Source: Neyshabur, Sedghi and Zhang 2020 (arXiv 2008.11687), abstract: nets fine-tuned from the same pretrained
weights stay in one basin, similar in feature space and close in parameter space; nets trained from scratch do not.
Where it stops being true: permuting hidden units can lower the wall between nets from scratch; nobody permutes here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.data.transfers import Images, transfer
from models.layers import stack
from models.layers.pretrained import cross_entropy
from models.layers.stack import HEAD
from models.layers.studies.repetition import PRETRAINING, Repetition, Work, falling, joined, learner, right
from models.layers.studies.study import Curve, Sheet, Study, Values, apart
from models.metrics.cka import linear_cka
from models.metrics.claims import Claim, Part

TUNING, PER_CLASS, BATCH, LR = 300, 100, 32, 0.03
POINTS = 11
TESTED = 500
PAIRS = {"tuned_tuned": (0, 1), "scratch_scratch": (2, 3), "tuned_scratch": (0, 2)}
NAMES = ("two fine-tuned nets", "two nets from scratch", "one of each")
SMALL_NATS = 0.05
"""A barrier below this is called none; the losses themselves are several times larger."""
PLACES = tuple(f"{point / (POINTS - 1):g}" for point in range(POINTS))


def run(block: Repetition) -> Work[None]:
    """A pretrained net; two fine-tunings of it and two nets from scratch; the lines between them."""
    data, seeds = transfer("glyphs"), block.count
    source = yield from block.pretrain(data.source)
    shown = block.drawn(data.target, PER_CLASS)
    tuned = [*source[:HEAD], block.fresh("head")[HEAD]]
    begun = joined(tuned, tuned, block.fresh("scratch one"), block.fresh("scratch two"))
    # Each net has an order of its own: the same head and the same order would be the same net.
    orders = [block.batches(f"order {net}", len(shown) // seeds, BATCH, 1, own=True) for net in range(4)]
    nets = yield from block.train(
        learner(begun, falling(TUNING), (LR,)), shown, lambda step: torch.cat([order(step) for order in orders])
    )
    parts = [[part[net * seeds : (net + 1) * seeds] for part in nets] for net in range(4)]
    for name, (one, other) in PAIRS.items():
        losses_XK = line(parts[one], parts[other], data.test)
        share_X1 = torch.linspace(0, 1, POINTS, dtype=torch.float64)[:, None]
        block.tell(f"barrier_{name}", (losses_XK - torch.lerp(losses_XK[:1], losses_XK[-1:], share_X1)).amax(0))
        block.tell(f"distance_{name}", apart_by(parts[one], parts[other]))
        block.tell(f"alike_{name}", alike(parts[one], parts[other], data.test))
        for place, loss_K in zip(PLACES, losses_XK, strict=True):
            block.tell(f"line_{name}_{place}", loss_K)
    for name, share_K in zip(("tuned", "scratch"), right(nets, data.test, variants=4)[::2], strict=True):
        block.tell(name, share_K)


@torch.no_grad()
def line(one: Sequence[Tensor], other: Sequence[Tensor], test: Images) -> Tensor:
    """The test loss along the straight line between two stacks' weights, (X, K) float64."""
    where = one[0].device
    pictures_NHW, labels_N = test.images_N1SS[:TESTED, 0].to(where), test.labels_N[:TESTED].to(where)
    found, nets = [], len(one[0])
    for share in torch.linspace(0, 1, POINTS).tolist():
        blocks = [torch.lerp(a, b, share) for a, b in zip(one, other, strict=True)]
        logits_VNK = stack.forward(blocks, stack.shared(pictures_NHW, nets))
        found.append(cross_entropy(logits_VNK, labels_N.expand(nets, -1)).double().cpu())
    return torch.stack(found)


def apart_by(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """Euclidean distance of all weights, (K,)."""
    squares = [(a - b).double().square().sum(1) for a, b in zip(one, other, strict=True)]
    return torch.stack(squares).sum(0).sqrt()


@torch.no_grad()
def alike(one: Sequence[Tensor], other: Sequence[Tensor], test: Images) -> Tensor:
    """Linear CKA of the features under the head, (K,)."""
    pictures_BVHW = stack.shared(test.images_N1SS[:TESTED, 0].to(one[0].device), len(one[0]))
    mine, theirs = (stack.forward(blocks, pictures_BVHW, stop=HEAD).double() for blocks in (one, other))
    return linear_cka(mine, theirs)


def claims(values: Values) -> Sequence[Claim]:
    """One basin, and how near the nets in it are to each other."""
    return (
        Claim(
            "Between two fine-tunings of one pretrained net there is no barrier.", "none",
            [Part("FT – FT", values["barrier_tuned_tuned"], high=SMALL_NATS)], unit="nats",
        ),
        Claim(
            "Between two nets from scratch there is a barrier of more than one nat.",
            "a barrier; its height depends on data and net",
            [Part("scratch – scratch", values["barrier_scratch_scratch"], low=1.0)], unit="nats",
        ),
        Claim(
            "Two fine-tuned nets are nearer to each other, in weights, than two nets from scratch.",
            "close in parameter space (abstract)",
            [Part("FT − scratch", apart(values, "distance_tuned_tuned", "distance_scratch_scratch"), high=0.0)],
            unit="ratio",
        ),
        Claim(
            "Their features are more alike than those of two nets from scratch.",
            "similar in feature space (abstract)",
            [Part("FT − scratch", apart(values, "alike_tuned_tuned", "alike_scratch_scratch"), low=0.0)], unit="share",
        ),
    )  # fmt: skip


STUDY = Study(
    "Neyshabur et al. 2020 (arXiv 2008.11687)",
    "A thousand labels of ten new glyphs; two fine-tunings of one net and two nets from scratch, each with its own "
    "order of batches.",
    ("tuned", "scratch", *(f"{what}_{name}" for what in ("barrier", "distance", "alike") for name in PAIRS),
     *(f"line_{name}_{place}" for name in PAIRS for place in PLACES)),
    2, PRETRAINING + TUNING, run, claims,
    (Sheet("Loss on the straight line between two nets", PLACES,
           tuple(Curve(label, tuple(f"line_{name}_{place}" for place in PLACES))
                 for label, name in zip(NAMES, PAIRS, strict=True)),
           across="way from one net to the other", up="test loss, nats", ordered=True),),
)  # fmt: skip
