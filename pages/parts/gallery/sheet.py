"""The table of runs in the browser: what it shows, and what a visitor did in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pages.parts.component import component
from pages.parts.gallery.view import MOST_CHOSEN, PREFIX
from pages.parts.words import _

HERE = Path(__file__).parent
VERBS = ("sort", "open", "pin", "unpin")

_sheet = component(
    "runs",
    html='<div class="tg-root"></div>',
    css=(HERE / "sheet.css").read_text(encoding="utf-8"),
    js=(HERE / "sheet.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Deed:
    """A press in the table: a head to sort by, a run to open, to pin, to unpin."""

    verb: str
    what: str

    @classmethod
    def read(cls, value: Any) -> Deed | None:
        """None for anything that the table would not have said."""
        match value:
            case {"verb": str(verb), "what": str(what)} if verb in VERBS and len(what) <= 80:
                return cls(verb, what)
        return None


def ticked(value: Any, revision: int) -> tuple[int, tuple[str, ...]] | None:
    """The number of the tick, and the beginnings of the keys that the table says are chosen.

    None where it said nothing that makes sense, or spoke of a choice that the page has replaced since.
    """
    match value:
        case {"chosen": {"keys": list(keys), "turn": int(turn), "revision": int(known)}} if known == revision:
            fit = [key for key in keys if isinstance(key, str) and re.fullmatch(rf"[a-z2-7]{{{PREFIX}}}", key)]
            return turn, tuple(dict.fromkeys(fit))[:MOST_CHOSEN]
    return None


def words() -> dict[str, str]:
    """Every word that the table itself shows or speaks."""
    return {
        "table": _("Runs"), "picture": _("Picture"), "pinned": _("Pinned"), "all": _("Choose all on this page"),
        "choose": _("Choose {run}"), "pin": _("Pin {run}"),
        "keep": _("A pinned run stays when the disk is full and old runs are deleted."),
    }  # fmt: skip


def sheet(
    columns: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    *,
    chosen: Sequence[str],
    revision: int,
    key: str,
) -> Deed | None:
    """Mount the table; what was pressed in it since the last rerun.

    Its state's `chosen` ({keys, turn, revision}) is what the visitor ticked; the given choice replaces it whenever
    `revision` is a new one.
    """
    data = {"columns": list(columns), "rows": list(rows), "chosen": list(chosen), "revision": revision}
    result = _sheet(key=key, data={**data, "words": words()}, on_chosen_change=lambda: None, on_did_change=lambda: None)
    return Deed.read(result.get("did"))
