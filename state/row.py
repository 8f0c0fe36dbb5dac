"""One run as the control database knows it, and the table that holds such rows.

Numbers of the table have the names that mean 64 bits to every database.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

ACTIVE = ("starting", "running")
ENDED = ("stopped", "finished", "failed", "interrupted")


@dataclass(frozen=True)
class Row:
    """One run as the control database knows it; its fields name the columns. Times are UTC seconds."""

    key: str
    name: str
    knobs: str
    steps: int
    state: str = "queued"
    desired: str = "run"
    until: int | None = None
    """Pause again at this step: how a single step is asked for."""
    attempt: int = 0
    """How many processes have been started for it."""
    barren: int = 0
    """Processes in a row that died without a step or a checkpoint more than those before."""
    step: int = 0
    safe: int = 0
    """The newest checkpoint when the last process died."""
    reason: str | None = None
    signature: str = "{}"
    created: float = 0.0
    queued: float = 0.0
    started: float | None = None
    """When it was last given a slot."""
    ended: float | None = None
    pinned: int = 0
    watched: float = 0.0
    bytes: int = 0
    title: str = ""
    """What a visitor called it."""
    tags: str = "[]"
    """A JSON list of words."""
    owner: str = ""
    """Whose quota it counts against; empty where nobody counts."""


LAYOUTS: tuple[tuple[str, ...], ...] = (
    (
        """create table if not exists run (
            key text primary key, name text, knobs text, steps bigint, state text, desired text, until bigint,
            attempt bigint, barren bigint, step bigint, safe bigint, reason text, signature text,
            created double precision, queued double precision, started double precision, ended double precision,
            pinned bigint, watched double precision, bytes bigint)""",
        "create index if not exists run_state on run (state)",
    ),
    (
        "alter table run add column title text not null default ''",
        "alter table run add column tags text not null default '[]'",
        "alter table run add column owner text not null default ''",
    ),
    (
        "create index if not exists run_owner on run (owner, started)",
        "create table if not exists spent (owner text, day bigint, steps bigint, primary key (owner, day))",
    ),
)
"""What leads from each layout of the table to the next; the database counts them. Append, never edit.

The first finds its table already there in homes from before layouts were counted.
"""

_NAMES = [field.name for field in fields(Row)]
COLUMNS = ", ".join(_NAMES)
PUT = (
    f"insert into run ({COLUMNS}) values ({', '.join('?' * len(_NAMES))}) "
    f"on conflict (key) do update set {', '.join(f'{name} = excluded.{name}' for name in _NAMES[1:])}"
)
