"""Plans: which layer learns how fast at which step. Every strategy of fine-tuning is one table, steps × layers.

    multiplier[step, layer] · schedule[step] · lr        0 means frozen, and frozen is never touched

Letters: T steps, L = 6 layers, from conv1 to the head.

Source: gradual unfreezing, discriminative rates (each layer 1 / 2.6 of the one above) and the slanted triangle, Howard
and Ruder 2018 (arXiv 1801.06146), sections 3.2 and 3.3; chain-thaw, Felbo et al. 2017 (arXiv 1708.00524), 2.2; linear
probe, then fine-tuning, Kumar et al. 2022 (arXiv 2202.10054); FreezeOut, Brock et al. 2017 (arXiv 1706.04983), eq. 2,
cubic; cosine with warm restarts, Loshchilov and Hutter 2016 (arXiv 1608.03983), eq. 5; one cycle, Smith and Topin 2017
(arXiv 1708.07120), as in PyTorch. Surgical fine-tuning by relative gradient norm (Lee et al. 2022, arXiv 2210.11466,
3.2) is no table: `relative` computes it from gradients.
"""

from __future__ import annotations

import math
import re
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from models.layers.stack import HEAD, LAYERS

STRATEGIES = (
    "scratch", "head_only", "full", "top_two", "gradual", "bottom_up", "top_down", "discriminative",
    "lp_ft", "chain_thaw", "surgical", "freeze_out",
)  # fmt: skip
OWN = "own"
Schedule = Literal["constant", "cosine", "warm_restarts", "one_cycle", "slanted_triangle"]

DECAY = 2.6
PROBE_SHARE = 0.5
"""LP-FT: half of the steps go to the probe; the schedule sees to it that what follows is gentle."""
THAWED = 0.1
"""Chain-thaw: the rate of layers that are not new, against the new head's."""
FIRST_FROZEN = 0.8
"""FreezeOut: t₀ before it is cubed; conv1 freezes at 0.8³ of the steps."""
RESTARTS = 3
CUT, RATIO = 0.1, 32
"""The slanted triangle: share of steps that rise, and how far below its top it starts and ends."""
COLUMNS = 10
PLAN = re.compile(r"[0-9]{10}(\.[0-9]{10}){5}")
"""A painted plan: one row of ten digits per layer, conv1 first."""


def multipliers(strategy: str, steps: int, own: str = "") -> np.ndarray:
    """The strategy's table (T, L) without the schedule. Raises `ValueError` for a plan that is none."""
    if strategy == OWN:
        return painted(own, steps)
    table_TL = np.ones((steps, len(LAYERS)))
    share_T1 = ((np.arange(steps) + 0.5) / steps)[:, None]
    depth_L = HEAD - np.arange(len(LAYERS))
    match strategy:
        case "head_only":
            table_TL[:, :HEAD] = 0
        case "top_two":
            table_TL[:, : HEAD - 1] = 0
        case "gradual":
            # One layer after the other from the top, all of them by half time.
            table_TL = (share_T1 >= 0.5 * depth_L / HEAD).astype(float)
        case "bottom_up":
            # The two lowest layers never learn: edges and strokes are taken to be general.
            table_TL[:, :2] = 0
        case "top_down":
            # The layers between input and head freeze from the top; the new head must learn whatever happens.
            table_TL[:, 3:HEAD] = 0
        case "discriminative":
            table_TL *= DECAY ** -depth_L.astype(float)
        case "lp_ft":
            probing_T1 = share_T1 < PROBE_SHARE
            table_TL = np.where(probing_T1, depth_L == 0, 1.0)
        case "chain_thaw":
            phase_T1 = (share_T1 * (len(LAYERS) + 1)).astype(int)
            order_L = np.where(depth_L == 0, 0, np.arange(len(LAYERS)) + 1)
            alone = phase_T1 == order_L
            pace_L = np.where(depth_L == 0, 1.0, THAWED)
            table_TL = np.where(alone | (phase_T1 == len(LAYERS)), pace_L, 0.0)
        case "freeze_out":
            until_L = (FIRST_FROZEN + (1 - FIRST_FROZEN) * np.arange(len(LAYERS)) / HEAD) ** 3
            turn_TL = np.minimum(share_T1 / until_L, 1.0)
            table_TL = 0.5 * (1 + np.cos(np.pi * turn_TL)) * (turn_TL < 1)
    return np.asarray(table_TL, float)


