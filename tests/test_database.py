"""The laws of the control table, the same for the file and for the server; and what happens while a server is away."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from models.experiment import Snapshot
from state import reasons
from state.control import Control, Refused
from state.database import DatabaseFault, Embedded, identity, opened
from state.health import faults
from state.home import ROOT, Limits, run_directory
from state.record import Record
from state.row import LAYOUTS, Row
from state.runs import NewerStore, runs
from tests.services import PASSWORD, PostgresServer, postgres_server
from tests.toys import Expected, Toy, store, wait

ENGINES = ("file", "server")


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> PostgresServer:
    """The server, and all homes of this test keep their tables there."""
    monkeypatch.setenv("TORCHLIGHT_DATABASE", server.address)
    if server.process.poll() is not None:
        server.start()
    return server


@pytest.fixture(params=ENGINES)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A home of each kind."""
    if request.param == "server":
        request.getfixturevalue("postgres")
    return tmp_path


@contextmanager
def controls(at: Path, count: int) -> Iterator[list[Control]]:
    opened = [Control(at) for _ in range(count)]
    yield opened
    for control in opened:
        control.close()


def test_what_is_put_is_what_is_read(home: Path) -> None:
    plain = Row("a" * 26, "Toy", "{}", 5)
    rows = [
        plain,
        replace(plain, key="b" * 26, steps=2**62, step=2**53 + 1, bytes=-1, until=0, created=1e-300, queued=1.0),
        replace(plain, key="c" * 26, created=1764131129.123456, queued=2.0, started=float("inf"), ended=-0.1),
        replace(plain, key="d" * 26, title="Đổi 'mới' — \"học\" ?%s", tags='["✓", "%"]', reason="", queued=3.0),
    ]
    with closing(Control(home)) as control:
        with control._writing():
            for row in rows:
                control._put(row)
        assert control.rows() == rows and [control.row(row.key) for row in rows] == rows
        with control._writing():
            control._put(replace(rows[1], title="again"))
        assert control.row("b" * 26) == replace(rows[1], title="again") and len(control.rows()) == len(rows)


def deed(chance: random.Random, limits: Limits) -> Callable[[Control], object]:
    """Anything that a page, a worker or the supervisor may ask of the table."""
    key, owner, state = chance.choice("abcdef") * 26, chance.choice(["", "ann", "ben"]), chance.choice(STATES)
    new, allowed = Row(key, "Toy", "{}", chance.randrange(1, 9), owner=owner), tuple(chance.sample(STATES, 2))
    size, pinned = chance.randrange(2000), chance.randrange(2)
    return chance.choice([
        lambda control: control.admit(new, limits),
        lambda control: control.requeue(key, limits, until=size),
        lambda control: control.claim(key, 2, chance.choice(["starting", "running"])),
        lambda control: control.move(key, allowed, lambda row: replace(row, state=state, bytes=size, pinned=pinned)),
        lambda control: control.forget(key, allowed, lambda: None),
        lambda control: control.rows(*allowed),
        lambda control: (control.turns(), control.others_wait(key)),
    ])  # fmt: skip


STATES = ("queued", "starting", "running", "paused", "stopped", "finished", "failed")


