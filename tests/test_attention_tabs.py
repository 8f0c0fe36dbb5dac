"""The tabs of the attention page: what they say is what was computed, and no visitor meets a traceback."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from models.attention import AttentionTraining
from models.experiment import Checkpoint
from models.layers.study import Study
from models.metrics.ablation import matrix
from models.metrics.rankings import against_leave_one_out
from models.metrics.writing import Manner, answer, prompt_of
from models.running import stream
from pages.parts.words import translate
from state.runs import runs
from tests.waiting import until, until_ended

GPT = AttentionTraining(
    architecture="decoder", task="sort", length=6, symbols=3, num_layers=2, num_heads=2, d_model=32, steps=60, seed=3
)
T5 = AttentionTraining(architecture="encoder_decoder", task="reverse", length=6, symbols=4, num_heads=2, steps=60)
BERT = AttentionTraining(length=8, num_heads=1, steps=40)
SEQUENCE = AttentionTraining(task="induction", length=16, symbols=8, num_layers=2, num_heads=2, steps=30)
ALL = {"decoder": GPT, "encoder_decoder": T5, "encoder": BERT, "sequence": SEQUENCE}
SCRIPT = """
import streamlit as st
from models.attention import AttentionTraining
from pages.parts.attention import {tab}
from pages.parts.lab import Lab
from pages.parts.table import Table

