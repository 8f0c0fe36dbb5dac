"""Whatever dies, hangs, fills up or rots: what a visitor has seen stays, and the run ends as if nothing had been.

`TORCHLIGHT_KILLS` sets how many processes the long test kills; each prints its figure.
"""

from __future__ import annotations

import errno
import importlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from models.experiment import Checkpoint, Scalars
from state import checkpoint as files
from state import reasons, supervisor
from state.checkpoint import Stored
from state.disk import sweep
from state.history import History
from state.home import ROOT, Limits, run_directory
from state.lease import Held, Lease, holder
from state.record import Record
from state.row import Row
from state.runs import Runs
from state.supervisor import ensure_supervisor
from tests.faults.kills import kill
from tests.toys import Expected, Toy, same, store, wait
from tests.waiting import until

KILLS = int(os.environ.get("TORCHLIGHT_KILLS", "12"))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """One home for the tests of this file that bear company."""
    with store(tmp_path_factory.mktemp("home"), slots=3) as opened:
        yield opened


def test_no_kill_loses_what_was_seen(tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")
    tally = kill(tmp_path, KILLS, random.Random(seed))
    print(tally)
    assert (tally.lost, tally.differing) == (0, 0)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [("raises", reasons.CRASHED), ("no_memory", reasons.OUT_OF_MEMORY), ("disk_full", reasons.DISK_FULL)],
)
def test_a_failed_run_says_why_and_keeps_its_history(opened: Runs, fault: str, sentence: str) -> None:
    run = opened.open(Toy(steps=200, fault=fault, fault_at=90))
    status = wait(run)
    assert status.state == "failed"
    assert status.reason.text == sentence
    assert str(status.reason)
    assert run.notes()[-1] == status.reason
    assert run.columns()["loss"][0][-1] >= 80
    assert not run.damage()


def test_a_diverging_run_fails_with_all_its_history(opened: Runs) -> None:
    run = opened.open(Toy(steps=200, fault="diverges", fault_at=77))
    status = wait(run)
    assert (status.state, status.step, status.reason.kind) == ("failed", 77, "diverged")
    steps, losses = run.columns()["loss"]
    np.testing.assert_array_equal(steps, np.arange(1, 78))
    assert np.isfinite(losses[:-1]).all()
    assert losses[-1] == np.inf


def test_a_run_that_kills_its_process_is_given_up(opened: Runs) -> None:
    run = opened.open(Toy(steps=200, fault="segfaults", fault_at=1))
    status = wait(run)
    assert status.state == "failed"
    assert status.reason.text == reasons.GIVEN_UP
    assert status.attempt == 3


def test_a_hung_process_is_replaced(tmp_path: Path) -> None:
    with store(tmp_path, hang_s=1.0) as opened:
        run = opened.open(Toy(seed=1, steps=600, pace_us=1000))
        wait(run, "running", step=100)
        os.kill(holder(run.directory / "lease"), signal.SIGSTOP)
        status = wait(run)
        assert (status.state, status.attempt) == ("finished", 2)
        Expected.of(run.experiment).check(run)


def test_terminated_training_is_interrupted_at_a_checkpoint(opened: Runs) -> None:
    run = opened.open(Toy(seed=2, steps=600, pace_us=1000))
    wait(run, "running", step=100)
    os.kill(holder(run.directory / "lease"), signal.SIGTERM)
    status = wait(run)
    assert status.state == "interrupted" and status.reason is not None
    assert status.reason.text == reasons.INTERRUPTED and status.reason.values == {"step": status.step}
    assert run.checkpoint(10**6).step == status.step
    run.resume()
    assert wait(run).state == "finished"
    Expected.of(run.experiment).check(run)


def test_the_disk_bound_takes_the_oldest_that_nobody_pinned(tmp_path: Path) -> None:
    with store(tmp_path, disk_bytes=400_000, sweep_s=0.1) as opened:
        runs = [opened.open(Toy(seed=seed, steps=150)) for seed in range(2)]
        runs[0].pin()  # at once: together the two may already be beyond the bound
        for run in runs:
            wait(run)
        while opened.find(runs[1].key) is not None:
            runs.append(opened.open(Toy(seed=len(runs), steps=150)))
            wait(runs[-1])
            time.sleep(0.2)
        assert opened.find(runs[0].key) is not None
        assert not runs[1].directory.exists()
        Expected.of(runs[0].experiment).check(runs[0])


def test_what_is_looked_at_is_swept_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this order: damage, ended runs, runs paused long ago; never what is paused today, pinned or queued."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    states = {"damaged": "", "ended": "failed", "watched": "failed", "old pause": "paused", "pause": "paused",
              "pinned": "failed", "queued": "queued"}  # fmt: skip
    keys = {name: letter * 26 for name, letter in zip(states, "abcdefg", strict=True)}
    with Runs(tmp_path) as opened:
        for name, key in keys.items():
            directory = run_directory(tmp_path, key)
            directory.mkdir(parents=True)
            (directory / "run.db").write_bytes(b"x" * 1000)
            if states[name]:
                opened._control.admit(Row(key, "Toy", "{}", 5), Limits())
                change = partial(replace, state=states[name], pinned=int(name == "pinned"), ended=now, watched=now)
                opened._control.move(key, ("queued",), change)
        files.set_aside(run_directory(tmp_path, keys["damaged"]) / "run.db", tmp_path)
        run_directory(tmp_path, keys["damaged"]).rmdir()
        now += 2 * 86_400
        assert opened.find(keys["watched"]) is not None
        assert opened.find(keys["pause"]) is not None
        left = []
        for bound in (6000, 5000, 4000, 3000, 0):
            sweep(tmp_path, opened._control, Limits(disk_bytes=bound))
            left.append([name for name, key in keys.items() if any(tmp_path.glob(f"*/{key}*"))])
        order = ["damaged", "ended", "watched", "old pause", "pause", "pinned", "queued"]
        assert left == [order[1:], order[2:], order[3:], order[4:], order[4:]]


