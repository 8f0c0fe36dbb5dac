"""A supervisor that dies between taking a run from the queue and starting its process has cost the run nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from state import supervisor
from state.home import Limits
from state.row import Row
from state.supervisor import ATTEMPTS, Supervisor


@pytest.mark.parametrize(("ours", "ends"), [(False, ("queued", ATTEMPTS - 1)), (True, ("failed", ATTEMPTS - 1))])
def test_only_processes_that_were_started_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: bool, ends: tuple[str, int]
) -> None:
    monkeypatch.setenv("TORCHLIGHT_HOME", str(tmp_path))
    monkeypatch.setattr(supervisor, "SETTLE_S", 0.0)
    successor = Supervisor(tmp_path)
    key = "a" * 26
    successor.control.admit(Row(key, "Toy", json.dumps({"steps": 5}), 5), Limits())
    successor.control.move(
        key, ("queued",), lambda row: replace(row, state="starting", attempt=ATTEMPTS, barren=ATTEMPTS - 1)
    )
    if ours:
        successor.launched[key] = successor.began
    successor._check(successor.control.rows("starting")[0])
    (row,) = successor.control.rows()
    successor.fleet.close()
    successor.control.close()
    assert (row.state, row.barren) == ends
