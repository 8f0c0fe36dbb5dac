"""Every visible sentence has its Vietnamese, with the same fields; on failure the missing ones are listed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.extract import extract_from_dir

from models.catalogue import experiments
from models.data import hub
from models.data.sequences import TEMPLATES as SEQUENCE_TEMPLATES
from models.metrics.heads import ROLES
from models.paper import texts
from pages.parts.attention.neuron import WORDS as NEURON
from pages.parts.brush import WORDS as BRUSH
from pages.parts.export import WORDS as EXPORT
from pages.parts.live import WORDS as LIVE
from pages.parts.menu import described_pages
from pages.parts.pad import WORDS as PAD
from pages.parts.pad.codes import WORDS as CODES
from pages.parts.pad.descent import WORDS as DESCENT
from pages.parts.planner import WORDS as PLANNER
from pages.parts.stock import WORDS as STOCK
from pages.parts.words import CATALOGUES, LANGUAGES, catalogue, translate
from state import reasons
from state.export import REFUSALS as EXPORT_REFUSALS

ROOT = Path(__file__).parents[1]
OTHERS = [code for code in LANGUAGES if code != "en"]


def sentences() -> Iterator[str]:
    """Everything that a visitor can come to read."""
    for found in extract_from_dir(str(ROOT / "pages"), [("**.py", "python")], keywords={"_": None}):
        yield str(found[2])
    for _path, about in described_pages():
        yield from (about["title"], about["line"])
    for cls in experiments().values():
        for knob in cls.knobs().values():
            yield from (knob.label, knob.help, *(option.replace("_", " ") for option in knob.options))
        for story in cls.stories():
            yield from (story.name, story.sentence)
        yield from (*cls.columns.values(), *cls.note_templates)
    yield from (*reasons.TEMPLATES, *reasons.REFUSALS, *hub.REFUSALS, *EXPORT_REFUSALS, *SEQUENCE_TEMPLATES)
    yield from (role.replace("_", " ") for role in ROLES)
    yield from texts()
    yield from STOCK
    yield from (
        word
        for words in (LIVE, EXPORT, BRUSH, NEURON, PAD, CODES, DESCENT, PLANNER)
        for name, word in words.items()
        if name != "locale"
    )


def fields(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name}


@pytest.mark.parametrize("code", OTHERS)
def test_no_sentence_lacks_its_translation(code: str) -> None:
    known = catalogue(code)
    missing = [s for s in dict.fromkeys(sentences()) if s and not (known.get(s) and known.get(s).string)]  # type: ignore[union-attr]
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("code", OTHERS)
def test_translations_keep_their_fields(code: str) -> None:
    for sentence in dict.fromkeys(sentences()):
        assert fields(translate(sentence, code)) == fields(sentence), sentence


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_translation_is_left_over(code: str) -> None:
    needed = set(sentences())
    assert [m.id for m in catalogue(code) if m.id and m.id not in needed] == []


def test_longer_texts_exist_in_every_language() -> None:
    names = {re.sub(r"\.[a-z]{2}\.md$", "", path.name) for path in CATALOGUES.glob("*.md")}
    assert names and all((CATALOGUES / f"{name}.{code}.md").is_file() for name in names for code in LANGUAGES)


def test_numbers_are_written_in_one_room() -> None:
    """Only `words.py` turns a number into text for a visitor; elsewhere a format may serve a style sheet or a link."""
    room = ROOT / "pages" / "parts" / "words.py"
    style = re.compile(r"rgba|color-mix|%;|left:|width:|float\(f|stops|digits = |getattr\(self|share =|log10")
    own = [
        f"{path.name}: {line.strip()}"
        for path in (ROOT / "pages").rglob("*.py")
        if path != room
        for line in path.read_text(encoding="utf-8").splitlines()
        if "format_decimal(" in line or (re.search(r"\{[^{}]*:[+,]*\.\d+[fge%]\}", line) and not style.search(line))
    ]
    assert own == []
