"""The two lines that a measured curve is read against: what perfection reaches, and what knowing nothing does."""

from __future__ import annotations

from typing import Any

from models.experiment import Reference


def reference_lines(found: Reference | None, perfect: str, null: str) -> list[dict[str, Any]]:
    """The lines under these names; none until they are known."""
    if found is None:
        return []
    return [
        {"label": perfect, "value": found.perfect, "low": found.low, "high": found.high},
        {"label": null, "value": found.null},
    ]
