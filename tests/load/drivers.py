"""The drivers: sessions that rerun, viewers of one run, hostile links, messages and files, coming and going."""

from __future__ import annotations

import asyncio
import json
import random
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from streamlit.proto.Common_pb2 import StringArray
from websockets.exceptions import ConnectionClosed, InvalidStatus

from models.catalogue import experiments
from pages.parts.own.incoming import TYPES
from tests.load import forging
from tests.load.visiting import memory_bytes, visit, watching

PAGES = ("", "gan", "freezing", "memory", "attention", "latent", "runs", "lessons")
SETTLE_S = 6.0
"""How long what has piled up while everybody came at once may take to be worked off."""
ODD = ("", "-1", "1e999", "nan", "9" * 400, "../../etc/passwd", "<script>alert(1)</script>", "'; drop table runs;--",
       "\x00", "\u202e", "0x10", "null", "[]", "{}", "True", "a" * 5000, "🙂" * 50, "1:2:3", "5:lr:nan")  # fmt: skip


async def sessions(address: str, count: int, seconds: float, page: str = "gan") -> list[float]:
    """`count` visitors who each rerun a page once a second, at moments of their own; how long each rerun took.

    Counted from the moment at which a visitor was to ask, so that whoever is kept waiting does not ask less. They ask
    for `SETTLE_S` before it counts: the first look at a page of all at once is worked off by then.
    """
    took: list[float] = []
    here, everybody = 0, asyncio.Event()

    async def one(number: int) -> None:
        nonlocal here
        await asyncio.sleep(number / count)
        async with visit(address) as visitor:
            await visitor.rerun(page, within_s=600)
            here += 1
            if here == count:
                everybody.set()
            await everybody.wait()
            began = time.monotonic()
            due = began + random.Random(number).random()
            while due < began + SETTLE_S + seconds:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await visitor.rerun(page)
                if due > began + SETTLE_S:
                    took.append(time.monotonic() - due)
                due = max(due + 1.0, time.monotonic() - 1.0)  # no more than one is owed

    await asyncio.gather(*map(one, range(count)))
    return took


async def viewers(address: str, key: str, count: int, seconds: float, hertz: float = 10.0) -> list[float]:
    """`count` viewers who each ask for moments at `hertz`; how long each picture took to come."""
    took: list[float] = []

    async def one(number: int) -> None:
        async with watching(address, key) as socket:
            await socket.send(json.dumps({"live": False}))
            await _quiet(socket)
            chance, until = random.Random(number), time.monotonic() + seconds
            await asyncio.sleep(chance.random() / hertz)
            while time.monotonic() < until:
                began = time.perf_counter()
                await socket.send(json.dumps({"at": chance.randrange(300)}))
                await asyncio.wait_for(socket.recv(), 60)
                took.append(time.perf_counter() - began)
                await asyncio.sleep(max(0.0, 1 / hertz - took[-1]))

    await asyncio.gather(*map(one, range(count)))
    return took


async def _quiet(socket: object) -> None:
    """Hears the greeting out."""
    try:
        while True:
            await asyncio.wait_for(socket.recv(), 1.0)  # type: ignore[attr-defined]
    except TimeoutError:
        return


def odd_query(chance: random.Random) -> str:
    """Query parameters as a stranger might write them: real names, odd values, now and then nonsense."""
    names = [name for cls in experiments().values() for name in cls.knobs()]
    names += ["at", "twin", "beside", "view", "changes", "lang", "story", "lesson", "run", "teacher", "x" * 50]
    drawn = {chance.choice(names): chance.choice((*ODD, str(chance.uniform(-9, 9)), str(chance.randrange(999))))
             for _ in range(chance.randrange(1, 8))}  # fmt: skip
    return urlencode(drawn, quote_via=quote)


async def links(address: str, count: int, seed: int = 0, pages: Sequence[str] = PAGES) -> list[str]:
    """Opens `count` odd links in real sessions; what was drawn of exceptions (none should be)."""
    chance, shown = random.Random(seed), list[str]()
    for begin in range(0, count, 50):  # a new visit now and then: what one link leaves behind must not hide another
        async with visit(address) as here:
            for _ in range(min(50, count - begin)):
                page, query = chance.choice(pages), odd_query(chance)
                await here.rerun(page, query)
                faults = [*here.exceptions, *(said for said in here.alerts if "fault of ours" in said)]
                shown += [f"/{page}?{query}: {one}" for one in faults]
                here.exceptions.clear()
                here.alerts.clear()
    return shown


