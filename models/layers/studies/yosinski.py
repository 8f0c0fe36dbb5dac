"""How transferable are features? Nets whose first n layers come from a net for task A, for the same task, or nowhere.

AnB: the first n layers of a net for A, frozen, new ones above, trained on B. AnB+: the same, but all layers learn.
BnB and BnB+: the layers come from a net for B itself. Random: the n frozen layers were never trained. The base is a net
for B, trained as long as each of the others: 300 steps of 32 pictures; in the paper 450,000 of 256.

Source: Yosinski, Clune, Bengio and Lipson 2014 (arXiv 1411.1792), figure 2. The published figures are the means of the
ten best validation accuracies in the logs of the authors' repository (top 1 of 500 classes; base 0.6251).
Where it stops being true: five layers below the head instead of seven, and two alphabets of ten glyphs, which are
nearer to each other than two halves of ImageNet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from models.data.transfers import Images, transfer
from models.layers.stack import HEAD
from models.layers.studies.repetition import Repetition, Work, falling, joined, learner, right
from models.layers.studies.study import Curve, Sheet, Study, Values, apart
from models.metrics.claims import Claim, Part

DEPTHS = (1, 2, 3, 4, 5)
STEPS, BATCH, LR = 300, 32, 0.05
KINDS = ("frozen_other", "frozen_own", "frozen_random", "tuned_other", "tuned_own")
MARGIN = 0.01

BASE = 0.6251
PUBLISHED = {
    "frozen_other": (0.6282, 0.6239, 0.6189, 0.5998, 0.5780, 0.5806, 0.5425),
    "frozen_own": (0.6267, 0.6235, 0.6211, 0.6048, 0.5935, 0.6188, 0.6232),
    "tuned_other": (0.6373, 0.6358, 0.6426, 0.6398, 0.6446, 0.6460, 0.6465),
    "tuned_own": (0.6177, 0.6215, 0.6313, 0.6287, 0.6301, 0.6276, 0.6266),
    "frozen_random": (0.8532, 0.6986, 0.0019, 0.0331, 0.0866, 0.0252, 0.0253),
}
"""Of seven depths. The random ones are in relation to their own base of 0.5763, on another split."""
SEVENTHS = (0, 1, 3, 4, 6)
"""Which of the paper's seven depths stand beside our five: the first, the last, and evenly between."""


def run(block: Repetition) -> Work[None]:
    """Two bases, then all variants, the cheap ones first."""
    data, seeds = transfer("glyphs"), block.count
    both = Images(torch.cat((data.source.images_N1SS, data.target.images_N1SS)),
                  torch.cat((data.source.labels_N, data.target.labels_N)), data.target.names)  # fmt: skip
    first, second = len(data.source), len(data.target)
    of_a, of_b = (block.batches(name, count, BATCH, 1) for name, count in (("A", first), ("B", second)))
    begun = joined(block.fresh("base A"), block.fresh("base B"))
    bases = yield from block.train(
        learner(begun, falling(STEPS), (LR,)), both, lambda step: torch.cat((of_a(step), first + of_b(step)))
    )
    a, b = ([part[half * seeds : (half + 1) * seeds] for part in bases] for half in (0, 1))
    block.tell("base", right(b, data.test)[0])
    new, untrained = block.fresh("new layers"), block.fresh("random filters")
    for depth in reversed(DEPTHS):
        begun = joined(*([*low[:depth], *new[depth:]] for low in (a, b, untrained)))
        nets = yield from block.train(
            learner(begun, falling(STEPS, range(depth, HEAD + 1)), (LR,)), data.target,
            block.batches("B again", second, BATCH, 3),
        )  # fmt: skip
        for kind, share_K in zip(KINDS[:3], right(nets, data.test, variants=3), strict=True):
            block.tell(f"{kind}_{depth}", share_K)
    begun = joined(*([*low[:depth], *new[depth:]] for low in (a, b) for depth in DEPTHS))
    nets = yield from block.train(
        learner(begun, falling(STEPS), (LR,)), data.target, block.batches("B again", second, BATCH, 10)
    )
    shares = iter(right(nets, data.test, variants=10))
    for kind in KINDS[3:]:
        for depth in DEPTHS:
            block.tell(f"{kind}_{depth}", next(shares))


def claims(values: Values) -> Sequence[Claim]:
    """The four facts of the paper's figure 2 and its text."""
    deepest = DEPTHS[-1]
    dip = values["frozen_own_3"] - 0.5 * (values["frozen_own_1"] + values["frozen_own_5"])
    return (
        Claim(
            "Frozen features of another task are worse at the top than a net of one's own.",
            "62.5 % → 54.3 % at the seventh layer",
            [Part("n = 5", apart(values, f"frozen_other_{deepest}", "base"), high=0.0)],
        ),
        Claim(
            "Fine-tuned, transferred features are never worse than a net from scratch, at any depth.",
            "1.1 … 2.1 points better at every depth",
            [Part(f"n = {n}", apart(values, f"tuned_other_{n}", "base"), low=-MARGIN) for n in DEPTHS],
        ),
        Claim(
            "Frozen random filters are worse and worse with every layer.",
            "49 %, 40 %, then at most 5 % from the third layer on (base 58 %)",
            [
                Part(f"n = {n}", apart(values, f"frozen_random_{n}", f"frozen_random_{n - 1}"), high=0.0)
                for n in DEPTHS[1:]
            ],
        ),
        Claim(
            "Frozen features of the same task dip in the middle layers, for they were made for each other.",
            "62.7 % and 62.3 % at the ends, 59.4 % at the fifth layer",
            [Part("n = 3", dip, high=0.0)],
        ),
    )


def sheet(title: str, kinds: Mapping[str, str]) -> Sheet:
    """One picture: a curve for each of those kinds of net, with the paper's."""
    curves = tuple(
        Curve(name, tuple(f"{kind}_{n}" for n in DEPTHS), tuple(related(kind)[place] for place in SEVENTHS))
        for kind, name in kinds.items()
    )
    places = tuple(str(n) for n in DEPTHS)
    return Sheet(
        title, places, curves, "base", across="layers taken over", up="relation to the net from scratch", ordered=True
    )


def related(kind: str) -> tuple[float, ...]:
    """The published accuracies in relation to their base."""
    return PUBLISHED[kind] if kind == "frozen_random" else tuple(share / BASE for share in PUBLISHED[kind])


STUDY = Study(
    "Yosinski et al. 2014 (arXiv 1411.1792)",
    "Two alphabets of ten glyphs; 3,000 pictures of the second one, 300 steps for every net. The first n layers are "
    "taken over, new ones grow above them. The paper's depths 1, 2, 4, 5 and 7 stand at our 1 … 5.",
    ("base", *(f"{kind}_{n}" for kind in KINDS for n in DEPTHS)),
    2, STEPS * (2 + len(DEPTHS)), run, claims,
    (
        sheet("Accuracy in relation to a net from scratch", {
            "frozen_other": "of another task, frozen", "tuned_other": "of another task, fine-tuned",
            "frozen_own": "of the same task, frozen", "tuned_own": "of the same task, fine-tuned",
        }),
        sheet("The same for filters that were never trained", {"frozen_random": "random, frozen"}),
    ),
)  # fmt: skip
