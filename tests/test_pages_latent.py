"""The latent-space page, run as Streamlit runs it: every tab on a trained model, and whatever a browser may say."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from models.autoencoder import LatentSpace
from pages.parts import watching
from pages.parts.latent.own import drawn
from pages.parts.latent.studio import MOST_POINTS, picked
from pages.parts.table import Table
from state import links
from state.runs import runs
from tests.waiting import until_ended

ROOT = Path(__file__).parents[1]
QUICK = LatentSpace(steps=30, width=32, seed=2)
DISCRETE = QUICK.but(model="vq_vae", codes=16)
SPRITES = QUICK.but(data="sprites", latent_dim=6)
CONDITIONAL = QUICK.but(model="cvae")
PLAIN = QUICK.but(model="ae", latent_dim=5, architecture="conv")
READS = QUICK.but(decoder="autoregressive", latent_dim=3)
TABS = [
    (QUICK, "Drag and it morphs"), (QUICK, "Path studio"), (QUICK, "The bound opened"), (QUICK, "Attribute algebra"),
    (QUICK, "Your own picture"), (DISCRETE, "Paint in codes"), (SPRITES, "Known factors"), (PLAIN, "Path studio"),
    (PLAIN, "Attribute algebra"), (CONDITIONAL, "Path studio"), (CONDITIONAL, "Your own picture"),
    (PLAIN, "Drag and it morphs"), (READS, "Code or chance?"), (READS, "The bound opened"),
]  # fmt: skip
odd = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=9) | some.dictionaries(some.text(), inner),
)


@pytest.fixture(scope="module", autouse=True)
def trained(shared_home: Path) -> None:
    for experiment in (QUICK, DISCRETE, SPRITES, CONDITIONAL, PLAIN, READS):
        until_ended(runs().open(experiment))


def visit(experiment: LatentSpace, tab: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.run()
    app.switch_page(str(ROOT / "pages" / "latent.py"))
    for name, value in links.write(experiment).items():
        app.query_params[name] = value
    app.session_state["latent.tabs"] = tab
    return app.run()


@pytest.mark.parametrize(("experiment", "tab"), TABS, ids=[f"{e.model}-{e.data}-{tab}" for e, tab in TABS])
def test_every_tab_works_on_a_trained_model(experiment: LatentSpace, tab: str) -> None:
    app = visit(experiment, tab)
    assert not app.exception and not app.error
    assert any("step 30" in caption.value for caption in app.caption)


def test_a_tab_says_so_where_nothing_is_trained() -> None:
    app = visit(QUICK.but(seed=9), "Path studio")
    assert not app.exception and any("Train first" in info.value for info in app.info)


@given(odd | some.fixed_dictionaries({"picks": some.fixed_dictionaries({"model": some.just("m"), "points": odd})}))
def test_picked_points_are_places_or_nothing(value: object) -> None:
    found = picked(value, "m")
    assert len(found) <= MOST_POINTS and all(np.isfinite(place).all() and len(place) == 2 for place in found)


@given(some.fixed_dictionaries({"levels": odd | some.text("0123456789abcdef", min_size=1024, max_size=1024)}))
def test_a_drawing_is_a_picture_or_nothing(result: dict[str, object]) -> None:
    found = drawn(result, 28, 20 / 28)
    assert found is None or (found.shape == (1, 784) and bool(torch.isfinite(found).all()) and float(found.max()) == 1)


def test_vae_against_gan_offers_to_train_what_is_missing() -> None:
    app = visit(QUICK, "VAE against GAN")
    assert not app.exception and app.button(key="latent.rivals").label == "Train 10 runs"


def test_another_seed_keeps_the_schedule_of_the_story() -> None:
    story = next(story.experiment for story in LatentSpace.stories() if story.experiment.changes)
    laid: list[Table] = []
    lab: Any = SimpleNamespace(open_all=lambda experiment, beside: True, lay=laid.append)
    watching.obey(lab, Table(story, story), [], watching.Command("restart", 0))
    assert laid[0].shown == story.but(seed=story.seed + 1) and laid[0].shown.changes == story.changes
