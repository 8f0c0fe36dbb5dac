"""Live route and door: what is sent is on disk, a feed that fails says so, strangers stay out."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocket, WebSocketDisconnect

from models.experiment import BadExperiment
from models.gan import GanTraining
from state import feed as feeds
from state import serving
from state.feed import Feed, Viewer
from state.frames import decode
from state.hub import Hub, Places, history
from state.runs import Run, runs
from state.serving import Guard, policy
from state.uploads import FILES_EACH
from tests.waiting import until, until_ended


def test_places_are_counted_per_address_and_in_all() -> None:
    places = Places(most=3, each=2)
    assert [places.take(address) for address in "aaabb"] == [True, True, False, True, False]
    places.give("a")
    assert places.take("b") and places.taken == {"a": 1, "b": 2}


@pytest.fixture(scope="module")
def run(shared_home: Path) -> Run:
    return until_ended(runs().open(GanTraining(steps=300)))


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def client(hub: Hub) -> TestClient:
    return TestClient(Starlette(routes=hub.routes()), base_url="http://torchlight.localhost")


FROM_HERE = {"origin": "http://torchlight.localhost", "host": "torchlight.localhost"}


def test_a_newcomer_gets_the_whole_history(run: Run, client: TestClient) -> None:
    columns: dict[str, np.ndarray] = {}
    with client.websocket_connect(f"/live/{run.key}", headers=FROM_HERE) as socket:
        while True:
            header, sent = decode(socket.receive_bytes())
            if header["kind"] == "status":
                assert header["status"] == "finished" and header["step"] == 300
            elif header["kind"] == "scalars" and "loss_d" in sent:
                columns = sent
            elif header["kind"] == "moments":
                np.testing.assert_array_equal(sent["steps"], run.moments())
            elif header["kind"] == "snapshot":
                break
        assert header["step"] == 300
    np.testing.assert_array_equal(columns["steps"], np.arange(1, 301))
    np.testing.assert_array_equal(columns["loss_d"], run.columns()["loss_d"][1].astype(np.float32))


def test_any_recorded_moment_can_be_asked_for(run: Run, client: TestClient) -> None:
    with client.websocket_connect(f"/live/{run.key}", headers=FROM_HERE) as socket:
        socket.send_text(json.dumps({"at": 31}))
        while True:
            header, sent = decode(socket.receive_bytes())
            if header["kind"] == "snapshot" and "asked" in header:
                break
    assert header["step"] == 31
    snapshot = run.snapshot(31)
    assert snapshot is not None
    np.testing.assert_array_equal(sent["samples"], snapshot.arrays["samples"][:700])


def answer(socket: WebSocketTestSession, step: int) -> dict[str, Any]:
    """The header of the answer to "at `step`"."""
    socket.send_text(json.dumps({"at": step}))
    while True:
        header, _ = decode(socket.receive_bytes())
        if header.get("asked") == step:
            return header


def test_a_step_that_a_run_has_not_reached_yet_is_answered_anew_when_it_has(
    shared_home: Path, client: TestClient
) -> None:
    run = runs().open(GanTraining(steps=50_000, seed=3))
    until(lambda: len(run.moments()) > 3)
    with client.websocket_connect(f"/live/{run.key}", headers=FROM_HERE) as socket:
        before = answer(socket, 50_000)["step"]
        until(lambda: int(run.moments()[-1]) > before + 20)
        run.stop()
        until_ended(run)
        last = run.moments()[-1]
        assert last > before
        until(lambda: answer(socket, 50_000)["step"] == last)  # after the hub's own look at the record


def test_a_run_that_this_version_cannot_show_takes_no_place(
    run: Run, hub: Hub, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise BadExperiment({"lr": "gone"})

    monkeypatch.setattr(Run, "experiment", property(refuse))
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/live/{run.key}", headers=FROM_HERE):
        pass
    assert not hub.places.taken and not hub.feeds


def test_a_feed_that_cannot_begin_closes_and_leaves_nothing_behind(
    run: Run, hub: Hub, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Run) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Run, "status", fail)
    with client.websocket_connect(f"/live/{run.key}", headers=FROM_HERE) as socket:
        assert socket.receive()["type"] == "websocket.close"
    assert not hub.places.taken and not hub.feeds


def closed(socket: WebSocketTestSession) -> int:
    """The code with which the server closes, after whatever else it sends."""
    while (message := socket.receive())["type"] != "websocket.close":
        pass
    return int(message["code"])


def test_viewers_of_a_deleted_run_are_told_and_then_refused(shared_home: Path, hub: Hub, client: TestClient) -> None:
    doomed = until_ended(runs().open(GanTraining(steps=20, seed=9)))
    with client.websocket_connect(f"/live/{doomed.key}", headers=FROM_HERE) as socket:
        assert decode(socket.receive_bytes())[0]["kind"] == "status"
        assert runs().delete(doomed.key)
        assert closed(socket) == 1011
    assert not hub.feeds
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/live/{doomed.key}", headers=FROM_HERE):
        pass


def test_viewers_of_a_feed_that_fails_come_back_to_a_new_one(
    run: Run, hub: Hub, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Run) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with client.websocket_connect(f"/live/{run.key}", headers=FROM_HERE) as socket:
        assert decode(socket.receive_bytes())[0]["kind"] == "status"
        with monkeypatch.context() as patch:
            patch.setattr(Run, "status", fail)
            assert closed(socket) == 1011
    with client.websocket_connect(f"/live/{run.key}", headers=FROM_HERE) as socket:
        assert decode(socket.receive_bytes())[0]["kind"] == "status"


def watched(run: Run, seconds: float, newcomers: int = 1) -> tuple[Feed, list[Viewer]]:
    """A feed after so many seconds of following, and its viewers."""

    async def follow() -> tuple[Feed, list[Viewer]]:
        feed, viewers = Feed(run), [Viewer() for _ in range(newcomers)]
        for viewer in viewers:
            await feed.join(viewer)
        following = asyncio.create_task(feed.follow())
        await asyncio.sleep(seconds)
        feed.viewers.clear()
        await following
        return feed, viewers

    return asyncio.run(follow())


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[float]:
    """Notes the time of each call from now on."""
    calls, real = list[float](), getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append(time.monotonic())
        return real(*arguments, **named)

    monkeypatch.setattr(owner, name, call)
    return calls


def test_the_record_of_an_ended_run_is_read_once_a_second(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, begun = counted(monkeypatch, Run, "since"), time.monotonic()
    watched(run, 0.7)
    assert len(looks) <= 2 + (time.monotonic() - begun - 0.7)  # slowed down by others, it has more time to look


def test_the_history_is_drawn_up_once_for_all_who_come_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = counted(monkeypatch, feeds, "scalars_frames")
    _, viewers = watched(run, 0.0, newcomers=20)
    assert len(drawn) == 1
    assert len({id(frame) for viewer in viewers for frame in viewer.frames if b'"scalars"' in frame[:40]}) == len(
        [frame for frame in viewers[0].frames if b'"scalars"' in frame[:40]]
    )


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://elsewhere.test"}, {"origin": "null"}, {"origin": "http://["}]
)
def test_another_site_s_page_is_refused(run: Run, client: TestClient, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/live/{run.key}", headers=headers):
        pass


@pytest.mark.parametrize("key", ["a" * 26, "..%2f..%2fcontrol.db", "A" * 26, "x"])
def test_an_unknown_run_is_refused(shared_home: Path, client: TestClient, key: str) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/live/{key}", headers=FROM_HERE):
        pass


@pytest.mark.parametrize("text", ["", "null", "[]", '{"at": "x"}', '{"at": -5}', "9" * 10_000, '{"at": 1e99}'])
def test_an_odd_message_does_no_harm(run: Run, client: TestClient, text: str) -> None:
    with client.websocket_connect(f"/live/{run.key}", headers=FROM_HERE) as socket:
        socket.send_text(text)
    with client.websocket_connect(f"/live/{run.key}", headers=FROM_HERE) as socket:
        assert decode(socket.receive_bytes())[0]["kind"] == "status"


def test_bytes_are_no_message(run: Run, hub: Hub, client: TestClient) -> None:
    with client.websocket_connect(f"/live/{run.key}", headers=FROM_HERE) as socket:
        socket.send_bytes(b"\0\1")
        assert closed(socket) == 1003
    assert not hub.places.taken


def test_a_flood_of_questions_is_heard_slowly(run: Run, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("state.hub.MESSAGES_HZ", 20.0)
    heard = counted(monkeypatch, Viewer, "ask")
    with client.websocket_connect(f"/live/{run.key}", headers=FROM_HERE) as socket:
        for step in range(60):
            socket.send_text(json.dumps({"at": step}))
        until(lambda: len(heard) == 60)
    assert sum(at < heard[0] + 1.0 for at in heard) <= 45


def test_without_a_socket_the_same_frames_travel_in_the_page(run: Run) -> None:
    kinds = [decode(frame)[0]["kind"] for frame in history(run)]
    assert kinds[0] == "status" and kinds[-1] == "snapshot" and {"scalars", "moments"} <= set(kinds)


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Streamlit's routes as the guard sees them, with places for two sessions."""

    async def session(socket: WebSocket) -> None:
        await socket.accept()
        await socket.receive()

    async def page(_: object) -> PlainTextResponse:
        return PlainTextResponse("stored")

    monkeypatch.setenv("TORCHLIGHT_SESSIONS", "2")
    upload = Route("/_stcore/upload_file/{session}/{file}", page, methods=["PUT", "DELETE"])
    return TestClient(Guard(Starlette(routes=[WebSocketRoute("/_stcore/stream", session), upload, Route("/", page)])))


