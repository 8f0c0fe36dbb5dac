"""What a visitor takes along, in a real browser: figures, a film, and a report that needs nothing else."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from models.gan import GanTraining
from pages.parts import export
from pages.parts.live.module import module
from state.links import write
from state.runs import Runs
from tests.browsing import ROOT, SCRUBBER, answers, free_port, settled, wait
from tests.waiting import until

pytestmark = pytest.mark.browser

PAINT = module(export.HERE, ("ink", "figure"))
BOTH = """async () => {
  const [view] = window.__torchlightViews;
  const svg = window.__figure.drawing(view, 4);
  const canvas = window.__figure.pixels(view, 1);
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  await image.decode();
  const drawn = document.createElement("canvas");
  [drawn.width, drawn.height] = [canvas.width, canvas.height];
  drawn.getContext("2d").drawImage(image, 0, 0);
  return [svg, canvas.toDataURL(), drawn.toDataURL()];
}"""


@pytest.fixture(scope="module")
def harness() -> Iterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.harness.app", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        until(lambda: answers(address))
        yield address
    finally:
        process.kill()
        process.wait()


def opened(page: Page, address: str) -> None:
    page.goto(address)
    wait(lambda: bool(page.evaluate("() => Object.keys(window.__torchlight?.painted ?? {}).length")), page)


def pixels(address: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))) as image:
        return np.asarray(image.convert("RGB"), float)


@pytest.mark.parametrize(
    "query",
    [
        "runs=doneone&panels=plane,images,loss,distance", "runs=donedecoder&panels=heads,head,profile,sheet,loss",
        "runs=donedecoder&panels=heads,head&view=surface,form.lines",
        "runs=donefreeze&panels=bands,layers,weights,trails",
    ],
)  # fmt: skip
def test_the_svg_of_every_panel_is_the_canvas(harness: str, browser: Browser, query: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    opened(page, f"{harness}/?{query}")
    settled(page)
    page.evaluate(f"() => {{ {PAINT}\nwindow.__figure = {{ drawing, pixels }}; }}")
    svg, canvas, drawn = page.evaluate(BOTH)
    page.close()
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert "NaN" not in re.sub(r'data:[^"]*', "", svg)
    one, other = pixels(canvas), pixels(drawn)
    assert len(np.unique(one.reshape(-1, 3), axis=0)) > 50  # a picture, not bare paper
    far = np.abs(one - other)
    # Letters are set in another font, and edges fall between pixels; what is missing or misplaced shows.
    assert far.mean() < 6 and (far.max(2) > 60).mean() < 0.04


def test_a_run_is_taken_along_as_figure_film_and_report(
    app: str, visitor: BrowserContext, shared_home: Path, tmp_path: Path
) -> None:
    experiment = GanTraining(steps=60)
    with Runs(shared_home) as store:
        run = store.open(experiment)
        until(lambda: run.status().ended)
    page = visitor.new_page()
    page.set_default_timeout(60_000)
    opened(page, f"{app}/gan?" + "&".join(f"{name}={value}" for name, value in write(experiment).items()))
    # What perfect samples reach is computed beside the page; its panels come when it is known.
    expect(page.get_by_text("Energy distance to the data").first).to_be_visible()
    settled(page).get_by_role("tab", name="Export", exact=True).click()
    last = page.get_by_label("To step")
    wait(lambda: last.input_value() != "", page)
    last.fill("9")
    files = {}
    for button in ("PNG", "SVG", "GIF", "CSV", "Report (HTML)"):
        with page.expect_download(timeout=60_000) as download:
            page.get_by_role("button", name=button, exact=True).click()
        files[button] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[button])
    stem = f"torchlight-gan-{run.key[:6]}"
    assert [path.name for path in files.values()] == [
        f"{stem}-60.png", f"{stem}-60.svg", f"{stem}-9.gif", f"{stem}-60.csv", f"{stem}-60.html",
    ]  # fmt: skip
    with Image.open(files["PNG"]) as png, Image.open(files["GIF"]) as gif:
        assert gif.n_frames == 10 and gif.width <= 800 and png.width > 1800  # type: ignore[attr-defined]
        assert abs(gif.width / gif.height - png.width / png.height) < 0.2  # a legend may break into more lines
        first = np.asarray(gif.convert("RGB"), int)
        gif.seek(9)
        assert np.abs(np.asarray(gif.convert("RGB"), int) - first).max() > 100
    page.close()
    the_report_stands_alone(visitor, files["Report (HTML)"])


def the_report_stands_alone(visitor: BrowserContext, path: Path) -> None:
    visitor.set_offline(True)
    page = visitor.new_page()
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    opened(page, path.as_uri())
    slider = page.get_by_role("slider", name=SCRUBBER)
    expect(page.get_by_text("python -m state train GanTraining")).to_be_visible()
    picture = "() => document.querySelector('canvas').toDataURL()"
    before = page.evaluate(picture)
    slider.focus()
    slider.press("Home")
    wait(lambda: set(page.evaluate("() => Object.values(window.__torchlight.painted)")) == {0}, page)
    wait(lambda: page.evaluate(picture) != before, page)
    assert asked == [path.as_uri()] and not faults
