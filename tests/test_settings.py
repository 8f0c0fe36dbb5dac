"""Servers and the command line read the same settings: those of the environment, and those of the file of secrets."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from state.home import ROOT, Limits
from state.settings import secrets_files, settle

SAID = """
TORCHLIGHT_DATABASE = "postgresql://user:word@host/name"
TORCHLIGHT_MAX_EACH = 3
RAY_AUTH_MODE = "token"
TORCHLIGHT_PUBLIC = true
PATH = "/elsewhere"
[auth]
TORCHLIGHT_SLOTS = 9
"""


def test_only_our_own_plain_settings_are_taken_and_the_later_file_counts(tmp_path: Path) -> None:
    (tmp_path / "user").write_text(SAID)
    (tmp_path / "folder").write_text("TORCHLIGHT_MAX_EACH = 4")
    environment = {"TORCHLIGHT_MAX_EACH": "2", "PATH": "/bin"}
    settle(environment, [tmp_path / "user", tmp_path / "none", tmp_path / "folder"])
    assert environment == {
        "TORCHLIGHT_DATABASE": "postgresql://user:word@host/name", "TORCHLIGHT_MAX_EACH": "4", "RAY_AUTH_MODE": "token",
        "PATH": "/bin",
    }  # fmt: skip
    assert Limits.read(environment).max_each == 4


@pytest.mark.parametrize("said", ["no toml = [", "\udcff"])
def test_a_file_that_cannot_be_read_stops_nothing_and_tells_no_secret(
    tmp_path: Path, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a").write_text(said, errors="surrogateescape")
    with caplog.at_level(logging.WARNING):
        settle(environment := {}, [tmp_path / "a"])
    assert environment == {} and "cannot be read" in caplog.text and "no toml" not in caplog.text


def test_the_command_line_finds_the_home_of_the_user_s_file(tmp_path: Path) -> None:
    home = tmp_path / "runs"
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(f"TORCHLIGHT_HOME = '{home}'")
    environment = {**os.environ, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    command = [sys.executable, "-m", "state", "list"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=120)
    assert (home / "control.db").exists()


def test_these_are_the_files_that_streamlit_reads() -> None:
    from streamlit import config

    assert Path(config.get_option("secrets.files")[0]) == secrets_files()[0]
