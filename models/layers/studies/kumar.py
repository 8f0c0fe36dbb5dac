"""Fine-tuning can distort pretrained features: what is better on pictures like the labelled ones is worse elsewhere.

A net is pretrained on ten glyphs, light on dark and dark on light. Ten other glyphs are then learned from a hundred
labels that are all light on dark. In distribution (ID): light on dark; out of distribution (OOD): dark on light.
LP: linear probing, the head alone, until nothing changes. FT: all layers. LP-FT: the probe's head, then all layers.
Rates of FT and LP-FT are chosen by ID validation, seed by seed, as in the paper.

Source: Kumar, Raghunathan, Jones, Ma and Liang 2022 (arXiv 2202.10054), tables 1 and 2 in the version with five ID and
six OOD sets (means; ResNet-50, MoCo or CLIP). Feature movement: mean Euclidean distance of the features under the head
before and after, on Living-17.
Where it stops being true: the paper's own condition is that the pretrained features are good and the shift is large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from models.data.transfers import Images, transfer
from models.layers import stack
from models.layers.stack import HEAD
from models.layers.studies.repetition import (
    PRETRAINING,
    Repetition,
    Work,
    falling,
    joined,
    learner,
    preferred,
    right,
    tiled,
)  # fmt: skip
from models.layers.studies.study import Curve, Sheet, Study, Values, apart
from models.metrics.claims import Claim, Part

PROBING, PROBE_LR = 400, 0.05
TUNING, PER_CLASS, BATCH = 250, 10, 16
RATES = (0.003, 0.01, 0.03, 0.1)
WAYS = ("probe", "full", "probe_full", "scratch")
NAMES = ("linear probe", "full fine-tuning", "probe, then full", "from scratch")


def run(block: Repetition) -> Work[None]:
    """Pretraining, the probe, and three ways to train all layers at four rates each."""
    data, seeds = transfer("glyphs"), block.count
    turned = data.source.images_N1SS, 1 - data.source.images_N1SS
    both = Images(torch.cat(turned), data.source.labels_N.repeat(2), data.source.names)
    source = yield from block.pretrain(both)
    shown = block.drawn(data.target, PER_CLASS)
    each = len(shown) // seeds
    head = block.fresh("head")[HEAD]
    begun = [*source[:HEAD], head]
    probe = yield from block.train(
        learner(begun, falling(PROBING, (HEAD,)), (PROBE_LR,)), shown, block.batches("probing", each, 64, 1, own=True)
    )
    ways = joined(*(tiled(way, len(RATES)) for way in (begun, [*source[:HEAD], probe[HEAD]], block.fresh("scratch"))))
    tuned = yield from block.train(
        learner(ways, falling(TUNING), RATES, variants=3), shown,
        block.batches("tuning", each, BATCH, 3 * len(RATES), own=True),
    )  # fmt: skip
    nets = joined(probe, preferred(tuned, data.validation, len(RATES), 3))
    inverted = replace(data.test, images_N1SS=1 - data.test.images_N1SS)
    for kind, test in (("id", data.test), ("ood", inverted)):
        far = moved(nets, tiled(source, 4), test).view(4, -1)
        for way, share_K, far_K in zip(WAYS, right(nets, test, variants=4), far, strict=True):
            block.tell(f"{way}_{kind}", share_K)
            block.tell(f"{way}_moved_{kind}", far_K)


@torch.no_grad()
def moved(nets: Sequence[Tensor], before: Sequence[Tensor], test: Images, most: int = 500) -> Tensor:
    """How far the features under the head went on average, (V,)."""
    pictures_BVHW = stack.shared(test.images_N1SS[:most, 0].to(nets[0].device), len(nets[0]))
    after_VBF, then_VBF = (stack.forward(blocks, pictures_BVHW, stop=HEAD) for blocks in (nets, before))
    far_VB: Tensor = torch.linalg.vector_norm(after_VBF - then_VBF, dim=-1)
    return far_VB.mean(-1)


def claims(values: Values) -> Sequence[Claim]:
    """What table 1 and table 2 say, and why."""
    return (
        Claim(
            "In distribution, full fine-tuning beats the linear probe.", "85.8 % against 83.5 %, mean of five sets",
            [Part("FT − LP", apart(values, "full_id", "probe_id"), low=0.0)],
        ),
        Claim(
            "Out of distribution, the linear probe beats full fine-tuning.", "71.6 % against 66.8 %, mean of six sets",
            [Part("LP − FT", apart(values, "probe_ood", "full_ood"), low=0.0)],
        ),
        Claim(
            "Out of distribution, a probe followed by fine-tuning beats fine-tuning.",
            "74.4 % against 66.8 %, mean of six sets",
            [Part("LP-FT − FT", apart(values, "probe_full_ood", "full_ood"), low=0.0)],
        ),
        Claim(
            "Fine-tuning moves the features of pictures like the labelled ones farther than those of the others.",
            "0.019 against 0.017 on Living-17",
            [Part("ID − OOD", apart(values, "full_moved_id", "full_moved_ood"), low=0.0)], unit="ratio",
        ),
    )  # fmt: skip


STUDY = Study(
    "Kumar et al. 2022 (arXiv 2202.10054)",
    "Pretrained on ten glyphs in both polarities; a hundred labels of ten others, all light on dark; tested light on "
    "dark (in distribution) and dark on light (out of distribution).",
    tuple(f"{way}{what}_{kind}" for kind in ("id", "ood") for what in ("", "_moved") for way in WAYS),
    2, PRETRAINING + PROBING + TUNING, run, claims,
    (Sheet("Accuracy in and out of distribution", NAMES, (
        Curve("in distribution", tuple(f"{way}_id" for way in WAYS), (0.835, 0.858, 0.865, float("nan"))),
        Curve("out of distribution", tuple(f"{way}_ood" for way in WAYS), (0.716, 0.668, 0.744, float("nan"))),
    )),),
)  # fmt: skip
