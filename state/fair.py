"""Who is next: the order in which waiting runs are trained, and how long that takes.

Of all visitors who wait, the one with the fewest runs training at this moment comes first; among equals, whose run has
waited longest. Where fewer others compete than there are slots, nobody waits behind a long queue of theirs. It is no
memory of turns: where as many others compete as there are slots, a visitor whose run has just ended is an equal again,
and the order comes near to first come, first served, bounded by the quotas.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence

from state.control import Row
from state.progress import Progress


def order(queued: Sequence[Row], active: Sequence[Row]) -> list[Row]:
    """The waiting runs, next first. Runs of nobody (a laptop's, the command line's) count as one visitor's."""
    training = Counter(row.owner for row in active)
    turns: list[tuple[int, float, str, Row]] = []
    for row in sorted(queued, key=lambda row: (row.queued, row.key)):
        turns.append((training[row.owner], row.queued, row.key, row))
        training[row.owner] += 1
    return [row for *_turn, row in sorted(turns, key=lambda turn: turn[:3])]


def place(
    key: str, queued: Sequence[Row], active: Sequence[Row], moved: Mapping[str, Progress], slots: int
) -> tuple[int | None, float | None]:
    """A run's place among the waiting ones, from 1, and the seconds until its slot is likely to be free.

    None where it does not wait, or where no run has told a rate yet. `moved` is the progress of each active run.
    """
    ahead = order(queued, active)
    number = next((number for number, row in enumerate(ahead, 1) if row.key == key), None)
    if number is None:
        return None, None
    rates = [one.rate for one in moved.values() if one.rate > 0]
    free = [0.0] * (slots - len(moved))
    if not rates and len(free) < number:
        return number, None
    mean = sum(rates) / len(rates) if rates else 1.0
    until = free + [(row.steps - moved[row.key].step) / (moved[row.key].rate or mean) for row in active]
    heapq.heapify(until)
    for row in ahead[: number - 1]:
        heapq.heappush(until, heapq.heappop(until) + (row.steps - row.step) / mean)
    return number, until[0]
