"""Training processes anywhere in a Ray cluster: for each attempt one named, detached actor that starts the worker.

Ray finds a place for the actor (`TORCHLIGHT_RAY_CPUS` and, as fractions if need be, `TORCHLIGHT_RAY_GPUS` a run); a run
for which there is none yet is `starting` until there is. The actor outlives the supervisor, whose successor finds it by
its name; it takes the worker with it when it is killed or its node dies, and Ray never starts it again: that is for the
supervisor to decide. All nodes share the home, where the worker's lease tells that it lives.

Token authentication is on unless `RAY_AUTH_MODE` says otherwise. A password of the database is not handed to Ray, whose
logs would keep it: each node has `TORCHLIGHT_DATABASE` in an environment of its own.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray  # it reads the mode when it is imported

from state.database import identity
from state.fleet import Life
from state.home import ROOT, Limits, run_directory
from state.lease import holder
from state.row import Row

NAMESPACE = "torchlight"
RETRY_S = 5.0
SEATED_S = 120.0
"""How long a placed worker may take to its lease: its imports come from a disk that may be far away and cold."""
LINGER_S = 5.0
"""A paused run keeps its place in the cluster no longer than this: others may wait for it, in other queues too."""
OWN = ("TORCHLIGHT_DATABASE", "TORCHLIGHT_ADMIN_TOKEN", "TORCHLIGHT_HOME", "TORCHLIGHT_RAY")
"""What each node says for itself."""

log = logging.getLogger("torchlight.supervisor")


class Seat:
    """The actor: it starts the worker, and is gone with it. Where its home is another one, it refuses."""

    def __init__(self, home: str, name: str, order: Mapping[str, Any], settings: Mapping[str, str]) -> None:
        at = Path(os.environ.get("TORCHLIGHT_HOME") or home)
        if identity(at) != name:
            raise RuntimeError(f"{at} on this node is not the shared home: mount it there, or set TORCHLIGHT_HOME")
        if order["elsewhere"] and not os.environ.get("TORCHLIGHT_DATABASE"):
            raise RuntimeError("this node does not know the database: set TORCHLIGHT_DATABASE before `ray start`")
        environment = {**os.environ, **settings, "TORCHLIGHT_HOME": str(at)}
        with open(at / "workers.log", "ab") as said:
            self.worker = subprocess.Popen(
                [sys.executable, "-m", "state.worker", "once"], cwd=ROOT, env=environment, start_new_session=True,
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said,
            )  # fmt: skip
        threading.Thread(target=self._follow, args=({**order, "home": str(at)},), daemon=True).start()

    def _follow(self, order: Mapping[str, Any]) -> None:
        self.worker.communicate(json.dumps(order).encode() + b"\n")
        os._exit(0)


class RayFleet:
    def __init__(self, at: Path, limits: Limits, address: str) -> None:
        self.home, self.name, self.address = at, identity(at), address
        self.settings = {
            **{name: said for name, said in os.environ.items() if name.startswith("TORCHLIGHT_") and name not in OWN},
            "TORCHLIGHT_SLOTS": str(limits.slots),
            "TORCHLIGHT_LINGER_S": str(min(LINGER_S, limits.linger_s)),
        }
        self.resources = {f"num_{kind}": _number(f"TORCHLIGHT_RAY_{kind.upper()}", default)
                          for kind, default in (("cpus", 1.0), ("gpus", 0.0))}  # fmt: skip
        self.seats: dict[str, Any] = {}
        """By its actor's name, what resolves when the attempt is placed."""
        self.placed: dict[str, float] = {}
        self.seen: set[str] = set()
        """Attempts that have held their lease."""
        self.tried = -RETRY_S
        self.connecting: threading.Thread | None = None

    def tend(self, waiting: bool) -> None:
        """Connects, in a thread: where the cluster is away, or the token is wrong, that takes minutes to fail."""
        busy = self.connecting is not None and self.connecting.is_alive()
        if ray.is_initialized() or busy or time.monotonic() - self.tried < RETRY_S:
            return
        self.tried = time.monotonic()
        self.connecting = threading.Thread(target=self._connect, name="ray", daemon=True)
        self.connecting.start()

    def _connect(self) -> None:
        try:
            ray.init(self.address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
            log.info("the Ray cluster at %s is reached", self.address)
        except (Exception, SystemExit) as error:  # Ray leaves so where nobody answers
            log.error("the Ray cluster at %s is not reached: %s %s", self.address, type(error).__name__, error)

    def ready(self) -> bool:
        return ray.is_initialized() and not (self.connecting is not None and self.connecting.is_alive())

    def _called(self, row: Row) -> str:
        return f"{self.name}.{row.key}.{row.attempt}"

    def start(self, row: Row) -> None:
        name = self._called(row)
        remote: Any = ray.remote
        seat = remote(max_restarts=0, max_task_retries=0, **self.resources)(Seat)
        elsewhere = bool(os.environ.get("TORCHLIGHT_DATABASE"))
        order = {"key": row.key, "attempt": row.attempt, "elsewhere": elsewhere}
        try:
            actor = seat.options(name=name, lifetime="detached").remote(str(self.home), self.name, order, self.settings)
            self.seats[name] = actor.__ray_ready__.remote()
        except (ray.exceptions.RayError, OSError, ValueError) as error:  # the run will be queued again
            log.error("%s: %s", name, error)

    def life(self, row: Row) -> Life:
        name = self._called(row)
        if holder(run_directory(self.home, row.key) / "lease") is not None:
            self.seen.add(name)
            return "here"
        if name in self.seen:
            self._forget(name)
            return "gone"
        if not self.ready():
            return "unknown"
        return self._coming(name)

    def _coming(self, name: str) -> Life:
        """Whether an attempt that has no lease yet still waits for a place, or for its worker's imports."""
        try:
            if name not in self.seats:
                self.seats[name] = ray.get_actor(name).__ray_ready__.remote()
            if ray.wait([self.seats[name]], timeout=0)[0]:
                ray.get(self.seats[name], timeout=0)
                if time.monotonic() - self.placed.setdefault(name, time.monotonic()) > SEATED_S:
                    log.error("%s: its worker takes no lease", name)
                    self._end(name)
        except ValueError:  # no such actor
            self._forget(name)
            return "gone"
        except ray.exceptions.RayActorError as error:
            log.error("%s: %s", name, error)
            self._forget(name)
            return "gone"
        except (ray.exceptions.RayError, OSError):
            return "unknown"
        return "coming"

    def _forget(self, name: str) -> None:
        self.seats.pop(name, None)
        self.placed.pop(name, None)

    def kill(self, row: Row) -> None:
        self._end(self._called(row))

    def _end(self, name: str) -> None:
        try:
            ray.kill(ray.get_actor(name))
        except (ValueError, OSError, ray.exceptions.RayError):
            return

    def broken(self) -> bool:
        return False

    def close(self) -> None:
        if ray.is_initialized():
            ray.shutdown()


def _number(name: str, default: float) -> float:
    try:
        return max(0.0, float(os.environ.get(name, default)))
    except ValueError:
        return default
