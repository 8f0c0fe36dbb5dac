"""Where training processes run: on this machine, or anywhere in a Ray cluster. The supervisor is the same for both.

A fleet starts a process for an attempt, tells whether it is there, and kills it. All else, the queue, wishes, progress
and what becomes of a run whose process dies, goes through the table of runs and the home that all machines share, so
there is one policy of retries: the supervisor's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from state.home import Limits
from state.row import Row

Life = Literal["here", "coming", "gone", "unknown"]
"""Of an attempt's process: it holds the run's lease; it is on its way; there is none; nobody can tell just now."""


class Fleet(Protocol):
    def tend(self, waiting: bool) -> None:
        """Once a round: reap what has ended, make ready what will be needed; `waiting`: runs wait for it."""

    def ready(self) -> bool:
        """Whether `start` would have somewhere to put a run at once."""

    def start(self, row: Row) -> None:
        """Have a process take the attempt that `row` names; returns without waiting for it."""

    def life(self, row: Row) -> Life:
        """How the process of the row's newest attempt is."""

    def kill(self, row: Row) -> None:
        """End that process and its children, if it is there."""

    def broken(self) -> bool:
        """Whether processes die before they can take a run, again and again; asking forgets it."""

    def close(self) -> None:
        """Leave: what trains goes on, what only waits for orders ends."""


def fleet(at: Path, limits: Limits, environment: Mapping[str, str] = os.environ) -> Fleet:
    """The fleet of this installation: `TORCHLIGHT_RAY=<host:port>` names a cluster, else this machine's processes."""
    if address := environment.get("TORCHLIGHT_RAY", "").strip():
        from state.fleet_ray import RayFleet

        return RayFleet(at, limits, address)
    from state.processes import Processes

    return Processes(at)