def test_sessions_beyond_the_bound_are_told_to_come_later(guarded: TestClient) -> None:
    with guarded.websocket_connect("/_stcore/stream"), guarded.websocket_connect("/_stcore/stream"):
        with pytest.raises(WebSocketDenialResponse) as denied, guarded.websocket_connect("/_stcore/stream"):
            pass
        assert denied.value.status_code == 503 and "place" in denied.value.text
    with guarded.websocket_connect("/_stcore/stream"):
        pass


class Memory:
    """Streamlit's files in memory, as the guard sees them."""

    def __init__(self, **visits: list[int]) -> None:
        self.file_storage: dict[str, dict[str, Any]] = {
            visit: {f"{number}": SimpleNamespace(data=b"x" * size) for number, size in enumerate(sizes)}
            for visit, sizes in visits.items()
        }

    def remove_file(self, session_id: str, file_id: str) -> None:
        del self.file_storage[session_id][file_id]


def test_a_small_file_is_taken_and_a_large_or_endless_one_is_refused_unread(
    guarded: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = "/_stcore/upload_file/visit/file"
    assert guarded.put(at, content=b"x").status_code == 503  # nobody keeps files where no page runs
    files = Memory(visit=[10] * 14)
    monkeypatch.setattr(serving, "uploaded_files", lambda: files)
    assert guarded.put(at, content=b"x").text == "stored" and len(files.file_storage["visit"]) == FILES_EACH - 1
    for size in ("5010001", "9" * 5000, "-1", "٣", "1e3", ""):
        assert guarded.put(at, content=b"x", headers={"content-length": size.encode()}).status_code in (411, 413)
    assert guarded.put(at, content=iter([b"x"])).status_code == 411
    assert guarded.delete(at).status_code == 200


def test_all_files_together_are_bounded(guarded: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Memory(**{f"visit{number}": [4_000_000] for number in range(50)})
    monkeypatch.setattr(serving, "uploaded_files", lambda: files)
    assert guarded.put("/_stcore/upload_file/new/file", content=b"x").status_code == 503
    assert "new" not in files.file_storage


def test_only_sites_that_are_named_may_frame_a_page(guarded: TestClient) -> None:
    sent = guarded.get("/").headers["content-security-policy"]
    assert sent.endswith("frame-ancestors 'self'") and "object-src 'none'" in sent
    assert "unsafe-eval" not in sent.replace("wasm-unsafe-eval", "") and "http" not in sent
    assert policy("https://huggingface.co x;script-src").endswith("frame-ancestors 'self' https://huggingface.co")


def test_a_collection_waits_for_a_quiet_moment_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"COLLECT_S": 0.0, "QUIET_S": 0.02, "PATIENCE_S": 0.3}.items():
        monkeypatch.setattr(serving, name, seconds)
    made: list[float] = []
    monkeypatch.setattr(serving.gc, "collect", lambda: made.append(time.monotonic()))

    async def first(busy: bool) -> float:
        """Seconds until the first collection."""
        made.clear()
        begun = time.monotonic()
        task = asyncio.create_task(serving._collect_when_idle())
        while not made:
            end = time.monotonic() + 0.01
            while busy and time.monotonic() < end:
                pass
            await asyncio.sleep(0.001)
        task.cancel()
        return made[0] - begun

    assert asyncio.run(first(busy=True)) >= 0.25
    assert min(asyncio.run(first(busy=False)) for _ in range(5)) < 0.2
