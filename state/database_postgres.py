"""The table of runs in PostgreSQL, for several servers or machines that share one home.

Each home has a schema of its own, named after the home's identity. Writers wait for each other by one advisory lock,
taken first thing in a transaction and freed with it, so what holds for the file's single writer holds here. One
connection serves a process; it is made when first needed, made anew after the server was away, and never shared with a
forked child. The address may hold a password: no message and no log repeats it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from state.database import DatabaseFault, Value
from state.reasons import DATABASE_ADDRESS, DATABASE_AWAY

PATIENCE_S = 20.0
"""How long a statement, a wait for the other writers, or a writer that has fallen silent may take: as with the file."""
QUIET_S = 0.5
"""After a failed try nobody waits for another one so long: else each page would wait for the server in its turn."""
CONNECTING = {
    "connect_timeout": "5", "application_name": "torchlight", "keepalives_idle": "10", "keepalives_interval": "5",
    "keepalives_count": "3", "tcp_user_timeout": "15000",
}  # fmt: skip

log = logging.getLogger("torchlight.database")
Answer = TypeVar("Answer")


class Postgres:
    """The table in `schema` of the database at `address`; nothing is connected before it is asked."""

    elsewhere = True

    def __init__(self, address: str, schema: str) -> None:
        try:
            self._parameters: dict[str, Any] = {**CONNECTING, **conninfo_to_dict(address)}
        except psycopg.Error:  # whose words repeat the address
            raise DatabaseFault(DATABASE_ADDRESS) from None
        self._schema = schema
        bounded = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        settings = [f"set {name} = {round(PATIENCE_S * 1000)}" for name in bounded]
        self._settings = "; ".join([*settings, f'set search_path = "{schema}"'])
        self._closed = self._told = False
        self._begin()

    def _begin(self) -> None:
        self._of_parent = getattr(self, "_connection", None)  # kept: closing it would end the parent's session
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._connection: psycopg.Connection[Any] | None = None
        self._inside = False
        self._quiet_until = 0.0

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One thread at a time. What psycopg says of a server becomes the one fault that callers know."""
        if self._process != os.getpid():  # a fork: the connection, and perhaps a lock that is held, are the parent's
            self._begin()
        with self._lock:
            try:
                yield
            except psycopg.Error as error:
                self._tell(f"{type(error).__name__} {error.sqlstate or ''}: {error}")
                raise DatabaseFault(DATABASE_AWAY) from None

    def _tell(self, words: str) -> None:
        if not self._told:
            password = self._parameters.get("password")
            log.warning("the database: %s", words.replace(str(password), "…") if password else words)
        self._told = True

    def _connected(self) -> psycopg.Connection[Any]:
        if self._closed:
            raise psycopg.InterfaceError("closed")
        if self._connection is None or self._connection.closed:
            if time.monotonic() < self._quiet_until:
                raise DatabaseFault(DATABASE_AWAY)
            self._quiet_until = time.monotonic() + QUIET_S
            self._connection = psycopg.connect(make_conninfo(**self._parameters), autocommit=True)
            self._quiet_until = 0.0
            self._connection.execute(self._settings)  # type: ignore[arg-type]
            if self._told:
                log.warning("the database answers again")
            self._told = False
        return self._connection

    def _ask(self, sql: str, *values: Value) -> Sequence[tuple[Any, ...]]:
        cursor = self._connected().execute(sql.replace("?", "%s"), values or None)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []

    def _again(self, ask: Callable[[], Answer]) -> Answer:
        """Once more, on a new connection, where the old one turns out to be broken: the server was restarted."""
        fresh = self._connection is None
        try:
            return ask()
        except psycopg.OperationalError:
            if fresh or self._connection is None or not self._connection.closed:
                raise
            return ask()

    def execute(self, sql: str, *values: Value) -> Sequence[tuple[Any, ...]]:
        with self._alone():
            return self._ask(sql, *values) if self._inside else self._again(lambda: self._ask(sql, *values))

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._alone():
            self._again(self._take_turn)
            self._inside = True
            try:
                yield
                self._ask("commit")
            except BaseException:
                with contextlib.suppress(psycopg.Error):  # without a connection the server does so by itself
                    if self._connection is not None and not self._connection.closed:
                        self._ask("rollback")
                raise
            finally:
                self._inside = False

    def _take_turn(self) -> None:
        # Each statement sees what was committed before it, so all that follow the lock see the writer before.
        self._ask("begin isolation level read committed")
        try:
            self._ask("select pg_advisory_xact_lock(hashtextextended(?, 0))", self._schema)
        except psycopg.Error:
            with contextlib.suppress(psycopg.Error):
                self._ask("rollback")
            raise

    def layout(self) -> int:
        # The catalogue as a table, not `to_regclass`: that may still remember that there was no such schema before
        # this connection waited for another one, which made it.
        sql = "select 1 from pg_catalog.pg_tables where schemaname = ? and tablename = 'layout'"
        if not self.execute(sql, self._schema):
            return 0
        ((layout,),) = self.execute(f'select coalesce(max(number), 0) from "{self._schema}".layout')
        return int(layout)

    def lay_out(self, statements: Sequence[str], layout: int) -> None:
        self.execute(f'create schema if not exists "{self._schema}"')
        for statement in ("create table if not exists layout (number bigint)", *statements, "delete from layout"):
            self.execute(statement)
        self.execute("insert into layout values (?)", layout)

    def close(self) -> None:
        self._closed = True
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
