"""Who may change a run: the one place that says so."""

from __future__ import annotations

import importlib
import os
from typing import Protocol


class Owned(Protocol):
    """Anything that says whose it is."""

    @property
    def owner(self) -> str: ...


def may_change(run: Owned) -> bool:
    """Whether this visitor may name, tag, pin or delete the run: on a public server, only a run of their own."""
    if os.environ.get("TORCHLIGHT_PUBLIC") != "1":
        return True
    visitor = _visitor()
    return bool(visitor) and run.owner == visitor


def _visitor() -> str:
    """Who is visiting; empty where the server keeps no book of visitors."""
    try:
        module = importlib.import_module("pages.parts.visitor")
    except ModuleNotFoundError:
        return ""
    return str(module.visitor_id() or "")
