"""Dates and number words: read by the standard library, and written down by hand; needs lead to what says each part."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

import pytest
import torch

from models.data.sequences import Pairs, task
from models.data.sequences.dates import Dates, calendar
from models.data.sequences.number_words import UNITS, readings, spoken


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


PATTERNS = ("%B %d, %Y", "%d %b %Y", "%A %d %B %Y", "%a, %b %d, %Y", "%d.%m.%Y", "%Y/%m/%d")


def _parsed(text: str) -> str:
    """A date as the standard library reads it."""
    plain = re.sub(r"(\d)(?:st|nd|rd|th) of", r"\1", text)
    for pattern in (*PATTERNS, "%d %B %Y"):
        try:
            day = datetime.strptime(plain, pattern)
        except ValueError:
            continue
        assert not re.match("[a-z]+day", text) or day.strftime("%A").lower() == text.split()[0]
        return day.strftime("%Y-%m-%d")
    raise AssertionError(text)


def test_dates_are_those_of_the_calendar_in_seven_ways() -> None:
    made = task("dates")
    drawn = made.draw(600, generator())
    assert isinstance(drawn, Pairs)
    sources = [made.say(ids) for ids in drawn.source_BN]
    assert [_parsed(source) for source in sources] == [made.say(ids) for ids in drawn.target_BM]
    assert len({re.sub(r"[a-z]+", "a", re.sub(r"\d+", "0", source)) for source in sources}) == 7
    held = made.held_out(2000, generator())
    learned = made.draw(20_000, generator())
    assert isinstance(held, Pairs) and isinstance(learned, Pairs) and isinstance(made, Dates)
    assert not {tuple(day) for day in held.target_BM.tolist()} & {tuple(day) for day in learned.target_BM.tolist()}
    whole = made.of(calendar()[::5], torch.arange(len(calendar()[::5])) % 7)
    assert len(whole.target_BM.unique(dim=0)) == len(calendar()[::5])


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("friday 5 march 2021", {0: "2", 3: "1", 4: "", 5: "march", 6: "march", 7: "", 8: "5", 9: "5"}),
        ("25th of may 1999", {0: "1", 5: "may", 6: "may", 8: "2", 9: "5"}),
        ("05.03.2021", {0: "2", 5: "0", 6: "3", 8: "0", 9: "5"}),
        ("2021/03/05", {2: "2", 5: "0", 6: "3", 8: "0", 9: "5"}),
    ],
)
def test_a_date_needs_what_says_its_parts(text: str, needed: dict[int, str]) -> None:
    pairs = task("dates").read(text.upper() + "  ")
    assert isinstance(pairs, Pairs) and task("dates").say(pairs.source_BN[0]) == text
    for m, letters in needed.items():
        assert "".join(text[n] for n in pairs.needs_BMN[0, m].nonzero().flatten().tolist()) == letters


READ_ALOUD = {
    0: "không", 4: "bốn", 5: "năm", 10: "mười", 11: "mười một", 14: "mười bốn", 15: "mười lăm", 20: "hai mươi",
    21: "hai mươi mốt", 24: "hai mươi tư", 25: "hai mươi lăm", 55: "năm mươi lăm", 99: "chín mươi chín",
    100: "một trăm", 101: "một trăm linh một", 104: "một trăm linh bốn", 105: "một trăm linh năm",
    110: "một trăm mười", 111: "một trăm mười một", 115: "một trăm mười lăm", 121: "một trăm hai mươi mốt",
    1000: "một nghìn", 1005: "một nghìn không trăm linh năm", 1010: "một nghìn không trăm mười",
    1200: "một nghìn hai trăm", 2024: "hai nghìn không trăm hai mươi tư", 5555: "năm nghìn năm trăm năm mươi lăm",
    9340: "chín nghìn ba trăm bốn mươi",
}  # fmt: skip
"""Written down by hand, not by the program."""


def test_numbers_are_spoken_as_vietnamese_speaks() -> None:
    assert {number: " ".join(spoken(number)[0]) for number in READ_ALOUD} == READ_ALOUD
    assert len(readings()) == 10_000 and max(len(words.split()) for words in readings()) == 7
    made = task("number_words")
    for text in ("hai nghìn không trăm lẻ bốn", "hai ngàn không trăm linh bốn", "Hai nghìn  không trăm linh bốn "):
        assert made.say(made.read(unicodedata.normalize("NFD", text)).target_BM[0]) == "2004"  # type: ignore[union-attr]
    assert made.say(made.read("bốn mươi bốn").target_BM[0]) == "44"  # type: ignore[union-attr]


def test_each_digit_needs_the_word_that_says_it() -> None:
    says = {word: digit for digit, word in zip("0123456789", UNITS, strict=True)}
    says |= {"mốt": "1", "tư": "4", "lăm": "5", "mười": "1", "linh": "0"}
    for number in range(10_000):
        words, said = spoken(number)
        silent = len(str(number)) - len(str(number).rstrip("0")) if number else 0
        for place, (digit, at) in enumerate(zip(str(number), said, strict=True)):
            if place < len(said) - silent:
                assert says[words[at]] == digit, (number, words)
            else:
                assert digit == "0" and at == len(words) - 1 and words[at] in ("mười", "mươi", "trăm", "nghìn")
    made = task("number_words")
    held, learned = made.held_out(1000, generator()), made.draw(20_000, generator())
    assert isinstance(held, Pairs) and isinstance(learned, Pairs)
    assert len(held.target_BM.unique(dim=0)) == 1000
    assert not {tuple(ids) for ids in held.target_BM.tolist()} & {tuple(ids) for ids in learned.target_BM.tolist()}
