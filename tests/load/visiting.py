"""A visit without a browser: Streamlit's own socket, spoken to as its page does, and the socket of a live run."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect


class Visit:
    """One session: asks for reruns, and tells how long each took, which exceptions and alerts were drawn."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.exceptions: list[str] = []
        self.alerts: list[str] = []

    async def rerun(self, page: str = "", query: str = "", within_s: float = 60.0) -> float:
        """Seconds until the page is drawn; raises `TimeoutError`."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        began = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        async with asyncio.timeout(within_s):
            while not self._over(await self.socket.recv()):
                pass
        return time.perf_counter() - began

    def _over(self, raw: Any) -> bool:
        said = ForwardMsg()
        said.ParseFromString(raw)
        kind = said.WhichOneof("type")
        if kind == "delta" and said.delta.new_element.WhichOneof("type") == "exception":
            shown = said.delta.new_element.exception
            self.exceptions.append(f"{shown.type}: {shown.message} {list(shown.stack_trace)}")
        if kind == "delta" and said.delta.new_element.WhichOneof("type") == "alert":
            self.alerts.append(said.delta.new_element.alert.body)
        return kind == "script_finished" and said.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN


@contextlib.asynccontextmanager
async def visit(address: str) -> AsyncIterator[Visit]:
    """A session of the server at `address`, closed in the end."""
    where = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with connect(where, origin=address, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[arg-type,list-item]
        yield Visit(socket)


@contextlib.asynccontextmanager
async def watching(address: str, key: str, origin: str | None = None) -> AsyncIterator[ClientConnection]:
    """The live socket of a run, opened as a page of the same server would."""
    where = f"{address.replace('http', 'ws', 1)}/live/{key}"
    async with connect(where, origin=origin or address, max_size=None) as socket:  # type: ignore[arg-type]
        yield socket


def told(name: str, seconds: Sequence[float]) -> str:
    """The median, the 95th percentile and the worst, in ms, of how many."""
    middle, late = np.percentile(np.asarray(seconds) * 1000, [50, 95])
    return f"{name}: n {len(seconds)}, p50 {middle:.0f} ms, p95 {late:.0f} ms, worst {max(seconds) * 1000:.0f} ms"


def memory_bytes(pid: int) -> int:
    """Resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) * 1024
