"""What a computation costs: its time, and the memory that it holds at its fullest moment.

Source: the hook is torch's own `TorchDispatchMode`, which sees every operation on tensors.
Where it stops being true: what a kernel allocates and frees inside itself is not seen; for torch's fused attention
that is one tile per thread.
"""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

LEAST_MS = 10.0
"""A shorter computation is repeated until it has taken so long, and its fastest call counts."""
MOST_CALLS = 20


class PeakMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered: the bytes of all tensors made since then and still alive, and the most there ever were."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live: dict[int, int] = {}
        self.peak: int = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = {tensor.untyped_storage()._cdata for tensor in _tensors((args, kwargs or {}))}
        out = func(*args, **(kwargs or {}))
        for tensor in _tensors(out):
            storage = tensor.untyped_storage()
            if storage._cdata not in given and storage._cdata not in self.live:
                self.live[storage._cdata] = storage.nbytes()
                weakref.finalize(storage, self.live.pop, storage._cdata, None)
        self.peak = max(self.peak, sum(self.live.values()))
        return out


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        return [tensor for part in value.values() for tensor in _tensors(part)]
    return [tensor for part in value for tensor in _tensors(part)] if isinstance(value, list | tuple) else []


@torch.no_grad()
def peak_bytes(compute: Callable[[], Tensor]) -> int:
    """The most memory that `compute` holds at once, beside what it was given."""
    memory = PeakMemory()
    with memory:
        compute()
    return memory.peak


def clock(where: torch.device) -> float:
    """Seconds since some moment. On a CPU with one thread only those that this thread was given to compute.

    So the work of others on the same machine counts as little as it can.
    """
    if where.type == "cuda":
        torch.cuda.synchronize(where)
    return time.thread_time() if where.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter()


@torch.no_grad()
def milliseconds(compute: Callable[[], Tensor], where: torch.device) -> float:
    """Time of the fastest of some calls, after one that warms up: what disturbs can only add."""

    def timed() -> float:
        began = clock(where)
        compute()
        return 1000 * (clock(where) - began)

    calls = int(np.clip(math.ceil(LEAST_MS / max(timed(), 1e-3)), 1, MOST_CALLS))
    return min(timed() for _ in range(calls))


def power_law(n: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope of log y over log n by least squares, and its standard error; NaN from fewer than three points.

    Only the longer half of the lengths counts: for short ones, calls cost more than arithmetic.
    """
    half = len(n) // 2
    x, z = np.log(n[half:].astype(np.float64)), np.log(y[half:].astype(np.float64))
    x, z = x[np.isfinite(z)], z[np.isfinite(z)]
    if len(x) < 3:
        return math.nan, math.nan
    x = x - x.mean()
    slope = float(x @ z / (x @ x))
    rest = z - z.mean() - slope * x
    return slope, float(np.sqrt(rest @ rest / (len(x) - 2) / (x @ x)))


def crossover(n: np.ndarray, one: np.ndarray, other: np.ndarray) -> float | None:
    """The length from which on `other` is the cheaper; None where it is not, even at the end.

    Between two measured lengths it is read off the straight lines of the log-log picture. The shortest length where
    `other` was always cheaper.
    """
    gap = np.log(one.astype(np.float64)) - np.log(other.astype(np.float64))
    x = np.log(n.astype(np.float64))[np.isfinite(gap)]
    gap = gap[np.isfinite(gap)]
    if not len(gap) or gap[-1] <= 0:
        return None
    dearer = np.flatnonzero(gap <= 0)
    if not len(dearer):
        return float(np.exp(x[0]))
    at = int(dearer[-1])
    return float(np.exp(x[at] - gap[at] * (x[at + 1] - x[at]) / (gap[at + 1] - gap[at])))
