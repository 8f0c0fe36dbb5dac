"""Explanations come in layers on every page, and their symbols are those of the page's controls."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.catalogue import experiments
from pages.parts.menu import described_pages
from pages.parts.prose import text
from pages.parts.symbols import SYMBOLS, others
from pages.parts.words import LANGUAGES

ROOT = Path(__file__).parents[1]


def told() -> dict[str, tuple[str, str]]:
    """Every explanation by its name: the page's file, and the family it is about."""
    found = {}
    for path, about in described_pages():
        for name in re.findall(r'prose\("(\w+)"\)', path.read_text(encoding="utf-8")):
            found[name] = (path.stem, str(about.get("family", "")))
    return found


TOLD = told()


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", TOLD)
def test_an_explanation_has_one_line_paragraphs_an_equation_and_sources(name: str, code: str) -> None:
    said = text(name, code)
    assert re.match(r"\*\*[^*]+\*\* ", said), "it begins with the whole in one sentence"
    assert len(re.findall(r"^\*\*", said, re.MULTILINE)) >= 3 and re.search(r"\$\$.+?\$\$", said, re.DOTALL)
    assert re.search(r"arXiv|\b(?:19|20)\d\d\b", said)


@pytest.mark.parametrize("name", TOLD)
def test_symbols_are_in_the_text_and_lead_to_controls(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.parts.symbols._", lambda sentence, **values: sentence)
    found = SYMBOLS.get(name) or others().get(name, {})
    assert found, "an equation without a control"
    family = TOLD[name][1]
    assert name not in SYMBOLS or set(found.values()) <= set(experiments()[family].knobs())
    for code in LANGUAGES:
        said = " ".join(map("".join, re.findall(r"\$\$(.+?)\$\$|\$([^$]+)\$", text(name, code), re.DOTALL)))
        assert [symbol for symbol in found if symbol not in said] == []
