"""What every test stands on: one thread, a home of its own for each test that trains, and the seed on failure."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


def end_processes(home: Path) -> None:
    """Ends every process that works for `home`: supervisor, spares, workers."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"TORCHLIGHT_HOME={home}".encode() in environment.split(b"\0") and b"state." in command:
            os.kill(int(entry.name), signal.SIGKILL)


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One store for all tests of a module, where they only look at runs."""
    place = tmp_path_factory.mktemp("store") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHLIGHT_HOME", str(place))
        yield place
    end_processes(place)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty store; every process that worked for it ends with the test."""
    place = tmp_path / "home"
    monkeypatch.setenv("TORCHLIGHT_HOME", str(place))
    yield place
    end_processes(place)
