"""Bytes that rot on the disk: what they hit is left out and told, and nothing else stands in its place."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import re
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, expect
from starlette.applications import Starlette
from starlette.testclient import TestClient

from models.experiment import Scalars, Snapshot
from models.gan import GanTraining
from pages.parts.export.report import packed
from pages.parts.gallery import chart
from state import hub, links, reasons
from state.control import Control
from state.damage import Damage, Gap, rows
from state.feed import Feed
from state.frames import decode
from state.history import Cursor, Delta, History
from state.home import run_directory
from state.hub import Hub
from state.record import Record
from state.recovery import clear_away, rewritten_at
from state.runs import Run, Runs, runs
from state.shelf import entry
from tests.browsing import painted, wait, watch
from tests.toys import Expected, Toy, store
from tests.toys import wait as wait_for
from tests.waiting import until_ended

RUN = GanTraining(steps=400, seed=71)
LOST = 20


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred pages: 60 chunks of ten steps, and after each a picture whose every value is its step."""
    directory = tmp_path_factory.mktemp("record")
    with closing(Record(directory)) as record:
        for last in range(10, 601, 10):
            record.add(Scalars(last, last - 9, {"loss": np.arange(last - 9.0, last + 1), "norm": np.zeros(10)}))
            record.add_snapshot(Snapshot(last, {"x": np.full(2000, last, np.float32)}))
            record.commit()
        record.finish()
    return directory


@pytest.mark.parametrize("seed", range(100))
def test_flipped_bytes_cost_what_they_hit_and_are_told(recorded: Path, tmp_path: Path, seed: int) -> None:
    """Wherever they lie, in what was recorded or in what the database keeps about it: nothing untrue is shown."""
    dice, data = random.Random(seed), bytearray((recorded / "run.db").read_bytes())
    for _ in range(4):
        data[dice.randrange(4096, len(data))] ^= 1 << dice.randrange(8)
    (tmp_path / "run.db").write_bytes(data)
    history = History(tmp_path)
    damage, delta = history.damage(), history.since()
    for steps, losses in [found["loss"] for found in (history.columns(), history.columns(["loss"])) if "loss" in found]:
        np.testing.assert_array_equal(losses, steps.astype(float))
        assert 600 - len(steps) <= damage.steps or damage.record
    assert len(delta.scalars) + len(delta.gaps) == 60 or damage.record
    for step in range(10, 601, 10):
        snapshot = history.snapshot(step)
        assert snapshot is None or (snapshot.arrays["x"] == snapshot.step).all()
        lost = snapshot is None or snapshot.step != step
        assert not lost or step in damage.moments or damage.record


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """One home for the runs whose parts are damaged here."""
    with store(tmp_path_factory.mktemp("home"), slots=3) as opened:
        yield opened


def overwrite(run: Run, sql: str) -> None:
    with sqlite3.connect(run.directory / "run.db") as database:
        assert database.execute(sql).rowcount == 1
    database.close()


def test_damage_is_counted_and_left_out(opened: Runs) -> None:
    run = opened.open(Toy(seed=3, steps=100, pace_us=4000))  # several tenths of a second, so several chunks of rows
    wait_for(run)
    overwrite(run, "update chunk set data = zeroblob(length(data)) where seq = 2")
    overwrite(run, "update snapshot set data = zeroblob(length(data)) where step = 50")
    (run.directory / "ckpt-100.safetensors").write_bytes(b"nothing")
    damage = run.damage()
    assert (len(damage.gaps), damage.moments, damage.checkpoints, damage.record) == (1, (50,), 1, False)
    assert run.snapshot(50).step == 49
    assert 0 < run.checkpoint(100).step < 100
    assert len(run.columns()["norm"][0]) < 100
    shown = entry(run)
    line = chart.single("a", shown.curve("norm"), shown.holes("norm"))
    (gap,) = damage.gaps
    drawn = {row["step"]: row["value"] for row in chart.rows(line, log=False)}
    assert drawn[gap.first] is None and drawn[gap.last + 1] is not None


def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(opened: Runs) -> None:
    run = opened.open(Toy(seed=4, steps=600, pace_us=1000))
    wait_for(run, "running", step=200)
    run.stop()
    at = wait_for(run, "stopped").step
    (run.directory / f"ckpt-{at}.safetensors").write_bytes(b"nothing")
    run.resume()
    assert wait_for(run, "finished").state == "finished"
    damaged, resumed = run.notes()
    assert damaged.values["damaged"] == at
    assert resumed.step < at
    assert resumed.values["replayed"] == at - resumed.step
    assert resumed.values["differing"] == 0
    assert len(list((opened.home / "damaged").glob(f"*ckpt-{at}*"))) == 1
    Expected.of(run.experiment).check(run)


