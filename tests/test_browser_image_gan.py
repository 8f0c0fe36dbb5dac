"""The sliders of an image GAN in a real browser: its generator is the model's, and pictures follow the thumb."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page

from models.image_gan import ImageGan
from models.layers.image_gan.discriminators import one_hot
from models.layers.image_gan.generators import StyleGenerator, everywhere
from state import links
from state.runs import runs
from tests.browsing import settled, wait
from tests.waiting import until_ended

pytestmark = pytest.mark.browser

TINY = ImageGan(steps=30, width=32, seed=3)
KINDS = [TINY, TINY.but(architecture="dcgan", conditional=True), TINY.but(architecture="style", conditional=True)]
FRAME_MS = 50.0


def opened(browser: Browser, app: str, experiment: ImageGan) -> Page:
    until_ended(runs().open(experiment), 240.0)
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(f"{app}/image_gan?" + "&".join(f"{name}={value}" for name, value in links.write(experiment).items()))
    page.wait_for_function("() => window.__torchlightSlide", timeout=60_000)
    return page


@pytest.mark.parametrize("experiment", KINDS, ids=["mlp", "dcgan", "style"])
def test_the_browser_paints_as_the_model_does(browser: Browser, app: str, experiment: ImageGan) -> None:
    page = opened(browser, app, experiment)
    checkpoint = runs().open(experiment).checkpoint(experiment.steps)
    assert checkpoint is not None
    made = experiment.revive(checkpoint).average
    z_BZ = torch.randn(4, made.latent, generator=torch.Generator().manual_seed(0))
    class_BC = one_hot(torch.arange(4), made.classes)
    mixes = [[]] * 4 if class_BC is None else class_BC.tolist()
    theirs = page.evaluate(
        "([noise, mixes]) => noise.map((z, row) => window.__torchlightSlide.picture(z, mixes[row], 0.6))",
        [z_BZ.tolist(), mixes],
    )
    with torch.no_grad():
        if isinstance(made, StyleGenerator):
            ours = made.paint(everywhere(made.truncated(made.style(z_BZ, class_BC), 0.6))).sigmoid()
        else:
            ours = made(0.6 * z_BZ, class_BC)
    np.testing.assert_allclose(np.array(theirs), ours.numpy(), atol=1e-4)
    page.close()


def test_pictures_follow_the_slider(browser: Browser, app: str) -> None:
    page = opened(browser, app, KINDS[1])
    slider = settled(page).get_by_role("slider", name="Class", exact=True)
    slider.scroll_into_view_if_needed()
    picture = page.get_by_role("img", name="A picture of G that follows the sliders")
    before = picture.evaluate("canvas => canvas.toDataURL()")
    slider.press("ArrowRight")
    wait(lambda: picture.evaluate("canvas => canvas.toDataURL()") != before, page)

    def slid(key: str) -> bool:
        """Every picture on the way in its time."""
        page.evaluate("() => window.__torchlightSlide.times.splice(0)")
        for _ in range(60):
            slider.press(key)
        times = page.evaluate("() => window.__torchlightSlide.times")
        return len(times) > 5 and float(np.median(times)) < FRAME_MS

    # Where other programs had the cores, on the way back or on the next way.
    wait(lambda: slid("ArrowRight") or slid("ArrowLeft"), page)
    page.close()
