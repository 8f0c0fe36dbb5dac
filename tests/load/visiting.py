"""A visit without a browser: Streamlit's own socket, spoken to as its page does, and the socket of a live run."""

from __future__ import annotations

import asyncio
import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileUploaderState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect


class Visit:
    """One session: asks for reruns, and tells how long each took, which exceptions and alerts were drawn."""

    def __init__(self, socket: ClientConnection, address: str = "") -> None:
        self.socket = socket
        self.exceptions: list[str] = []
        self.alerts: list[str] = []
        self.widgets: dict[str, str] = {}
        """Widgets' own names by the keys that the pages gave them, as far as they were drawn."""
        self.states: dict[str, WidgetState] = {}
        """What a browser would remember of them."""
        self.address, self.heard = address, ForwardMsg()
        self.kept: set[str] = set()
        """Large messages of the run before, which a browser keeps: unchanged, they come as their hash alone."""

    async def rerun(self, page: str = "", query: str = "", within_s: float = 60.0) -> float:
        """Seconds until the page is drawn; raises `TimeoutError`."""
        message = BackMsg()
        message.rerun_script.widget_states.widgets.extend(self.states.values())
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        message.rerun_script.cached_message_hashes.extend(self.kept)
        self.kept = set()
        began = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        async with asyncio.timeout(within_s):
            while not self._over(await self.socket.recv()):
                pass
        return time.perf_counter() - began

    def set(self, key: str, kind: str, value: Any) -> None:
        """What the widget of this key tells the server from now on; `kind` as in Streamlit's WidgetState."""
        state = self.states[key] = WidgetState(id=self.widgets[key])
        if isinstance(value, str | bytes | int | float):
            setattr(state, kind, value)
        else:
            getattr(state, kind).CopyFrom(value)

    async def upload(self, key: str, names_files: Sequence[tuple[str, bytes]]) -> list[int]:
        """Give these files to the file uploader of this key, as its page would; the statuses, 0 where it was cut."""
        asked, statuses = BackMsg(), list[int]()
        asked.file_urls_request.request_id = "ask"
        asked.file_urls_request.file_names.extend(name for name, _ in names_files)
        await self.socket.send(asked.SerializeToString())
        async with asyncio.timeout(60):
            while self.heard.WhichOneof("type") != "file_urls_response":
                self._over(await self.socket.recv())
        state = FileUploaderState()
        for (name, raw), urls in zip(names_files, self.heard.file_urls_response.file_urls, strict=True):
            statuses.append(await asyncio.to_thread(put, self.address + urls.upload_url, name, raw))
            if statuses[-1] < 300:
                state.uploaded_file_info.add(name=name, size=len(raw), file_id=urls.file_id, file_urls=urls)
        self.heard = ForwardMsg()
        self.set(key, "file_uploader_state_value", state)
        return statuses

    def _over(self, raw: Any) -> bool:
        said = self.heard = ForwardMsg()
        said.ParseFromString(raw)
        kind = said.WhichOneof("type")
        if said.metadata.cacheable or kind == "ref_hash":
            self.kept.add(said.hash or said.ref_hash)
        if kind == "delta":
            element = getattr(said.delta.new_element, said.delta.new_element.WhichOneof("type") or "", None)
            # "$$ID-<digest>-<key>": so that every widget of a key can be found whatever its kind.
            if (name := getattr(element, "id", "")).startswith("$$ID-"):
                self.widgets[name.split("-", 2)[2]] = name
        if kind == "delta" and said.delta.new_element.WhichOneof("type") == "exception":
            shown = said.delta.new_element.exception
            self.exceptions.append(f"{shown.type}: {shown.message} {list(shown.stack_trace)}")
        if kind == "delta" and said.delta.new_element.WhichOneof("type") == "alert":
            self.alerts.append(said.delta.new_element.alert.body)
        return kind == "script_finished" and said.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN


def put(url: str, name: str, raw: bytes) -> int:
    """Upload a file to this address of Streamlit's, with the token against forged requests; the answer's status."""
    origin = "/".join(url.split("/", 3)[:3])
    with urllib.request.urlopen(f"{origin}/_stcore/health", timeout=20) as answer:
        cookie = str(answer.headers["set-cookie"]).split(";")[0]
    said = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")  # as browsers write names into forms
    head = f'--x\r\ncontent-disposition: form-data; name="a"; filename="{said}"\r\n\r\n'.encode()
    headers = {"content-type": "multipart/form-data; boundary=x", "cookie": cookie,
               "x-xsrftoken": cookie.partition("=")[2].strip('"')}  # fmt: skip
    request = urllib.request.Request(url, head + raw + b"\r\n--x--\r\n", headers, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except urllib.error.URLError:  # refused, and the line cut, before all of it was sent
        return 0


@contextlib.asynccontextmanager
async def visit(address: str) -> AsyncIterator[Visit]:
    """A session of the server at `address`, closed in the end."""
    where = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with connect(where, origin=address, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[arg-type,list-item]
        yield Visit(socket, address)


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
