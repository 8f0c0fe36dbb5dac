"""The README's table of faults: its tests exist, and its sentences are ones that pages can say in either language."""

from __future__ import annotations

import re

import pytest

from pages.parts.words import catalogue
from tests.browsing import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE = re.search(r"^## When something fails\n(.*?)^## ", README, re.S | re.M)
assert TABLE is not None
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in TABLE[1].splitlines() if line.startswith("| ")
]


@pytest.mark.parametrize(("fault", "sentence", "test"), [(row[0], row[1], row[3].strip("`")) for row in ROWS[2:]])
def test_every_fault_has_its_test_and_its_sentence(fault: str, sentence: str, test: str) -> None:
    file, name = test.split("::")
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), fault
    said = [str(message.id) for message in catalogue("vi") if message.id and message.string]
    assert re.fullmatch(r"– \([a-z ]+\)", sentence) or any(one.startswith(sentence) for one in said), sentence


def test_no_fault_of_the_list_is_missing() -> None:
    whole = " ".join(row[0].lower() for row in ROWS[2:])
    for word in ("killed", "hangs", "full", "read-only", "slow", "checkpoint", "database", "picture", "clock", "memory",
                 "nan", "port", "websocket", "two tabs", "link"):  # fmt: skip
        assert word in whole, word
