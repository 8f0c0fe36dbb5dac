"""Who may change a run: the one place that says so."""

from __future__ import annotations

import os
from typing import Protocol

from pages.parts.visitor import visitor_id


class Owned(Protocol):
    """Anything that says whose it is."""

    @property
    def owner(self) -> str: ...


def may_change(run: Owned) -> bool:
    """Whether this visitor may name, tag, pin or delete the run: on a public server, only a run of their own."""
    if os.environ.get("TORCHLIGHT_PUBLIC") != "1":
        return True
    visitor = visitor_id()
    return bool(visitor) and run.owner == visitor
