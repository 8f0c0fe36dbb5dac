"""Who is next: the order in which waiting runs are trained, who makes way, and how long a place takes.

A run that somebody watches comes before one that nobody watches. Then the visitor with the fewest runs training at this
moment comes first; among equals the one whose last turn is longest ago, so visitors take turns however many runs each
has asked for; and of one visitor's runs the one that has waited longest. Where no slot is free, a run that nobody
watches goes back to the queue, from a checkpoint, as soon as a watched one waits.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from state.progress import Progress
from state.row import Row

WATCHED_S = 150.0
"""For so long a look counts: whoever watches tells so once a minute."""
TURN_S = 10.0
"""What a run may train at least before it makes way: else stopping and starting might be all that it does."""


def watched(row: Row, now: float) -> bool:
    """Whether somebody looks at the run, or has done so just now."""
    return now - row.watched < WATCHED_S


class Line:
    """Everybody who waits. `turns` tells when each visitor was last given a slot, in UTC seconds.

    Runs of nobody (a laptop's, the command line's) count as one visitor's.
    """

    def __init__(self, queued: Sequence[Row], active: Sequence[Row], turns: Mapping[str, float], now: float) -> None:
        self.training = Counter(row.owner for row in active)
        self.turns = dict(turns)
        self.clock = now
        self.waiting: dict[str, list[tuple[tuple[bool, float, str], Row]]] = {}
        for row in queued:
            own = (not watched(row, now), row.queued, row.key)
            heapq.heappush(self.waiting.setdefault(row.owner, []), (own, row))

    def next(self) -> Row:
        """Takes the run that gets the next slot out of the line; somebody must wait."""

        def rank(owner: str) -> tuple[bool, int, float, float, str]:
            unwatched, queued, key = self.waiting[owner][0][0]
            return unwatched, self.training[owner], self.turns.get(owner, 0.0), queued, key

        owner = min(self.waiting, key=rank)
        _, row = heapq.heappop(self.waiting[owner])
        if not self.waiting[owner]:
            del self.waiting[owner]
        self.training[owner] += 1
        self.clock += 1.0
        self.turns[owner] = self.clock
        return row

    def over(self, owner: str) -> None:
        """One of this visitor's runs has ended."""
        self.training[owner] -= 1


def order(queued: Sequence[Row], active: Sequence[Row], turns: Mapping[str, float], now: float) -> list[Row]:
    """The waiting runs, next first, as long as nothing ends."""
    line = Line(queued, active, turns, now)
    return [line.next() for _row in queued]


def makes_way(first: Row, active: Sequence[Row], now: float) -> Row | None:
    """The run that gives its slot to `first`, the next of those that wait; None where nobody has to.

    One at a time, and only for a run that somebody watches: of the runs that nobody does, one of whoever trains most.
    """
    if not watched(first, now) or any(row.desired != "run" for row in active):
        return None
    training = Counter(row.owner for row in active)
    idle = [
        row for row in active
        if row.state == "running" and not watched(row, now) and now - (row.started or 0.0) > TURN_S
    ]  # fmt: skip
    return max(idle, key=lambda row: (training[row.owner], -(row.started or 0.0), row.key), default=None)


def place(
    key: str, queued: Sequence[Row], active: Sequence[Row], moved: Mapping[str, Progress], slots: int,
    turns: Mapping[str, float], now: float | None = None,
) -> tuple[int | None, float | None]:  # fmt: skip
    """A run's place among the waiting ones, from 1, and the seconds until its slot is likely to be free.

    Plays the queue forward: whose run ends first, who is next then. None where it does not wait; no seconds where no
    run has told a rate yet. `moved` is the progress of each active run.
    """
    line = Line(queued, active, turns, time.time() if now is None else now)
    rates = [one.rate for one in moved.values() if one.rate > 0]
    mean = sum(rates) / len(rates) if rates else 1.0
    ends = [((row.steps - moved[row.key].step) / (moved[row.key].rate or mean), row.owner) for row in active]
    free = max(0, max(1, slots) - len(active))
    heapq.heapify(ends)
    for number in range(1, len(queued) + 1):
        begins = 0.0
        if number > free:
            begins, ended = heapq.heappop(ends)
            line.over(ended)
        row = line.next()
        if row.key == key:
            return number, begins if rates or number <= free else None
        heapq.heappush(ends, (begins + (row.steps - row.step) / mean, row.owner))
    return None, None
