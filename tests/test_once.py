"""Panels are built once for each experiment and language, and written as they are."""

from __future__ import annotations

import json

import pytest

from models.gan import GanTraining
from pages.parts import once
from pages.parts.gan.panels import panels


def test_panels_are_built_once_for_an_experiment_and_a_language(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {}
    for code in ("en", "vi"):
        monkeypatch.setattr(once, "language", lambda code=code: code)
        said[code] = panels(GanTraining())
        assert panels(GanTraining()) is said[code]
        assert panels(GanTraining(seed=1)) is not said[code]
    assert said["en"] is not said["vi"]


def test_panels_written_once_say_what_they_are() -> None:
    built = panels(GanTraining(), True)
    assert json.loads(once.written(built)) == json.loads(once.written([dict(panel) for panel in built]))
    assert once.written(built) is once.written(built)
