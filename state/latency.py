"""How long visitors wait, counted in the server itself: two histograms, cheap enough to be always on.

Buckets widen by about 1.6 from each to the next, so a quantile told from them is off by less than a third of itself.
"""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

BOUNDS_S = (0.001, 0.002, 0.003, 0.005, 0.008, 0.013, 0.02, 0.03, 0.05, 0.08, 0.13, 0.2, 0.3, 0.5, 0.8, 1.3, 2.0, 3.0,
            5.0, 8.0, 13.0, 20.0, 30.0)  # fmt: skip


class Histogram:
    """Counts of durations, by thread-safe addition; nothing is remembered of a single one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        place = bisect.bisect_left(BOUNDS_S, seconds)
        with self._lock:
            self._counts[place] += 1
            self._sum += seconds

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count how long the body takes, whether or not it raises."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.observe(time.perf_counter() - began)

    @property
    def count(self) -> int:
        return sum(self._counts)

    def quantile(self, share: float) -> float | None:
        """The duration, in seconds, that `share` of all stay below; None where nothing was counted.

        Linear within a bucket, as in Prometheus' histogram_quantile; beyond the last bound, that bound.
        """
        with self._lock:
            counts = list(self._counts)
        wanted, below = share * sum(counts), 0
        if not sum(counts):
            return None
        for place, count in enumerate(counts[:-1]):
            if count and below + count >= wanted:
                low = BOUNDS_S[place - 1] if place else 0.0
                return low + (BOUNDS_S[place] - low) * (wanted - below) / count
            below += count
        return BOUNDS_S[-1]

    def lines(self, name: str) -> str:
        """The histogram in the text format of Prometheus, as `torchlight_<name>_seconds`."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        said, below = [f"# TYPE torchlight_{name}_seconds histogram"], 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), counts, strict=True):
            below += count
            said.append(f'torchlight_{name}_seconds_bucket{{le="{bound}"}} {below}')
        return "\n".join(
            [*said, f"torchlight_{name}_seconds_sum {total:g}", f"torchlight_{name}_seconds_count {below}\n"]
        )


RERUNS = Histogram()
"""From a visitor's click, as it reaches the server, to the drawn page."""
PICTURES = Histogram()
"""From the moment that a picture is asked for, or newly read, to its bytes handed to the network."""