def test_a_run_opened_while_it_is_deleted_loses_nothing(opened: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = Toy(seed=6, steps=50)
    run = opened.open(experiment)
    wait(run)
    until(lambda: holder(run.directory / "lease") is None)
    remove = shutil.rmtree

    def slow(place: Path, **options: bool) -> None:
        wait(opened.open(experiment), "finished")
        remove(place, **options)

    monkeypatch.setattr(shutil, "rmtree", slow)
    assert opened.delete(experiment.key)
    assert opened.find(experiment.key).status().attempt == 1
    Expected.of(experiment).check(opened.find(experiment.key))
    assert not list((opened.home / "trash").iterdir())


def fill(record: Record) -> None:
    for first in range(1, 100_000, 100):
        record.add(Scalars(first + 99, first, {"loss": np.arange(first, first + 100.0)}))
        record.commit()


def test_a_full_disk_costs_only_what_was_not_yet_shown(tmp_path: Path) -> None:
    record, history = Record(tmp_path), History(tmp_path)
    record._database.execute("pragma max_page_count = 40")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        fill(record)
    shown = int(history.columns()["loss"][0][-1])
    assert shown > 1000
    np.testing.assert_array_equal(history.columns()["loss"][1], np.arange(1.0, shown + 1))
    record.close()
    record = Record(tmp_path)
    record.add(Scalars(shown + 1, shown - 9, {"loss": np.arange(shown - 9.0, shown + 2)}))
    record.finish()
    assert (record.compared, record.differing) == (10, 0)
    np.testing.assert_array_equal(history.columns()["loss"][1], np.arange(1.0, shown + 2))
    record.close()


def test_a_checkpoint_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = files.write(tmp_path, Checkpoint(1, {"weight": np.ones(3)}))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write(tmp_path, Checkpoint(2, {"weight": np.ones(3)}))
    assert [file.name for file in tmp_path.iterdir()] == [old.name]
    same(files.read(tmp_path, old), 1, {"weight": np.ones(3)})
    assert files.read(tmp_path, Stored(1, "0" * 64)) is None


FORKING = """
import os, sys, time
from pathlib import Path
from state.lease import Lease
lease = Lease(Path(sys.argv[1]))
if (child := os.fork()) == 0:
    time.sleep(60)
print(child, flush=True)
time.sleep(60)
"""


def test_a_lease_is_free_when_its_holder_dies_even_if_a_child_lives(tmp_path: Path) -> None:
    lock = tmp_path / "lease"
    with subprocess.Popen([sys.executable, "-c", FORKING, str(lock)], stdout=subprocess.PIPE, cwd=ROOT) as parent:
        child = int(parent.stdout.readline())
        assert holder(lock) == parent.pid
        with pytest.raises(Held):
            Lease(lock)
        parent.kill()
        parent.wait()
        assert holder(lock) is None
        Lease(lock).close()
        os.kill(child, signal.SIGKILL)


def test_a_process_that_lingers_without_a_sign_of_life_is_replaced(tmp_path: Path) -> None:
    with store(tmp_path) as opened:
        run = opened.open(Toy(seed=1, steps=600, pace_us=1000))
        wait(run, "running", step=100)
        run.pause()
        wait(run, "paused")
        os.kill(holder(run.directory / "lease"), signal.SIGSTOP)
        run.resume()
        status = wait(run, within_s=30.0)
        assert (status.state, status.attempt) == ("finished", 2)
        Expected.of(run.experiment).check(run)


GUEST = """
from collections.abc import Mapping
from models.experiment import Snapshot
from tests.waiting import until
from tests.toys import Toy
class Guest(Toy):
    def measure(self, snapshot: Snapshot) -> Mapping[str, float]:
        return {{"mark": {mark}}}
"""


def test_new_runs_are_trained_by_the_code_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And those that train already go on, in the process and with the code that they began with."""
    file = tmp_path / "a_guest.py"
    file.write_text(GUEST.format(mark=1.0))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with store(tmp_path / "home") as opened:
        monkeypatch.setenv("TORCHLIGHT_EXPERIMENTS", "a_guest")
        guest = importlib.import_module("a_guest").Guest
        going = opened.open(guest(steps=5000, pace_us=1000))
        wait(going, "running", step=50)
        file.write_text(GUEST.format(mark=22.0))
        new = opened.open(guest(steps=60, seed=1))
        assert wait(new).state == "finished"
        assert set(new.columns()["mark"][1]) == {22.0}
        at = going.status().step
        wait(going, "running", step=at + 50)
        going.stop()
        assert wait(going, "stopped").attempt == 1
        assert set(going.columns()["mark"][1]) == {1.0}


def test_a_supervisor_of_other_code_is_asked_to_leave_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More often, and two versions that share a home would oust each other for ever, without a warm spare."""
    with store(tmp_path) as opened:
        run = opened.open(Toy(seed=2, steps=3000, pace_us=1000))
        wait(run, "running", step=50)
        before = holder(tmp_path / "supervisor.lock")
        monkeypatch.setattr(supervisor, "fingerprint", lambda: "another version")
        ensure_supervisor(tmp_path)
        until(lambda: holder(tmp_path / "supervisor.lock") not in (None, before))
        after = holder(tmp_path / "supervisor.lock")
        at = run.status().step
        assert wait(run, "running", step=at + 200).attempt == 1
        assert holder(tmp_path / "supervisor.lock") == after
        assert (tmp_path / "supervisor.code").read_text() != "another version"
