"""Which tricks of fine-tuning help, at one rate for all ways and at each way's own best rate.

Ten new glyphs from sixty labels each, 250 steps of 16 pictures. Every way is trained at three rates. "At its own best
rate": the one that validation prefers for this way, seed by seed. "At the head's rate": the largest of the three, at
which a new head alone learns well, for every way; too large for the layers below.

Source: Howard and Ruder 2018 (arXiv 1801.06146), table 7, TREC-6 (validation error, 5,500 labels); gradual unfreezing,
discriminative rates (2.6 a layer), the slanted triangle (STLR); chain-thaw, Felbo et al. 2017 (arXiv 1708.00524).
Where it stops being true: the paper fine-tunes a language model of 400 units a layer with one published rate for each
way; its gains are those of its rates. Ours says how much of them is left where rates are chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from models.data.transfers import transfer
from models.layers.arms import Arm
from models.layers.plans import Schedule, multipliers, schedule
from models.layers.stack import HEAD
from models.layers.studies.repetition import PRETRAINING, Repetition, Work, learner, preferred, right, tiled
from models.layers.studies.study import Curve, Sheet, Study, Values, apart
from models.metrics.claims import Claim, Part

TUNING, PER_CLASS, BATCH = 250, 60, 16
RATES = (0.01, 0.03, 0.1)
MARGIN = 0.02
WAYS: dict[str, tuple[tuple[str, ...], Schedule]] = {
    "scratch": (("scratch",), "cosine"),
    "last": (("head_only",), "cosine"),
    "chain_thaw": (("chain_thaw",), "cosine"),
    "full": (("full",), "cosine"),
    "gradual": (("gradual",), "cosine"),
    "insured": (("discriminative",), "slanted_triangle"),
    "all_three": (("gradual", "discriminative"), "slanted_triangle"),
}
"""The plans whose product a way follows, and its schedule."""
NAMES = (
    "from scratch",
    "last layer only",
    "chain-thaw",
    "all layers",
    "gradual",
    "full, discr., STLR",
    "gradual, discr., STLR",
)
PUBLISHED = (0.8664, 0.8391, 0.9329, 0.9314, 0.9314, float("nan"), 0.9431)


def run(block: Repetition) -> Work[None]:
    """A pretrained net, then way after way, each at all rates."""
    data = transfer("glyphs")
    source = yield from block.pretrain(data.source)
    shown, head = block.drawn(data.target, PER_CLASS), block.fresh("head")[HEAD]
    batches = block.batches("tuning", len(shown) // block.count, BATCH, len(RATES), own=True)
    for way in WAYS:
        begun = block.fresh("scratch") if way == "scratch" else [*source[:HEAD], head]
        nets = yield from block.train(arm(way, begun), shown, batches)
        best = preferred(nets, data.validation, len(RATES), 1)
        block.tell(f"{way}_best", right(best, data.test)[0])
        last = [part[-block.count :] for part in nets]
        block.tell(f"{way}_fixed", right(last, data.test)[0])


def arm(way: str, begun: Sequence[Tensor]) -> Arm:
    """One way at every rate."""
    plans, pace = WAYS[way]
    table_TL = schedule(pace, TUNING)[:, None].repeat(HEAD + 1, 1)
    for plan in plans:
        table_TL = table_TL * multipliers(plan, TUNING)
    return learner(tiled(begun, len(RATES)), table_TL, RATES)


def claims(values: Values) -> Sequence[Claim]:
    """What table 7 says of the ways."""
    return (
        Claim(
            "Tuning the last layer only can be worse than no pretraining at all.", "83.9 % against 86.6 % (TREC-6)",
            [Part("last − scratch", apart(values, "last_best", "scratch_best"), high=0.0)],
        ),
        Claim(
            "Gradual unfreezing alone is as good as tuning all layers at once.", "93.1 % and 93.1 % (TREC-6)",
            [Part("gradual − full", apart(values, "gradual_best", "full_best"), low=-MARGIN, high=MARGIN)],
        ),
        Claim(
            "At the head's rate, discriminative rates with the slanted triangle beat plain tuning of all layers.",
            "discriminative rates alone: 93.8 % against 93.1 % (TREC-6)",
            [Part("discr. − full", apart(values, "insured_fixed", "full_fixed"), low=0.0)],
            test="sign",  # nets that break down at that rate make the differences anything but normal
        ),
        Claim(
            "They are better even where each way has its own best rate.",
            "all three tricks: 94.3 % against 93.1 % (TREC-6)",
            [Part("all three − full", apart(values, "all_three_best", "full_best"), low=0.0)],
        ),
    )  # fmt: skip


STUDY = Study(
    "Howard and Ruder 2018 (arXiv 1801.06146), table 7",
    "Six hundred labels of ten new glyphs, seven ways to fine-tune, three rates each: once at its own best rate, once "
    "all at a rate that suits a new head.",
    tuple(f"{way}_{kind}" for kind in ("best", "fixed") for way in WAYS),
    2, PRETRAINING + len(WAYS) * TUNING, run, claims,
    (Sheet("Accuracy at the way's own rate and at the head's rate", NAMES, (
        Curve("its own best rate", tuple(f"{way}_best" for way in WAYS), PUBLISHED),
        Curve("the head's rate for all", tuple(f"{way}_fixed" for way in WAYS)),
    )),),
)  # fmt: skip