shown = AttentionTraining.model_validate_json({json!r})
st.session_state["lang"] = {language!r}
lab = Lab(family="attention", cls=AttentionTraining, line="", front=("task",), panels=lambda experiment: [])
{tab}.draw(lab, st.session_state.get("attention.table") or Table(shown, shown, at={at}, view="head.self.1.1"))
"""


@pytest.fixture(scope="module", autouse=True)
def trained(shared_home: Path) -> None:
    for experiment in ALL.values():
        until_ended(runs().open(experiment))


def visit(tab: str, experiment: AttentionTraining, at: int | None = None, language: str = "en") -> AppTest:
    """The tab alone, once everything it computes is there."""
    json = experiment.model_dump_json()
    app = AppTest.from_string(SCRIPT.format(tab=tab, json=json, at=at, language=language), default_timeout=30)
    return settled(app)


def settled(app: AppTest) -> AppTest:
    """The page when nothing is being computed any more."""
    end = time.monotonic() + 60
    app.run()
    while any(caption.value in ("Computing …", translate("Computing …", "vi")) for caption in app.caption):
        assert time.monotonic() < end and not app.exception
        time.sleep(0.1)
        app.run()
    assert not app.exception and not app.error
    return app


def study(experiment: AttentionTraining, at: int = 10**9) -> Study:
    checkpoint = runs().find(experiment.key).checkpoint(at)  # type: ignore[union-attr]
    assert isinstance(checkpoint, Checkpoint)
    return experiment.revive(checkpoint)


def said(app: AppTest) -> str:
    """Everything on the page that is text."""
    html = [re.sub(r"<style>.*?</style>|<[^>]+>", " ", each.proto.body, flags=re.S) for each in app.get("html")]
    return " ".join([*(each.value for each in (*app.markdown, *app.caption, *app.info, *app.warning)), *html])


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("tab", ["knockout", "explain", "generate"])
@pytest.mark.parametrize("which", ALL)
def test_every_tab_draws_every_shape_in_every_language(tab: str, which: str, language: str) -> None:
    app = visit(tab, ALL[which], language=language)
    assert (app.caption and app.get("html")) or (tab, which) == ("generate", "encoder")


@pytest.mark.parametrize("tab", ["knockout", "explain", "generate"])
def test_without_a_run_the_tab_says_what_to_do(tab: str) -> None:
    app = visit(tab, GPT.but(seed=987))
    assert len(app.info) == 1 and "train" in app.info[0].value


def test_the_matrix_on_screen_is_that_of_the_weights_of_the_step() -> None:
    for at in (20, None):
        app = visit("knockout", GPT, at)
        held = runs().find(GPT.key).checkpoint(10**9 if at is None else at)  # type: ignore[union-attr]
        assert held is not None and f"step {held.step}." in said(app)
        worth = matrix(study(GPT, held.step))
        for drop, error in zip(worth.drop["self"].flat, worth.error["self"].flat, strict=True):
            assert f"{round(drop, 3):g}" in said(app) and f"± {round(error, 3):g}" in said(app)
        assert f"{round(float(worth.drop['self'].max()), 3):g}" in app.markdown[0].value


def test_several_heads_are_silenced_together_and_from_here_on() -> None:
    app = visit("knockout", GPT, 20)
    app.multiselect[0].set_value(["self.0.0", "self.1.0"])
    assert "Together they cost" in said(settled(app))
    step = runs().find(GPT.key).checkpoint(20).step  # type: ignore[union-attr]
    app.button(key="attention.silence").click().run()
    fork = GPT.fork(step, knocked_out="self.0.0+self.1.0", steps=max(60, step + 50))
    run = runs().find(fork.key)
    assert run is not None and app.session_state["attention.table"].shown == fork
    until_ended(run)
    assert fork.revive(run.checkpoint(10**9)).model.attentions("self")[0].silence is not None  # type: ignore[arg-type]
    assert "layer 1, head 1; layer 2, head 1" in said(settled(app))
    app.button(key="attention.speak").click().run()
    assert app.session_state["attention.table"].shown.at(10**9).knocked_out == ""
    until_ended(runs().open(app.session_state["attention.table"].shown))


def test_what_is_said_about_explanations_is_what_was_measured() -> None:
    app, told = visit("explain", GPT), said(visit("explain", GPT))
    over = against_leave_one_out(study(GPT), (1, 1))
    for each in over.agreements:
        assert f"{round(each.rho, 2):g}" in told and f"{round(each.low, 2):g} … {round(each.high, 2):g}" in told
    assert ("No winner" in told) == (over.best is None)
    app.number_input(key="attention.explain.example").set_value(7)
    assert said(settled(app)) != told


def test_the_written_tokens_are_those_of_the_seed_and_a_typed_prompt_is_answered() -> None:
    app = visit("generate", GPT)
    drawn = GPT.source().held_out(100, stream(GPT.seed, "writing"))
    single = type(drawn)(*(part[:1] for part in vars(drawn).values()))
    wanted = answer(study(GPT), prompt_of(GPT, single, 1), Manner())
    words = GPT.source().vocabulary
    assert " ".join(words[token] for token in wanted.tokens) in " ".join(said(app).split())
    app.text_input[0].set_value("2 1 0 0 2 1")
    app.slider(key="attention.generate.temperature").set_value(0.0)
    assert "Right" in said(settled(app)) or "001122" in said(app)
    app.text_input[0].set_value("seven")
    assert len(settled(app).warning) == 1


@pytest.mark.parametrize("text", ["\0", "<script>", "→→→", "9" * 400, "0"])
def test_nothing_that_is_typed_ends_in_a_traceback(text: str) -> None:
    for experiment in (GPT, T5, SEQUENCE):
        app = visit("generate", experiment)
        app.text_input[0].set_value(text)
        settled(app)


def test_while_a_run_trains_its_numbers_stay_until_newer_ones_are_asked_for() -> None:
    long = GPT.but(steps=20_000, seed=11)
    run = runs().open(long)
    until(later_than(long, 0))
    app = visit("knockout", long)
    first = step_of(app)
    until(later_than(long, first))
    assert step_of(settled(app)) == first
    app.button(key="attention.newest").click()
    assert step_of(settled(app)) > first
    run.stop()
    until_ended(run)


def later_than(experiment: AttentionTraining, step: int) -> Callable[[], bool]:
    run = runs().find(experiment.key)
    return lambda: run is not None and (found := run.checkpoint(10**9)) is not None and found.step > step


def step_of(app: AppTest) -> int:
    told = re.search(r"saved at step ([\d,]+)", said(app))
    assert told is not None
    return int(told[1].replace(",", ""))
