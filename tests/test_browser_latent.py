"""The pad in a real browser: its decoder is the model's, and the picture follows the finger."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from models.autoencoder import LatentSpace
from models.layers.latent_models import Continuous, Discrete
from state import links
from state.runs import runs
from tests.browsing import settled, wait
from tests.waiting import until_ended

pytestmark = pytest.mark.browser

TINY = {"steps": 40, "width": 32, "seed": 3}
KINDS = [
    LatentSpace(**TINY), LatentSpace(latent_dim=5, architecture="conv", **TINY), LatentSpace(model="cvae", **TINY),
]  # fmt: skip
FRAME_MS = 33.0


def opened(browser: Browser, app: str, experiment: LatentSpace, ready: str) -> Page:
    until_ended(runs().open(experiment))
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(f"{app}/latent?" + "&".join(f"{name}={value}" for name, value in links.write(experiment).items()))
    page.wait_for_function(f"() => window.{ready}", timeout=60_000)
    return page


@pytest.mark.parametrize("experiment", KINDS, ids=["mlp", "conv", "conditional"])
def test_the_browser_decodes_as_the_model_does(browser: Browser, app: str, experiment: LatentSpace) -> None:
    page = opened(browser, app, experiment, "__torchlightPad")
    run = runs().open(experiment)
    checkpoint = run.checkpoint(experiment.steps)
    assert checkpoint is not None
    model = experiment.revive(checkpoint).model
    assert isinstance(model, Continuous)
    z_BZ = torch.randn(5, experiment.latent_dim, generator=torch.Generator().manual_seed(0))
    label_B = torch.arange(5)
    theirs = page.evaluate(
        "([codes, labels]) => codes.map((z, row) => window.__torchlightPad.decode(z, labels[row]))",
        [z_BZ.tolist(), label_B.tolist()],
    )
    with torch.no_grad():
        ours = model.decode(z_BZ, label_B).sigmoid().numpy()
    np.testing.assert_allclose(np.array(theirs), ours, atol=1e-4)
    page.close()


def test_the_picture_follows_the_finger(browser: Browser, app: str) -> None:
    page = opened(browser, app, KINDS[0], "__torchlightPad")
    canvas = settled(page).locator(".tp-map")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    before = page.evaluate("() => [...window.__torchlightPad.pad.z]")

    def dragged() -> bool:
        """Every picture of a drag in its time; where other programs had the cores, in that of the next drag."""
        page.evaluate("() => window.__torchlightPad.times.splice(0)")
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
        page.mouse.down()
        for step in range(60):
            page.mouse.move(box["x"] + (0.3 + 0.006 * step) * box["width"], box["y"] + 0.5 * box["height"])
        page.mouse.up()
        times = page.evaluate("() => window.__torchlightPad.times")
        return len(times) > 5 and float(np.median(times)) < FRAME_MS

    wait(dragged, page)
    wait(lambda: page.evaluate("() => [...window.__torchlightPad.pad.z]") != before, page)
    page.close()


def test_a_painted_code_is_decoded_as_the_model_does(browser: Browser, app: str) -> None:
    experiment = LatentSpace(model="vq_vae", codes=16, **TINY)
    page = opened(browser, app, experiment, "__torchlightPaint")
    checkpoint = runs().open(experiment).checkpoint(experiment.steps)
    assert checkpoint is not None
    model = experiment.revive(checkpoint).model
    assert isinstance(model, Discrete)
    maps = torch.tensor([[0, 1, 2, 3], [5, 5, 5, 5], [15, 0, 7, 9]])
    theirs = page.evaluate("(maps) => maps.map((map) => window.__torchlightPaint.decode(map))", maps.tolist())
    with torch.no_grad():
        ours = model.decode_codes(maps).sigmoid().numpy()
    np.testing.assert_allclose(np.array(theirs), ours, atol=1e-4)
    page.close()


def test_an_uploaded_picture_is_descended_towards_before_the_visitor_s_eyes(browser: Browser, app: str) -> None:
    page = opened(browser, app, KINDS[0], "__torchlightPad")
    settled(page).get_by_role("tab", name="Your own picture").click()
    page.get_by_text("Upload it", exact=True).click()
    file, drawn = io.BytesIO(), np.full((90, 60), 230, np.uint8)
    drawn[10:80, 25:35] = 20
    Image.fromarray(drawn).save(file, "PNG")
    page.set_input_files("input[type=file]", {"name": "one.png", "mimeType": "image/png", "buffer": file.getvalue()})
    page.wait_for_function("() => window.__torchlightDescent?.descent.step > 3", timeout=180_000)
    losses = page.evaluate("() => window.__torchlightDescent.descent.data.losses")
    assert len(losses) == 151 and min(losses) <= losses[0]
    page.locator(".td-bar input").fill("150")
    expect(page.locator(".td-place")).to_contain_text("150")
    page.set_input_files("input[type=file]", {"name": "not.png", "mimeType": "image/png", "buffer": b"not a picture"})
    page.get_by_text("This file cannot be read as a PNG or JPEG picture.").wait_for(timeout=60_000)
    page.close()
