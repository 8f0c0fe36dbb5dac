"""A disk that cannot be written, is full or fails beneath the store: what was trained is shown, and a sentence says
what is wrong, without a path of the server."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from models.gan import GanTraining
from state import links, reasons
from state.control import Control
from tests.browsing import ROOT, server
from tests.load.visiting import Visit, visit, watching
from tests.toys import store, wait

READ_ONLY = ("unshare", "-m", "sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"')
"""Starts a command for which the folder that follows cannot be written, not even by root."""
QUICK = GanTraining(steps=60)


def query(experiment: GanTraining, **more: str) -> str:
    return "&".join(f"{name}={value}" for name, value in {**links.write(experiment), **more}.items())


def aged(home: Path) -> None:
    """As if nobody had looked at any run for an hour: the next look would write that down."""
    with closing(sqlite3.connect(home / "control.db")) as database, database:
        database.execute("update run set watched = watched - 3600")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a mount of its own")
def test_a_read_only_store_is_shown_and_nothing_new_is_trained(tmp_path: Path) -> None:
    if subprocess.run([*READ_ONLY, str(tmp_path), "true"], capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    with store(tmp_path) as opened:
        key = opened.open(QUICK).key
        wait(opened.open(QUICK))
    aged(tmp_path)

    async def look(address: str) -> tuple[Visit, list[str]]:
        async with watching(address, key) as socket:
            assert await socket.recv()
        async with visit(address) as here:
            await here.rerun("gan", query(QUICK))
            known = list(here.alerts)
            await here.rerun("gan", query(QUICK.but(seed=9), at="5"))
            return here, known

    with server(tmp_path, through=(*READ_ONLY, str(tmp_path))) as address:
        here, known = asyncio.run(look(address))
    assert not known and not here.exceptions
    assert here.alerts.count(reasons.STORE_READ_ONLY) == 1


FAULTS = {
    "full": (sqlite3.OperationalError("database or disk is full"), "đã đầy"),
    "no space": (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/srv/runs"), "đã đầy"),
    "read-only": (sqlite3.OperationalError("attempt to write a readonly database"), "không ghi được"),
    "not allowed": (PermissionError(errno.EACCES, "Permission denied", "/srv/runs"), "không ghi được"),
    "broken": (sqlite3.OperationalError("disk I/O error"), "không đọc được"),
    "gone": (FileNotFoundError(errno.ENOENT, "No such file or directory", "/srv/runs"), "không đọc được"),
}


@pytest.mark.parametrize(("fault", "words"), FAULTS.values(), ids=FAULTS)
def test_whoever_wants_to_train_reads_what_is_wrong(
    home: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, words: str
) -> None:
    def fails(*_: object) -> None:
        raise fault

    monkeypatch.setattr(Control, "admit", fails)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params["lang"] = "vi"
    app.run().switch_page(str(ROOT / "pages" / "gan.py"))
    for name, value in {**links.write(QUICK), "at": "5"}.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    assert [words in error.value and "/srv" not in error.value for error in app.error] == [True]
