"""Keeps runs alive, outside the server: `python -m state.supervisor`, one per home, in a session of its own.

It starts lazily, loads no PyTorch, and holds nothing that is not also on disk: kill it at any moment and the next
one adopts the workers it finds by the leases they hold. It gives queued runs to warm spare processes, queues the
runs of dead processes again, kills hung ones, bounds the disk, leaves to a successor when the code that its spares
have loaded changes, and leaves when nobody needs it.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from state import progress, reasons
from state.control import Control
from state.database import DatabaseFault
from state.disk import empty_trash, sweep
from state.fair import makes_way, order
from state.fleet import fleet
from state.history import History
from state.home import ROOT, Limits, fingerprint, home, run_directory, size_bytes
from state.lease import Held, Lease, holder
from state.record import healed
from state.row import ACTIVE, Row

LOOP_S, FAR_LOOP_S = 0.02, 0.1
ATTEMPTS = 3
"""Processes in a row that get no further before a run counts as failed."""
SETTLE_S = 3.0
"""How long a worker has to take its lease, or to give it up or go on when its run is queued and a slot is free."""
AWAY_S = 0.5
"""How often a database server that does not answer is asked again."""
LEAVE_S = 1.0
COMPARE_S = 1.0

log = logging.getLogger("torchlight.supervisor")


def ensure_supervisor(at: Path | None = None) -> None:
    """Start the supervisor of this home unless it is there. Cheap when it is; safe to call from anywhere, often.

    One that would train with other code than is here is asked to leave; workers go on, and its successor adopts them.
    """
    at = (at or home()).absolute()
    if holder(at / "supervisor.lock") is not None and not _ousted(at):
        return
    at.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "TORCHLIGHT_HOME": str(at)}
    command = [sys.executable, "-m", "state.supervisor"]
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
        subprocess.Popen(command, cwd=ROOT, env=environment, creationflags=flags)
        return
    # The child forks itself and leaves at once, so that nobody has to wait for the supervisor's end.
    subprocess.run(
        command, cwd=ROOT, env=environment, start_new_session=True, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


_asked: set[tuple[Path, str]] = set()


def _ousted(at: Path) -> bool:
    """Whether the supervisor had other code and left when asked.

    A process asks once for each state of its code: two versions that share a home must not oust each other for ever.
    """
    code = fingerprint()
    if (at, code) in _asked or wanted_code(at) in ("", code):
        return False
    _asked.add((at, code))
    want_code(at, code)
    until = time.monotonic() + LEAVE_S
    while left := holder(at / "supervisor.lock") is not None:
        if time.monotonic() > until:
            break
        time.sleep(LOOP_S / 2)
    return not left


def want_code(at: Path, code: str) -> None:
    with contextlib.suppress(OSError):  # a full disk forbids no training
        (at / "supervisor.code").write_text(code)


def wanted_code(at: Path) -> str:
    """The fingerprint of the code that shall train here: the supervisor's own, until somebody asks it to leave."""
    try:
        return (at / "supervisor.code").read_text()
    except OSError:
        return ""


@dataclass
class Watch:
    """When a run last moved, by this process's own monotonic clock."""

    seen: tuple[int, ...]
    since: float


