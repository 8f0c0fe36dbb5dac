"""What is known and what is to be learned: pairs of a source task and a target task, all on pictures of one size.

Letters: N pictures, S = 16 pixels a side; pictures (N, 1, S, S) float32 in 0 … 1, ink is 1 on 0, area-averaged from
their own size. Pairs, and whether the target keeps the source's classes (`related`):

- glyphs: ten letters of an invented alphabet, then ten letters of another one. With any dial above 0 the target is
  instead the *source's* alphabet, shifted: `contrast` at the input (grey ink on grey paper), `shapes` in the features
  (the same labels, letters on the way to the other alphabet), `labels` at the output (that share of the five pairs
  (y, 9 - y) exchange their labels). `shapes=1` alone is the other alphabet again, under related labels.
- sketches: sixty things of Quick, Draw!, then ten others.  - digits: handwritten 0 … 4, then 5 … 9.
- fonts: typeset digits, then handwritten ones.             - fashion: handwritten digits, then clothes.
- noisy, inverted, rotated: handwritten digits, then the same ones with noise, light for dark, or turned.

Source: the three levels of shift, Lee et al. 2022 (arXiv 2210.11466, section 3); data as in `images` and `glyphs`.
Measured with the freeze lab's net (test accuracy in % from scratch / head only / full; 4 seeds, 250 steps, rate chosen
on validation): sketches, 5 labels a class, 39 / 51 / 48; fonts, 1 label, 38 / 63 / 62; digits, 50, 92 / 85 / 92; noisy,
10, 38 / 60 / 66; inverted, 10, 78 / 66 / 79; rotated, 10, 74 / 57 / 70; fashion, 20, 72 / 61 / 71. The last three show
no gain, and frozen features harm there. Seeds differ by 1 to 4 points, by 4 to 9 with one label.
Every set has its classes in turn, so any beginning of it is balanced; everything is loaded at its first use, is always
the same, and is shared: do not write into the tensors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from models.data import glyphs, images
from models.data.augmentation import affine
from models.data.pictures import SKETCHES
from models.data.rendered import rendered

Pair = Literal["glyphs", "sketches", "fonts", "digits", "noisy", "inverted", "rotated", "fashion"]
PAIRS: tuple[Pair, ...] = get_args(Pair)
SIDE = 16
VALIDATION = 500
NOISE = 0.5
"""Standard deviation of the noise on the noisy digits, before they are cut off at 0 and 1."""
KNOWN_SKETCHES = 60
"""Of the 335 other things in Quick, Draw!: evenly spaced in the alphabet. A head of 335 would be most of the net."""


@dataclass(frozen=True, eq=False)
class Images:
    """Pictures and their labels (N,) int64; `names[label]` is the class in words."""

    images_N1SS: Tensor
    labels_N: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels_N)

    def __getitem__(self, rows: Tensor | slice) -> Images:
        return Images(self.images_N1SS[rows], self.labels_N[rows], self.names)


@dataclass(frozen=True, eq=False)
class Transfer:
    """Two tasks: pictures to pretrain on, and a pool of which only some are labelled for the target."""

    source: Images
    source_test: Images
    target: Images
    validation: Images
    test: Images
    related: bool
    """Whether the target keeps the source's classes, so that the old head means something there."""

    @property
    def chance(self) -> float:
        """Accuracy of guessing on the target."""
        return 1 / len(self.target.names)


def transfer(pair: Pair, *, contrast: float = 0, shapes: float = 0, labels: float = 0) -> Transfer:
    """A pair of tasks; the dials, each 0 … 1, shift the glyphs and nothing else.

    Raises ValueError for an unknown pair, or a dial out of its range.
    """
    if pair not in PAIRS:
        raise ValueError(f"{pair!r} is no pair of tasks: there are {', '.join(PAIRS)}.")
    if not all(0 <= dial <= 1 for dial in (contrast, shapes, labels)):
        raise ValueError("The shift's dials go from 0 to 1.")
    return _glyphs(float(contrast), float(shapes), float(labels)) if pair == "glyphs" else _carried(pair)


MOST_LABELS = {"sketches": 60, "glyphs": 300}
"""Labelled pictures of each class where the pool holds fewer than a thousand of them."""


def sample(pool: Images, per_class: int, random: torch.Generator) -> Tensor:
    """Rows (classes · per_class,) int64 of as many pictures of every class, drawn without replacement, classes in turn.

    With the same state of `random`, a smaller sample is the beginning of a larger one. Raises ValueError if a class
    has fewer pictures.
    """
    row_CN = [torch.nonzero(pool.labels_N == label).flatten() for label in range(len(pool.names))]
    fewest = min(map(len, row_CN))
    if not 0 <= per_class <= fewest:
        raise ValueError(f"There are {fewest} labelled pictures of a class, not {per_class}.")
    # Every class is shuffled as a whole, whatever is wanted of it: that is what makes samples nested.
    drawn = [rows[torch.randperm(len(rows), generator=random)[:per_class]] for rows in row_CN]
    return torch.stack(drawn, 1).flatten()


