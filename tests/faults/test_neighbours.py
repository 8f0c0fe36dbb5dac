"""Faults of the machine around the server: a store that cannot be written, a port that is taken, a clock that jumps."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from state.health import Health
from state.runs import Runs
from tests.browsing import ROOT, free_port
from tests.toys import Expected, Toy, store, wait


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A store that has trained, and only lacks what a test takes from it."""
    with store(tmp_path_factory.mktemp("home")) as runs:
        wait(runs.open(Toy(steps=5)))
        yield runs


def test_a_store_that_cannot_be_written_is_not_ready(trained: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    with TestClient(Starlette(routes=Health(dict, trained).routes())) as client:
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
        answer = client.get("/readyz")
        assert answer.status_code == 503 and answer.json()["faults"] == ["the store cannot be written"]
        assert client.get("/healthz").status_code == 200


def test_a_store_with_no_room_is_not_ready(trained: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    with TestClient(Starlette(routes=Health(dict, trained).routes())) as client:
        monkeypatch.setattr("state.health.LEAST_FREE_BYTES", 2**60)
        assert client.get("/readyz").json()["faults"] == ["the disk is full"]


def test_a_clock_that_jumps_back_and_forth_changes_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, jumps = time.time, iter([-86400.0, 86400.0 * 400] * 5000)
    with store(tmp_path) as runs:
        monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
        run = runs.open(Toy(steps=300, pace_us=500))
        assert wait(run).state == "finished"
        Expected.of(run.experiment).check(run)


def test_a_taken_port_is_said_and_the_neighbour_is_left_alone(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.headless", "true"]
        done = subprocess.run(
            [*command, "--server.port", str(port), "--server.address", "127.0.0.1"], capture_output=True, text=True,
            env={**os.environ, "TORCHLIGHT_HOME": str(tmp_path), "TORCHLIGHT_PREPARE": "0"}, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode != 0 and f"{port}" in done.stdout + done.stderr
