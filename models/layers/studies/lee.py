"""Which block should learn depends on what has shifted: the first for the input, the last for the labels.

A net knows ten glyphs. The same glyphs come back changed, with few labels: paler on a brighter ground or noisier (40
labels), or under exchanged names (200 labels). One block of the net learns and the rest is frozen: the first (conv1 and
conv2), the middle (conv3, conv4, hidden), the last (head), or all. Rates are chosen by validation, seed by seed.

Source: Lee, Chen, Tajwar, Kumar, Yao, Liang and Finn 2022 (arXiv 2210.11466): the first block for input-level shifts
(CIFAR-10-C, 1,000 labels), the last for output-level shifts (labels flipped), each better than all.
Where it stops being true: with more labels tuning everything catches up and wins, as the paper says it must.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from models.data import glyphs
from models.data.transfers import Images, Transfer, transfer
from models.layers.studies.repetition import (
    PRETRAINING,
    Repetition,
    Work,
    falling,
    learner,
    preferred,
    right,
    tiled,
)  # fmt: skip
from models.layers.studies.study import Curve, Sheet, Study, Values
from models.metrics.claims import Claim, Part

TUNING, BATCH = 200, 16
RATES = (0.0003, 0.001, 0.003, 0.01, 0.03)
"""Of AdamW, as in the paper: under exchanged names the first losses are so large that SGD kills whole nets."""
BLOCKS = {"first": (0, 1), "middle": (2, 3, 4), "last": (5,), "all": (0, 1, 2, 3, 4, 5)}
NAMES = ("no block", "first block", "middle block", "last layer", "all")
SHIFTS = {"contrast": 4, "noise": 4, "labels": 20}
"""Labels per class of each shift."""
NOISE = 0.6
"""Of the noisy pictures, against 0.2 before."""


def shifted(kind: str) -> Transfer:
    """The same ten glyphs, changed."""
    return noisy() if kind == "noise" else transfer("glyphs", **{kind: 1.0})


@cache
def noisy() -> Transfer:
    """The source's glyphs under more noise."""
    clean, shake = transfer("glyphs"), replace(glyphs.SHAKE, noise=NOISE)

    def part(per_class: int, seed: int) -> Images:
        return Images(*glyphs.write(glyphs.alphabet(0), per_class, seed, shake), clean.source.names)

    return replace(clean, target=part(300, 32), validation=part(50, 33), test=part(200, 34), related=True)


def run(block: Repetition) -> Work[None]:
    """A pretrained net, then shift after shift and block after block."""
    source = yield from block.pretrain(transfer("glyphs").source)
    for shift, per_class in SHIFTS.items():
        data = shifted(shift)
        block.tell(f"{shift}_nothing", right(source, data.test)[0])
        shown = block.drawn(data.target, per_class)
        batches = block.batches(f"tuning {shift}", len(shown) // block.count, BATCH, len(RATES), own=True)
        for name, learning in BLOCKS.items():
            nets = yield from block.train(
                learner(tiled(source, len(RATES)), falling(TUNING, learning), RATES, kind="adamw"), shown, batches
            )
            best = preferred(nets, data.validation, len(RATES), 1)
            block.tell(f"{shift}_{name}", right(best, data.test)[0])


def beats(values: Values, shift: str, winner: str, rivals: Sequence[str]) -> list[Part]:
    """The winner's lead over each rival."""
    best = values[f"{shift}_{winner}"]
    return [Part(f"{winner} − {rival}", best - values[f"{shift}_{rival}"], low=0.0) for rival in rivals]


def claims(values: Values) -> Sequence[Claim]:
    """The paper's map from shifts to blocks."""
    return (
        Claim(
            "When labels are exchanged, tuning the last layer alone beats every other block and tuning all.",
            "last best on CIFAR-Flip",
            beats(values, "labels", "last", ("first", "middle", "all")),
        ),
        Claim(
            "When the contrast shifts and labels are few, tuning the first block beats every other block and all.",
            "first about 3 points over all on CIFAR-10-C",
            beats(values, "contrast", "first", ("middle", "last", "all")),
        ),
        Claim(
            "Under noise and with few labels, tuning the first block beats tuning all.",
            "first about 3 points over all on CIFAR-10-C",
            beats(values, "noise", "first", ("all",)),
        ),
    )  # fmt: skip


WAYS = ("nothing", *BLOCKS)
STUDY = Study(
    "Lee et al. 2022 (arXiv 2210.11466)",
    "A net that knows ten glyphs meets them paler, noisier (40 labels each) or under exchanged names (200 labels); one "
    "block learns, at the best of five rates.",
    tuple(f"{shift}_{way}" for shift in SHIFTS for way in WAYS),
    2, PRETRAINING + len(SHIFTS) * len(BLOCKS) * TUNING, run, claims,
    (Sheet("Accuracy by the block that learns", NAMES, tuple(
        Curve(name, tuple(f"{shift}_{way}" for way in WAYS))
        for name, shift in (("paler", "contrast"), ("noisier", "noise"), ("exchanged names", "labels"))
    )),),
)  # fmt: skip