def fade(images_N1SS: Tensor, contrast: float) -> Tensor:
    """Less contrast and a grey ground: × (1 - 0.65 c) + 0.45 c; 0 changes nothing, 1 leaves 0.45 … 0.80."""
    return images_N1SS * (1 - 0.65 * contrast) + 0.45 * contrast


def exchange(labels_N: Tensor, share: float) -> Tensor:
    """Labels 0 … 9 of which that share of the pairs (y, 9 - y) is exchanged, the outermost pairs first."""
    pairs = round(share * 5)
    return torch.where(torch.minimum(labels_N, 9 - labels_N) < pairs, 9 - labels_N, labels_N)


@cache
def _source_glyphs() -> tuple[Images, Images]:
    names = tuple(f"glyph {letter}" for letter in "ABCDEFGHIJ")
    return tuple(
        Images(*glyphs.write(glyphs.alphabet(0), per_class, seed), names) for per_class, seed in ((400, 10), (100, 11))
    )  # type: ignore[return-value]


@lru_cache(maxsize=8)
def _glyphs(contrast: float, shapes: float, labels: float) -> Transfer:
    source, source_test = _source_glyphs()
    related = max(contrast, shapes, labels) > 0
    letters = glyphs.between(glyphs.alphabet(0), glyphs.alphabet(1), shapes if related else 1)
    names = source.names if related else tuple(f"glyph {letter}" for letter in "KLMNOPQRST")

    def part(per_class: int, seed: int) -> Images:
        image_N1SS, label_N = glyphs.write(letters, per_class, seed)
        return Images(fade(image_N1SS, contrast), exchange(label_N, labels), names)

    return Transfer(source, source_test, part(300, 12), part(50, 13), part(200, 14), related)


@lru_cache(maxsize=4)
def _carried(pair: Pair) -> Transfer:
    if pair == "sketches":
        return _sketches()
    mnist = _small(images.mnist().train), _small(images.mnist().test)
    match pair:
        case "fonts":
            typeset, typeset_test = (
                Images(*rendered(count, seed, SIDE), images.DIGIT_NAMES) for count, seed in ((4000, 20), (1000, 21))
            )
            return _pair(typeset, typeset_test, *mnist, related=True)
        case "digits":
            known, new = ([_only(part, range(first, first + 5)) for part in mnist] for first in (0, 5))
            return _pair(known[0], known[1], new[0], new[1], related=False)
        case "fashion":
            clothes = images.fashion_mnist()
            return _pair(*mnist, _small(clothes.train), _small(clothes.test), related=False)
    # The same classes: half of the pictures are for the source, the other half are shifted.
    shifted = [replace(part, images_N1SS=_shifted(part.images_N1SS, pair)) for part in (mnist[0][6000:], mnist[1])]
    return _pair(mnist[0][:6000], mnist[1], shifted[0], shifted[1], related=True)


def _pair(source: Images, source_test: Images, target: Images, test: Images, *, related: bool) -> Transfer:
    """A pair whose validation pictures are the pool's last ones."""
    return Transfer(source, source_test, target[:-VALIDATION], target[-VALIDATION:], test, related)


def _sketches() -> Transfer:
    """Quick, Draw! has a hundred of each: 80 and 20 of the known ones, 60, 10 and 30 of the new ones."""
    whole = images.quickdraw()
    others = [name for name in whole.names if name not in SKETCHES]
    known = tuple(others[index * len(others) // KNOWN_SKETCHES] for index in range(KNOWN_SKETCHES))

    def part(names: tuple[str, ...], first: int, last: int) -> Images:
        rows = torch.cat([torch.arange(first, last) + 100 * whole.names.index(name) for name in names])
        label_N = torch.arange(len(names)).repeat_interleave(last - first)
        return _small(images.Labelled(whole.images[rows], label_N, names))

    return Transfer(
        part(known, 0, 80), part(known, 80, 100),
        part(SKETCHES, 0, 60), part(SKETCHES, 60, 70), part(SKETCHES, 70, 100),
        related=False,
    )  # fmt: skip


def _shifted(images_N1SS: Tensor, pair: Pair) -> Tensor:
    random = torch.Generator().manual_seed(len(images_N1SS))
    if pair == "inverted":
        return 1 - images_N1SS
    if pair == "noisy":
        noise_N1SS = torch.randn(images_N1SS.shape, generator=random)
        return (images_N1SS + NOISE * noise_N1SS).clamp(0, 1)
    return affine(images_N1SS, torch.pi / 2 + 0.2 * torch.randn(len(images_N1SS), 1, generator=random))


def _small(data: images.Labelled) -> Images:
    """Those pictures at S pixels a side, classes in turn: any beginning of them is balanced."""
    row_CN = [torch.nonzero(data.labels == label).flatten() for label in range(len(data.names))]
    rows = torch.stack(row_CN, 1).flatten()
    image_N1HW = data.images[rows][:, None].float() / 255
    return Images(F.interpolate(image_N1HW, size=SIDE, mode="area"), data.labels[rows], data.names)


def _only(data: Images, classes: range) -> Images:
    """The pictures of some classes, which are counted from 0 again."""
    rows = (data.labels_N >= classes.start) & (data.labels_N < classes.stop)
    return Images(data.images_N1SS[rows], data.labels_N[rows] - classes.start, data.names[classes.start : classes.stop])
