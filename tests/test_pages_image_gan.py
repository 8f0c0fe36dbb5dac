"""The page of image GANs, run as Streamlit runs it: every tab on a trained model, or what it says instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from models.image_gan import ImageGan
from state import links
from state.runs import runs
from tests.waiting import until_ended

ROOT = Path(__file__).parents[1]
QUICK = ImageGan(steps=20, width=32, seed=2)
TOLD = QUICK.but(conditional=True, architecture="dcgan")
STYLED = QUICK.but(architecture="style", conditional=True)
TABS = [
    (QUICK, "Truncation"), (QUICK, "From picture to picture"), (QUICK, "Which classes come"), (QUICK, "Does it copy?"),
    (TOLD, "Class and truncation"), (TOLD, "From picture to picture"), (STYLED, "Class and truncation"),
    (STYLED, "Style mixing"), (STYLED, "Does it copy?"),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def trained(shared_home: Path) -> None:
    for experiment in (QUICK, TOLD, STYLED):
        until_ended(runs().open(experiment))


def visit(experiment: ImageGan, tab: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.run()
    app.switch_page(str(ROOT / "pages" / "image_gan.py"))
    for name, value in links.write(experiment).items():
        app.query_params[name] = value
    app.session_state["image_gan.tabs"] = tab
    return app.run()


@pytest.mark.parametrize(("experiment", "tab"), TABS, ids=[f"{e.architecture}-{tab}" for e, tab in TABS])
def test_every_tab_works_on_a_trained_model(experiment: ImageGan, tab: str) -> None:
    app = visit(experiment, tab)
    assert not app.exception and not app.error
    assert any("step 20" in caption.value for caption in app.caption)


def test_other_noise_and_another_cut_redraw_the_matrix() -> None:
    app = visit(STYLED, "Style mixing")
    app.button(key="image_gan.mixing.again").click().run()
    app.slider(key="image_gan.mixing.cut").set_value(4).run()
    assert not app.exception and app.session_state["image_gan.mixing.turn"] == 1


def test_a_tab_says_so_where_nothing_is_trained() -> None:
    app = visit(QUICK.but(seed=9), "Does it copy?")
    assert not app.exception and any("Train first" in info.value for info in app.info)
