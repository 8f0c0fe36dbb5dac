"""The laws of training, the same for processes of this machine and for those of a Ray cluster with a token."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from state import reasons
from state.history import History
from state.home import ROOT
from state.lease import Lease, holder, is_elsewhere
from state.processes import Processes
from state.record import Record, healed
from state.row import Row
from state.runs import Run, Runs
from tests.services import RayCluster, postgres_server, ray_cluster
from tests.toys import Expected, Toy, log, store
from tests.toys import wait as wait_for
from tests.waiting import until

wait = partial(wait_for, within_s=150.0)
"""On a cluster each attempt pays for its imports."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with postgres_server() as database, ray_cluster(database.address) as cluster:
        yield cluster


@pytest.fixture(scope="module", params=["processes", "ray"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A store for the tests of this file: one machine's own, and one as several machines share it."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "ray":
            for name, said in request.getfixturevalue("cluster").environment.items():
                patch.setenv(name, said)
        with store(tmp_path_factory.mktemp("home"), slots=1) as opened:
            yield opened


def supervised(run: Run) -> str:
    return (run.directory.parents[1] / "supervisor.log").read_text() + log(run)


def test_a_run_ends_as_if_trained_here(opened: Runs) -> None:
    run = opened.open(Toy(seed=1, steps=300))
    assert wait(run).state == "finished", supervised(run)
    assert run.status().attempt == 1
    Expected.of(run.experiment).check(run)


def test_a_wish_is_obeyed(opened: Runs) -> None:
    run = opened.open(Toy(seed=2, steps=4000, pace_us=1000))
    wait(run, "running", step=20)
    run.pause()
    at = wait(run, "paused").step
    run.resume()
    wait(run, "running", step=at + 20)
    assert run.status().attempt == 1  # it had lingered
    run.stop()
    at = wait(run, "stopped").step
    until(lambda: holder(run.directory / "lease") is None)
    run.resume()
    assert wait(run, "running", step=at + 20).attempt == 2
    run.stop()
    wait(run, "stopped")


def test_a_killed_process_costs_nothing_but_time(opened: Runs) -> None:
    run = opened.open(Toy(seed=3, steps=1500, pace_us=1000))
    wait(run, "running", step=200)
    os.kill(holder(run.directory / "lease"), signal.SIGKILL)
    assert (wait(run).state, run.status().attempt) == ("finished", 2)
    Expected.of(run.experiment).check(run)


def test_a_run_that_kills_its_process_is_given_up(opened: Runs) -> None:
    status = wait(opened.open(Toy(steps=200, fault="segfaults", fault_at=1)))
    assert (status.state, status.attempt, status.reason.text) == ("failed", 3, reasons.GIVEN_UP)


def test_a_killed_supervisor_is_followed_by_one_that_adopts_what_trains(opened: Runs) -> None:
    run = opened.open(Toy(seed=4, steps=2500, pace_us=1000))
    wait(run, "running", step=100)
    before, worker = holder(opened.home / "supervisor.lock"), holder(run.directory / "lease")
    os.kill(before, signal.SIGKILL)
    wait(run, "running", step=run.status().step + 100)
    until(lambda: holder(opened.home / "supervisor.lock") not in (None, before))
    assert holder(run.directory / "lease") == worker
    other = opened.open(Toy(seed=5, steps=50))
    assert wait(other).state == "finished"  # the new one can start runs too
    assert (wait(run).state, run.status().attempt) == ("finished", 1)
    Expected.of(run.experiment).check(run)


ANOTHER = """
import json, sys
from pathlib import Path
from state.runs import Runs
from tests.toys import Toy
with Runs(Path(sys.argv[1])) as runs:
    mine = runs.open(Toy(seed=9, steps=30), owner="ben")
    status = mine.status()
    print(json.dumps([[run.key for run in runs.list()], mine.key, status.state, status.place]))
"""


def test_two_servers_see_one_queue(opened: Runs) -> None:
    busy = opened.open(Toy(seed=6, steps=100_000, pace_us=1000))
    wait(busy, "running")
    waits = opened.open(Toy(seed=8, steps=30), owner="ann")
    said = subprocess.run([sys.executable, "-c", ANOTHER, str(opened.home)], capture_output=True, check=True, cwd=ROOT)
    keys, key, state, place = json.loads(said.stdout)
    assert set(keys) == {run.key for run in opened.list()} >= {waits.key, key}
    assert (state, place, waits.status().place) == ("queued", 2, 1)
    busy.stop()
    for run in (waits, opened.find(key)):
        assert wait(run).state == "finished"


def test_what_the_cluster_cannot_place_waits_and_can_be_stopped(
    tmp_path: Path, cluster: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, said in {**cluster.environment, "TORCHLIGHT_RAY_CPUS": "3"}.items():
        monkeypatch.setenv(name, said)
    with store(tmp_path, slots=3) as opened:
        asked = [opened.open(Toy(seed=seed, steps=6000, pace_us=1000)) for seed in range(3)]
        until(lambda: any(run.status().step for run in asked))
        (first,) = (run for run in asked if run.status().step)
        second, third = (run for run in asked if run is not first)
        assert {run.status().state for run in (second, third)} == {"starting"}
        second.stop()
        wait(second, "stopped")
        assert third.status().state == "starting" and not first.status().ended
        first.stop()
        wait(third, "running", step=1)
        assert third.status().attempt == 1


def test_a_killed_actor_takes_its_worker_along_and_the_run_goes_on(
    tmp_path: Path, cluster: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, said in cluster.environment.items():
        monkeypatch.setenv(name, said)
    with store(tmp_path, hang_s=3.0) as opened:
        run = opened.open(Toy(seed=1, steps=1200, pace_us=1000))
        wait(run, "running", step=100)
        worker = holder(run.directory / "lease")
        actor = int(Path(f"/proc/{worker}/stat").read_text().rsplit(")")[1].split()[1])
        os.kill(actor, signal.SIGKILL)
        until(lambda: holder(run.directory / "lease") != worker, 5.0)
        wait(run, "running", step=run.status().step + 100)
        os.kill(holder(run.directory / "lease"), signal.SIGSTOP)  # it hangs: the supervisor has Ray kill it
        assert (wait(run).state, run.status().attempt) == ("finished", 3)
        Expected.of(run.experiment).check(run)


def test_a_wrong_token_trains_nothing_and_loses_nothing(
    tmp_path: Path, cluster: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, said in {**cluster.environment, "RAY_AUTH_TOKEN": "0" * 64}.items():
        monkeypatch.setenv(name, said)
    with store(tmp_path) as opened:
        run = opened.open(Toy(steps=20))
        heard = tmp_path / "supervisor.log"
        until(lambda: heard.exists() and "is not reached" in heard.read_text(), 120.0)
        assert run.status().state == "queued" and cluster.token not in heard.read_text()


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from models.experiment import Scalars
from state.record import Record
record = Record(Path(sys.argv[1]))
record.add(Scalars(50, 1, {"loss": np.arange(50.0)}))
record.commit()
record._database.execute("pragma cache_size = 1")  # so that the file is touched before the commit
record.add(Scalars(100_000, 51, {"loss": np.arange(99_950.0)}))
record._write()
record._database.execute("update meta set value = value || hex(randomblob(100000))")
os._exit(9)
"""


def test_a_record_on_a_shared_folder_needs_no_memory_of_one_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what a writer left half-written when it was killed is undone for those who may only read."""
    monkeypatch.setenv("TORCHLIGHT_SHARED", "1")
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, cwd=ROOT).returncode == 9
    assert (tmp_path / "run.db-journal").exists() and not (tmp_path / "run.db-wal").exists()
    assert History(tmp_path).columns() == {}
    healed(tmp_path)
    assert len(History(tmp_path).columns()["loss"][0]) == 50 and not History(tmp_path).damage()
    with closing(Record(tmp_path)) as record:
        assert record.last_step == 50


def test_no_process_of_another_machine_is_killed(tmp_path: Path) -> None:
    row = Row("a" * 26, "Toy", "{}", 5)
    lease = tmp_path / "runs" / row.key / "lease"
    holding = "import sys, time; from pathlib import Path; from state.lease import Lease; " \
              "lease = Lease(Path(sys.argv[1])); print(1, flush=True); time.sleep(60)"  # fmt: skip
    with subprocess.Popen([sys.executable, "-c", holding, str(lease)], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None and process.stdout.readline()
        assert not is_elsewhere(lease) and Processes(tmp_path).life(row) == "here"
        own = lease.read_bytes()
        lease.write_bytes(b"another machine")
        Processes(tmp_path).kill(row)
        time.sleep(0.2)
        assert process.poll() is None and is_elsewhere(lease)
        lease.write_bytes(own)
        Processes(tmp_path).kill(row)
        assert process.wait(10) == -signal.SIGKILL
    Lease(lease).close()
    assert Processes(tmp_path).life(row) == "gone"


def test_who_needs_neither_loads_neither() -> None:
    asked = "import sys; import state.serving, state.worker, state.supervisor; " \
            "from state.fleet import fleet; from state.home import Limits; from pathlib import Path; " \
            "fleet(Path('.'), Limits()); print([one for one in ('ray', 'psycopg') if one in sys.modules])"  # fmt: skip
    environment = {name: said for name, said in os.environ.items() if not name.startswith("TORCHLIGHT_")}
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True, cwd=ROOT, env=environment)
    assert said.stdout == b"[]\n"
