"""Where the table of runs is kept: in a file of the home, or in a PostgreSQL database that several machines share.

`Control` speaks a dozen short statements that SQLite and PostgreSQL both understand, with `?` where a value goes. What
they need of a database is this small: ask, write as if alone, and know which layout the table has. The file is the
default; `TORCHLIGHT_DATABASE=postgresql://…` chooses the other.

A file's faults are those of `sqlite3`, a server's are `DatabaseFault`; whoever can go on without the table for a while
catches `FAULTS`.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from state.reasons import DATABASE_DRIVER

Value = str | int | float | None


class DatabaseFault(OSError):  # noqa: N818  (the database's fault, not ours)
    """A database server that does not answer, or answers with an error; the sentence says what to do."""

    def __init__(self, template: str) -> None:
        self.template = template
        super().__init__(template)


FAULTS = (sqlite3.Error, DatabaseFault)
"""What a statement may raise without any mistake of the program: nothing of what was asked has happened then."""


class Database(Protocol):
    """The table of one home. Safe to use from any thread; nobody else sees half of a `writing`."""

    elsewhere: bool
    """Whether the table lies outside the home, so that one may be there without the other."""

    def execute(self, sql: str, *values: Value) -> Sequence[tuple[Any, ...]]:
        """All rows of the answer. What changes anything belongs into `writing`."""

    def writing(self) -> AbstractContextManager[None]:
        """Everything inside happens, or nothing, and all who write wait for each other, whatever process they are."""

    def layout(self) -> int:
        """How many of the layouts the table has been through; 0 where there is none."""

    def lay_out(self, statements: Sequence[str], layout: int) -> None:
        """Bring the table to this layout; inside `writing`."""

    def close(self) -> None: ...


class Embedded:
    """`<home>/control.db`, by SQLite. Opening it raises `sqlite3.DatabaseError` where the file is damaged.

    Many processes write here, so the file has a rollback journal, not a write-ahead log: SQLite before 3.51.3 can
    corrupt a log that several connections write at the same instant.
    """

    elsewhere = False

    def __init__(self, at: Path) -> None:
        self._lock = threading.RLock()
        self._file = sqlite3.connect(at / "control.db", timeout=20.0, isolation_level=None, check_same_thread=False)
        try:
            self._file.execute("pragma synchronous=full")
        except BaseException:
            self._file.close()
            raise

    def execute(self, sql: str, *values: Value) -> Sequence[tuple[Any, ...]]:
        with self._lock:
            return self._file.execute(sql, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._lock:
            self._file.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._file.execute("rollback")
                raise
            self._file.execute("commit")

    def layout(self) -> int:
        ((layout,),) = self.execute("pragma user_version")
        return int(layout)

    def lay_out(self, statements: Sequence[str], layout: int) -> None:
        for statement in statements:
            self.execute(statement)
        self.execute(f"pragma user_version = {layout}")

    def close(self) -> None:
        self._file.close()


def opened(at: Path, environment: Mapping[str, str] = os.environ) -> Database:
    """The database of this home. Raises `DatabaseFault` where its address or its driver is wrong."""
    address = environment.get("TORCHLIGHT_DATABASE", "").strip()
    if not address:
        return Embedded(at)
    try:
        from state.database_postgres import Postgres
    except ImportError:
        raise DatabaseFault(DATABASE_DRIVER) from None
    return Postgres(address, f"torchlight_{identity(at)}")


def identity(at: Path) -> str:
    """The name of this home, by whatever path a machine reaches it: drawn once, kept in a file."""
    file = at / "identity"
    while True:
        with contextlib.suppress(FileNotFoundError):
            if re.fullmatch(r"[0-9a-f]{12}", said := file.read_text()):
                return said
        drawn = at / f"identity.{secrets.token_hex(6)}"
        drawn.write_text(drawn.suffix[1:])
        try:
            os.link(drawn, file)  # unlike a rename, it fails where another process was first
        except FileExistsError:
            if not file.stat().st_size:  # a disk that was full at that moment
                drawn.replace(file)
        except OSError:  # a file system without links
            drawn.replace(file)
        drawn.unlink(missing_ok=True)
