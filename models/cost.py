"""Cost of attention: how time and memory grow with the length of a sequence, measured here and now.

Every step of this run is a measurement: one mechanism at one length, forward only, on random queries, keys and
values. A round takes every mechanism at every length; what is told is the fastest of the rounds: whatever else a
machine does can only add to a time.

Letters: B = 1 sequence, H heads, T = n tokens, D numbers per head; K mechanisms, S lengths, R rounds.

Source: mechanisms: `models/layers/efficient.py`, `recurrent.py`. Slopes: least squares in the log-log picture.
Where it stops being true: another machine, another library or a busy one gives other times; the growth of memory is
exact. One thread on a CPU; a GPU hides short sequences behind the cost of launching kernels.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from models.experiment import Checkpoint, Event, Experiment, Note, Pixels, Points, Scalars, Snapshot, Story, knob
from models.layers import efficient, recurrent
from models.layers.metering import milliseconds, peak_bytes, power_law
from models.running import Moments, device, stream

KINDS = ("full", "fused", "window", "dilated", "linear", "lstm")
SHORTEST = 64
DRAWN = 48
"""Tokens in the small pictures of who looks where."""
MOST_BYTES = 700_000_000
"""Full attention is not tried where its scores, twice, would need more."""
MOST_MS = 3000.0
"""A length is left out where the one before lets expect a longer time, and measured again only so long in all."""

SQUARE = (
    "Six mechanisms from 64 to 4,096 tokens, timed on this machine while you watch. The scores of full attention grow "
    "with the square of the length; the time of linear attention grows like the length itself."
)
SHORT = (
    "Up to 512 tokens the order is another one: at the shortest lengths full attention is faster than the window that "
    "is meant to save time."
)
SKIPPED = "{kind} at {n} tokens is left out: it would need more memory or time than a visitor is given here."


class AttentionCost(Experiment):
    """Measurements of six ways to look back."""

    title: ClassVar[str] = "Cost of attention"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {
        "n": Points(64),
        "looks": Points(len(KINDS)),
        **{f"ms_{kind}": Points(64) for kind in KINDS},
        **{f"bytes_{kind}": Points(64) for kind in KINDS},
    }
    columns: ClassVar[Mapping[str, str]] = {
        "slope_full": "time slope of full attention",
        "slope_fused": "time slope of fused attention",
        "slope_window": "time slope of windowed attention",
        "slope_dilated": "time slope of dilated attention",
        "slope_linear": "time slope of linear attention",
        "slope_lstm": "time slope of the LSTM",
        "milliseconds": "milliseconds of this measurement",
    }
    clocked: ClassVar[frozenset[str]] = frozenset((*columns, "times_RKS", *(f"ms_{kind}" for kind in KINDS)))
    note_templates: ClassVar[tuple[str, ...]] = (SKIPPED,)

    longest: int = knob(
        4096, low=256, high=4096, log=True, label="longest sequence",
        help="Tokens of the longest sequence; the others are a half, a quarter … of it.",
    )  # fmt: skip
    heads: int = knob(4, low=1, high=8, help="Heads of attention; the LSTM has as many units as all heads together.")
    head_width: int = knob(16, low=8, high=64, step=8, label="width of a head", help="Numbers per head.")
    window: int = knob(
        32, low=4, high=256, step=4, label="keys per query",
        help="How many tokens windowed and dilated attention look at from each position.",
    )  # fmt: skip
    dilation: int = knob(4, low=2, high=16, advanced=True, help="Dilated attention looks at every so many-th token.")
    steps: int = knob(210, low=1, high=2000, log=True, label="measurements", help="One mechanism at one length each.")

    @classmethod
    def stories(cls) -> tuple[Story, ...]:
        """Each sentence is held against ten seeds by `tests/test_cost.py`."""
        return Story("The price of a square", SQUARE, cls()), Story("Short is different", SHORT, cls(longest=512))

    @property
    def lengths(self) -> tuple[int, ...]:
        """The measured lengths, from short to long, each about twice the one before."""
        halves = (round(self.longest / 2**power) for power in range(16))
        return tuple(sorted(n for n in halves if n >= SHORTEST))

    def mechanism(self, kind: str, n: int) -> Callable[[], Tensor]:
        """What is measured: a call that runs the mechanism once over n tokens."""
        where, random = device(), stream(self.seed, f"{kind} {n}")
        width = self.heads * self.head_width
        if kind == "lstm":
            layer = recurrent.fast("lstm", width, width)
            recurrent.begin("lstm", recurrent.weights_of(layer), random)
            layer, x_BTI = layer.to(where), torch.randn(1, n, width, generator=random).to(where)
            return lambda: layer(x_BTI)[0]  # type: ignore[no-any-return]
        q, k, v = torch.randn(3, 1, self.heads, n, self.head_width, generator=random).to(where).unbind()
        match kind:
            case "full":
                return lambda: efficient.full(q, k, v)
            case "fused":
                return lambda: efficient.fused(q, k, v)
            case "window":
                return lambda: efficient.windowed(q, k, v, self.window)
            case "dilated":
                return lambda: efficient.dilated(q, k, v, self.window, self.dilation)
        return lambda: efficient.linear(q, k, v)

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`; what is recorded was read off a clock, so no two runs agree in it."""
        moments = moments or Moments()
        bench = Bench(self)
        step = bench.load(start) if start else 0
        if start is None:
            yield bench.snapshot(0)
            yield bench.checkpoint(0)
        while step < self.steps:
            skipped = bench.measure(step)
            step += 1
            yield Scalars(step, step, bench.told())
            if skipped is not None:
                yield Note(step, "engine", SKIPPED, {"kind": skipped[0], "n": skipped[1]})
            due = moments.due(step)
            if due.snapshot or step == self.steps:
                yield bench.snapshot(step)
            if due.checkpoint or step == self.steps:
                yield bench.checkpoint(step)


