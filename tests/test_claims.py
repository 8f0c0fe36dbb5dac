"""Paper mode: what a claim needs to pass, and that a study that was stopped goes on as if it had not been."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy import stats

from models import paper
from models.data.transfers import transfer
from models.experiment import Checkpoint, Snapshot
from models.layers import stack
from models.layers.arms import Arm
from models.layers.studies import ewc
from models.layers.studies.repetition import Inputs, Repetition, Work, falling, learner, preferred, right, tiled
from models.layers.studies.study import Curve, Sheet, Study, Values
from models.metrics.claims import Claim, Finding, Part, judge
from models.paper import PORTIONS, STUDIES, PaperClaims

torch.set_num_threads(1)
RNG = np.random.default_rng(0)


def one(*parts: Part, test: str = "t") -> Finding:
    return judge([Claim("", "", parts, test=test)])[0]  # type: ignore[arg-type]


def test_a_single_inequality_is_the_one_sided_t_test() -> None:
    values_S = RNG.normal(0.3, 1.0, 12)
    found = one(Part("", values_S, low=0.1))
    assert found.p_holds == pytest.approx(stats.ttest_1samp(values_S, 0.1, alternative="greater").pvalue, abs=1e-12)
    assert found.p_breaks == pytest.approx(stats.ttest_1samp(values_S, 0.1, alternative="less").pvalue, abs=1e-12)


def test_an_equality_takes_both_one_sided_tests() -> None:
    values_S = RNG.normal(0.0, 0.01, 10)
    found = one(Part("", values_S, low=-0.02, high=0.02))
    low = stats.ttest_1samp(values_S, -0.02, alternative="greater").pvalue
    high = stats.ttest_1samp(values_S, 0.02, alternative="less").pvalue
    assert found.p_holds == pytest.approx(max(low, high), abs=1e-12) and found.verdict == "pass"
    assert one(Part("", values_S + 0.05, low=-0.02, high=0.02)).verdict == "fail"


def test_a_claim_of_several_parts_is_as_weak_as_its_weakest() -> None:
    strong, weak = RNG.normal(1.0, 0.1, 8), RNG.normal(0.02, 0.1, 8)
    both = one(Part("strong", strong, low=0.0), Part("weak", weak, low=0.0))
    assert both.p_holds == pytest.approx(one(Part("", weak, low=0.0)).p_holds) and both.weakest == 1
    reversed_ = one(Part("strong", strong, low=0.0), Part("other", -strong, low=0.0))
    assert reversed_.verdict == "fail"


def test_the_sign_test_counts_seeds() -> None:
    values_S = np.array([0.1] * 9 + [-5.0])
    assert one(Part("", values_S, low=0.0), test="sign").p_holds == pytest.approx(11 / 1024)


def test_below_three_seeds_nothing_is_said() -> None:
    assert one(Part("", np.array([1.0, 1.1, np.nan]), low=0.0)).verdict == "undecided"


def test_among_claims_that_are_all_at_their_bounds_one_in_twenty_papers_passes_any() -> None:
    papers = 500
    wrong = 0
    for _paper in range(papers):
        noise = RNG.normal(0.0, 1.0, (4, 10))
        findings = judge([Claim("", "", [Part("", values_S, low=0.0)]) for values_S in noise])
        wrong += any(finding.verdict == "pass" for finding in findings)
    assert wrong / papers < 0.05 + 3 * np.sqrt(0.05 * 0.95 / papers)


def toy_run(block: Repetition) -> Work[None]:
    data = transfer("glyphs")
    batches = block.batches("a", 200, 4, 1)
    low = yield from block.train(learner(block.fresh("a"), falling(7), (0.05,)), data.source, batches)
    arm = learner(tiled(low, 2), falling(6, (3, 4, 5)), (0.01, 0.05))
    nets = yield from block.train(arm, data.target, block.batches("b", 200, 4, 2))
    block.tell("accuracy", right(preferred(nets, data.validation, 2, 1), data.test, 200)[0])


def toy_claims(values: Values) -> Sequence[Claim]:
    return [Claim("", "", [Part("", values["accuracy"], low=0.0)])]


TOY = Study(
    "", "", ("accuracy",), 2, 13, toy_run, toy_claims, (Sheet("", ("a",), (Curve("a", ("accuracy",)),)),)
)  # fmt: skip


def test_a_study_that_was_stopped_anywhere_goes_on_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(paper.STUDIES, "yosinski_2014", TOY)  # type: ignore[arg-type]
    monkeypatch.setattr(paper, "PORTIONS", 2 * TOY.ticks)
    whole = PaperClaims(seeds=3, steps=2 * TOY.ticks)
    last = [event for event in whole.train() if isinstance(event, Snapshot)][-1]
    assert np.isfinite(last.arrays["values_RS"]).all()
    # Within the first stack, between two stacks, within the second, between two repetitions, within the last one.
    for steps in (3, 7, 9, 13, 24):
        start = [event for event in whole.but(steps=steps).train() if isinstance(event, Checkpoint)][-1]
        rest = [event for event in whole.train(start) if isinstance(event, Snapshot)][-1]
        np.testing.assert_array_equal(rest.arrays["values_RS"], last.arrays["values_RS"])


@pytest.mark.parametrize("start", range(1, 6))
def test_layers_looked_up_are_those_computed(start: int) -> None:
    begun = [part.double() for part in Repetition(0, (0, 1), {}).fresh("net")]
    pictures_NHW = transfer("glyphs").target.images_N1SS[:30, 0].double()
    index_VB = torch.tensor([[3, 29], [7, 7]])
    found = Inputs(Arm("x", begun, falling(1), torch.ones(2).double()), pictures_NHW).drawn(start, index_VB)
    wanted = stack.forward(begun, stack.spread(pictures_NHW[index_VB]), stop=start)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


def test_what_is_frozen_in_a_study_stays_bit_for_bit() -> None:
    block = Repetition(0, (0,), {})
    begun = block.fresh("net")
    nets = drained(block.train(learner(begun, falling(5, (4, 5)), (0.1,)), transfer("glyphs").target,
                               block.batches("b", 100, 4, 1)))  # fmt: skip
    assert [torch.equal(now, then) for now, then in zip(nets, begun, strict=True)] == [True] * 4 + [False] * 2


def drained(work: Work[list[torch.Tensor]]) -> list[torch.Tensor]:
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", STUDIES)
def test_every_picture_and_every_claim_speaks_of_measured_rows(name: str) -> None:
    study = STUDIES[name]
    known = set(study.rows)
    assert len(known) == len(study.rows)
    for sheet in study.sheets:
        for curve in sheet.curves:
            assert set(curve.rows) <= known and len(curve.rows) == len(sheet.places)
            assert len(curve.published) in (0, len(curve.rows))
    assert len(study.claims({row: np.zeros(3) for row in study.rows})) >= 3


def test_an_anchor_holds_where_its_weight_is_strong_and_lets_go_where_it_is_none() -> None:
    block = Repetition(0, (0,), {})
    arm = learner(block.fresh("net"), falling(1), (0.1,))
    towards = [torch.zeros_like(part) for part in arm.blocks]
    weights = [torch.full_like(part, 1e9 if layer == 0 else 0.0) for layer, part in enumerate(arm.blocks)]
    before = [part.clone() for part in arm.blocks]
    ewc.held([(towards, weights)])(arm)
    assert float(arm.blocks[0].abs().max()) < 1e-7
    assert all(torch.equal(now, then) for now, then in zip(arm.blocks[1:], before[1:], strict=True))


PROMISED = {
    "yosinski_2014": "pass pass pass fail",
    "kumar_2022": "pass pass",
    "lee_2022": "pass pass",
    "neyshabur_2020": "pass pass",
    "ewc_2017": "pass pass",
}
"""The first verdicts of each paper at ten seeds."""


@pytest.mark.slow
@pytest.mark.parametrize("name", PROMISED)
def test_at_ten_seeds_the_paper_is_reproduced(name: str) -> None:
    experiment = PaperClaims(paper=name)  # type: ignore[arg-type]
    assert experiment.seeds == 10 and experiment.steps == PORTIONS
    last = [event for event in experiment.train() if isinstance(event, Snapshot)][-1]
    found = [finding.verdict for finding in judge(experiment.study.claims(experiment.values(last)))]
    assert " ".join(found).startswith(PROMISED[name]), found