@pytest.mark.parametrize("died", [False, True], ids=["at once", "after whoever set it aside died"])
def test_a_damaged_list_of_runs_is_written_anew_from_the_runs_themselves(tmp_path: Path, died: bool) -> None:
    finished, begun = "a" * 26, "b" * 26
    for key, last in ((finished, 50), (begun, 20)):
        directory = run_directory(tmp_path, key)
        directory.mkdir(parents=True)
        with closing(Record(directory)) as record:
            record.describe("Toy", json.dumps({"steps": 50}))
            record.add_snapshot(Snapshot(last, {"x": np.zeros(2, np.float32)}))
            record.commit()
    (tmp_path / "control.db").write_bytes(os.urandom(5000))
    if died:
        clear_away(tmp_path)
    with closing(Control(tmp_path)) as control:
        assert {row.key: (row.state, row.step) for row in control.rows()} == {
            finished: ("finished", 50),
            begun: ("interrupted", 20),
        }
    assert len(list((tmp_path / "damaged").glob("*control.db"))) == 1
    assert rewritten_at(tmp_path) is not None
    with closing(Control(tmp_path)) as control:
        assert len(control.rows()) == 2


def test_a_damaged_record_is_set_aside_and_trained_again(opened: Runs) -> None:
    experiment = Toy(seed=5, steps=100)
    run = opened.open(experiment)
    wait_for(run)
    (run.directory / "run.db").write_bytes(b"no database" * 1000)
    assert run.columns() == {}
    assert run.damage().record
    run = opened.open(experiment)
    assert wait_for(run, "finished").attempt == 2
    assert run.notes()[0].text == reasons.RECORD_DAMAGED
    Expected.of(experiment).check(run)


def test_what_is_recorded_while_damage_is_looked_for_is_not_lost(tmp_path: Path, monkeypatch) -> None:
    with closing(Record(tmp_path)) as record:
        record.add_snapshot(Snapshot(1, {"x": np.zeros(2, np.float32)}))
        record.commit()

        def slowly(database: sqlite3.Connection, table: str, fields: str) -> Iterator[tuple[Any, ...]]:
            if table == "snapshot":
                record.add_snapshot(Snapshot(2, {"x": np.zeros(2, np.float32)}))
                record.commit()
            yield from rows(database, table, fields)

        monkeypatch.setattr("state.history.rows", slowly)
        assert not History(tmp_path).damage()


def test_who_watches_reads_of_the_same_steps_as_who_comes_later(tmp_path: Path) -> None:
    with closing(Record(tmp_path)) as record:
        history, heard = History(tmp_path), []
        for last in (10, 20, 30, 40):
            record.add(Scalars(last, last - 9, {"loss": np.zeros(10)}))
            record.commit()
            if last == 20:
                heard.append(history.since())
        with closing(sqlite3.connect(tmp_path / "run.db")) as database, database:
            database.execute("update chunk set names = 'x' where seq = 3")
        assert history.since(heard[0].cursor).gaps == history.since().gaps == (Gap(21, 30),)


def test_a_record_that_is_out_of_reach_for_a_moment_is_not_damaged(recorded: Path, monkeypatch) -> None:
    """Another picture in the place of the one asked for would count as one that is lost."""
    asked = (
        "select step, step, case when step < 600 then crc else abs(-9223372036854775807 - 1) end, data "
        "from snapshot where step <= ? order by step desc limit 1"
    )
    monkeypatch.setattr("state.history._SHOWN", asked)
    assert History(recorded).snapshot(599) is not None
    assert History(recorded).snapshot(600) is None


def test_what_could_not_be_judged_for_a_moment_is_judged_again(recorded: Path, monkeypatch) -> None:
    """Not even the answer that nothing is lost is kept, where the record could not be read."""
    history = History(recorded)
    with closing(sqlite3.connect(recorded / "run.db")) as database, database:
        ((data,),) = database.execute("select data from snapshot where step = 30")
        database.execute("update snapshot set data = ? where step = 30", (data[:-1] + bytes([data[-1] ^ 1]),))
    try:
        with monkeypatch.context() as away:
            away.setattr(History, "_open", lambda self: (_ for _ in ()).throw(sqlite3.OperationalError("locked")))
            assert not history.lost()
        assert history.lost().moments == (30,)
    finally:
        with closing(sqlite3.connect(recorded / "run.db")) as database, database:
            database.execute("update snapshot set data = ? where step = 30", (data,))


