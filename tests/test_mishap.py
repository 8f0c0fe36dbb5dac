"""A page that raises, in a real server: one sentence in the visitor's language, a number, and a way on."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.gan import GanTraining
from state import links
from state.runs import Runs
from tests.browsing import ROOT, answers, free_port
from tests.load.visiting import Visit, put, visit
from tests.processes import end_processes
from tests.toys import wait
from tests.waiting import until

BROKEN = """
import sys
sys.path.insert(0, ".")
import pages.parts.gan.failing as failing, pages.parts.lessons.board as board
def broken(*_, **__): raise ValueError("secret of the machine")
board.place = failing.diagnose = broken
from streamlit.web.cli import main
sys.argv = ["streamlit", "run", "app.py", *sys.argv[1:]]
main()
"""
"""The server, with a fault in the list of lessons, and one in a fragment of the GAN page."""
QUICK = GanTraining(steps=60)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    home, port = tmp_path_factory.mktemp("home"), free_port()
    with Runs(home) as store:
        wait(store.open(QUICK))
    with open(home / "said.log", "wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", BROKEN, "--server.headless", "true", "--server.port", str(port)],
            cwd=ROOT, env={**os.environ, "TORCHLIGHT_HOME": str(home), "TORCHLIGHT_PREPARE": "0"},
            stdout=said, stderr=said,
        )  # fmt: skip
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}", home
    finally:
        process.kill()
        process.wait()
        end_processes(home)


@pytest.mark.parametrize(
    ("page", "query", "sentence"),
    [
        ("lessons", "lang=en", "This page met a fault of ours"),
        ("lessons", "lang=vi", "Trang này gặp lỗi của chúng tôi"),
        ("gan", "", "This page met a fault of ours"),
    ],
    ids=["page", "page in Vietnamese", "fragment"],
)
def test_a_visitor_reads_a_sentence_and_the_log_has_the_rest(
    broken: tuple[str, Path], page: str, query: str, sentence: str
) -> None:
    address, home = broken

    async def see() -> Visit:
        async with visit(address) as here:
            await here.rerun(page, query or "&".join(f"{name}={value}" for name, value in links.write(QUICK).items()))
            return here

    here = asyncio.run(see())
    assert here.exceptions == []
    said = next(alert for alert in here.alerts if sentence in alert)
    assert "secret" not in said and "Traceback" not in said
    number = re.findall(r"[0-9a-f]{6}", said)[-1]
    until(lambda: number in (home / "said.log").read_text())
    assert "secret of the machine" in (home / "said.log").read_text()


def test_a_file_that_another_site_s_page_sends_is_refused(broken: tuple[str, Path]) -> None:
    """Such a page can have a browser send its cookies, but cannot read them: it lacks the token that repeats one."""
    place = f"{broken[0]}/_stcore/upload_file/visit/file"
    forged = urllib.request.Request(place, b"x", {"content-type": "multipart/form-data; boundary=x"}, method="PUT")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(forged, timeout=20)
    assert refused.value.code == 403
    refused.value.close()
    assert put(place, "file", b"x") not in (
        0,
        403,
    )  # with the token it is refused for another reason: there is no such visit