async def messages(address: str, key: str, count: int, seed: int = 0) -> dict[str, int]:
    """Odd keys, origins and messages to `/live/`; how many ended how (no answer may be a 5xx)."""
    chance, ends = random.Random(seed), dict[str, int]()
    for _ in range(count):
        odd_key = chance.choice(
            (key, key, quote(chance.choice(ODD)[:200], safe=""), "..%2f..%2fetc", key.upper() + "x")
        )
        origin = chance.choice((None, None, None, "http://evil.test", "null"))
        end = "heard"
        try:
            async with watching(address, odd_key, origin) as socket:
                said = chance.choice((*ODD[:15], '{"at":1e99}', '{"live":3}', '{"at":-5}', "[" * 5000))
                await socket.send(chance.choice((said, said.encode())))
                await asyncio.wait_for(socket.recv(), 10)
        except InvalidStatus as refused:
            end = f"status {refused.response.status_code}"
        except ConnectionClosed as closed:
            end = f"closed {closed.rcvd.code if closed.rcvd else 0}"
        ends[end] = ends.get(end, 0) + 1
    return ends


def uploads(address: str, count: int, seed: int = 0) -> dict[int, int]:
    """Odd uploads to Streamlit's route, without a session of ours; how many were answered how."""
    chance, answers = random.Random(seed), dict[int, int]()
    for _ in range(count):
        session, file = (quote(chance.choice(ODD)[:100], safe="") or "a" for _ in range(2))
        body = chance.randbytes(chance.randrange(2000))
        headers = {"content-type": chance.choice(("multipart/form-data; boundary=x", "text/plain", "image/png"))}
        request = urllib.request.Request(
            f"{address}/_stcore/upload_file/{session}/{file}",
            body,
            headers,
            method=chance.choice(("PUT", "POST", "DELETE")),
        )
        try:
            status = urllib.request.urlopen(request, timeout=20).status
        except urllib.error.HTTPError as refused:
            status = refused.code
        answers[status] = answers.get(status, 0) + 1
    return answers


@dataclass
class Shown:
    """What a visitor saw of forged files: pages drawn, files taken and refused, faults."""

    pages: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    refusals: int = 0
    faults: list[str] = field(default_factory=list)


async def forged_files(address: str, count: int, seed: int = 0, each: int = 4) -> Shown:
    """Gives `count` forged files to the page of own classes, in real sessions, as a browser would."""
    chance, shown = random.Random(seed), Shown()
    given = [forging.valid(kind) for kind in forging.KINDS] + list(forging.built())
    while shown.answers.total() < count:
        async with visit(address) as here:
            await here.rerun("own_classes", "lang=en", within_s=120)
            here.set("own.how", "string_array_value", StringArray(data=["Upload"]))
            await here.rerun("own_classes", "lang=en")
            uploader = next(key for key in here.widgets if key.startswith("own.files."))
            for _ in range(5):
                raws = [given.pop(0) if given else forging.file(chance) for _ in range(each)]
                # No browser sends a NUL in a name; Streamlit raises at one, and the page says its sentence for faults.
                names = [f"{chance.choice(ODD)[:200]}.{chance.choice(TYPES)}".replace("\0", "_") for _ in raws]
                files = list(zip(names, raws, strict=True))
                shown.answers.update(await here.upload(uploader, files))
                here.alerts.clear()
                await here.rerun("own_classes", "lang=en", within_s=120)
                shown.pages += 1
                shown.refusals += sum("is no picture" in said for said in here.alerts)
                shown.faults += [*here.exceptions, *(said for said in here.alerts if "fault of ours" in said)]
                here.exceptions.clear()
    return shown


async def soak(
    address: str, pid: int, seconds: float, at_once: int = 4, hertz: float = 1.45, weighings: int = 10
) -> tuple[int, int, list[int]]:
    """Visitors come, look at pages and go; sessions, reruns, and memory at equal moments, the last one in the end.

    `at_once` visitors together ask for about `hertz` pages a second: in two hours 500 sessions and 10,000 updates.
    """
    visits, reruns, memory = 0, 0, list[int]()
    began = time.monotonic()

    async def one(number: int) -> None:
        nonlocal visits, reruns
        chance = random.Random(number)
        while time.monotonic() - began < seconds:
            async with visit(address) as here:
                visits += 1
                for _ in range(chance.randrange(5, 34)):
                    await here.rerun(chance.choice(PAGES))
                    reruns += 1
                    await asyncio.sleep(2 * chance.random() * at_once / hertz)

    async def weigh() -> None:
        for _ in range(weighings):
            await asyncio.sleep(seconds / weighings)
            memory.append(memory_bytes(pid))

    await asyncio.gather(weigh(), *map(one, range(at_once)))
    await asyncio.sleep(5)
    return visits, reruns, [*memory, memory_bytes(pid)]
