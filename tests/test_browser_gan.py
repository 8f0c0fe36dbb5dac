"""The layers of the GAN's picture in a real browser: what is switched on changes the picture and stands in the link."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext

from models.gan import GanTraining
from state import links
from state.runs import runs
from tests.browsing import painted, picture, press, settled, wait, watch
from tests.waiting import until_ended

pytestmark = pytest.mark.browser

QUICK = GanTraining(steps=300, seed=17)


def test_layers_are_switched_on_and_live_in_the_link(app: str, visitor: BrowserContext) -> None:
    run = until_ended(runs().open(QUICK))
    query = "&".join(f"{name}={value}" for name, value in links.write(QUICK).items())
    page = watch(visitor, f"{app}/gan?{query}")
    wait(lambda: painted(page, run.key) == QUICK.steps, page)
    settled(page)
    for name, layer in (
        ("Generator as a net", "manifold"), ("Gradient on samples", "arrows"), ("Optimal discriminator D*", "optimal")
    ):  # fmt: skip
        before = picture(page)
        page.get_by_role("button", name=f"Show or hide: {name}").or_(
            page.get_by_role("button", name=name)
        ).first.click()
        wait(lambda before=before: picture(page) != before, page)  # type: ignore[misc]
        wait(lambda layer=layer: layer in page.url, page)  # type: ignore[misc]
    press(page, "Home", lambda: painted(page, run.key) == 0)
