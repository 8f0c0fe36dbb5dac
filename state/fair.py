"""Who is next: the order in which waiting runs are trained, fair between visitors.

Round by round: of all visitors who wait, the one with the fewest runs training comes first; among equals, whose run has
waited longest. So a visitor who queues thirty runs holds up nobody who queues one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from state.control import Row


def order(queued: Sequence[Row], active: Sequence[Row]) -> list[Row]:
    """The waiting runs, next first. Runs of nobody (a laptop's, the command line's) count as one visitor's."""
    training = Counter(row.owner for row in active)
    turns: list[tuple[int, float, str, Row]] = []
    for row in sorted(queued, key=lambda row: (row.queued, row.key)):
        turns.append((training[row.owner], row.queued, row.key, row))
        training[row.owner] += 1
    return [row for *_turn, row in sorted(turns, key=lambda turn: turn[:3])]
