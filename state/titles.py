"""What visitors call a run, a name and a few tags: any text comes in, one short printable line comes out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LONGEST_TITLE = 60
LONGEST_TAG = 24
MOST_TAGS = 8


def title_of(text: str) -> str:
    """The text in one line of at most `LONGEST_TITLE` characters, without controls; pages escape what they show."""
    return _line(text, LONGEST_TITLE)


def tags_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Each text's parts between commas as tags: the first `MOST_TAGS` that differ, none empty."""
    parts = (_line(part, LONGEST_TAG) for text in texts for part in text.split(","))
    return tuple(dict.fromkeys(filter(None, parts)))[:MOST_TAGS]


def _line(text: str, most: int) -> str:
    # Invisible characters go too: one that turns the writing direction would garble everything after it.
    shown = "".join(letter for letter in text if letter.isspace() or unicodedata.category(letter)[0] != "C")
    spaced = " ".join(unicodedata.normalize("NFC", shown).split())
    return unicodedata.normalize("NFC", spaced[:most]).strip()
