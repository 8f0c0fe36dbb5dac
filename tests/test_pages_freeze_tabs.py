"""The measuring tabs of the freeze lab, without a browser: before anybody pressed, and on a run that has measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.label_budget import LabelBudget
from models.shift_map import ROUND, ShiftMap
from pages.parts.freezing import labels, shift
from state.runs import runs
from tests.test_pages import visit
from tests.waiting import until_ended

PAGE = Path(__file__).parents[1] / "pages" / "freezing.py"


@pytest.mark.parametrize(("tab", "name"), [("How many labels", "labels"), ("What kind of shift", "shift")])
def test_a_tab_offers_to_measure_what_is_missing(shared_home: Path, tab: str, name: str) -> None:
    app = visit(PAGE)
    app.session_state["freezing.tabs"] = tab
    app.run()
    assert not app.exception and not app.error
    assert app.button(key=f"freezing.{name}.go").label == "Measure"
    assert any("Nobody has measured this" in info.value for info in app.info)


def test_a_half_measured_map_is_drawn(shared_home: Path) -> None:
    experiment = ShiftMap(updates=20, steps=10)
    until_ended(runs().open(experiment))
    run = runs().find(experiment.key)
    picture = run.snapshot(10) if run else None
    assert picture is not None and ROUND > 10
    said = shift.heat(picture.arrays["test_KPS"].astype(float))
    assert said.count("·") == ROUND - 10 and said.count("tf-best") == 3
    assert shift.gradients(picture.arrays["pulled_KLS"].astype(float)).count("tf-best") == 3


def test_half_measured_curves_are_drawn(shared_home: Path) -> None:
    experiment = LabelBudget(updates=20, steps=3)
    until_ended(runs().open(experiment))
    run = runs().find(experiment.key)
    picture = run.snapshot(3) if run else None
    assert picture is not None
    assert "NaN" not in str(labels.chart(picture.arrays, dark=True).to_dict())
    assert "·" in labels.numbers(picture.arrays)
