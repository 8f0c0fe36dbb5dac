"""The README says what is so: its links open stories, its pictures and files exist."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from models.catalogue import experiments
from pages.parts.hidden import PARTS
from pages.parts.lessons import course
from pages.parts.menu import described_pages
from state import links

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_link_to_a_story_opens_that_very_story() -> None:
    families = {path.stem: about.get("family") for path, about in described_pages()}
    found = re.findall(r"\[([^\]]+)\]\((http://localhost:8501/[^)]+)\)", README)
    assert len(found) > 8
    for name, address in found:
        page, query = urlsplit(address).path.strip("/"), dict(parse_qsl(urlsplit(address).query))
        if page == "lessons":
            assert query["lesson"] in course() and set(query["hide"].split(",")) <= set(PARTS)
            continue
        cls = experiments()[families[page]]  # type: ignore[index]
        story = next(story for story in cls.stories() if story.name == name)
        link = links.read(cls, query)
        assert not link.corrected and (link.experiment, link.beside) == (story.experiment, story.beside), name


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"`((?:models|state|pages|tests|deploy)/[\w./]+\.\w+)`|\]\((docs/[^)]+)\)", README)
    for path in {one or other for one, other in named if "neuron" not in one}:
        assert (ROOT / path).exists(), path
