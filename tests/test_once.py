"""Panels are built once for each experiment and language, and written as they are."""

from __future__ import annotations

import json
import threading

import pytest

from models.gan import GanTraining
from pages.parts import once, words
from pages.parts.gan.panels import panels
from pages.parts.later import later
from tests.waiting import until


def test_panels_are_built_once_for_an_experiment_and_a_language(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {}
    for code in ("en", "vi"):
        for place in (once, words):
            monkeypatch.setattr(place, "language", lambda code=code: code)
        until(lambda: panels(GanTraining()) is panels(GanTraining()))  # its references are known
        said[code] = panels(GanTraining())
        assert panels(GanTraining(seed=1)) is not said[code]
    assert said["en"][0]["title"] != said["vi"][0]["title"]


def test_panels_written_once_say_what_they_are() -> None:
    until(lambda: panels(GanTraining(), True) is panels(GanTraining(), True))
    built = panels(GanTraining(), True)
    assert json.loads(once.written(built)) == json.loads(once.written([dict(panel) for panel in built]))
    assert once.written(built) is once.written(built)


def test_panels_that_wait_for_an_answer_are_not_kept() -> None:
    built = list[object]()

    @once.once
    def told(name: str) -> list[dict[str, object]]:
        built.append(name)
        return [{"found": later(("slow", name), lambda: answered.wait(30), "nothing yet")}]

    answered = threading.Event()
    assert told("a")[0]["found"] == told("a")[0]["found"] == "nothing yet"
    answered.set()
    until(lambda: told("a")[0]["found"] is True)
    known, count = told("a"), len(built)
    assert told("a") is known and len(built) == count
