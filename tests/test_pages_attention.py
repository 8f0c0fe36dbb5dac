"""The attention page without a browser: selections and texts from strangers, broken twins, what is said in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from models.attention import AttentionTraining
from models.experiment import BadExperiment
from models.metrics.cell import row
from pages.parts.attention.panels import panels
from pages.parts.attention.selection import Selection
from state import links
from state.runs import runs
from tests.test_pages import visit
from tests.waiting import until_ended

PAGE = Path(__file__).parents[1] / "pages" / "attention.py"
QUICK = AttentionTraining(steps=100, length=8, num_layers=2, num_heads=2, seed=9)


@pytest.fixture(scope="module", autouse=True)
def trained(shared_home: Path) -> None:
    until_ended(runs().open(QUICK))
    until_ended(runs().open(QUICK.but(positions="none")))


def page(**address: str) -> AppTest:
    return visit(PAGE, {**links.write(QUICK), **address})


@given(some.text() | some.from_regex(r"(head\.(self|cross)\.\d+\.\d+|cell\.\d+\.\d+|example\.\d+)(,cell\.\d+\.\d+)*"))
def test_any_view_is_a_selection(view: str) -> None:
    chosen = Selection.read(view, "self")
    assert chosen.layer >= 0 and chosen.head >= 0 and chosen.example >= 0


@pytest.mark.parametrize("view", ["head.self.99.99,cell.500.500,example.9", "head.cross.0.0,cell.1.1", "cell.7.8"])
def test_a_selection_that_is_not_there_is_no_fault(view: str) -> None:
    app = page(view=view)
    assert not app.exception and not app.error


def test_the_chosen_head_is_told_in_words() -> None:
    app = page(view="head.self.1.0")
    said = next(caption.value for caption in app.caption if caption.value.startswith("Layer 2, head 1 at step 100"))
    assert "entropy" in said and "positions away" in said


def test_a_twin_without_positions_gets_its_lesson() -> None:
    app = page(twin="positions:none")
    sentence = next(text.value for text in app.markdown if text.value.startswith("Only"))
    assert "tokens are a bag" in sentence or "alike" in sentence
    assert not app.exception


def test_a_text_that_is_no_task_is_refused_everywhere() -> None:
    with pytest.raises(BadExperiment, match="own"):
        QUICK.but(task="own_pairs", own="no pair at all")
    app = visit(PAGE, {"task": "own_pairs", "own": "no pair at all", "steps": "50"})
    assert not app.exception and "own" in app.warning[0].value


def test_a_text_that_is_too_long_is_refused_in_words_and_nothing_is_demanded_of_own_data() -> None:
    app = visit(PAGE, {"task": "own_text"})
    assert not app.exception and not any("Rings" in caption.value for caption in app.caption)
    app.text_area(key="attention.own").set_value("ab " * 2000).run()
    assert not app.exception and "6,000 characters" in app.warning[0].value
    assert app.button(key="attention.train").disabled
    demanded = [column["name"] for panel in panels(QUICK.but(task="own_pairs")) for column in panel.get("columns", ())]
    assert "loss" in demanded and "agreement" not in demanded


def test_silenced_heads_are_named_as_on_the_page() -> None:
    app = page(changes="50:knocked_out:self.1.0", at="40")
    told = " ".join(text.value for text in app.markdown)
    assert "silenced heads → layer 2, head 1." in told and "self.1.0" not in told
    assert not app.exception


def test_the_numbers_of_a_cell_are_those_of_its_map() -> None:
    """What the neuron view shows is computed from recorded queries and keys; the map was painted by the model."""
    for positions in ("rope", "alibi", "learned"):
        experiment = QUICK.but(positions=positions, architecture="decoder", task="reverse", steps=3)
        snapshot = next(iter(experiment.train()))
        tokens = experiment.probe().input_BT[0]
        for query in (0, 5, 11):
            found = row(snapshot, experiment.plan(), (tokens, tokens), ("self", 0, 1, 1), query)  # type: ignore[arg-type]
            assert found is not None
            shown = snapshot.arrays["maps_self"][0, 1, 1, query] / 255  # type: ignore[union-attr]
            np.testing.assert_allclose(found.weight_S.numpy(), shown, atol=1 / 510 + 1e-6)
            torch.testing.assert_close((found.weight_S[:, None] * found.v_SD).sum(0), found.out_D)
            torch.testing.assert_close((found.q_D * found.k_SD).sum(-1), found.raw_S)
            assert found.weight_S.sum().item() == pytest.approx(1)
