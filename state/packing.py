"""Scripts and styles of the page, compressed: 2.1 MB in sixty files on a first visit, 0.42 MB on the line.

Streamlit leaves them as they are. Their names carry a hash of their content, so each is compressed once in a
server's life: quickly (Brotli 5, faster than gzip and a tenth smaller) for whoever asks first, and then as small as can
be (Brotli 11, another tenth, 50 times slower) in a thread of the lowest priority. All of Streamlit's files together
would take 6 MB of memory. A browser that takes no Brotli (all do over HTTPS and from localhost) gets gzip.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
import queue
import re
import sys
import threading
from dataclasses import dataclass, replace

import brotli
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TEXTS = ("js", "css", "html", "svg")
HASHED = re.compile(r"/_stcore/bidi-components/torchlight\.\w+/\w+\.[0-9a-f]{16}\.js$")
"""Scripts of our own components: Streamlit would have them fetched again at each visit."""
TAKES_BROTLI = re.compile(r"(?:^|,)\s*br\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[^,]*)?(?:,|$)")
FOR_GOOD = "public, immutable, max-age=31536000"
QUICK, SMALL = 5, 11
LOWEST = 19
MOST_KEPT = 1000
"""Files that are kept: some times as many as there are, and no stranger can make up more."""
CONDITIONS = ("range", "if-none-match", "if-modified-since")
"""What asks for something else than the whole file: answered as it always was."""


@dataclass(frozen=True)
class Answer:
    """A whole answer: status and headers as a server would send them, and the body."""

    start: Message
    body: bytes

    @property
    def lasting(self) -> bool:
        """Whether every later answer to this question will be the same, and nobody compressed it yet."""
        headers = Headers(raw=self.start["headers"])
        return (
            self.start["status"] == 200
            and "immutable" in headers.get("cache-control", "")
            and "content-encoding" not in headers
        )

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send(self.start)
        await send({"type": "http.response.body", "body": self.body})


class Compressed:
    """Compresses the page's scripts and styles, and leaves everything else alone."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = self.lasting(app)
        self.gzipped = gzipped(self.app)
        self.packed = dict[str, Answer]()
        self._waiting = queue.SimpleQueue[tuple[str, bytes]]()
        self._smaller: threading.Thread | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].rsplit(".", 1)[-1] not in TEXTS:
            await self.app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]
        whole = scope["method"] == "GET" and not any(name in headers for name in CONDITIONS)
        # A file has one name here: "a/./b" and "a//b" would each be kept as another.
        whole = whole and posixpath.normpath(path) == path
        if not whole or not TAKES_BROTLI.search(headers.get("accept-encoding", "")):
            await self.gzipped(scope, receive, send)
        elif path in self.packed:
            await self.packed[path](scope, receive, send)
        else:
            answer = await heard(self.app, scope, receive)
            if answer.lasting and len(self.packed) < MOST_KEPT:
                plain = answer.body
                answer = self.packed[path] = brief(
                    answer, await asyncio.to_thread(brotli.compress, plain, quality=QUICK)
                )
                self._make_smaller(path, plain)
                await answer(scope, receive, send)
            else:
                await gzipped(answer)(scope, receive, send)

    @staticmethod
    def lasting(app: ASGIApp) -> ASGIApp:
        """The app, with files whose names carry a hash of their content marked as such.

        Streamlit answers a path that it does not know with its page, which is no such file: it says "no-cache".
        """

        async def marked(scope: Scope, receive: Receive, send: Send) -> None:
            async def mark(message: Message) -> None:
                if message["type"] == "http.response.start" and message["status"] == 200:
                    headers = MutableHeaders(scope=message)
                    if "no-cache" not in headers.get("cache-control", ""):
                        headers["cache-control"] = FOR_GOOD
                await send(message)

            hashed = scope["type"] == "http" and HASHED.search(scope["path"])
            await app(scope, receive, mark if hashed else send)

        return marked

    def _make_smaller(self, path: str, plain: bytes) -> None:
        self._waiting.put((path, plain))
        if self._smaller is None:
            self._smaller = threading.Thread(target=self._squeeze, name="packing", daemon=True)
            self._smaller.start()

    def _squeeze(self) -> None:
        if sys.platform == "linux":
            os.nice(LOWEST)  # of this thread alone, there
        while True:
            path, plain = self._waiting.get()
            self.packed[path] = brief(self.packed[path], brotli.compress(plain, quality=SMALL))


def gzipped(app: ASGIApp) -> ASGIApp:
    """The app, compressed anew for each who asks and takes it."""
    return GZipMiddleware(app, minimum_size=1000, compresslevel=5)


async def heard(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """What `app` answers, as a whole; it is not told which compressions are understood."""
    asked = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]}
    starts, parts = list[Message](), list[bytes]()

    async def hear(message: Message) -> None:
        if message["type"] == "http.response.start":
            starts.append(message)
        else:
            parts.append(message.get("body", b""))

    await app(asked, receive, hear)
    return Answer(starts[0], b"".join(parts))


def brief(answer: Answer, body: bytes) -> Answer:
    """The same answer with its body compressed by Brotli."""
    headers = MutableHeaders(raw=list(answer.start["headers"]))
    headers["content-encoding"], headers["content-length"] = "br", str(len(body))
    if "accept-encoding" not in headers.get("vary", "").lower():
        headers.add_vary_header("Accept-Encoding")
    # The entity tag names these bytes; compressed ones are another representation (RFC 9110, section 8.8.3).
    if (tag := headers.get("etag", "")) and not tag.startswith("W/"):
        headers["etag"] = f"W/{tag}"
    return replace(answer, start={**answer.start, "headers": headers.raw}, body=body)
