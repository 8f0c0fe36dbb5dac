"""How good is a translation without pairs? Whether it arrives in the other set, and whether the way back leads home.

Letters: N shown data, X numbers per datum. A cycle error is a mean absolute difference per number. Neighbours kept: the
share of a datum's ten nearest that are still among its ten nearest after the round trip. W2 is the exact Wasserstein
distance of 300 translated points to 300 of the other set. For turned digits the right answer is known, though training
never hears it: turn each translated digit back and ask our classifier whether it is the same digit, and how far its
pixels are from the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.experiment import Reference
from models.layers.cycle.domains import Domains, turned
from models.metrics.distances import w2
from models.metrics.judge import certainty

if TYPE_CHECKING:
    from models.layers.cycle.translation import Translation

NEIGHBOURS = 10
REPEATS = 20
SHOWN = 300


def neighbours_kept(x_NX: Tensor, again_NX: Tensor) -> float:
    """1 where the round trip keeps every neighbourhood; about 10/N where it keeps none."""
    near = [torch.cdist(each, x_NX).fill_diagonal_(torch.inf).topk(NEIGHBOURS, largest=False).indices
            for each in (x_NX, again_NX)]  # fmt: skip
    same_NKK = near[0][:, :, None] == near[1][:, None, :]
    return float(same_NKK.any(2).float().mean())


def evaluate(translation: Translation) -> dict[str, np.ndarray]:
    """The numbers of one moment, each of shape (1,), by the names of `CycleGan.columns`."""
    (x, y_fake, x_again), (y, x_fake, y_again) = (
        tuple(each.cpu() for each in way) for way in translation.ways()
    )  # fmt: skip
    found = {
        "cycle_error": float((x_again - x).abs().mean() + (y_again - y).abs().mean()) / 2,
        "neighbours_kept": neighbours_kept(x, x_again),
    }
    if translation.domains.on_plane:
        found |= {"w2_there": w2(y_fake, y), "w2_back": w2(x_fake, x)}
    else:
        label_N = translation.domains.shown(SHOWN)[2]
        assert label_N is not None
        said_N = certainty("digits", turned(y_fake, -1)).argmax(1)
        found |= {
            "class_kept": float((said_N == label_N).float().mean()),
            "truth_error": float((y_fake - turned(x)).abs().mean()),
        }
    return {name: np.array([value], np.float64) for name, value in found.items()}


@lru_cache(maxsize=2)
def floors(on_plane: bool) -> Mapping[str, Reference]:
    """What fresh points of the other set reach, and the untranslated ones; for digits, the right answer and chance."""
    if not on_plane:
        x, _y, label_N = Domains("turned_digits", 0).shown(SHOWN)
        assert label_N is not None
        right = float((certainty("digits", x).argmax(1) == label_N).float().mean())
        shuffled = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))]
        other = float((turned(shuffled) - turned(x)).abs().mean())
        return {"class_kept": Reference(right, right, right, 0.1), "truth_error": Reference(0.0, 0.0, 0.0, other)}
    pairs = [Domains("moons_and_gaussians", seed).draw(2 * SHOWN, "floor") for seed in range(REPEATS)]
    found = {}
    for name, place in (("w2_back", 0), ("w2_there", 1)):
        same = [w2(pair[place][:SHOWN], pair[place][SHOWN:]) for pair in pairs]
        low, high = np.percentile(same, (2.5, 97.5))
        null = float(np.mean([w2(pair[0][:SHOWN], pair[1][:SHOWN]) for pair in pairs[:4]]))
        found[name] = Reference(float(np.mean(same)), float(low), float(high), null)
    return found
