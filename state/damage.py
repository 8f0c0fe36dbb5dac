"""What of a run's record cannot be read any more: every row is judged alone, and all that is lost is one sentence.

A row that fails its checksum, or that the database cannot give, is left out; what stands before and after it is as
recorded.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from models.experiment import Note, Scalars
from state import reasons
from state.record import CHUNK, unpacked

NUMBER_BYTES = 8


@dataclass(frozen=True, order=True)
class Gap:
    """Steps whose numbers are lost, and in which columns; none are named where the row cannot say that itself."""

    first: int
    last: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Damage:
    """What is lost: numbers, pictures by their steps, a count of checkpoints, or the record file as a whole."""

    gaps: tuple[Gap, ...] = ()
    moments: tuple[int, ...] = ()
    checkpoints: int = 0
    record: bool = False

    def __bool__(self) -> bool:
        return self != Damage()

    def plus(self, gaps: Iterable[Gap] = (), moments: Iterable[int] = ()) -> Damage:
        return Damage(
            tuple(sorted({*self.gaps, *gaps})), tuple(sorted({*self.moments, *moments})), self.checkpoints, self.record
        )

    @property
    def steps(self) -> int:
        """At how many steps numbers are lost."""
        count, reached = 0, -1
        for gap in sorted(self.gaps):
            count += max(0, gap.last - max(gap.first, reached + 1) + 1)
            reached = max(reached, gap.last)
        return count

    @property
    def holes(self) -> dict[str, list[tuple[int, int]]]:
        """Per column the first and last steps of its gaps: no line is drawn across them."""
        found: dict[str, list[tuple[int, int]]] = {}
        for gap in self.gaps:
            for name in gap.names:
                found.setdefault(name, []).append((gap.first, gap.last))
        return found

    def note(self) -> Note | None:
        """What a visitor has to know of it; None where every picture and every number is there."""
        if self.record:
            return reasons.note(0, reasons.RECORD_UNREADABLE)
        ends = [*self.moments, *(gap.first for gap in self.gaps), *(gap.last for gap in self.gaps)]
        if not ends:
            return None
        return reasons.note(min(ends), reasons.DAMAGED, last=max(ends), pictures=len(self.moments), rows=self.steps)


def rows(
    database: sqlite3.Connection, table: str, fields: str, since: int = 0, where: str = "true", *values: object
) -> Iterator[tuple[Any, ...]]:
    """`seq` and `fields` of each row recorded after `since`; of one that the database cannot give, its number alone."""
    sql = f"select seq, {fields} from {table} where seq > ? and {where} order by seq"
    while True:
        try:
            for row in database.execute(sql, (since, *values)):
                since = row[0]
                yield row
            return
        except sqlite3.DatabaseError as error:
            if not broken(error):
                raise
        after = _after(database, table, since)
        if after is None:
            return
        since = after
        yield (since,)


def _after(database: sqlite3.Connection, table: str, since: int) -> int | None:
    """The number of the row that comes next; where not even that can be read, the next that one could have."""
    found: int | None
    try:
        (found,) = database.execute(f"select min(seq) from {table} where seq > ?", (since,)).fetchone()
    except sqlite3.DatabaseError as error:
        if not broken(error):
            raise
        (last,) = database.execute(f"select max(seq) from {table}").fetchone()
        found = since + 1 if last is not None and since < last else None
    return found


def broken(error: sqlite3.Error) -> bool:
    """Whether it is what was read that is damaged; a file that is locked, or away, may be whole."""
    return not isinstance(error, sqlite3.OperationalError) or "decode" in str(error)


def sound(crc: object, data: object) -> bool:
    """Whether a picture is what was recorded; in a damaged row a field may even have changed its kind."""
    return isinstance(data, bytes) and zlib.crc32(data) == crc


def pieces(database: sqlite3.Connection, since: int = 0) -> Iterator[tuple[int, Scalars | Gap]]:
    """The chunks recorded after `since`, each with its number; a gap where one cannot be read.

    One whose own header cannot be trusted is a gap between its neighbours.
    """
    reached, unclear = 0, list[int]()
    for _seq, *before in rows(database, "chunk", "last", since - 1, "seq = ?", since):
        reached = next((last for last in before if isinstance(last, int)), 0)
    for seq, *chunk in rows(database, "chunk", CHUNK, since):
        piece = (unpacked(*chunk) or gap(*chunk)) if chunk else None
        if piece is None:
            unclear.append(seq)
            continue
        yield from ((each, Gap(reached + 1, max(reached + 1, piece.first - 1))) for each in unclear)
        yield seq, piece
        unclear = []
        reached = piece.step if isinstance(piece, Scalars) else piece.last
    yield from ((each, Gap(reached + 1, reached + 1)) for each in unclear)


def gap(first: Any, last: Any, names: Any, _crc: Any, data: Any) -> Gap | None:
    """What a damaged chunk held by its own header, where that agrees with its size."""
    try:
        columns = tuple(json.loads(names))
        if 0 <= first <= last and len(data) == NUMBER_BYTES * len(columns) * (last - first + 1):
            return Gap(first, last, columns)
    except (TypeError, ValueError):
        pass
    return None
