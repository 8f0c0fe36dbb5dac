"""Services that only some installations have, started for the tests that need them, and ended with them.

Where a service is missing these tests are skipped; with `TORCHLIGHT_WITH_CLUSTER=1` they fail instead.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "open-sesame"


def needs(there: bool, what: str) -> None:
    """Skips the test, or fails it where the services were promised."""
    if not there and os.environ.get("TORCHLIGHT_WITH_CLUSTER") == "1":
        pytest.fail(f"needs {what}")
    if not there:
        pytest.skip(f"needs {what}")


class PostgresServer:
    """A server of its own in a folder of its own, reached by a Unix socket; it refuses to be root."""

    def __init__(self, programs: Path, place: Path) -> None:
        self.programs, self.place = programs, place
        self.user = "nobody" if os.geteuid() == 0 else None
        self.address = f"postgresql://torchlight:{PASSWORD}@/postgres?host={place}"
        if self.user:
            os.chown(place, pwd.getpwnam(self.user).pw_uid, -1)
        (place / "password").write_text(PASSWORD)
        (place / "password").chmod(0o644)
        how = ["-U", "torchlight", "-A", "scram-sha-256", "--no-sync", "--no-locale", "-E", "UTF8"]
        self._do("initdb", "-D", place / "data", "--pwfile", place / "password", *how).wait()
        self.start()

    def _do(self, program: str, *words: str | Path) -> subprocess.Popen[bytes]:
        with open(self.place / "log", "ab") as log:
            return subprocess.Popen(
                [self.programs / program, *words], stdout=log, stderr=log, user=self.user, cwd=self.place
            )

    def start(self) -> None:
        quick = [
            word for setting in ("fsync=off", "listen_addresses=", "max_connections=60") for word in ("-c", setting)
        ]
        self.process = self._do("postgres", "-D", self.place / "data", "-k", self.place, *quick)
        until = time.monotonic() + 60
        while b" ready\n" not in self._status():
            assert time.monotonic() < until and self.process.poll() is None, (self.place / "log").read_text()
            time.sleep(0.02)

    def _status(self) -> bytes:
        """The last line that a server writes about itself: it is "ready" once it takes connections."""
        try:
            return (self.place / "data" / "postmaster.pid").read_bytes().replace(b" ", b"").replace(b"ready", b" ready")
        except FileNotFoundError:
            return b""

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT throws everybody out and leaves in order; SIGQUIT leaves as in a crash."""
        self.process.send_signal(how)
        self.process.wait(60)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    programs = [Path(on_path)] if on_path else found
    needs(bool(programs) and importlib.util.find_spec("psycopg") is not None, "PostgreSQL and psycopg")
    place = Path(tempfile.mkdtemp(prefix="torchlight-postgres-"))
    server = None
    try:
        server = PostgresServer(programs[-1].resolve().parent, place)
        yield server
    finally:
        if server is not None and server.process.poll() is None:
            server.stop(signal.SIGQUIT)
        shutil.rmtree(place, ignore_errors=True)
