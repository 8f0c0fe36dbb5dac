"""Made-up runs of many strategies: accuracies rise, layers drift or are locked, and what was known is forgotten."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from state.frames import encode
from tests.harness.mock import MockRun

ARMS = (
    "scratch", "head_only", "full", "top_two", "gradual", "bottom_up", "top_down", "discriminative", "lp_ft",
    "chain_thaw", "surgical", "freeze_out", "own",
)  # fmt: skip
LABELS = (
    "From scratch", "Head only", "Full", "Top two layers", "Gradual unfreezing", "Bottom-up", "Top-down",
    "Discriminative rates", "LP-FT", "Chain-thaw", "Surgical", "FreezeOut", "Own plan",
)  # fmt: skip
LAYERS = ("conv1", "conv2", "conv3", "conv4", "hidden", "head")
EVERY, SEEDS, BINS = 25, 5, 41
A, L = len(ARMS), len(LAYERS)
HEAD_ONLY = ARMS.index("head_only")


class FreezeRun(MockRun):
    """A run whose pictures and numbers are those of thirteen strategies."""

    def __init__(self, key: str, steps: int = 500) -> None:
        super().__init__(key, steps=steps, rate=40.0)
        random = np.random.default_rng(self.seed)
        self.best_A = random.uniform(0.66, 0.88, A)
        self.pace_A = random.uniform(20, 160, A)
        self.wide_A = random.uniform(0.01, 0.04, A)
        self.kept_A = random.uniform(0.05, 0.6, A) * (np.arange(A) != HEAD_ONLY)

    def open(self, step: int) -> np.ndarray:
        """Which layers train, (A, L) bool: the head alone, from the top down, or all of them."""
        layer_L, depth = np.arange(L), 1 + 5 * step / self.steps
        open_AL = np.ones((A, L), bool)
        open_AL[HEAD_ONLY] = layer_L == L - 1
        open_AL[ARMS.index("top_two")] = layer_L >= L - 2
        open_AL[ARMS.index("gradual")] = layer_L >= L - depth
        open_AL[ARMS.index("chain_thaw")] = layer_L == (step // 80) % L
        return open_AL

    def accuracy(self, steps: np.ndarray) -> np.ndarray:
        """Mean accuracies (A, steps)."""
        rise = 1 - np.exp(-steps[None] / self.pace_A[:, None])
        return np.asarray(
            0.1 + (self.best_A[:, None] - 0.1) * rise + 0.01 * np.sin(steps[None] / 37 + np.arange(A)[:, None])
        )

    def scalars(self, first: int, last: int, reset: bool = False) -> list[bytes]:
        steps = np.arange(first, last + 1)
        loss = {f"loss_{arm}": np.exp(-steps / 200) + 0.05 * self.best_A[at] for at, arm in enumerate(ARMS)}
        frames = [encode({"kind": "scalars", "reset": reset}, {"steps": steps, **loss})]
        told = steps[steps % EVERY == 0]
        if not len(told):
            return frames
        columns: dict[str, np.ndarray] = {}
        for at, (arm, mean) in enumerate(zip(ARMS, self.accuracy(told), strict=True)):
            columns |= {f"accuracy_{arm}": mean, f"accuracy_{arm}_low": mean - self.wide_A[at]}
            columns[f"accuracy_{arm}_high"] = mean + self.wide_A[at]
            columns[f"source_{arm}"] = 0.91 - self.kept_A[at] * (1 - np.exp(-told / 150))
        columns["source_scratch"] = np.full(len(told), np.nan)
        return [*frames, encode({"kind": "scalars"}, {"steps": told, **columns})]

    def picture(self, step: int, **header: Any) -> bytes:
        open_AL = self.open(step)
        reach_L = np.linspace(0.1, 0.4, L)
        drift_AL = np.where(open_AL, reach_L * (1 - np.exp(-step / 200)), 0) * (0.5 + self.wide_A[:, None] * 20)
        moved_AL = np.where(open_AL & (step > 0), 1e-4 * np.exp(-step / 300), 0)
        middle_B = np.linspace(-0.6, 0.6, BINS)
        spread_AL = 0.1 + 0.4 * drift_AL
        start_LB = np.repeat(np.exp(-((middle_B / 0.1) ** 2) / 2)[None], L, 0) * 300
        arrays = {
            "drift_AL": drift_AL, "moved_AL": moved_AL, "update_AL": moved_AL * 3,
            "gradient_AL": np.where(open_AL, np.exp(-step / 200) * reach_L, np.nan),
            "cka_AL": 1 - 0.5 * drift_AL, "rate_AL": np.where(open_AL, 0.05, 0.0),
            "histogram_ALB": 300 * np.exp(-((middle_B / spread_AL[..., None]) ** 2) / 2) * 0.1 / spread_AL[..., None],
            "histogram_start_LB": start_LB, "edges_LB": np.repeat(np.linspace(-0.615, 0.615, BINS + 1)[None], L, 0),
        }  # fmt: skip
        floats = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
        return encode({"kind": "snapshot", "step": step, "key": self.key, "sent": time.time(), **header}, floats)


def arms() -> list[dict[str, Any]]:
    """How each strategy is drawn, and the names of its columns."""
    return [
        {"arm": arm, "label": label, "hue": at % 6, "dash": at // 6}
        for at, (arm, label) in enumerate(zip(ARMS, LABELS, strict=True))
    ]


def panels() -> dict[str, dict[str, Any]]:
    """The four panels over these runs."""
    columns = [
        {
            **arm,
            "name": f"accuracy_{arm['arm']}",
            "low": f"accuracy_{arm['arm']}_low",
            "high": f"accuracy_{arm['arm']}_high",
        }
        for arm in arms()
    ]
    trails = [{**arm, "x": f"source_{arm['arm']}", "y": f"accuracy_{arm['arm']}"} for arm in arms()]
    table = {"arms": arms(), "layers": list(LAYERS), "start": {"arm": "full", "layer": 4}}
    return {
        "bands": {
            "kind": "bands", "title": "Accuracy on the target", "columns": columns, "percent": True,
            "note": f"n = {SEEDS} seeds; bands: 95 %, Student t", "references": [{"label": "guessing", "value": 0.1}],
            "floor": {"count": 500, "label": "points: one standard error of 500 images"},
        },
        "layers": {"kind": "layers", "title": "Layers", **table},
        "weights": {"kind": "weights", "title": "Weights", **table},
        "trails": {
            "kind": "trails", "title": "Learned and kept", "arms": trails, "x_label": "source, old head",
            "y_label": "target",
        },
    }  # fmt: skip
