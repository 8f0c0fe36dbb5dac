"""Every page, run as Streamlit runs it but without a browser: no exception, in both languages, from any link."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from models.data.drawing import encode, to_hex
from models.gan import GanTraining
from pages.parts.menu import described_pages
from pages.parts.table import Command, Said
from pages.parts.words import translate
from state import links
from state.runs import runs
from tests.waiting import until, until_ended

json_like = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)
odd = json_like | some.fixed_dictionaries(
    {
        "verb": json_like,
        "step": json_like | some.fixed_dictionaries({"key": json_like, "step": json_like, "turn": json_like}),
    }
)
ROOT = Path(__file__).parents[1]
PAGES = [path for path, _about in described_pages()]
titles = {path: str(about["title"]) for path, about in described_pages()} | {
    path: "Watch neural networks while they learn" for path in PAGES if path.stem == "home"
}
QUICK = GanTraining(steps=60, seed=5)


@pytest.fixture(scope="module", autouse=True)
def trained(shared_home: Path) -> None:
    until_ended(runs().open(QUICK))


def visit(page: Path, address: dict[str, str] | None = None) -> AppTest:
    """The page as a visitor with this address finds it."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    # The frame, which reads the language, does not run again after the switch.
    app.query_params["lang"] = (address or {}).get("lang", "en")
    app.run()
    app.switch_page(str(page))
    for name, value in (address or {}).items():
        app.query_params[name] = value
    return app.run()


