"""Paper mode without a browser: the tab before anybody pressed, and every study's picture and verdicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.metrics.claims import Claim, Part, judge
from models.paper import STUDIES, PaperClaims
from pages.parts.freezing import papers, papers_chart
from tests.test_pages import visit

PAGE = Path(__file__).parents[1] / "pages" / "freezing.py"
RNG = np.random.default_rng(3)


def test_the_tab_offers_every_paper_and_its_button(shared_home: Path) -> None:
    app = visit(PAGE)
    app.session_state["freezing.tabs"] = "Paper mode"
    app.run()
    assert not app.exception and not app.error
    (choice,) = (group for group in app.get("button_group") if "papers" in str(group.key))
    assert len(choice.options) == len(STUDIES)  # type: ignore[union-attr]
    assert app.button(key="freezing.papers.go").label == "Repeat this paper"


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("known", [0, 1, 4])
def test_every_picture_is_drawn_with_as_many_seeds_as_there_are(name: str, known: int) -> None:
    study = STUDIES[name]
    values = {row: np.append(RNG.uniform(0.2, 0.9, known), np.full(4 - known, np.nan)) for row in study.rows}
    for sheet in study.sheets:
        rows = papers_chart.measured(sheet, values)
        assert len(rows) == len(sheet.curves) * len(sheet.places)
        drawn = papers_chart.chart(sheet, rows, dark=True).to_dict()
        assert "NaN" not in str(drawn) and drawn["layer"]
        assert papers_chart.numbers(sheet, rows).count("\n") == len(sheet.curves) + 1
    for finding in judge(study.claims(values)):
        assert papers.ours(finding) and papers.test_of(finding)
        assert (finding.verdict == "undecided") or known >= 3


def test_a_claim_says_what_was_found_what_was_demanded_and_by_which_test() -> None:
    gain_S = np.array([0.02, 0.03, 0.025, 0.028, 0.022])
    (found,) = judge([Claim("text", "published", [Part("FT − LP", gain_S, low=0.0)])])
    assert papers.ours(found).startswith("FT − LP: 2.5 [") and papers.ours(found).endswith("points; demanded: > 0")
    assert papers.test_of(found).startswith("one-sided paired t test, p") and "n = 5" in papers.test_of(found)
    (found,) = judge([Claim("text", "published", [Part("FT − LP", -gain_S, low=0.0)])])
    assert found.verdict == "fail" and "of the opposite" in papers.test_of(found)


def test_a_picture_gives_its_values_back_by_row() -> None:
    experiment = PaperClaims(paper="kumar_2022", seeds=3, steps=1)
    first = next(event for event in experiment.train())
    values = experiment.values(first)  # type: ignore[arg-type]
    assert list(values) == list(experiment.study.rows) and np.isnan(values["full_id"]).all()
