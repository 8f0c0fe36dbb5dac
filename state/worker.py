"""Trains one run in a process of its own: `python -m state.worker`, started by the supervisor ahead of need.

Warm first: import what takes seconds, say "ready", wait for lines of JSON on standard input that name home, key
and attempt; end of input means not needed any more. On Linux each line is answered by a fork, so that one warm
process starts any number of runs, each within some hundredths of a second and with its memory shared. A process
that has touched a GPU cannot be forked, nor can one elsewhere: there, or where it is told `once`, it says "ready once"
and trains itself.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from models.catalogue import experiments
from models.layers import compiling, pretrained
from state.attempt import Attempt
from state.home import Limits, run_directory
from state.lease import Held, Lease
from state.trainer import end_with


def warm() -> None:
    """Pay now what a first training step would pay: imports, threads, the optimizer's own lazy imports."""
    import torch._dynamo  # Adam pulls it in: 0.8 s

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    experiments()
    weight = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([weight])
    (weight.sum() ** 2).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(Limits.read().nice)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    once = sys.argv[1:] == ["once"]
    if once:
        end_with(os.getppid())
    warm()
    forks = sys.platform == "linux" and torch.version.cuda is None and not once
    if forks:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children here: their leases tell
        gc.collect()
        gc.freeze()
    print("ready" if forks else "ready once", flush=True)
    while line := sys.stdin.readline():
        if not forks:
            take(json.loads(line))
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            take(json.loads(line))
            os._exit(0)


def take(order: dict[str, Any]) -> None:
    """Own the run that the order names and train it; nothing happens where another process owns it."""
    home, key = Path(order["home"]), order["key"]
    os.environ.setdefault(pretrained.PLACE, str(home / "pretrained"))
    os.environ.setdefault(compiling.PLACE, str(home / "compiled"))
    directory = run_directory(home, key)
    try:
        lease = Lease(directory / "lease")
    except Held:
        return
    _redirect(directory / "worker.log")
    attempt = Attempt(home, key, order["attempt"])
    attempt.run()
    attempt.control.close()
    lease.close()


def _redirect(log: Path) -> None:
    """The supervisor may die: nothing of its own remains open here, and messages go to the run's log."""
    sys.stdout.flush()
    quiet = os.open(os.devnull, os.O_RDWR)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, target in ((0, quiet), (1, quiet), (2, written)):
        os.dup2(target, descriptor)


if __name__ == "__main__":
    main()
