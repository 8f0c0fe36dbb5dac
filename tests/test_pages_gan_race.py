"""The race's page and the bench of methods without a browser: what is said is what the run measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from models.gan_race import GanRace
from models.methods import METHODS, SLICES, WAYS, MethodsBench
from pages.parts.freezing.methods import regularisers, sentence, ways
from pages.parts.race import board
from state import links
from state.runs import runs
from tests.test_pages import visit
from tests.waiting import until_ended

PAGE = Path(__file__).parents[1] / "pages" / "gan_race.py"
RACE = GanRace(seeds=3, width=8, steps=12, variants="non_saturating,wgan_clip,r1")


@pytest.fixture(scope="module", autouse=True)
def trained(shared_home: Path) -> None:
    until_ended(runs().open(RACE))


def page(**address: str) -> AppTest:
    app = visit(PAGE, {**links.write(RACE), **address})
    assert not app.exception and not app.error
    return app


def test_the_board_holds_every_kind_and_the_sentence_a_verdict() -> None:
    app = page()
    told = " ".join(str(block.proto.body) for block in app.get("html"))
    assert all(board.named(name) in told for name in RACE.names)
    assert any("against **Non-saturating**" in text.value for text in app.markdown)


def test_a_link_of_a_stranger_is_corrected_and_not_a_traceback() -> None:
    app = visit(PAGE, {**links.write(RACE), "variants": "nobody,<script>"})
    assert not app.exception and any("corrected" in warning.value for warning in app.warning)


def test_nobody_is_first_by_noise_alone() -> None:
    random = np.random.default_rng(0)
    arrays = {"energy_AS": 0.02 + 0.01 * random.random((3, 3))}
    assert set(board.compared(RACE, arrays, "r1")[1]) <= {"undecided", "equal"}
    clear = {"energy_AS": np.array([[0.2, 0.21, 0.22], [0.5, 0.52, 0.51], [0.2, 0.21, 0.22]])}
    assert board.compared(RACE, clear, "r1")[1][1] == "worse"


def test_the_bench_says_only_what_was_measured() -> None:
    seeds = MethodsBench().seeds
    arrays = {"test_MS": np.full((len(METHODS), seeds), np.nan), "source_MS": np.full((len(METHODS), seeds), 0.9),
              "estimate_WS": np.full((len(WAYS), seeds), np.nan), "absent_W": np.zeros(len(WAYS), int)}  # fmt: skip
    arrays["test_MS"][0], arrays["test_MS"][1] = np.linspace(0.6, 0.7, seeds), np.linspace(0.7, 0.8, seeds)
    told = regularisers(arrays)
    assert told.count("<tr") == 3 and "Weight decay" in told and "Dropout" not in told and ways(arrays) == ""
    assert "helps: Weight decay" in sentence(arrays) and MethodsBench().steps == SLICES * (len(METHODS) + len(WAYS))
