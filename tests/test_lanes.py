"""Lanes: runs that differ in one knob stand in one link, start at one press and are told apart by that knob."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.memory import CopyMemory
from pages.parts import lanes
from pages.parts.memory.standings import common_step, standing, verdict
from state import links
from state.runs import runs
from tests.test_pages import ROOT, visit
from tests.waiting import until_ended

QUICK = CopyMemory(delay=5, steps=30, width=16, batch_size=4, seed=3)
BESIDE = ("model", ("lstm", "gru"))


def test_a_link_carries_its_lanes() -> None:
    link = links.read(CopyMemory, links.write(QUICK, beside=BESIDE))
    assert (link.experiment, link.beside, link.corrected) == (QUICK, BESIDE, ())


@pytest.mark.parametrize(
    "text",
    ["", "model", "model:", "model:transformer", "model:lstm,lstm", "model:x", "steps:5", "delay:1,2,3,6", "x:1"],
)
def test_lanes_that_cannot_be_are_corrected(text: str) -> None:
    link = links.read(CopyMemory, {**links.write(QUICK), "beside": text})
    assert link.beside is None and link.corrected == ("beside",)


def test_together_differ_in_one_knob_alone() -> None:
    first, *others = lanes.together(QUICK, BESIDE)
    assert first == QUICK and [one.differences(QUICK).keys() for one in others] == [{"model"}] * 2


def test_one_press_trains_every_lane_and_the_page_tells_who_stands_where(shared_home: Path) -> None:
    app = visit(ROOT / "pages" / "memory.py", links.write(QUICK.but(seed=4), beside=BESIDE))
    if not (found := [runs().find(one.key) for one in lanes.together(QUICK.but(seed=4), BESIDE)])[0]:
        app.button(key="memory.train").click().run()
        found = [runs().find(one.key) for one in lanes.together(QUICK.but(seed=4), BESIDE)]
    for run in found:
        assert run is not None
        until_ended(run)
    app.run()
    assert not app.exception and not app.error
    assert any("At step 30:" in text.value for text in app.markdown)
    table = app.session_state["memory.table"]
    assert table.beside == BESIDE and table.link()["beside"] == "model:lstm,gru"
    told = [standing(one, run) for one, run in zip(lanes.together(QUICK.but(seed=4), BESIDE), found, strict=True)]
    assert all(one is not None and len(one.accuracy) == 30 for one in told)
    assert common_step([one for one in told if one], None) == 30 and "LSTM" in verdict(
        [one for one in told if one], None
    )
    seconds = told[0].seconds  # type: ignore[union-attr]
    assert (np.diff(seconds) > 0).all() and told[0].steps_by(float(seconds[9])) == 10  # type: ignore[union-attr]
