"""A name that a stranger has point at this machine is not served; addresses and the operator's own names are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from state.health import Health
from state.hosts import served
from state.hub import Hub
from tests.toys import Toy, store, wait

PUBLIC = {"TORCHLIGHT_PUBLIC": "1"}
OWN = {"TORCHLIGHT_HOSTS": "lab.example.edu *.course.example"}


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1:8501", "[::1]:8501", "10.0.0.7", "labpc:80", "a.local"])
def test_addresses_and_bare_names_are_served(host: str) -> None:
    assert served(host, {}) and served(host, OWN) and served(host, PUBLIC)


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test:8501", "evil.test:8501", "localhost.evil.test"])
def test_a_stranger_s_name_is_not_unless_everything_is_public(host: str) -> None:
    assert not served(host, {}) and not served(host, OWN) and not served(host, OWN | PUBLIC)
    assert served(host, PUBLIC)


def test_the_operator_s_names_are_served_and_those_below_a_star() -> None:
    assert served("lab.example.edu", OWN) and served("LAB.example.edu:443", OWN) and served("a.course.example", OWN)
    assert not served("xlab.example.edu", OWN) and not served("course.example", OWN)


@given(some.text(max_size=400))
def test_no_text_breaks_it(host: str) -> None:
    assert served(host, {}) in (True, False) and not served("", PUBLIC)


def test_a_live_picture_is_refused_under_a_stranger_s_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with store(tmp_path) as runs, TestClient(Starlette(routes=Hub(runs).routes())) as client:
        run = runs.open(Toy(steps=5))
        wait(run)
        asked: dict[str, Any] = {"headers": {"host": "evil.test", "origin": "http://evil.test"}}
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/live/{run.key}", **asked):
            pass
        monkeypatch.setenv("TORCHLIGHT_HOSTS", "evil.test")
        with client.websocket_connect(f"/live/{run.key}", **asked) as socket:
            assert socket.receive_bytes()


def test_numbers_are_refused_under_a_stranger_s_name_even_with_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHLIGHT_ADMIN_TOKEN", "open sesame")
    token = {"authorization": "Bearer open sesame"}
    with store(tmp_path) as runs, TestClient(Starlette(routes=Health(dict, runs).routes())) as client:
        assert client.get("/metrics", headers={**token, "host": "evil.test"}).status_code == 404
        assert client.get("/metrics", headers={**token, "host": "127.0.0.1:8501"}).status_code == 200