class Supervisor:
    def __init__(self, at: Path) -> None:
        self.home = at
        self.limits = Limits.read()
        self.control = _reached(at, self.limits)
        self.fleet = fleet(at, self.limits)
        self.code = fingerprint()
        """What spare processes were started with."""
        self.compared = 0.0
        self.launched: dict[str, float] = {}
        self.watches: dict[str, Watch] = {}
        self.began = self.needed = time.monotonic()
        self.swept = 0.0

    def run(self) -> None:
        """Loop until nobody needs a supervisor, or not this one."""
        log.info("started, pid %d, %d slots", os.getpid(), self.limits.slots)
        want_code(self.home, self.code)
        empty_trash(self.home)
        while self._goes_on():
            time.sleep(FAR_LOOP_S if self.control.elsewhere else LOOP_S)
        self.fleet.close()
        self.control.close()
        log.info("leaving")

    def _goes_on(self) -> bool:
        """One round. While the database is away workers train on, and nobody is judged by what was missed."""
        try:
            return self._look_round()
        except DatabaseFault:
            time.sleep(AWAY_S)
            self.watches.clear()
            self.launched.clear()
            self.began = now = time.monotonic()
            return now - self.needed < self.limits.idle_s or holder(self.home / "server.lock") is not None

    def _look_round(self) -> bool:
        """One round; False once nobody has needed anything for a while."""
        rows = self.control.rows("queued", *ACTIVE, "paused")
        active = [row for row in rows if row.state in ACTIVE]
        queued = self._in_order([row for row in rows if row.state == "queued"], active)
        for row in active:
            self._check(row)
        now, free = time.monotonic(), self.limits.slots - len(active)
        if (queued and free > 0) or now - self.compared > COMPARE_S:
            self.compared = now
            if self.outdated():
                return False
        self._launch(queued, free)
        if queued and free <= 0 and (idle := makes_way(queued[0], active, time.time())):
            self.control.move(idle.key, ("running",), lambda row: replace(row, desired="yield"))
        if now - self.swept > self.limits.sweep_s:
            self.swept = now
            sweep(self.home, self.control, self.limits)
        if active or queued or holder(self.home / "server.lock") is not None:
            self.needed = now
        return now - self.needed < self.limits.idle_s

    def _in_order(self, queued: list[Row], active: list[Row]) -> list[Row]:
        return order(queued, active, self.control.turns(), time.time()) if len(queued) > 1 else queued

    def outdated(self) -> bool:
        """Whether the spares have other code than is on disk, or than somebody wants here."""
        return fingerprint() != self.code or wanted_code(self.home) not in ("", self.code)

    def _check(self, row: Row) -> None:
        """Requeue the run of a dead process; kill a hung one."""
        life = self.fleet.life(row)
        if life == "unknown":
            return
        launched = self.launched.get(row.key, self.began)
        if life != "here" and row.state == "starting" and time.monotonic() - launched < SETTLE_S:
            return
        if life == "coming":
            if row.desired in ("pause", "stop"):  # it may wait for a place for hours
                self.fleet.kill(row)
            return
        directory = run_directory(self.home, row.key)
        moved = progress.read(directory)
        if life == "gone":
            self.watches.pop(row.key, None)
            self._bury(row, moved.step if moved.attempt == row.attempt else row.step)
            return
        if self._unmoved_s(row.key, (row.attempt, moved.step, moved.beats)) > self.limits.hang_s:
            log.warning("%s hangs at step %d: killed", row.key, moved.step)
            self.fleet.kill(row)
            self.watches.pop(row.key)

    def _unmoved_s(self, key: str, seen: tuple[int, ...]) -> float:
        """For how long a run has shown the same signs of life, as far as this process saw."""
        now, watch = time.monotonic(), self.watches.get(key)
        if watch is None or watch.seen != seen:
            watch = self.watches[key] = Watch(seen, now)
        return now - watch.since

    def _bury(self, row: Row, step: int) -> None:
        """The process is gone without having said how the run ended: `interrupted`, and queued again or given up."""
        healed(run_directory(self.home, row.key))
        stored = History(run_directory(self.home, row.key)).checkpoints()
        safe = stored[-1].step if stored else 0

        def change(now: Row) -> Row:
            ended = replace(now, step=max(now.step, step), bytes=size_bytes(run_directory(self.home, now.key)))
            ended = replace(ended, safe=max(now.safe, safe))
            # What another supervisor claimed in its last moment may have reached no process at all: nothing has failed.
            lost = now.state == "starting" and now.key not in self.launched
            barren = 0 if step > now.step or safe > now.safe else now.barren + (not lost)
            if now.desired == "stop":
                return replace(ended, state="stopped", desired="run", ended=time.time())
            if now.desired == "pause":
                return replace(ended, state="paused", until=None)
            if barren >= ATTEMPTS:
                return replace(ended, state="failed", ended=time.time(), reason=_given_up(self.home, ended))
            return replace(ended, state="queued", desired="run", barren=barren)

        if buried := self.control.move(row.key, ACTIVE, change):
            log.warning("%s: process of attempt %d is gone at step %d: %s", row.key, row.attempt, step, buried.state)

    def _launch(self, queued: list[Row], free: int) -> None:
        """Have processes take queued runs, in order, while slots are free."""
        waiting = self._takeable(queued, free)
        self.fleet.tend(bool(waiting))
        for row in waiting[: max(0, free)]:
            if not self.fleet.ready():
                break
            if claimed := self.control.claim(row.key, self.limits.slots, "starting"):
                log.info("%s: attempt %d", row.key, claimed.attempt)
                self.launched[row.key] = time.monotonic()
                self.fleet.start(claimed)
        if waiting and self.fleet.broken():
            self._give_up_starting(waiting[0])

    def _takeable(self, queued: list[Row], free: int) -> list[Row]:
        """The queued runs whose lease is free.

        A process that lingers with a paused run takes it up again as soon as a slot is free, or ends; one that does
        neither is stopped or stuck, and everything of its run is on disk.
        """
        takeable = []
        for row in queued:
            if holder(run_directory(self.home, row.key) / "lease") is None:
                takeable.append(row)
            elif free <= 0:
                self.watches.pop(row.key, None)
            elif self._unmoved_s(row.key, (row.attempt,)) > SETTLE_S:
                log.warning("%s is queued and its old process neither goes on nor ends: killed", row.key)
                self.fleet.kill(row)
        return takeable

    def _give_up_starting(self, row: Row) -> None:
        reason = reasons.said(reasons.note(0, reasons.CANNOT_START, log=str(self.home / "workers.log")))
        self.control.move(
            row.key, ("queued",), lambda row: replace(row, state="failed", reason=reason, ended=time.time())
        )


def _reached(at: Path, limits: Limits) -> Control:
    """The rows of this home; waits for a database server that is away, as long as anybody watches."""
    patience = time.monotonic() + limits.idle_s
    while True:
        try:
            return Control(at)
        except DatabaseFault:
            if time.monotonic() > patience and holder(at / "server.lock") is None:
                raise
            time.sleep(AWAY_S)


def _given_up(at: Path, row: Row) -> str:
    words = str(run_directory(at, row.key) / "worker.log")
    return reasons.said(reasons.note(row.step, reasons.GIVEN_UP, attempts=ATTEMPTS, log=words))


def main() -> None:
    if sys.platform != "win32" and os.fork():
        os._exit(0)
    at = home()
    at.mkdir(parents=True, exist_ok=True)
    file = logging.handlers.RotatingFileHandler(at / "supervisor.log", maxBytes=500_000, backupCount=1)
    logging.basicConfig(handlers=[file], level=logging.INFO, format="%(asctime)s %(message)s")
    sys.excepthook = lambda *error: log.critical("broke down", exc_info=error)
    with contextlib.suppress(Held):
        needed = True
        while needed:
            lease = Lease(at / "supervisor.lock")
            supervisor = Supervisor(at)
            supervisor.run()
            lease.close()
            if wanted_code(at) not in ("", supervisor.code):  # whoever wrote that starts a successor
                return
            if supervisor.outdated():
                ensure_supervisor(at)
                return
            with contextlib.closing(_reached(at, supervisor.limits)) as control:
                needed = bool(control.rows("queued"))  # someone may have queued a run while we were on our way out


if __name__ == "__main__":
    main()
