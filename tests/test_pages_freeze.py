"""The freeze lab without a browser: every tab on a trained run, links from strangers, and what may be said of seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from models.experiment import Snapshot
from models.layers.plans import STRATEGIES
from models.transfer import FreezeLab
from pages.parts.freezing import names, plans
from pages.parts.freezing.own import beginnings
from pages.parts.freezing.panels import panels
from pages.parts.freezing.standings import said, standings
from pages.parts.freezing.view import View
from state import links
from state.runs import runs
from tests.test_pages import visit
from tests.waiting import until_ended

PAGE = Path(__file__).parents[1] / "pages" / "freezing.py"
TINY = {"per_class": 2, "steps": 8, "pretraining": 50, "seed": 5}
QUICK = FreezeLab(strategies="scratch,head_only,full", seeds=3, tried=3, **TINY)
PAIR = FreezeLab(strategies="head_only,full", seeds=2, **TINY)
PAINTED = ".".join(["0000000000"] * 4 + ["9999900000", "9999999999"])


@pytest.fixture(scope="module", autouse=True)
def trained(shared_home: Path) -> None:
    for experiment in (QUICK, PAIR):
        until_ended(runs().open(experiment))


def page(experiment: FreezeLab = QUICK, **address: str) -> AppTest:
    app = visit(PAGE, {**links.write(experiment), **address})
    assert not app.exception and not app.error
    return app


def table(app: AppTest) -> str:
    """The standings, as HTML."""
    return " ".join(str(block.proto.body) for block in app.get("html"))


def made_up(accuracy_AS: np.ndarray) -> Snapshot:
    """A picture of strategies with these test accuracies, at one rate."""
    accuracy_ARS = accuracy_AS[:, None].astype(np.float32)
    still = {"source_ARS": accuracy_ARS, "diverged_ARS": np.zeros_like(accuracy_ARS, np.uint8)}
    best = {"best_A": np.zeros(len(accuracy_AS), np.int32), "evaluated": np.array([8], np.int32)}
    return Snapshot(8, {"accuracy_ARS": accuracy_ARS, "test_ARS": accuracy_ARS, **still, **best})


def test_the_verdict_and_the_standings_are_those_of_the_run() -> None:
    app = page()
    sentence = next(text.value for text in app.markdown if "against **Full fine-tuning**" in text.value)
    assert sentence.startswith("At step 8, on 1,000 test pictures, 3 seeds")
    run = runs().find(QUICK.key)
    assert run is not None
    picture = run.snapshot(8)
    assert picture is not None
    head = picture.arrays["test_ARS"][1, picture.arrays["best_A"][1]].mean()
    assert f"<b>{100 * head:.1f}</b>" in table(app) and table(app).count("tf-whisker") >= 3


def test_the_baseline_and_one_rate_for_all_live_in_the_link() -> None:
    app = page(view="base.head_only,same.0,arm.full")
    assert any("against **Head only**" in text.value for text in app.markdown)
    assert app.selectbox(key="freezing.baseline.en").value == "head_only"
    app.selectbox(key="freezing.baseline.en").set_value("scratch").run()
    assert not app.exception and set("".join(app.query_params["view"]).split(",")) == {
        "base.scratch",
        "same.0",
        "arm.full",
    }
    app.selectbox(key="freezing.same.en").set_value(-1).run()
    assert set("".join(app.query_params["view"]).split(",")) == {"base.scratch", "arm.full"}


@given(some.text() | some.from_regex(r"(base|same)\.[a-z0-9_]{1,30}(,(base|same)\.\d+)*", fullmatch=True))
def test_any_view_is_a_baseline_and_a_rate(view: str) -> None:
    found = View.read(view, QUICK)
    assert found.baseline in QUICK.arms and (found.rate is None or found.rate < 3)
    assert View.read(found.written(view, QUICK), QUICK) == found


def test_two_seeds_allow_no_verdict_and_no_band() -> None:
    app = page(PAIR)
    assert any("two seeds allow no verdict" in text.value for text in app.markdown)
    assert "too few for an interval" in panels(PAIR)[0]["note"]


def test_only_what_the_test_allows_is_said() -> None:
    """A clear lead is named; noise of the same mean is not."""
    base_S = np.array([0.6, 0.7, 0.65, 0.62, 0.68])
    clear_S, noise_S = base_S + 0.1 + 0.001 * np.arange(5), base_S + 0.1 * np.array([3, -1, 2, -2, 3])
    experiment = FreezeLab(strategies="scratch,head_only,full", seeds=5, **TINY)
    found = standings(experiment, made_up(np.stack([noise_S, clear_S, base_S])), View("full"))
    assert found is not None
    told = said(found)
    assert "better: **Head only (+10.2)**" in told and "no difference shown: From scratch" in told


@pytest.mark.parametrize("tab", ["Plans", "Errors", "Cost", "Compare with a twin", "Share and take along"])
def test_every_tab_works_on_a_trained_run(tab: str) -> None:
    app = visit(PAGE, links.write(QUICK))
    app.session_state["freezing.tabs"] = tab
    app.run()
    assert not app.exception and not app.error


def test_without_a_strategy_nothing_can_be_trained() -> None:
    app = page()
    app.get("button_group")[0].set_value([]).run()
    assert not app.exception and any("at least one strategy" in text.value for text in app.warning)
    assert app.button(key="freezing.train").disabled


def test_a_painted_plan_in_a_link_takes_part() -> None:
    app = page(QUICK.but(own_plan=PAINTED, tried=1))
    assert not app.warning and any("Nobody has trained these settings" in text.value for text in app.info)
    spoken = plans.spoken(plans.followed(QUICK.but(own_plan=PAINTED), "own"))
    assert all(said in spoken.replace("\u00a0", " ") for said in (
        "conv1 learns in 0 %", "hidden learns in 50 %", "head learns in 100 %",
    ))  # fmt: skip


def test_a_plan_that_changed_is_drawn_as_it_was_followed() -> None:
    changed = QUICK.but(own_plan=PAINTED).fork(4, own_plan=".".join(["9999999999"] * 6))
    followed_TL = plans.followed(changed, "own")
    assert followed_TL[:4, 0].max() == 0 and followed_TL[4:, 0].min() > 0


def test_every_strategy_has_a_name_a_line_and_a_place_to_begin() -> None:
    assert set(names.names()) == set(names.explained()) == set(names.LINES) == set(names.ALL)
    assert len(set(names.LINES.values())) == len(names.ALL)
    assert len(beginnings()) == len(STRATEGIES) - 2
    assert all(FreezeLab(own_plan=str(plan["text"])).arms[-1] == "own" for plan in beginnings())
