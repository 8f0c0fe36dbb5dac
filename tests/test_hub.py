"""The live route: what is sent is what is on disk, pictures may be skipped and numbers may not, strangers stay out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import array_shapes, arrays
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from models.experiment import Pixels, Points, Snapshot
from models.gan import GanTraining
from state.frames import Quantised, decode, encode, picture, quantise
from state.hub import Hub, Viewer, history
from state.runs import Run, runs
from tests.waiting import until_ended

floats = arrays(np.float32, array_shapes(max_dims=3, max_side=6), elements=some.floats(-1e6, 1e6, width=32))


@given(some.dictionaries(some.text("abc_", min_size=1), floats, max_size=3))
def test_decoding_an_encoded_frame_gives_the_arrays_back(sent: dict[str, np.ndarray]) -> None:
    header, received = decode(encode({"kind": "scalars"}, sent))
    assert header["kind"] == "scalars" and list(received) == list(sent)
    for name, array in sent.items():
        np.testing.assert_array_equal(received[name], array)


@given(floats)
def test_pixels_are_off_by_half_a_level_at_most(array: np.ndarray) -> None:
    found = quantise(array)
    back = found.low + found.pixels.astype(float) / 255 * (found.high - found.low)
    np.testing.assert_allclose(back, array, atol=(found.high - found.low) / 510 * 1.001 + 1e-6)


def test_broken_values_become_pixels_not_exceptions() -> None:
    assert quantise(np.array([np.nan, np.inf, -np.inf, 0.5]), 0.0, 1.0).pixels.tolist() == [0, 255, 0, 128]
    assert isinstance(quantise(np.full(3, np.nan)), Quantised)


def test_only_arrays_with_a_wire_rule_travel() -> None:
    snapshot = Snapshot(7, {"points": np.ones((9, 2), np.float32), "map": np.eye(3), "secret": np.ones(4)})
    header, sent = decode(picture(snapshot, {"points": Points(4), "map": Pixels()}, live=True))
    assert header["step"] == 7 and sent["points"].shape == (4, 2) and sent["map"].dtype == np.uint8
    assert "secret" not in sent


def test_the_newest_picture_wins_and_no_number_is_lost() -> None:
    async def story() -> list[bytes]:
        viewer = Viewer()
        for step in range(5):
            viewer.tell(b"numbers %d" % step)
            viewer.show(b"picture %d" % step)
        return await viewer.take()

    assert asyncio.run(story()) == [b"numbers 0", b"numbers 1", b"numbers 2", b"numbers 3", b"numbers 4", b"picture 4"]


@pytest.fixture(scope="module")
def run(shared_home: Path) -> Run:
    return until_ended(runs().open(GanTraining(steps=300)))


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=Hub().routes()), base_url="http://torchlight.test")


FROM_HERE = {"origin": "http://torchlight.test", "host": "torchlight.test"}


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


@pytest.mark.parametrize("headers", [{}, {"origin": "http://elsewhere.test"}, {"origin": "null"}])
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


def test_without_a_socket_the_same_frames_travel_in_the_page(run: Run) -> None:
    kinds = [decode(frame)[0]["kind"] for frame in history(run)]
    assert kinds[0] == "status" and kinds[-1] == "snapshot" and {"scalars", "moments"} <= set(kinds)
