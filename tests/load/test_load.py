"""Each driver in its short version, on one real server; the figures come from the long ones, `python -m tests.load`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from models.gan import GanTraining
from state.runs import Runs
from tests.browsing import answers, server
from tests.load import drivers
from tests.load.visiting import watching
from tests.toys import wait

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with server(home) as address:
        yield address


def test_odd_links_draw_no_traceback(address: str) -> None:
    assert asyncio.run(drivers.links(address, 20)) == []


def test_odd_messages_and_files_are_refused_and_none_is_an_error_of_the_server(address: str, home: Path) -> None:
    with Runs(home) as store:
        run = store.open(GanTraining(steps=50))
        wait(run)
        ends = asyncio.run(drivers.messages(address, run.key, 50))
    assert set(ends) <= {"heard", "status 403", "closed 1003", "closed 1007"}
    assert all(400 <= status < 500 for status in drivers.uploads(address, 50))


def test_sessions_and_viewers_are_served(address: str, home: Path) -> None:
    assert asyncio.run(drivers.sessions(address, 3, 4.0))
    with Runs(home) as store:
        run = store.open(GanTraining(steps=50))
        wait(run)
        assert asyncio.run(drivers.viewers(address, run.key, 5, 2.0))


def test_a_message_beyond_the_bound_closes_its_socket_and_nothing_else(address: str, home: Path) -> None:
    with Runs(home) as store:
        key = store.open(GanTraining(steps=50)).key

    async def shout() -> int:
        async with watching(address, key) as socket:
            try:
                await socket.send("x" * 25_000_000)
                while True:
                    await asyncio.wait_for(socket.recv(), 30)
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 0

    assert asyncio.run(shout()) == 1009
    assert answers(address)


def test_forged_files_are_taken_or_refused_in_a_sentence(address: str) -> None:
    shown = asyncio.run(drivers.forged_files(address, 20))
    assert shown.faults == [] and shown.answers.total() == 20 and 0 < shown.refusals < 20
    assert set(shown.answers) <= {0, 204}
