"""Serve the live view over made-up runs: `python -m tests.harness.app [port]`; `?runs=a,b` names the runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
import uvicorn
from starlette.routing import WebSocketRoute

from tests.harness.mock import HUB

PORT = 8599


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, object]]:
    pulse = asyncio.create_task(HUB.tick())
    yield {}
    pulse.cancel()


def app(socket: bool = True) -> st.App:
    """The harness; without `socket` the route is missing, so that the view must fall back."""
    routes = [WebSocketRoute("/live/{key}", HUB.watch)] if socket else []
    return st.App(Path(__file__).with_name("page.py"), lifespan=lifespan, routes=routes)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    port = int(next((word for word in arguments if word.isdigit()), PORT))
    uvicorn.run(app("poll" not in arguments), host="127.0.0.1", port=port, log_level="warning")