def test_of_a_run_that_began_anew_nothing_is_lost() -> None:
    """A picture that was asked for before is answered afterwards by an earlier one: the run is not that far yet."""
    reading = threading.Event()

    class Anew:
        key, experiment = "k", SimpleNamespace(wire={})

        def since(self, _cursor: Cursor) -> Delta:
            return Delta([], np.array([10]), [], Cursor("b", 0, 1, 0), (), reset=True)

        def snapshot(self, moment: int) -> Snapshot:
            reading.set()
            time.sleep(0.2)
            return Snapshot(10, {})

    async def asked() -> Feed:
        feed = Feed(Anew())  # type: ignore[arg-type]
        feed.cursor, feed.moments = Cursor("a", 0, 3, 0), np.array([10, 20, 30])
        answer = asyncio.create_task(feed.at(30))
        await asyncio.to_thread(reading.wait)
        async with feed.lock:
            feed._take(Anew().since(feed.cursor))
        await answer
        return feed

    feed = asyncio.run(asked())
    assert feed.moments.tolist() == [10] and not feed.lost


@pytest.fixture(scope="module")
def run(shared_home: Path) -> Run:
    """A finished run whose disk has lost a picture and the numbers of one chunk."""
    run = until_ended(runs().open(RUN))
    with closing(sqlite3.connect(run.directory / "run.db")) as database, database:
        for table, where in (("snapshot", f"step = {LOST}"), ("chunk", "seq = (select max(seq) / 2 from chunk)")):
            ((data,),) = database.execute(f"select data from {table} where {where}")
            flipped = bytes([data[0] ^ 1]) + data[1:]
            assert database.execute(f"update {table} set data = ? where {where}", (flipped,)).rowcount == 1
    return run


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=Hub().routes()), base_url="http://torchlight.localhost") as client:
        yield client


def test_a_damaged_picture_is_no_moment_any_more_and_the_answer_says_what_it_shows(
    run: Run, client: TestClient
) -> None:
    here = {"origin": "http://torchlight.localhost", "host": "torchlight.localhost"}
    with client.websocket_connect(f"/live/{run.key}", headers=here) as socket:
        socket.send_json({"at": LOST})
        moments, holes = set[int](), {}
        given, said = None, ""
        while not (given and "pictures: 1" in said):
            header, sent = decode(socket.receive_bytes())
            if header["kind"] == "moments":
                steps = set(sent["steps"].tolist())
                moments = moments - steps if header.get("lost") else moments | steps
            holes = header.get("holes", holes)
            given = header if "asked" in header else given
            said = header["text"] if header["kind"] == "note" else said
    assert moments == set(run.moments().tolist()) - {LOST}
    assert given["step"] < LOST == given["asked"]
    assert holes.keys() & run.experiment.columns.keys()
    assert reasons.DAMAGED in [decode(frame)[0].get("template") for frame in hub.history(run)]


def test_a_report_stops_at_no_damaged_picture_and_says_so(run: Run) -> None:
    frames, kept, count = packed(run, LOST, 10**7, 1)
    headers = [decode(zlib.decompress(base64.b64decode(frame)))[0] for frame in frames]
    assert kept == count == len(run.moments()) - 1
    assert LOST not in [header["step"] for header in headers if header["kind"] == "snapshot"]
    assert any(header.get("template") == reasons.DAMAGED for header in headers)


def test_all_that_is_lost_is_one_true_sentence() -> None:
    damage = Damage().plus([Gap(21, 30, ("loss",)), Gap(25, 40, ("norm",))], [10])
    note = damage.note()
    assert note is not None and "from step 10 to step 40 (pictures: 1; steps without some of their numbers: 20)" in str(
        note
    )
    assert Damage().note() is None and not Damage()
    assert Damage(record=True).note() is not None


@pytest.mark.browser
def test_a_visitor_reads_what_is_damaged_and_sees_no_picture_under_its_step(
    run: Run, app: str, visitor: BrowserContext
) -> None:
    moments = run.moments()
    before = int(moments[moments < LOST][-1])
    address = f"{app}/gan?" + "&".join(f"{name}={value}" for name, value in links.write(RUN, at=LOST).items())
    page = watch(visitor, address)
    expect(page.get_by_text("Part of this run's record is damaged on the disk")).to_be_visible()
    wait(lambda: painted(page, run.key) == before, page)
    scrubber = page.get_by_role("slider", name="Recorded moments of the training")
    expect(scrubber).to_have_attribute("aria-valuetext", re.compile(f"step {before}, .* of {len(moments) - 1}$"))
    page = visitor.new_page()
    page.goto(f"{address}&lang=vi")
    expect(page.get_by_text("Một phần bản ghi của lần chạy này bị hỏng trên đĩa")).to_be_visible()
