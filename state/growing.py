"""Numbers that grow at their end: what a live feed keeps of a run of any length, and adds to many times a second.

Appending to a plain array copies all of it, 6.5 ms per look at a run of a million rows; here it costs what is new.
Values are float32 and steps int32, as they travel.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from state.columns import Column


class Growing:
    """An array with room at its end, doubled when it is full."""

    def __init__(self, kind: type[np.generic], room: int = 256) -> None:
        self._held, self._count = np.empty(room, kind), 0

    def extend(self, more: np.ndarray) -> None:
        count = self._count + len(more)
        if count > len(self._held):
            held = np.empty(max(count, 2 * len(self._held)), self._held.dtype)
            held[: self._count] = self._held[: self._count]
            self._held = held
        with np.errstate(over="ignore"):  # beyond float32 a value is as good as infinite
            self._held[self._count : count] = more
        self._count = count

    @property
    def array(self) -> np.ndarray:
        """All so far, without a copy: what is added later stands behind it or elsewhere."""
        return self._held[: self._count]


class Table:
    """Columns that were recorded at the same steps, which are kept once."""

    def __init__(self) -> None:
        self.steps = Growing(np.int32)
        self.values: dict[str, Growing] = {}

    def without(self, names: set[str]) -> Table:
        """Hands the columns `names` over to a table of their own."""
        split = Table()
        split.steps.extend(self.steps.array)
        split.values = {name: self.values.pop(name) for name in list(self.values) if name in names}
        return split


class Grown:
    """All columns of one run."""

    def __init__(self) -> None:
        self._tables: list[Table] = []

    def add(self, columns: Mapping[str, Column]) -> None:
        """Appends new rows to the columns that are known, and begins those that are new."""
        for steps, values in grouped(columns):
            new = set(values)
            for table in list(self._tables):
                if not (here := new & set(table.values)):
                    continue
                if len(here) < len(table.values):  # from now on these go at a pace of their own
                    table = table.without(here)
                    self._tables.append(table)
                self._extend(table, steps, {name: values[name] for name in here})
                new -= here
            if new:
                self._tables.append(Table())
                self._tables[-1].values = {name: Growing(np.float32) for name in values if name in new}
                self._extend(self._tables[-1], steps, {name: values[name] for name in new})

    def _extend(self, table: Table, steps: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        table.steps.extend(steps)
        for name, more in values.items():
            table.values[name].extend(more)

    def columns(self) -> dict[str, Column]:
        """Per column its steps and values so far; columns of one table share the very array of steps."""
        found: dict[str, Column] = {}
        for table in self._tables:
            steps = table.steps.array
            found |= {name: (steps, values.array) for name, values in table.values.items()}
        return found


def grouped(columns: Mapping[str, Column]) -> list[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """The columns put together by their steps: each array of steps once, with the values of all that share it."""
    groups: list[tuple[np.ndarray, dict[str, np.ndarray]]] = []
    for name, (steps, values) in columns.items():
        for known, members in groups:
            # Ends first: two arrays of a million steps are then seldom compared in full.
            alike = known is steps or (
                len(known) == len(steps) > 0 and known[0] == steps[0] and known[-1] == steps[-1]
                and np.array_equal(known, steps)
            )  # fmt: skip
            if alike:
                members[name] = values
                break
        else:
            groups.append((steps, {name: values}))
    return groups
