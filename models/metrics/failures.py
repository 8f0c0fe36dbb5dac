"""How does this GAN fail? Named from the numbers that training tells, with the sign that was measured, and a cure.

A finding is a pure function of the columns up to a step: a visitor who watches and a test that replays see the same.
Signs are medians over the last `WINDOW` steps, so that one odd batch names nothing; the first `YOUNG` steps name
nothing but divergence, since every generator begins as a small blob that D tells from data.

divergence   a loss or gradient that is not finite, or a gradient norm that grew a hundredfold and beyond `WILD`
vanishing    D is sure (D(x) - D(G(z)) > 0.95) and the gradient of G is below `FAINT`
capacity     weights are clipped and the gradient of D is below `FAINT`: its signals die on their way
collapse     samples are spread over less than a quarter of the data's deviation; or a share of `GOOD` of them lies on
             modes, but on no more than half of these
oscillation  the belief of D on samples comes and goes with a period, and its swings do not become smaller

Source: the failures: Goodfellow 2016, arXiv 1701.00160, section 5; vanishing: Arjovsky and Bottou 2017, arXiv
1701.04862; clipping: Gulrajani et al. 2017, arXiv 1704.00028, section 3; oscillation: Mescheder et al. 2018, arXiv
1801.04406. The thresholds are ours, chosen on seeds 0 to 4 of the museum; `tests/benchmarks/museum.py` tells precision
and recall on others. Two coordinates and at most 25 modes is what they were chosen for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from models.experiment import Value

if TYPE_CHECKING:
    from models.gan import GanTraining

Kind = Literal["divergence", "vanishing", "capacity", "collapse", "oscillation"]
Columns = Mapping[str, tuple[np.ndarray, np.ndarray]]

WINDOW = 60
YOUNG = 150
WILD, GROWTH = 50.0, 100.0
FAINT = 2e-3
SURE = 0.95
NARROW = 0.25
GOOD = 0.5
SWINGS = 700
"""Steps that are searched for a period."""
PERIODIC, KEEPS, VISIBLE = 0.6, 0.75, 0.02


@dataclass(frozen=True)
class Finding:
    """A failure: its kind, the step at which it was named, and the measured numbers that name it."""

    kind: Kind
    step: int
    sign: str
    """The column that was measured."""
    value: float
    other: float | None = None
    """What it is compared with: the value at first, the number of modes, the period in steps."""


def diagnose(columns: Columns, experiment: GanTraining, at: int | None = None) -> Finding | None:
    """The failure to be seen at step `at` (the newest without), the gravest where there are several; None in health."""
    rows = {name: _until(column, at) for name, column in columns.items()}
    if "loss_d" not in rows or not len(rows["loss_d"][0]):
        return None
    step = int(rows["loss_d"][0][-1])
    found = _divergence(rows, step)
    if found is None and step >= YOUNG:
        now = experiment.at(min(step, experiment.steps))
        found = _vanishing(rows, step, now) or _collapse(rows, step, now) or _oscillation(rows, step)
    return found


def _until(column: tuple[np.ndarray, np.ndarray], at: int | None) -> tuple[np.ndarray, np.ndarray]:
    steps, values = column
    end = len(steps) if at is None else int(np.searchsorted(steps, at, side="right"))
    return steps[:end], values[:end]


def _recent(rows: Columns, name: str, count: int = WINDOW) -> float:
    """The median of the newest values; NaN where there are none."""
    values = rows[name][1][-count:] if name in rows else np.zeros(0)
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")


def _divergence(rows: Columns, step: int) -> Finding | None:
    for name in ("loss_d", "loss_g", "gradient_d", "gradient_g"):
        if name in rows and len(rows[name][1]) and not np.isfinite(rows[name][1][-1]):
            return Finding("divergence", step, name, float(rows[name][1][-1]))
    for name in ("gradient_d", "gradient_g"):
        if name not in rows:
            continue
        now, first = _recent(rows, name), float(np.median(rows[name][1][:20]))
        if now > WILD and now > GROWTH * first:
            return Finding("divergence", step, name, now, first)
    return None


def _vanishing(rows: Columns, step: int, now: GanTraining) -> Finding | None:
    """No signal reaches G: because D is sure, or because clipping starves it."""
    if now.constraint == "clip" and _recent(rows, "gradient_d") < FAINT:
        return Finding("capacity", step, "gradient_d", _recent(rows, "gradient_d"), _recent(rows, "clipped"))
    gap = _recent(rows, "d_real") - _recent(rows, "d_fake")
    if now.probabilistic and gap > SURE and _recent(rows, "gradient_g") < FAINT:
        return Finding("vanishing", step, "gradient_g", _recent(rows, "gradient_g"), gap)
    return None


def _collapse(rows: Columns, step: int, now: GanTraining) -> Finding | None:
    spread = _recent(rows, "spread")
    if spread < NARROW and step >= 2 * YOUNG:
        return Finding("collapse", step, "spread", spread)
    modes = now.plane().modes if now.on_plane else None
    if modes is None or "modes_covered" not in rows:
        return None
    covered, good = (float(np.min(rows[name][1][-2:], initial=np.inf)) for name in ("modes_covered", "high_quality"))
    if covered <= len(modes) / 2 and good >= GOOD:
        return Finding("collapse", step, "modes_covered", covered, float(len(modes)))
    return None


def _oscillation(rows: Columns, step: int) -> Finding | None:
    """A peak of the autocorrelation beyond its first fall below 0, at least two periods, and swings that last."""
    values = rows["d_fake"][1][-SWINGS:] if "d_fake" in rows else np.zeros(0)
    if len(values) < YOUNG or not np.isfinite(values).all():
        return None
    centred = values - values.mean()
    third = len(values) // 3
    early, late = float(centred[:third].std()), float(centred[-third:].std())
    if late < max(KEEPS * early, VISIBLE):
        return None
    spectrum = np.fft.rfft(centred, 2 * len(centred))
    # Fewer pairs stand behind longer lags: each sum by its own number.
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: len(centred)] / np.arange(len(centred), 0, -1)
    correlation /= correlation[0] or 1.0
    negative = np.flatnonzero(correlation < 0)
    if not len(negative):
        return None
    first, last = int(negative[0]), len(centred) // 2
    if first >= last or correlation[first:last].max() < PERIODIC:
        return None
    # Twice a period agrees as well as the period: the first hill that comes near the highest.
    near = np.flatnonzero(correlation[first:last] >= 0.9 * correlation[first:last].max())
    hill = near[: 1 + int(np.argmax(np.diff(near, append=near[-1] + 2) > 1))]
    period = first + int(hill[np.argmax(correlation[first + hill])])
    # White noise has lags that happen to agree, but only short ones and weakly; a turn takes at least some ten steps.
    if correlation[period] < PERIODIC or period < 10:
        return None
    return Finding("oscillation", step, "d_fake", late, float(period))


def cure(finding: Finding, experiment: GanTraining) -> tuple[str, Value]:
    """The one knob that helps against it, and its value; a knob that may change during training."""
    now = experiment.at(min(finding.step, experiment.steps))
    match finding.kind:
        case "divergence" if now.loss == "wasserstein" and now.constraint == "none":
            return "constraint", "gradient_penalty"
        case "divergence":
            return "lr_d", max(1e-5, float(f"{now.lr_d / 10:.1g}"))
        case "vanishing" if now.loss == "minimax":
            return "loss", "non_saturating"
        case "vanishing":
            return "instance_noise", 0.2
        case "capacity":
            return "constraint", "gradient_penalty"
        case "collapse" if now.k_g > now.k_d:
            return "k_d", now.k_g
        case "collapse" if now.r1_gamma == 0:
            return "r1_gamma", 0.1
        case "collapse":
            return "unroll", min(10, now.unroll + 2)
    return "r1_gamma", min(10.0, round(now.r1_gamma + 0.3, 2))
