"""Scripts are compressed once, by the best that a browser takes, and are the same scripts."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator

import brotli
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from state import packing
from state.packing import FOR_GOOD, Compressed

SCRIPT = "".join(f"export const value{number} = {number * number};\n" for number in range(2000))
LASTING = {"cache-control": "public, immutable, max-age=31536000", "etag": '"a1"'}
asked: list[str] = []


def script(request: Request) -> Response:
    asked.append(request.url.path)
    if "range" in request.headers:
        return PlainTextResponse(SCRIPT[:10], 206, {"content-range": f"bytes 0-9/{len(SCRIPT)}"})
    if request.url.path.startswith("/page/"):  # what Streamlit does not know is a page's path to it
        return PlainTextResponse(SCRIPT, 200, {"cache-control": "no-cache"})
    return PlainTextResponse(SCRIPT, 200, LASTING if "index" in request.url.path else {"cache-control": "public"})


@pytest.fixture
def client() -> Iterator[TestClient]:
    asked.clear()
    with TestClient(Compressed(Starlette(routes=[Route("/{name:path}", script)]))) as client:
        yield client


def raw(client: TestClient, path: str, **headers: str) -> tuple[bytes, Response]:
    with client.stream("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}) as got:
        return b"".join(got.iter_raw()), got


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("br", "br"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, br;q=0.9", "br"),
        ("gzip, br;q=0", "gzip"),
        ("br; q=0.0, gzip", "gzip"),
        ("gzip", "gzip"),
        ("identity", None),
    ],
)
def test_whatever_a_browser_takes_it_is_the_same_script(client, accepted, encoding):
    undo = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}
    for _again in range(2):
        body, answer = raw(client, "/static/js/index.1a.js", accept_encoding=accepted)
        assert answer.headers.get("content-encoding") == encoding
        assert undo[encoding](body).decode() == SCRIPT
        assert "accept-encoding" in answer.headers["vary"].lower()


def test_a_script_is_read_once_and_soon_as_small_as_can_be(client):
    first, answer = raw(client, "/static/js/index.1a.js", accept_encoding="br")
    assert answer.headers["etag"] == 'W/"a1"' and "immutable" in answer.headers["cache-control"]
    smallest, until = brotli.compress(SCRIPT.encode(), quality=11), time.monotonic() + 30
    assert len(smallest) < len(first)
    while (found := raw(client, "/static/js/index.1a.js", accept_encoding="br")[0]) != smallest:
        assert found == first and time.monotonic() < until
        time.sleep(0.02)
    assert asked == ["/static/js/index.1a.js"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/static/js/gone.2b.js", {}),  # what may be another text tomorrow
        ("/static/js/index.1a.js", {"range": "bytes=0-9"}),
        ("/_stcore/health", {}),
        ("/_stcore/bidi-components/another.live/live.0123456789abcdef.js", {}),
        ("/page/_stcore/bidi-components/torchlight.live/live.0123456789abcdef.js", {}),
        ("/static//js/index.1a.js", {}),  # one file under as many names as a stranger likes
    ],
)
def test_nothing_else_is_kept(client, path, headers):
    for _again in range(2):
        _body, answer = raw(client, path, accept_encoding="gzip, br", **headers)
        if path.endswith(".js") and not headers:
            assert answer.headers["content-encoding"] == "gzip"
        assert "page" not in path or answer.headers["cache-control"] == "no-cache"
    assert len(asked) == 2


def test_no_stranger_fills_the_memory(client, monkeypatch):
    monkeypatch.setattr(packing, "MOST_KEPT", 1)
    for name in "abb":
        raw(client, f"/static/js/index.{name}.js", accept_encoding="br")
    assert asked[1:] == ["/static/js/index.b.js"] * 2


@pytest.mark.parametrize("accepted", ["gzip, br", "gzip", "identity"])
def test_scripts_of_our_own_components_are_for_good(client, accepted):
    path = "/_stcore/bidi-components/torchlight.live/live.0123456789abcdef.js"
    for _again in range(2):
        assert raw(client, path, accept_encoding=accepted)[1].headers["cache-control"] == FOR_GOOD
    assert len(asked) == (1 if "br" in accepted else 2)
