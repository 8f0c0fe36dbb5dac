"""How well a trained Transformer does on sequences shorter and longer than those it was trained on.

Letters: B sequences, T positions that predict.

Source: the question: Press, Smith and Lewis 2022, arXiv 2108.12409, section 2; length as a matter of the positional
scheme alone: Kazemnejad et al. 2023, arXiv 2305.19466. Where it stops being true: a longer sequence is also another
task (in a repeated block the periods grow with the length), so a fall below 100 % is no fault of positions alone; what
speaks is the comparison of schemes on the same sequences. The interval covers the draw of sequences, not that of
another training seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.data.sequences.arrange import arrange
from models.running import stream

if TYPE_CHECKING:
    from models.layers.study import Study

SEQUENCES = 256
"""Fresh sequences per length: a half-width of two or three percent at the middle."""
SHARES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5)
"""Lengths that are looked at, as shares of the trained one."""


@dataclass(frozen=True)
class Reached:
    """Accuracy at one length, with the ends of its 95 % interval."""

    length: int
    accuracy: float
    low: float
    high: float


def lengths(trained: int) -> tuple[int, ...]:
    """The lengths that are looked at for a model trained at `trained`."""
    return tuple(round(share * trained) for share in SHARES)


@torch.no_grad()
def extrapolate(study: Study, at: Sequence[int], count: int = SEQUENCES) -> tuple[Reached, ...]:
    """Accuracy over `count` fresh sequences of each length, the same ones for every scheme of that seed.

    Raises `ValueError` where the task or a learned table does not reach so far.
    """
    return tuple(_reached(study, length, count) for length in at)


def _reached(study: Study, length: int, count: int) -> Reached:
    task = study.task.longer(length)
    drawn = task.held_out(count, stream(study.knobs.seed, f"length {length}"))
    batch = arrange(drawn, task, study.shape)
    encoder_BN = None if batch.encoder_BN is None else batch.encoder_BN.to(study.where)
    predicted_BT = study.model(batch.input_BT.to(study.where), encoder_BN).argmax(-1).cpu()
    right_BT = (predicted_BT == batch.target_BT) & batch.scored_BT
    return Reached(length, *ratio(right_BT.sum(-1), batch.scored_BT.sum(-1)))


def ratio(right_B: Tensor, of_B: Tensor) -> tuple[float, float, float]:
    """The share of all tokens that are right and its 95 % interval, the sequences being what was drawn.

    Tokens of one sequence are right or wrong together, so the interval is that of a ratio over sequences (Cochran 1977,
    Sampling Techniques, eq. 6.13), cut at 0 and 1.
    """
    share = float(right_B.sum() / of_B.sum())
    residual_B = right_B.double() - share * of_B.double()
    error = float((residual_B.square().sum() * len(of_B) / (len(of_B) - 1)).sqrt() / of_B.sum())
    return share, max(0.0, share - 1.96 * error), min(1.0, share + 1.96 * error)