def looks(knobs: AttentionCost, kind: str) -> np.ndarray:
    """What each of the first tokens (rows) looks at (columns), uint8 (DRAWN²,): an LSTM only at its own token."""
    match kind:
        case "window":
            seen_TT = efficient.visible(DRAWN, knobs.window)
        case "dilated":
            seen_TT = efficient.visible(DRAWN, knobs.window, knobs.dilation)
        case "lstm":
            seen_TT = torch.eye(DRAWN, dtype=torch.bool)
        case _:
            seen_TT = efficient.visible(DRAWN)
    return (seen_TT.to(torch.uint8) * 255).flatten().numpy()


class Bench:
    """All measurements so far: times (R, K, S) in milliseconds and bytes (K, S), NaN where nothing was measured."""

    def __init__(self, knobs: AttentionCost) -> None:
        self.knobs, self.lengths, self.where = knobs, knobs.lengths, device()
        self.round = len(KINDS) * len(self.lengths)
        self.times_RKS = np.full((-(-knobs.steps // self.round), len(KINDS), len(self.lengths)), np.nan)
        self.bytes_KS = np.full((len(KINDS), len(self.lengths)), np.nan)
        self.newest = np.nan
        self.looks = np.stack([looks(knobs, kind) for kind in KINDS])

    def place(self, step: int) -> tuple[int, int, int]:
        """Round, kind and length of a measurement: in each round from short to long."""
        size, kind = divmod(step % self.round, len(KINDS))
        return step // self.round, kind, size

    def measure(self, step: int) -> tuple[str, int] | None:
        """Takes one measurement; where it would cost too much says which, once."""
        turn, kind, size = self.place(step)
        name, n = KINDS[kind], self.lengths[size]
        self.newest = np.nan
        if not self.affordable(kind, size, turn):
            return (name, n) if turn == 0 else None
        compute = self.knobs.mechanism(name, n)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's LSTM warns of weights that are not in one piece
            if np.isnan(self.bytes_KS[kind, size]):
                self.bytes_KS[kind, size] = peak_bytes(compute)
            self.newest = self.times_RKS[turn, kind, size] = milliseconds(compute, self.where)
        return None

    def affordable(self, kind: int, size: int, turn: int) -> bool:
        """Whether memory and time allow this measurement."""
        n = self.lengths[size]
        if KINDS[kind] == "full" and (2 * 4 * self.knobs.heads + 1) * n * n > MOST_BYTES:
            return False
        spent = self.times_RKS[:, kind, size]
        if turn > 0:
            return bool(np.isfinite(spent).any() and np.nansum(spent) < MOST_MS)
        before = self.times_RKS[0, kind, size - 1] if size else 0.0
        return bool(before * (n / self.lengths[max(size - 1, 0)]) ** 2 < MOST_MS)

    def fastest(self) -> np.ndarray:
        """The shortest time of each mechanism at each length (K, S), milliseconds."""
        found = np.fmin.reduce(self.times_RKS, axis=0)
        return np.asarray(found)

    def told(self) -> dict[str, np.ndarray]:
        """The newest time, and the slope of each mechanism so far."""
        lengths = np.array(self.lengths, float)
        fitted = {kind: power_law(lengths, times)[0] for kind, times in zip(KINDS, self.fastest(), strict=True)}
        slopes = {f"slope_{kind}": np.array([slope]) for kind, slope in fitted.items() if np.isfinite(slope)}
        return {**slopes, "milliseconds": np.array([self.newest])}

    def snapshot(self, step: int) -> Snapshot:
        arrays = {"n": np.array(self.lengths, np.float32), "looks": self.looks.copy()}
        for kind, times, held in zip(KINDS, self.fastest(), self.bytes_KS, strict=True):
            arrays[f"ms_{kind}"], arrays[f"bytes_{kind}"] = times.astype(np.float32), held.astype(np.float32)
        return Snapshot(step, arrays)

    def checkpoint(self, step: int) -> Checkpoint:
        return Checkpoint(step, {"times_RKS": self.times_RKS.copy(), "bytes_KS": self.bytes_KS.copy()})

    def load(self, checkpoint: Checkpoint) -> int:
        """Continue from `checkpoint`, of a run that may have been shorter or longer; returns its step."""
        rounds = min(len(self.times_RKS), len(checkpoint.arrays["times_RKS"]))
        self.times_RKS[:rounds] = checkpoint.arrays["times_RKS"][:rounds]
        self.bytes_KS[:] = checkpoint.arrays["bytes_KS"]
        return checkpoint.step
