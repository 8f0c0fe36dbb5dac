"""Services that only some installations have, started for the tests that need them, and ended with them.

Each test process has its own: PostgreSQL takes a second, Ray six, and some tests stop them or let them crash, which
would befall the tests of a neighbour too.

Where a service is missing these tests are skipped; with `TORCHLIGHT_WITH_CLUSTER=1` they fail instead.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


class RayCluster:
    """A cluster of one node, with a token; its processes are those that name its folder.

    `environment` is what a server needs to use it.
    """

    def __init__(self, place: Path, database: str, cpus: int = 4) -> None:
        self.place = place
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        self.address, self.token = f"127.0.0.1:{port}", secrets.token_hex(32)
        self.environment = {
            "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token, "TORCHLIGHT_RAY": self.address,
            "TORCHLIGHT_DATABASE": database, "TORCHLIGHT_SHARED": "1",
        }  # fmt: skip
        command = [Path(sys.executable).with_name("ray"), "start", "--head", "--block", f"--port={port}"]
        bounds = [f"--num-cpus={cpus}", "--num-gpus=0", "--object-store-memory=78643200", f"--temp-dir={place}/r"]
        quiet = ["--include-dashboard=false", "--disable-usage-stats", "--min-worker-port=0", "--max-worker-port=0"]
        own = {name: said for name, said in os.environ.items() if not name.startswith("TORCHLIGHT_")}
        with open(place / "log", "wb") as log:
            self.process = subprocess.Popen(
                [*command, *bounds, *quiet], env={**own, **self.environment}, stdout=log, stderr=log
            )
        until = time.monotonic() + 120
        while b"Ray runtime started" not in (place / "log").read_bytes():
            assert time.monotonic() < until and self.process.poll() is None, (place / "log").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        while left := [pid for pid, said in commands() if f"{self.place}/" in said and pid != os.getpid()]:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)


def commands() -> Iterator[tuple[int, str]]:
    """Every process of this machine with its command line."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


@contextmanager
def ray_cluster(database: str, cpus: int = 4) -> Iterator[RayCluster]:
    """A cluster whose nodes keep their runs in this database."""
    needs(importlib.util.find_spec("ray") is not None, "Ray")
    place = Path(tempfile.mkdtemp(prefix="tl-ray-", dir="/tmp"))  # sockets below it must have short names
    cluster = None
    try:
        cluster = RayCluster(place, database, cpus)
        yield cluster
    finally:
        if cluster is not None:
            cluster.stop()
        shutil.rmtree(place, ignore_errors=True)


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
