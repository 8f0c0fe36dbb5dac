"""The operator's view: who gets in, what it says, what it does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from state.gate import FREE_TRIES, FREE_TRIES_OF_ALL, LONGEST_WAIT_S, Gate
from state.health import Health
from state.latency import BOUNDS_S, Histogram
from state.overview import overview
from state.runs import CLOSED, Refused, runs
from tests.test_pages import QUICK, ROOT, visit
from tests.toys import Toy, store, wait
from tests.waiting import until_ended

PAGE = ROOT / "pages" / "admin.py"
TOKEN = "open sesame"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    monkeypatch.setenv("TORCHLIGHT_ADMIN_TOKEN", TOKEN)
    monkeypatch.setattr("pages.parts.admin.door.GATE", fresh := Gate(Clock()))
    return fresh


def inside() -> AppTest:
    app = visit(PAGE)
    app.text_input[0].input(TOKEN)
    return app.button[-1].click().run()


def test_wrong_tokens_make_the_next_ones_wait_longer_and_longer(gate: Gate) -> None:
    for _ in range(FREE_TRIES):
        assert gate.wait_s("here") == 0 and not gate.opens("here", "open")
    assert gate.wait_s("here") == 1.0 and gate.wait_s("elsewhere") == 0
    assert not gate.opens("here", TOKEN), "nothing is looked at while one has to wait"
    waits = []
    for _ in range(12):
        gate._clock.now += gate.wait_s("here")
        assert not gate.opens("here", "open")
        waits.append(gate.wait_s("here"))
    assert waits == sorted(waits) and waits[-1] == LONGEST_WAIT_S
    gate._clock.now += LONGEST_WAIT_S
    assert gate.opens("here", TOKEN) and gate.wait_s("here") == 0


def test_a_token_is_compared_in_constant_time_and_written_nowhere(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr(
        "state.gate.hmac.compare_digest", lambda one, other: bool(seen.append((one, other))) or one == other
    )
    caplog.set_level("DEBUG")
    with TestClient(Starlette(routes=Health(dict).routes())) as client:
        monkeypatch.setattr("state.health.GATE", gate)
        for token in (TOKEN, "open", f"{TOKEN}!"):
            client.get("/metrics", headers={"authorization": f"Bearer {token}"})
    assert seen == [(token.encode(), TOKEN.encode()) for token in (TOKEN, "open", f"{TOKEN}!")]
    assert TOKEN not in caplog.text


def test_many_addresses_together_have_to_wait_as_well(gate: Gate) -> None:
    for number in range(FREE_TRIES_OF_ALL):
        assert not gate.opens(f"address {number}", "open")
    assert gate.wait_s("yet another") > 0


@given(some.lists(some.floats(0.0005, 25.0), min_size=1), some.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(seconds: list[float], share: float) -> None:
    histogram = Histogram()
    for one in seconds:
        histogram.observe(one)
    true = np.quantile(seconds, share, method="inverted_cdf")
    place = int(np.searchsorted(BOUNDS_S, true))
    low, high = ((0.0, *BOUNDS_S)[place], BOUNDS_S[place])
    assert low <= histogram.quantile(share) <= high
    assert f"_count {len(seconds)}\n" in histogram.lines("rerun")


def test_without_a_token_there_is_no_such_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHLIGHT_ADMIN_TOKEN", raising=False)
    app = visit(PAGE)
    assert not app.exception and not app.text_input and not app.metric


def test_the_token_opens_it_and_stays_in_no_session(gate: Gate, shared_home: Path) -> None:
    until_ended(runs().open(QUICK))
    app = visit(PAGE)
    assert not app.metric
    app.text_input[0].input("open")
    app.button[-1].click().run()
    assert app.error and not app.metric
    app = inside()
    assert not app.exception and len(app.metric) == 8
    kept = [str(value) for _key, value in app.session_state._state.filtered_state.items()]
    assert TOKEN not in " ".join(kept) + str(app.query_params)
    app.button(key="admin.leave").click().run()
    assert not app.metric and app.text_input


def test_a_changed_token_ends_the_view(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    app = inside()
    monkeypatch.setenv("TORCHLIGHT_ADMIN_TOKEN", "another")
    assert not app.run().metric


def test_an_operator_stops_new_runs_and_known_ones_are_still_shown(tmp_path: Path) -> None:
    with store(tmp_path) as held:
        known = held.open(Toy(steps=5))
        (tmp_path / CLOSED).touch()
        assert overview(held).closed and held.open(Toy(steps=5)).key == known.key
        with pytest.raises(Refused, match="do not begin"):
            held.open(Toy(steps=6))
        (tmp_path / CLOSED).unlink()
        assert wait(held.open(Toy(steps=6))).state == "finished"


def test_the_overview_tells_what_the_store_holds(tmp_path: Path) -> None:
    with store(tmp_path, slots=1) as held:
        failed = held.open(Toy(steps=200, fault="raises", fault_at=90))
        wait(failed)
        training = held.open(Toy(steps=100_000, pace_us=1000))
        wait(training, "running", step=20)
        waiting = held.open(Toy(steps=7))
        seen = overview(held)
        assert [row.key for row in seen.waiting] == [waiting.key] and seen.states["queued"] == 1
        (busy,) = seen.busy
        assert busy.row.key == training.key and busy.step >= 20 and busy.watched and busy.memory_bytes > 1e7
        ((row, reason),) = seen.failed
        assert row.key == failed.key and reason is not None and 80 < reason.step <= 90
        training.stop()


def test_metrics_tell_latencies_and_refuse_who_guesses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHLIGHT_ADMIN_TOKEN", TOKEN)
    monkeypatch.setattr("state.health.GATE", Gate(Clock()))
    with store(tmp_path) as held, TestClient(Starlette(routes=Health(dict, held).routes())) as client:
        told = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).text
        assert 'torchlight_picture_seconds_bucket{le="+Inf"}' in told
        answers = [client.get("/metrics", headers={"authorization": f"Bearer {n}"}).status_code for n in range(5)]
        assert answers == [401] * FREE_TRIES + [429] * 2