def gan(address: dict[str, str] | None = None) -> AppTest:
    return visit(ROOT / "pages" / "gan.py", address)


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("page", PAGES, ids=[path.stem for path in PAGES])
def test_every_page_runs_in_every_language(page: Path, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("state.runs.ensure_supervisor", lambda home: None)  # the first stories need not train for it
    app = visit(page, {"lang": language})
    assert not app.exception and not app.error
    assert app.title[0].value == translate(titles[page], language)
    assert app.session_state["lang"] == language


def test_a_link_sets_the_controls() -> None:
    app = gan(links.write(QUICK.but(lr_d=0.3, data="ring")))
    assert app.select_slider(key="gan.lr_d").value == 0.3
    assert app.selectbox(key="gan.data").value == "ring"


def test_a_damaged_link_is_corrected_and_says_so() -> None:
    app = gan({"lr_d": "a lot", "data": "the moon", "steps": "60"})
    assert not app.exception
    assert "lr_d" in app.warning[0].value and "data" in app.warning[0].value
    assert app.select_slider(key="gan.steps").value == 60


def test_pressing_train_opens_the_run_of_these_settings() -> None:
    wanted = QUICK.but(seed=77)
    app = gan(links.write(wanted))
    assert runs().find(wanted.key) is None
    app.button(key="gan.train").click().run()
    run = runs().find(wanted.key)
    assert run is not None
    until_ended(run)


def test_a_story_is_one_press_away() -> None:
    app = gan()
    story = GanTraining.stories()[1]
    app.button(key=f"gan.story.{story.name}").click().run()
    run = runs().find(story.experiment.key)
    assert run is not None and app.select_slider(key="gan.lr_d").value == story.experiment.lr_d
    run.stop()
    until_ended(run)


def test_moving_a_slider_keeps_the_picture_until_train_is_pressed() -> None:
    app = gan(links.write(QUICK))
    app.slider(key="gan.width").set_value(33).run()
    assert not app.exception
    assert any("Press Train" in caption.value for caption in app.caption)
    assert runs().find(QUICK.but(width=33).key) is None


def test_more_settings_are_drawn_only_while_they_are_open_and_keep_what_they_said() -> None:
    app, hidden = gan(links.write(QUICK)), "gan.batch_size"
    assert hidden not in [each.key for each in app.slider]
    app.session_state["gan.more"] = True
    app.run()
    app.slider(key=hidden).set_value(64).run()
    app.session_state["gan.more"] = False
    app.run()
    assert hidden not in [each.key for each in app.slider]
    app.button(key="gan.train").click().run()
    run = runs().find(QUICK.but(batch_size=64).key)
    assert run is not None and not app.exception
    until_ended(run)
    app.session_state["gan.more"] = True
    app.run()
    assert app.slider(key=hidden).value == 64


def test_the_next_seed_is_offered_for_a_finished_run() -> None:
    app = gan(links.write(QUICK))
    assert app.button(key="gan.train").label == "Train again, seed 6"
    app.button(key="gan.train").click().run()
    until(lambda: runs().find(QUICK.but(seed=6).key) is not None)
    assert app.number_input(key="gan.seed").value == 6


def test_a_twin_differs_in_one_knob_and_the_sentence_carries_numbers() -> None:
    app = gan(links.write(QUICK))
    app.session_state["gan.tabs"] = "Compare with a twin"
    app.run()
    app.selectbox(key="gan.twin.knob.en").set_value("lr_d").run()
    app.select_slider(key="gan.twin.lr_d.en").set_value(0.01).run()
    app.button(key="gan.twin.train").click().run()
    twin = runs().find(QUICK.but(lr_d=0.01).key)
    assert twin is not None
    until_ended(twin)
    app.run()
    sentence = next(text.value for text in app.markdown if text.value.startswith("Only"))
    assert "0.1 and 0.01" in sentence and "At step 60" in sentence and "against" in sentence


def test_a_browser_that_missed_the_message_of_the_values_begins_at_them() -> None:
    app = gan(links.write(QUICK.but(lr_d=0.3, data="ring", width=33))).run()
    # In this run no value is set any more: what a widget begins at is all that a late browser hears.
    assert not app.slider(key="gan.width").proto.set_value
    assert list(app.slider(key="gan.width").proto.default) == [33]
    assert GanTraining.knobs()["data"].options[app.selectbox(key="gan.data").proto.default] == "ring"
    rate = app.select_slider(key="gan.lr_d")
    assert rate.options[int(rate.proto.default[0])] == "0.3"


def test_another_language_leaves_the_settings_alone() -> None:
    app = gan(links.write(QUICK))
    before = {slider.key: slider.value for slider in (*app.select_slider, *app.slider)}
    app.session_state["lang"] = "vi"
    app.run()
    assert app.button(key="gan.train").label.startswith("Huấn luyện")
    assert {slider.key: slider.value for slider in (*app.select_slider, *app.slider)} == before
    assert app.session_state["gan.table"].settings == QUICK
    assert app.selectbox(key="gan.data").value == "gaussians"


def test_a_fork_shows_the_knobs_it_ended_with_and_says_what_changed() -> None:
    fork = QUICK.fork(20, lr_g=0.1)
    until_ended(runs().open(fork))
    app = gan(links.write(fork))
    assert app.select_slider(key="gan.lr_g").value == 0.1
    assert any("at step 20: learning rate of G → 0.1" in text.value for text in app.markdown)
    assert app.session_state["gan.table"].settings == fork


@pytest.mark.parametrize("twin", ["steps:5", "seed:5", "drawing:x", "beta1:0.3", "lr_d:", "x"])
def test_a_twin_that_cannot_be_is_corrected(twin: str) -> None:
    app = gan({**links.write(QUICK), "twin": twin})
    assert not app.exception and "twin" in app.warning[0].value


def test_a_story_s_link_starts_it() -> None:
    story = GanTraining.stories()[2]
    app = gan(links.write(story.experiment))
    run = runs().find(story.experiment.key)
    assert run is not None and not app.exception
    run.stop()


def test_an_empty_drawing_cannot_be_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.parts.brush.brush", lambda *said, **more: {"levels": "0" * 1024})
    app = gan({"data": "drawing", "steps": "60"})
    assert not app.exception and app.button(key="gan.train").disabled


def test_what_is_painted_is_what_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    cross = np.zeros((32, 32), np.uint8)
    cross[16], cross[:, 16] = 15, 15
    monkeypatch.setattr("pages.parts.brush.brush", lambda *said, **more: {"levels": to_hex(cross)})
    app = gan({"data": "drawing", "steps": "60"})
    app.run()
    app.button(key="gan.train").click().run()
    wanted = GanTraining(data="drawing", drawing=encode(cross), steps=60)
    run = runs().find(wanted.key)
    assert run is not None
    until_ended(run)


def test_a_fork_of_a_fork_keeps_what_the_first_fork_changed() -> None:
    once = QUICK.fork(20, lr_d=0.01)
    until_ended(runs().open(once))
    app = gan(links.write(once))
    table = app.session_state["gan.table"]
    app.session_state["gan.table"] = replace(table, fork=40)
    app.session_state["gan.lay"] = True
    app.run()
    assert app.select_slider(key="gan.lr_d").value == 0.01
    app.slider(key="gan.k_d").set_value(5).run()
    app.button(key="gan.train").click().run()
    assert runs().find(once.fork(40, k_d=5).key) is not None


@given(odd)
def test_a_browser_can_say_anything(value: object) -> None:
    said, command = Said.read(value), Command.read(value)
    assert said.rest is None or isinstance(said.rest[0], str)
    assert command is None or isinstance(command.step, int)


def test_only_news_from_the_picture_count() -> None:
    state = {"step": {"key": "k", "step": 3, "turn": 1}, "view": {"layers": "data", "turn": 2}}
    assert Said.read(state) == Said(("k", 3, 1), ("data", 2))
    assert Said.read({"step": {"key": "k", "step": None, "turn": 4}}) == Said(("k", None, 4))
    assert Said.read({"view": {"layers": "<script>", "turn": 1}}) == Said()


def test_what_is_shared_reproduces_the_run() -> None:
    app = gan(links.write(QUICK))
    app.session_state["gan.tabs"] = "Share and take along"
    app.run()
    address, python, command = (code.value for code in app.code)
    assert "seed=5" in address and "steps=60" in address
    assert repr(QUICK) in python and command == "python -m state train GanTraining --steps 60 --seed 5"


def test_a_drawing_that_cannot_be_read_does_not_break_the_page() -> None:
    app = gan({"data": "drawing", "drawing": "!!!", "steps": "60"})
    assert not app.exception and "drawing" in app.warning[0].value