def test_both_engines_answer_the_same(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four hundred deeds in any order, each with its answer or its refusal, and the same table after it."""
    limits = Limits(max_queued=4, max_each=2, max_steps=7, steps_each=400, disk_each=1500)
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")
    with closing(Control(tmp_path / "a", Embedded)) as file, closing(Control(tmp_path / "b")) as server:
        for number in range(400):
            answers = []
            for control in (file, server):
                monkeypatch.setattr(time, "time", partial(float, 1e9 + number))
                try:
                    answers.append(deed(random.Random(f"{seed} {number}"), limits)(control))
                except Refused as refused:
                    answers.append((type(refused), str(refused)))
            assert answers[0] == answers[1]
            assert file.rows() == server.rows()


ASKING = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from dataclasses import replace
from functools import partial
from state.control import Control, QueueFull
from state.row import Row
from state.home import Limits
control = Control(Path(sys.argv[1]))
said = []
def ask(number):
    key = f"{number:026d}"
    try:
        control.admit(Row(key, "Toy", "{}", 5, owner=f"visitor {number % 2}"), Limits(max_each=3))
    except QueueFull:
        return
    if control.claim(key, 2, "starting"):
        said.append("claimed")
    if control.move(key, ("queued", "starting"), lambda row: replace(row, title=row.title + "x", state="queued")):
        said.append("moved")
    if control.move(key, ("queued",), lambda row: replace(row, state="paused")):
        said.append("ended")
sys.stdin.readline()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(ask, [n % 12 for n in range(36)]))
print(*said)
"""


def test_nothing_is_given_twice_when_many_ask_at_once(home: Path) -> None:
    """Three processes of four threads each want the same twelve runs: every law of a single writer holds."""
    command = [sys.executable, "-c", ASKING, str(home)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    asking = [subprocess.Popen(command, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    answers = [process.communicate("go\n")[0].split() for process in asking]
    count = Counter(word for words in answers for word in words)
    with closing(Control(home)) as control:
        rows = control.rows()
        assert len(rows) == 12 and all(process.returncode == 0 for process in asking)
        assert count["ended"] == 12 and {row.state for row in rows} == {"paused"}
        assert sum(len(row.title) for row in rows) == count["moved"] >= 12
        assert sum(row.attempt for row in rows) == count["claimed"] > 0


def test_slots_and_quotas_hold_when_many_ask_at_once(home: Path) -> None:
    asked = ASKING.replace("return\n", "return said.append('refused')\n").replace('("queued", "starting")', "()")
    asked = asked.replace('("queued",)', "()").replace("n % 12 for n in range(36)", "n for n in range(40)")
    command = [sys.executable, "-c", asked, str(home)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    asking = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    answers = [process.communicate("go\n")[0].split() for process in asking]
    with closing(Control(home)) as control:
        assert Counter(row.owner for row in control.rows()) == {"visitor 0": 3, "visitor 1": 3}
        assert len(control.rows("starting")) == 2
    assert Counter(word for words in answers for word in words)["claimed"] == 2


HALF_WAY = """
import os, signal, sys
from pathlib import Path
from dataclasses import replace
from functools import partial
from state.control import Control
control = Control(Path(sys.argv[1]))
with control._writing():
    control._put(replace(control.row("a" * 26), state="failed"))
    print("half", flush=True)
    signal.pause()
"""


def test_a_writer_that_dies_half_way_has_done_nothing_and_holds_nobody_up(home: Path) -> None:
    with closing(Control(home)) as control:
        control.admit(Row("a" * 26, "Toy", "{}", 5), Limits())
        with subprocess.Popen([sys.executable, "-c", HALF_WAY, str(home)], stdout=subprocess.PIPE, cwd=ROOT) as writer:
            assert writer.stdout is not None and writer.stdout.readline() == b"half\n"
            assert control.row("a" * 26).state == "queued"  # type: ignore[union-attr]
            writer.kill()
        assert control.claim("a" * 26, 1, "starting") is not None
        with pytest.raises(ZeroDivisionError):
            control.forget("a" * 26, ("starting",), lambda: 1 // 0)  # type: ignore[arg-type, return-value]
        assert control.row("a" * 26).state == "starting"  # type: ignore[union-attr]


@pytest.mark.parametrize("layout", range(1, len(LAYOUTS) + 1))
def test_a_table_of_any_older_layout_is_brought_up_to_date(home: Path, layout: int) -> None:
    row = Row("a" * 26, "Toy", "{}", 5, state="failed", until=3, attempt=2, step=4, reason="why", ended=7.5, bytes=9)
    with closing(opened(home)) as database:
        with database.writing():
            database.lay_out([one for statements in LAYOUTS[:layout] for one in statements], layout)
            names = LAYOUTS[0][0].split("(")[1].rstrip(")").split(",")
            columns = [name.split()[0] for name in names]
            marks = ", ".join("?" * len(columns))
            values = [getattr(row, column) for column in columns]
            database.execute(f"insert into run ({', '.join(columns)}) values ({marks})", *values)
        with controls(home, 2) as both:
            assert [control.rows() for control in both] == [[row], [row]]
        assert database.layout() == len(LAYOUTS)


def test_a_newer_table_is_refused(home: Path) -> None:
    with closing(opened(home)) as database:
        with database.writing():
            database.lay_out([], 99)
        with pytest.raises(NewerStore, match="newer version"):
            Control(home)
        assert database.layout() == 99


def test_homes_do_not_meet_and_one_home_is_one_by_any_path(tmp_path: Path, postgres: PostgresServer) -> None:
    (tmp_path / "mounted elsewhere").symlink_to(tmp_path / "a", target_is_directory=True)
    with closing(Control(tmp_path / "a")) as a, closing(Control(tmp_path / "b")) as b:
        a.admit(Row("a" * 26, "Toy", "{}", 5), Limits())
        assert b.rows() == []
        with closing(Control(tmp_path / "mounted elsewhere")) as again:
            assert again.rows() == a.rows()


def test_what_a_home_has_comes_along_to_a_server(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its list, with names and tags; where there is none, from what the runs' records say."""
    directory = run_directory(tmp_path, "b" * 26)
    directory.mkdir(parents=True)
    with closing(Record(directory)) as record:
        record.describe("Toy", '{"steps": 50}')
        record.add_snapshot(Snapshot(20, {}))
        record.commit()
    with closing(Control(tmp_path)) as control:
        assert [(row.key, row.state, row.step) for row in control.rows()] == [("b" * 26, "interrupted", 20)]
        control._database.execute(f'drop schema "torchlight_{identity(tmp_path)}" cascade')
    with closing(Control(tmp_path, Embedded)) as file:
        file.admit(Row("a" * 26, "Toy", "{}", 5, title="mine", owner="ann"), Limits())
        with closing(Control(tmp_path)) as control:
            assert control.rows() == file.rows() != []


def test_a_forked_child_speaks_for_itself(tmp_path: Path, postgres: PostgresServer) -> None:
    with closing(Control(tmp_path)) as control:
        control.admit(Row("a" * 26, "Toy", "{}", 5), Limits())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, from Python 3.12 on
            child = os.fork()
        if child == 0:
            control.move("a" * 26, ("queued",), lambda row: replace(row, state="paused"))
            control.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        before = control._database._connection  # type: ignore[attr-defined]
        assert control.row("a" * 26).state == "paused"  # type: ignore[union-attr]
        assert control._database._connection is before  # type: ignore[attr-defined]


def test_a_restarted_server_is_found_again(tmp_path: Path, postgres: PostgresServer) -> None:
    with controls(tmp_path, 2) as (one, two):
        one.admit(Row("a" * 26, "Toy", "{}", 5), Limits())
        assert two.row("a" * 26)
        for how in (signal.SIGINT, signal.SIGQUIT):
            postgres.stop(how)
            postgres.start()
            assert one.row("a" * 26)
            assert two.move("a" * 26, ("queued",), partial(replace, title=how.name))
        postgres.stop()
        for control in (one, two):
            with pytest.raises(DatabaseFault, match="does not answer"):
                control.row("a" * 26)
        postgres.start()
        time.sleep(0.6)
        assert one.row("a" * 26).title == "SIGQUIT"  # type: ignore[union-attr]


@pytest.mark.parametrize("wrong", [
    "postgresql://torchlight:{word}@/none?host={place}", "postgresql://u:{word}@h:port/x", "mysql://u:{word}@h/x",
    "postgresql://u:{word}@127.0.0.1:1/x", "password={word} host", "postgresql://u:{word}@/x?no=option",
])  # fmt: skip
def test_no_message_repeats_the_password(
    tmp_path: Path, postgres: PostgresServer, wrong: str, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("TORCHLIGHT_DATABASE", wrong.format(word=PASSWORD, place=postgres.place))
    with caplog.at_level(logging.DEBUG), pytest.raises(DatabaseFault) as fault:
        Control(tmp_path)
    assert fault.value.template in (reasons.DATABASE_AWAY, reasons.DATABASE_ADDRESS)
    said = "".join(traceback.format_exception(fault.value)) + caplog.text + "".join(capfd.readouterr())
    assert PASSWORD not in said


def test_training_goes_on_while_the_server_is_away(tmp_path: Path, postgres: PostgresServer) -> None:
    """Restarted in the middle, and away while the run reaches its end: it ends in one attempt, and is told so later."""
    with store(tmp_path / "home") as opened:
        run = opened.open(Toy(seed=1, steps=2500, pace_us=1000))
        wait(run, "running", step=100)
        postgres.stop(signal.SIGQUIT)
        postgres.start()
        wait(run, "running", step=run.columns(["loss"])["loss"][0][-1] + 100)
        postgres.stop()
        until = time.monotonic() + 60
        while len(run.columns(["loss"])["loss"][0]) < 2500:
            assert time.monotonic() < until
            time.sleep(0.05)
        with pytest.raises(DatabaseFault):
            run.status()
        postgres.start()
        time.sleep(0.6)
        assert (wait(run).state, run.status().attempt) == ("finished", 1)
        Expected.of(run.experiment).check(run)
        paused = opened.open(Toy(seed=2, steps=3000, pace_us=1000))
        wait(paused, "running", step=50)
        paused.pause()
        wait(paused, "paused")
        paused.resume()
        assert wait(paused).state == "finished"
        assert not (tmp_path / "home" / "control.db").exists()


def test_pages_say_so_while_the_database_is_away_and_are_there_again_with_it(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHLIGHT_HOME", str(tmp_path))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    postgres.stop()
    for language, words in (("en", "does not answer"), ("vi", "không trả lời")):
        app.query_params["lang"] = language
        assert words in app.run().error[0].value and not app.exception
    postgres.start()
    time.sleep(0.6)
    assert not app.run().error and not app.exception
    postgres.stop()
    assert "the list of runs cannot be read" in faults(runs())
