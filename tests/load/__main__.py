"""The long versions, against a server of their own: `python -m tests.load soak --seconds 7200`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import uvloop

from models.gan import GanTraining
from state.runs import Runs
from state.serving import COLLECT_S
from tests.load import decoding, drivers
from tests.load.first_page import first_page
from tests.load.replicas import replicas
from tests.load.slowing import slowing
from tests.load.visiting import memory_bytes, told
from tests.toys import wait

KEPT_S = 120.0
"""For so long Streamlit keeps a visit whose connection broke."""


def pid_of(address: str) -> int:
    """The server that listens at `address`."""
    port = address.rsplit(":", 1)[1]
    found = subprocess.run(["pgrep", "-f", f"streamlit run .*--server.port {port} "], capture_output=True, text=True)
    return int(found.stdout.split()[0])


def settled(address: str, before: int) -> str:
    """By how much memory has grown, once the server has found a quiet moment to let go of what is no longer used."""
    time.sleep(KEPT_S + COLLECT_S + 10.0)
    return f"{before / 1e6:.0f} MB, then {memory_bytes(pid_of(address)) / 1e6:.0f} MB"


def report(what: str, address: str, home: Path, count: int, seconds: float) -> str:
    """Runs one driver; its figure in a line."""
    if what == "sessions":
        with Runs(home) as store:  # whoever reruns looks at the page's first story, which has ended
            wait(store.open(next(iter(GanTraining.stories())).experiment))
        # The visitors take processor time from the servers: as little as can be.
        return told(f"{count} sessions, a rerun a second", uvloop.run(drivers.sessions(address, count, seconds)))
    if what == "slowing":
        return slowing(address, home, count, seconds)
    if what == "page":
        return f"first contentful page at 4 Mbit/s and 100 ms: {first_page(address):.2f} s"
    if what == "links":
        # What pages keep for good, up to a bound, is there: of few links in a dozen pages it would not be.
        asyncio.run(drivers.links(address, max(100, count // 4), seed=1))
        before = memory_bytes(pid_of(address))
        shown = asyncio.run(drivers.links(address, count))
        with Runs(home) as store:
            begun = len(store.list())
        grown = settled(address, before)
        return "\n".join(
            [f"{count} odd links, {len(shown)} faults shown, {begun} runs begun, memory {grown}", *shown[:5]]
        )
    if what == "soak":
        visits, reruns, memory = asyncio.run(drivers.soak(address, pid_of(address), seconds))
        curve = ", ".join(f"{weighed / 1e6:.0f}" for weighed in memory)
        return f"{visits} sessions, {reruns} reruns, memory at each tenth and in the end {curve} MB"
    with Runs(home) as store:
        run = store.open(GanTraining(steps=300))
        wait(run)
        if what == "viewers":
            took = asyncio.run(drivers.viewers(address, run.key, count, seconds))
            return told(f"{count} viewers at 10 Hz", took)
        asyncio.run(drivers.forged_files(address, 100, seed=1))  # what the page keeps for good is there
        before = memory_bytes(pid_of(address))
        ends = asyncio.run(drivers.messages(address, run.key, count))
        answers = drivers.uploads(address, count)
        shown = asyncio.run(drivers.forged_files(address, count))
        grown = settled(address, before)
    return f"{count} messages: {ends}; {count} odd uploads: {answers}; {count} forged files: {shown}; memory {grown}"


def decoded(count: int) -> str:
    """Forged files and odd texts, each to every function that reads one; no server."""
    warnings.simplefilter("ignore")  # Pillow warns of what it mends
    logging.disable()  # and Streamlit of a page's functions outside a page
    found = {"files": decoding.files(count), "texts": decoding.texts(count)}
    return "\n".join(f"{count} {name}: {report}" + "".join(report.faults[:3]) for name, report in found.items())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument(
        "what", choices=("sessions", "viewers", "links", "strangers", "slowing", "soak", "page", "uploads")
    )
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--servers", type=int, default=1, help="so many servers of one home behind nginx (sessions)")
    given = parser.parse_args()
    if given.what == "uploads":
        print(decoded(given.count), f"(load {os.getloadavg()[0]:.1f})")
        return
    os.environ |= {"TORCHLIGHT_SESSIONS": "2000", "TORCHLIGHT_SESSIONS_EACH": "2000", "TORCHLIGHT_VIEWERS_EACH": "2000"}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        replicas(Path(home), given.servers) as address,
    ):
        print(report(given.what, address, Path(home), given.count, given.seconds), f"(load {os.getloadavg()[0]:.1f})")


if __name__ == "__main__":
    main()
