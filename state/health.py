"""Is it alive, is it ready, how is it: three routes for whoever runs a public server.

`/healthz` says that the process answers, `/readyz` that a visitor could train now (503 and the reasons where not),
and `/metrics`, for who brings the token of `TORCHLIGHT_ADMIN_TOKEN`, tells numbers in the text format of Prometheus.
None of them names a visitor, a path or a setting.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from state.database import FAULTS
from state.gate import GATE
from state.hosts import served
from state.latency import PICTURES, RERUNS
from state.lease import holder
from state.overview import overview, resident_bytes
from state.row import ACTIVE, ENDED
from state.runs import Runs, runs

LEAST_FREE_BYTES = 200_000_000
"""Less room on the disk than this, and nobody should be sent here to train."""
STATES = ("queued", *ACTIVE, "paused", *ENDED)


def faults(store: Runs) -> list[str]:
    """What keeps a visitor from training here now; empty where nothing does."""
    found = []
    try:
        store.list()
    except (*FAULTS, OSError):
        found.append("the list of runs cannot be read")
    if not os.access(store.home, os.W_OK):
        found.append("the store cannot be written")
    elif shutil.disk_usage(store.home).free < LEAST_FREE_BYTES:
        found.append("the disk is full")
    if holder(store.home / "supervisor.lock") is None:
        found.append("nobody starts runs")
    return found


def measured(store: Runs, connections: Mapping[str, int]) -> dict[str, float]:
    """The operator's numbers by name, in the units that their names say."""
    now = overview(store)
    return {
        **{f'runs{{state="{state}"}}': float(now.states.get(state, 0)) for state in STATES},
        "slots": float(now.slots),
        "store_bytes": float(now.stored_bytes),
        "store_bytes_most": float(now.most_bytes),
        "disk_free_bytes": float(now.free_bytes),
        "resident_bytes": float(resident_bytes()),
        **{f"{name}_open": float(count) for name, count in connections.items()},
    }


class Health:
    """The three routes; `connections` tells how many sessions and sockets are open."""

    def __init__(self, connections: Callable[[], Mapping[str, int]], store: Runs | None = None) -> None:
        self._connections, self._store = connections, store

    @property
    def store(self) -> Runs:
        return self._store or runs()

    def routes(self) -> list[Route]:
        return [Route("/healthz", self.alive), Route("/readyz", self.ready), Route("/metrics", self.metrics)]

    async def alive(self, _request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def ready(self, _request: Request) -> Response:
        try:
            found = await asyncio.to_thread(lambda: faults(self.store))
        except (*FAULTS, OSError, RuntimeError):
            found = ["the store cannot be opened"]
        return JSONResponse({"ready": not found, "faults": found}, 503 if found else 200)

    async def metrics(self, request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        address = request.client.host if request.client else ""
        if not GATE.token() or not served(request.headers.get("host", "")):
            return PlainTextResponse("Not found\n", 404)
        if (wait_s := GATE.wait_s(address)) > 0:
            return PlainTextResponse("Too many wrong tokens.\n", 429, {"retry-after": f"{wait_s:.0f}"})
        if not GATE.opens(address, given):
            return PlainTextResponse("The token is missing or wrong.\n", 401, {"www-authenticate": "Bearer"})
        found = await asyncio.to_thread(lambda: measured(self.store, self._connections()))
        said = "".join(f"torchlight_{name} {value:g}\n" for name, value in found.items())
        return PlainTextResponse(said + RERUNS.lines("rerun") + PICTURES.lines("picture"))
