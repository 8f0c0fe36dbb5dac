"""The GAN page without a browser: every kind of run draws, failures are named, cured and visited, hostile links too."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from models.gan import GanTraining
from pages.parts.gan.panels import panels
from state import links
from state.runs import runs
from tests.test_pages import ROOT, visit
from tests.waiting import until_ended

PAGE = ROOT / "pages" / "gan.py"
CIRCLE = GanTraining(data="dirac", loss="minimax", k_d=1, lr_d=0.1, lr_g=0.1, steps=400, seed=4)
WILD = next(story.experiment for story in GanTraining.stories() if story.name == "Divergence").but(steps=40, seed=4)


@pytest.fixture(scope="module", autouse=True)
def trained(shared_home: Path) -> None:
    for experiment in (CIRCLE, WILD):
        until_ended(runs().open(experiment))


def page(experiment: GanTraining) -> AppTest:
    app = visit(PAGE, links.write(experiment))
    assert not app.exception and not app.error
    return app


@pytest.mark.parametrize("loss", GanTraining.knobs()["loss"].options)
@pytest.mark.parametrize("data", ["ring", "digits", "dirac"])
def test_every_loss_draws_on_all_kinds_of_data(loss: str, data: str) -> None:
    drawn = panels(GanTraining.of({"loss": loss, "data": data, "constraint": "clip"}), beside=True)
    assert [panel["title"] for panel in drawn if not panel["title"]] == []
    arrays = {
        panel[part] for panel in drawn for part in ("points", "surface", "optimal", "arrows", "path") if part in panel
    }
    assert arrays <= set(GanTraining.wire)
    pictures = [panel for panel in drawn if panel["kind"] != "curves"]
    beside = data == "ring" and loss in ("non_saturating", "minimax", "least_squares")
    assert len(pictures) == (2 if beside else 1)


def test_changes_are_marked_on_the_curves() -> None:
    changed = GanTraining(steps=100).fork(30, lr_d=0.01).fork(60, loss="hinge")
    curves = [panel for panel in panels(changed) if panel["kind"] == "curves"]
    assert all([mark["step"] for mark in panel["marks"]] == [30, 60] for panel in curves)


def test_an_oscillation_is_named_and_its_cure_is_laid_beside_it() -> None:
    app = page(CIRCLE)
    assert app.warning[0].value.startswith("**Oscillation**")
    app.button(key="gan.cure.twin").click().run()
    assert not app.exception and app.session_state["gan.table"].twin == ("r1_gamma", 0.3)
    assert runs().find(CIRCLE.but(r1_gamma=0.3).key) is not None


def test_a_fork_with_the_cure_changes_the_one_knob_from_there_on() -> None:
    app = page(CIRCLE)
    app.button(key="gan.cure.fork").click().run()
    shown = app.session_state["gan.table"].shown
    assert shown.changes == ((399, "r1_gamma", 0.3),) and runs().find(shown.key) is not None


def test_a_divergence_is_named_and_in_vietnamese_as_well() -> None:
    app = page(WILD)
    assert any("Divergence" in warning.value for warning in app.warning)
    app.session_state["lang"] = "vi"
    app.run()
    assert not app.exception and any("Phân kỳ" in warning.value for warning in app.warning)


def test_the_museum_lays_failure_and_cure_side_by_side() -> None:
    app = page(CIRCLE)
    app.session_state["gan.tabs"] = "Failure museum"
    app.run()
    app.button(key="gan.museum.Oscillation").click().run()
    table = app.session_state["gan.table"]
    assert not app.exception and table.beside == ("r1_gamma", (0.3,)) and table.shown.data == "dirac"


def test_the_lens_opens_on_a_trained_game() -> None:
    app = page(CIRCLE)
    app.session_state["gan.tabs"] = "Game dynamics"
    app.run()
    assert not app.exception and not app.error


@pytest.mark.parametrize("address", [{"constraint": "rope"}, {"pack": "99"}, {"unroll": "-1"}, {"data": "nothing"}])
def test_links_that_make_no_game_are_corrected(address: dict[str, str]) -> None:
    app = visit(PAGE, {**address, "steps": "60"})
    assert not app.exception and next(iter(address)) in app.warning[0].value


def test_the_optimal_discriminator_is_offered_once_there_is_a_game_to_look_at() -> None:
    def offered() -> bool:
        return any("D*" in box.label for box in page(game).toggle)

    game = GanTraining(steps=20, seed=4242)
    assert not offered()
    until_ended(runs().open(game))
    assert offered()
