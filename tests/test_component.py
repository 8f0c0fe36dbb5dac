"""A component's script is a file that browsers keep; where there can be none, it is sent as text."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.components.v2.component_manager import BidiComponentManager

from pages.parts import component
from pages.parts.component import served

SCRIPT = "export default function mount() {\n}\n"


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> BidiComponentManager:
    """The components of a running server."""
    monkeypatch.setenv("TORCHLIGHT_HOME", str(tmp_path / "home"))
    known = BidiComponentManager()
    runtime = SimpleNamespace(exists=lambda: True, instance=lambda: SimpleNamespace(bidi_component_registry=known))
    monkeypatch.setattr(component, "Runtime", runtime)
    return known


def test_the_file_holds_the_script_and_is_named_for_it(manager, tmp_path):
    name = served("toy", SCRIPT)
    assert (tmp_path / "home" / "scripts" / "toy" / name).read_text() == SCRIPT
    assert name != served("toy", SCRIPT + "// another\n")
    made = manager.build_definition_with_validation(component_key="torchlight.toy", html="", css="", js=name)
    assert made.js_content is None and made.js_url == name


@pytest.mark.parametrize("break_it", [Path.unlink, lambda file: file.write_bytes(b"")])
def test_a_file_that_is_gone_or_empty_is_written_anew(manager, tmp_path, break_it):
    file = tmp_path / "home" / "scripts" / "toy" / served("toy", SCRIPT)
    break_it(file)
    assert served("toy", SCRIPT) == file.name and file.read_text() == SCRIPT


def test_where_nothing_can_be_written_the_script_is_sent_as_text(manager, tmp_path):
    (tmp_path / "home").write_text("a file where the folder should be")
    assert served("toy", SCRIPT) == SCRIPT


def test_another_streamlit_gets_the_script_as_text(manager, monkeypatch):
    monkeypatch.setattr(component.Runtime, "instance", lambda: SimpleNamespace())
    assert served("toy", SCRIPT) == SCRIPT


def test_without_a_server_the_script_is_text():
    assert served("toy", SCRIPT) == SCRIPT
