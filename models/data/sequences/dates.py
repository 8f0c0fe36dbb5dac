"""Dates written in seven ways, and the same date in digits (ISO 8601), character by character.

Dimensions: B dates, N source characters, M = 10 target characters, W characters of one field, V values of a field.

Source: the task of tfjs-examples' date-conversion-attention (2019); formats, range and needs are ours. Only formats
that cannot be misread: with a dot the day comes first, with a slash the year.
"""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from models.data.sequences.pooled import ONE_LENGTH, split
from models.data.sequences.task import SPACE, Pairs, PairTask, Unreadable, clean, rows, vocabulary

FIRST_YEAR, LAST_YEAR = 1900, 2099
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

FORMATS = (
    "{month} {day}, {year}",
    "{day} {mon} {year}",
    "{weekday} {day} {month} {year}",
    "{wday}, {mon} {day}, {year}",
    "{day}{th} of {month} {year}",
    "{dd}.{mm}.{year}",
    "{year}/{mm}/{dd}",
)
LONGEST = (len("wednesday 30 september 2021"), len("2021-09-30"))

_YEARS, _DAYS = range(FIRST_YEAR, LAST_YEAR + 1), range(1, 32)
FIELDS: Mapping[str, tuple[int, Sequence[str]]] = {
    "year": (0, [str(year) for year in _YEARS]),
    "month": (1, MONTHS),
    "mon": (1, [month[:3] for month in MONTHS]),
    "mm": (1, [f"{month:02}" for month in range(1, 13)]),
    "day": (2, [str(day) for day in _DAYS]),
    "dd": (2, [f"{day:02}" for day in _DAYS]),
    "th": (2, [{1: "st", 2: "nd", 3: "rd"}.get(day % 10 * (day // 10 != 1), "th") for day in _DAYS]),
    "weekday": (3, WEEKDAYS),
    "wday": (3, [weekday[:3] for weekday in WEEKDAYS]),
}
"""Every field: the column of `calendar` that it shows, and its texts by value."""

EXAMPLE = (date(2021, 3, 5) - date(FIRST_YEAR, 1, 1)).days

NO_DATE = "Write a date from {first} to {last} in one of these ways: {examples}"
TEMPLATES = (NO_DATE,)


@cache
def calendar() -> Tensor:
    """(days, 4) every day: year since the first, month, day of the month, weekday; all from 0."""
    day = np.arange(f"{FIRST_YEAR}-01-01", f"{LAST_YEAR + 1}-01-01", dtype="datetime64[D]")
    month = day.astype("datetime64[M]")
    columns = (
        day.astype("datetime64[Y]").astype(int) + 1970 - FIRST_YEAR,
        month.astype(int) % 12,
        (day - month).astype(int),
        (day.astype(int) + 3) % 7,  # The first of January 1970 was a Thursday.
    )
    return torch.from_numpy(np.stack(columns, axis=1))


def targets_of(field: str, text: str) -> list[int]:
    """For each character of a field, the target characters that depend on it, as bits 2^m.

    A month's name says both of its digits by all its letters; a day of one digit says its leading zero as well.
    """
    if field == "year":
        return [1 << m for m in range(4)]
    if field in ("month", "mon"):
        return [1 << 5 | 1 << 6] * len(text)
    if field in ("mm", "dd") or (field == "day" and len(text) == 2):
        first = 5 if field == "mm" else 8
        return [1 << first, 1 << first + 1]
    return [1 << 8 | 1 << 9] if field == "day" else [0] * len(text)


@dataclass(frozen=True, eq=False)
class Dates(PairTask):
    """Days of two centuries, a tenth of them held out."""

    @cached_property
    def tables(self) -> dict[str, tuple[Tensor, Tensor]]:
        """`table` of every field."""
        return {field: self.table(field) for field in FIELDS}

    def table(self, field: str) -> tuple[Tensor, Tensor]:
        """(V, W) ids of the field's characters, and the targets that depend on them, as bits."""
        texts = FIELDS[field][1]
        width = max(map(len, texts))
        ids = [[*self.spelled(text), *[0] * (width - len(text))] for text in texts]
        bits = [[*targets_of(field, text), *[0] * (width - len(text))] for text in texts]
        return torch.tensor(ids), torch.tensor(bits)

    def spelled(self, text: str) -> list[int]:
        """Ids of a text's characters."""
        return [self.ids[letter] for letter in text.replace(" ", SPACE)]

    def written(self, when_B4: Tensor, form: str) -> tuple[Tensor, Tensor]:
        """(B, N) ids of the days in one format, and the targets that depend on each, as bits."""
        ids, bits = [], []
        for literal, field, _spec, _conversion in string.Formatter().parse(form):
            between = torch.tensor(self.spelled(literal), dtype=torch.long).expand(len(when_B4), len(literal))
            ids.append(between)
            bits.append(torch.zeros_like(between))
            if field:
                ids_VW, bits_VW = self.tables[field]
                value_B = when_B4[:, FIELDS[field][0]]
                ids.append(ids_VW[value_B])
                bits.append(bits_VW[value_B])
        ids_BN, bits_BN = torch.cat(ids, dim=1), torch.cat(bits, dim=1)
        # Short fields leave gaps: push them to the right.
        place_BN = (ids_BN == 0).byte().argsort(dim=1, stable=True)[:, : LONGEST[0]]
        gap = LONGEST[0] - place_BN.shape[1]
        return pad(ids_BN.gather(1, place_BN), (0, gap)), pad(bits_BN.gather(1, place_BN), (0, gap))

    def of(self, when_B4: Tensor, form_B: Tensor) -> Pairs:
        """Those days (rows like `calendar`'s), each in the format of that number."""
        source_BN = torch.zeros(len(when_B4), LONGEST[0], dtype=torch.long)
        bits_BN = torch.zeros_like(source_BN)
        for number in range(len(FORMATS)):
            mine = (form_B == number).nonzero().squeeze(1)
            source_BN[mine], bits_BN[mine] = self.written(when_B4[mine], FORMATS[number])
        dash_B1 = torch.full((len(when_B4), 1), self.ids["-"])
        year, month, day = (self.tables[field][0][when_B4[:, FIELDS[field][0]]] for field in ("year", "mm", "dd"))
        needs_BMN = (bits_BN[:, None] >> torch.arange(LONGEST[1])[:, None] & 1).bool()
        return Pairs(source_BN, torch.cat([year, dash_B1, month, dash_B1, day], dim=1), needs_BMN)

    def draw(self, count: int, random: torch.Generator) -> Pairs:
        learned_X = _split()[0]
        row_B = learned_X[torch.randint(len(learned_X), (count,), generator=random)]
        return self.of(calendar()[row_B], torch.randint(len(FORMATS), (count,), generator=random))

    def held_out(self, count: int, random: torch.Generator) -> Pairs:
        held_out_X = _split()[1]
        row_B = held_out_X[rows(len(held_out_X), count, random)]
        return self.of(calendar()[row_B], torch.randint(len(FORMATS), (count,), generator=random))

    def longer(self, length: int) -> Dates:
        raise Unreadable(ONE_LENGTH)

    def read(self, text: str) -> Pairs:
        """A date in one of the formats; a wrong weekday is overlooked."""
        said = " ".join(clean(text).lower().split())
        for when, number in _guesses(said):
            texts = {field: values[when[column]] for field, (column, values) in FIELDS.items()}
            if FORMATS[number].format_map(texts) == said:
                return self.of(torch.tensor([when]), torch.tensor([number]))
        examples = [
            self.say(ids) for ids in self.of(calendar()[[EXAMPLE] * len(FORMATS)], torch.arange(len(FORMATS))).source_BN
        ]
        raise Unreadable(NO_DATE, first=str(FIRST_YEAR), last=str(LAST_YEAR), examples=" · ".join(examples))


def _guesses(said: str) -> list[tuple[tuple[int, ...], int]]:
    """Days (as in `calendar`) that a text may mean, each with the number of every format."""
    numbers = [int(number) for number in re.findall("[0-9]{1,4}", said[: LONGEST[0]])]
    numbers += [i for i, name in enumerate(MONTHS, start=1) if re.search(rf"\b{name[:3]}", said)]
    weekday = next((i for i, name in enumerate(WEEKDAYS) if said.startswith(name[:3])), 0)
    found = []
    for year, month, day in itertools.permutations(numbers[:4], 3) if len(numbers) >= 3 else ():
        if FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12 and 1 <= day <= 31 and _exists(year, month, day):
            found.append((year - FIRST_YEAR, month - 1, day - 1, weekday))
    return list(itertools.product(found, range(len(FORMATS))))


def _exists(year: int, month: int, day: int) -> bool:
    try:
        return bool(date(year, month, day))
    except ValueError:
        return False


@cache
def _split() -> tuple[Tensor, Tensor]:
    return split(len(calendar()), len(calendar()) // 10, seed=0)


@cache
def dates() -> Dates:
    """English dates to ISO 8601."""
    letters = {letter for _column, texts in FIELDS.values() for text in texts for letter in text} | set("of,./-")
    own = [*string.digits, *sorted(letters - set(string.digits)), SPACE]
    return Dates("dates", vocabulary(own), LONGEST)