def painted(text: str, steps: int) -> np.ndarray:
    """The table (T, L) of a painted plan: digit 0 is frozen, 9 the full rate, three digits less a tenth of it.

    Raises `ValueError` where `text` is no plan.
    """
    if not PLAN.fullmatch(text):
        raise ValueError("a plan has six rows of ten digits, with points between them")
    digits_LC = np.array([[int(digit) for digit in row] for row in text.split(".")])
    column_T = (np.arange(steps) * COLUMNS) // steps
    digits_TL = digits_LC[:, column_T].T
    return np.where(digits_TL == 0, 0.0, 10.0 ** (-(9 - digits_TL) / 3))


def paint(table_TL: np.ndarray) -> str:
    """The painted plan nearest to a table (T, L): what the painter starts from."""
    steps = len(table_TL)
    middles_C = ((np.arange(COLUMNS) + 0.5) * steps / COLUMNS).astype(int)
    rows = []
    for row_C in table_TL[middles_C].T:
        digits = [0 if m <= 0 else int(np.clip(round(9 + 3 * math.log10(m)), 1, 9)) for m in row_C]
        rows.append("".join(map(str, digits)))
    return ".".join(rows)


def schedule(kind: Schedule, steps: int) -> np.ndarray:
    """The factor (T,) by which all rates are multiplied, at most 1."""
    t_T = np.arange(steps)
    match kind:
        case "cosine":
            return 0.5 * (1 + np.cos(np.pi * t_T / steps))
        case "warm_restarts":
            length = math.ceil(steps / RESTARTS)
            return 0.5 * (1 + np.cos(np.pi * (t_T % length) / length))
        case "one_cycle":
            return one_cycle(steps)
        case "slanted_triangle":
            cut = max(int(steps * CUT), 1)
            rise_T = np.where(t_T < cut, t_T / cut, 1 - (t_T - cut) / (cut * (1 / CUT - 1)))
            return np.asarray((1 + np.maximum(rise_T, 0) * (RATIO - 1)) / RATIO)
    return np.ones(steps)


def one_cycle(steps: int, rising: float = 0.3, start: float = 25.0, end: float = 1e4) -> np.ndarray:
    """From 1/25 up to 1 within 30 % of the steps, then down to 1/250,000, both as half a cosine; (T,)."""
    top, last = rising * steps - 1, steps - 1
    t_T = np.arange(steps, dtype=float)

    def glide(begin: float, finish: float, share: np.ndarray) -> np.ndarray:
        return finish + (begin - finish) / 2 * (1 + np.cos(np.pi * share))

    up = glide(1 / start, 1.0, t_T / top) if top > 0 else np.ones(steps)
    down = glide(1.0, 1 / start / end, (t_T - top) / max(last - top, 1e-12))
    return np.where(t_T <= top, up, down)


def relative(gradients: list[Tensor], blocks: list[Tensor]) -> Tensor:
    """Auto-RGN: how strongly each layer is pulled for its size, divided by the strongest, (V, L) in 0 … 1."""
    norms = [torch.linalg.vector_norm(g, dim=1) / torch.linalg.vector_norm(w, dim=1).clamp(min=1e-12)
             for g, w in zip(gradients, blocks, strict=True)]  # fmt: skip
    ratio_VL = torch.stack(norms, 1)
    return ratio_VL / ratio_VL.amax(1, keepdim=True).clamp(min=1e-12)
