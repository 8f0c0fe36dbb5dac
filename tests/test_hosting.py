"""A server that others reach: is it alive, is it ready, and does it leave without losing a step."""

from __future__ import annotations

import re
import sys
import urllib.request
from contextlib import ExitStack
from http.cookiejar import CookieJar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from state.drain import LIST, drain, take_up
from state.health import Health, faults
from state.lease import holder
from state.supervisor import ensure_supervisor
from tests.load.replicas import NGINX, nginx
from tests.toys import Expected, Toy, store, wait

ROOT = Path(__file__).parents[1]
SLOW = Toy(steps=4000, pace_us=500)


def test_it_is_alive_and_says_what_is_missing(tmp_path: Path) -> None:
    with store(tmp_path) as runs, TestClient(Starlette(routes=Health(dict, runs).routes())) as client:
        assert client.get("/healthz").json() == {"alive": True}
        lacking = client.get("/readyz")
        assert lacking.status_code == 503 and lacking.json()["faults"] == ["nobody starts runs"]
        wait(runs.open(Toy(steps=5)))
        assert client.get("/readyz").json() == {"ready": True, "faults": []} and not faults(runs)


def test_numbers_are_for_the_operator_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with store(tmp_path) as runs, TestClient(Starlette(routes=Health(lambda: {"viewers": 3}, runs).routes())) as client:
        assert client.get("/metrics").status_code == 404
        monkeypatch.setenv("TORCHLIGHT_ADMIN_TOKEN", "open sesame")
        for wrong in ({}, {"authorization": "Bearer open"}, {"authorization": "Bearer "}):
            assert client.get("/metrics", headers=wrong).status_code == 401
        wait(runs.open(Toy(steps=5)))
        told = client.get("/metrics", headers={"authorization": "Bearer open sesame"}).text
        assert 'torchlight_runs{state="finished"} 1\n' in told and "torchlight_viewers_open 3\n" in told
        assert str(tmp_path) not in told


@pytest.mark.skipif(sys.platform == "win32", reason="a process is asked by a signal")
def test_a_drained_store_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    with store(tmp_path, slots=1) as runs:
        first, second = runs.open(SLOW), runs.open(SLOW.but(seed=5, steps=50))
        wait(first, "running", step=200)
        assert set(drain(tmp_path)) == {first.key, second.key}
        assert holder(tmp_path / "supervisor.lock") is None and holder(first.directory / "lease") is None
        stopped = first.status()
        assert stopped.state == "interrupted" and first.checkpoint(SLOW.steps).step == stopped.step  # type: ignore[union-attr]
        assert first.key in take_up(tmp_path) and not (tmp_path / LIST).exists() and take_up(tmp_path) == []
        ensure_supervisor(tmp_path)
        wait(first), wait(second)
        Expected.of(SLOW).check(first)


@pytest.mark.parametrize("text", ["", '[1, null, "../../etc"]', "{}", "nonsense"])
def test_a_damaged_list_of_drained_runs_harms_nobody(tmp_path: Path, text: str) -> None:
    with store(tmp_path):
        (tmp_path / LIST).write_text(text)
        assert take_up(tmp_path) == []


def test_the_container_copies_what_there_is_and_installs_what_the_readme_says() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for sources in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / source).exists() for source in sources.split())
    assert "-r requirements.txt" in text and re.search(r"^USER (?!root)", text, re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "streamlit run app.py" in readme and '"streamlit", "run", "app.py"' in text


class Named(BaseHTTPRequestHandler):
    """Answers with the port that was reached."""

    def do_GET(self) -> None:
        said = str(self.server.server_port).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_said: object) -> None:
        pass


@pytest.mark.skipif(NGINX is None, reason="needs nginx")
def test_behind_nginx_a_visitor_stays_with_one_server_though_a_class_shares_an_address() -> None:
    with ExitStack() as standing:
        servers = [standing.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Named)) for _ in range(2)]
        for each in servers:
            Thread(target=each.serve_forever, daemon=True).start()
            standing.callback(each.shutdown)
        address = standing.enter_context(nginx([each.server_port for each in servers]))
        reached = set()
        for _visitor in range(24):
            kept = CookieJar()
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(kept))
            browser.open(f"{address}/").read()
            way = [cookie.value for cookie in kept]
            stayed = {browser.open(f"{address}/gan").read() for _ in range(5)}
            assert len(way) == len(stayed) == 1 and way == [cookie.value for cookie in kept]
            reached |= stayed
        assert len(reached) == 2
        # A server that goes takes nobody along: the last visitor is answered by the other, and stays there.
        gone = next(each for each in servers if {str(each.server_port).encode()} == stayed)
        gone.shutdown()
        gone.server_close()
        assert {browser.open(f"{address}/gan").read() for _ in range(5)} == reached - stayed
