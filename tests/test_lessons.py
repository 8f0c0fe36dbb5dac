"""Lessons: nothing is told before a prediction, and what a lesson says follows from what its runs recorded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from models.experiment import Experiment, Scalars, Snapshot
from pages.parts import lanes
from pages.parts.lessons import course, freezing, gan, latent
from pages.parts.lessons.board import sentence
from pages.parts.lessons.lesson import Evidence, Found, Lesson
from pages.parts.words import LANGUAGES, translate
from state.runs import runs
from tests.test_pages import visit
from tests.waiting import until_ended

PAGES = Path(__file__).parents[1] / "pages"
COURSE = course()
ANSWERS = {
    "induction": "two", "mask": "cheats", "order": "no", "memory": "attention", "collapse": "heap",
    "vanishing": "other", "walk": "most", "blur": "two", "price": "none", "freeze": "top_two", "forget": "most",
    "labels": "turns",
}  # fmt: skip
"""What each lesson teaches, and has to find on every seed."""


def made(experiment: Any = None, arrays: Mapping[str, np.ndarray] | None = None, **columns: list[float]) -> Evidence:
    """A run that recorded these values, one at each step from 1."""
    return Evidence(
        experiment, {name: (np.arange(1, len(v) + 1), np.array(v)) for name, v in columns.items()}, arrays or {}
    )


def recorded(experiment: Experiment) -> Evidence:
    """What a run of the experiment records when it is trained here and now."""
    told: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    arrays: Mapping[str, np.ndarray] = {}
    for event in experiment.train():
        if isinstance(event, Scalars):
            steps = np.arange(event.first, event.step + 1)
            for name, values in event.values.items():
                told.setdefault(name, []).append((steps, np.asarray(values, float)))
        elif isinstance(event, Snapshot):
            arrays = event.arrays
    columns = {
        name: (np.concatenate([s for s, _v in parts]), np.concatenate([v for _s, v in parts]))
        for name, parts in told.items()
    }
    return Evidence(experiment, columns, arrays)


def answered(name: str, *evidence: Evidence) -> str:
    return COURSE[name].found(evidence).choice


def strategies(experiment: Any, **accuracy: float) -> Evidence:
    """A freeze lab in which the strategies reached these shares, with two nets each."""
    share_ARS = np.array([[[accuracy[arm]] * 2] for arm in experiment.arms])
    return Evidence(experiment, {}, {"test_ARS": share_ARS, "source_ARS": share_ARS})


def fields(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name}


def test_there_is_a_lesson_for_each_wanted_experiment() -> None:
    assert len(COURSE) >= 8 and set(COURSE) == set(ANSWERS)
    assert len({lesson.title for lesson in COURSE.values()}) == len(COURSE)


@pytest.mark.parametrize("lesson", COURSE.values(), ids=list(COURSE))
def test_a_lesson_is_whole(lesson: Lesson) -> None:
    assert lesson.name.isalpha() and (PAGES / f"{lesson.page}.py").is_file()
    assert len(lesson.choices) >= 3 and ANSWERS[lesson.name] in lesson.choices
    assert 2 <= len(lesson.ways) <= 3 and lesson.why and lesson.source
    assert len(lanes.together(lesson.experiment, lesson.beside)) <= 2
    panels = lesson.panels(lesson.experiment)
    assert 1 <= len(panels) <= 8


@pytest.mark.parametrize(
    ("name", "two", "one", "choice"),
    [("induction", 0.99, 0.3, "two"), ("induction", 0.99, 0.95, "both"), ("induction", 0.2, 0.1, "neither"),
     ("induction", 0.1, 0.9, ""), ("order", 1.0, 0.3, "no"), ("order", 1.0, 0.95, "yes"), ("order", 1.0, 0.6, "slower"),
     ("order", 0.2, 0.1, ""), ("induction", np.nan, 0.1, "")],
)  # fmt: skip
def test_attention_lessons_read_what_was_held_out(name: str, two: float, one: float, choice: str) -> None:
    found = COURSE[name].found((made(held_out=[two]), made(held_out=[0.1, one])))
    assert found.choice == choice


@pytest.mark.parametrize(("seen", "alone", "choice"), [(1, 0.1, "cheats"), (1, 0.95, "fine"), (0.3, 0.1, "fails")])
def test_the_mask_lesson_asks_the_twin_to_write_alone(seen: float, alone: float, choice: str) -> None:
    assert answered("mask", made(exact=[1.0]), made(held_out=[seen], exact=[alone])) == choice


@pytest.mark.parametrize(
    ("attends", "recurs", "choice"), [(1, 0.1, "attention"), (0.1, 1, "recurrent"), (1, 1, "both"), (0.1, 0.1, "")]
)
def test_the_memory_lesson_looks_at_one_step_for_both(attends: float, recurs: float, choice: str) -> None:
    later = [1.0 - attends] * 50
    runs = (made(accuracy=[attends] * 200 + later), made(accuracy=[recurs] * 200 + [1.0 - recurs] * 50))
    assert answered("memory", *runs) == choice


@pytest.mark.parametrize(("eager", "calm", "choice"), [(0.01, 0.8, "heap"), (0.9, 0.8, "better"), (0.5, 0.8, "same")])
def test_a_heap_is_less_than_a_tenth_of_the_spread(eager: float, calm: float, choice: str) -> None:
    assert answered("collapse", made(spread=[0.0, 1.0, eager, 1.0]), made(spread=[0.0, 0.0, 1.0, calm])) == choice


@pytest.mark.parametrize(("other", "choice"), [(1.0, "other"), (1e-8, "minimax"), (1e-3, "same")])
def test_gradients_are_compared_over_the_last_quarter(other: float, choice: str) -> None:
    ends = (made(gradient_g=[1.0] * 6 + [1e-4] * 2), made(gradient_g=[5.0] * 6 + [other] * 2))
    found = gan.vanishing(ends)
    assert found.choice == choice and found.values["minimax"] == pytest.approx(1e-4)


@pytest.mark.parametrize(("apart", "choice"), [(100.0, "all"), (0.0, "chance")])
def test_neighbours_are_of_one_kind_where_kinds_lie_apart(apart: float, choice: str) -> None:
    label_N = np.repeat(np.arange(10), 30)
    codes_N2 = np.random.default_rng(0).normal(size=(300, 2)) + apart * label_N[:, None]
    assert latent.neighbours((made(arrays={"codes": codes_N2, "labels": label_N}),)).choice == choice


@pytest.mark.parametrize(("two", "ten", "choice"), [(128, 30, "two"), (30, 128, "ten"), (30, 30, "same")])
def test_ink_is_not_grey_and_half_ink_is(two: int, ten: int, choice: str) -> None:
    runs = []
    for grey in (two, ten):
        pairs = np.zeros((4, 8, 64), np.uint8)
        pairs[1::2] = grey
        runs.append(made(arrays={"pairs": pairs.reshape(32, 64)}))
    found = latent.blur(runs)
    assert found.choice == choice and found.values["real"] == 0
    assert latent.greyness(np.full((2, 9), 127.5)) == 1


@pytest.mark.parametrize(("units", "choice"), [(0, "none"), (4, "some"), (10, "all")])
def test_the_price_of_a_code_is_told_by_the_dimensions_in_use(units: int, choice: str) -> None:
    assert answered("price", made(active_units=[9.0, units]), made(active_units=[8.0])) == choice


def test_the_best_strategy_is_named_and_forgetting_is_measured_against_the_frozen_net() -> None:
    best = freezing.best((strategies(freezing.HUNDRED, scratch=0.5, head_only=0.6, full=0.65, top_two=0.7),))
    assert best.choice == "top_two" and best.values["scratch"] == pytest.approx(0.5)
    for full, choice in ((0.3, "most"), (0.7, "some"), (0.95, "little")):
        run = strategies(freezing.FAST, head_only=0.96, full=full, discriminative=0.8)
        assert freezing.forgotten((run,)).choice == choice


@pytest.mark.parametrize(("few", "many", "choice"), [(0.1, 0.7, "turns"), (0.4, 0.7, "full"), (0.1, 0.2, "head")])
def test_few_labels_are_compared_with_many(few: float, many: float, choice: str) -> None:
    first, second = (strategies(freezing.FEW, head_only=0.3, full=full) for full in (few, many))
    assert freezing.labels((first, second)).choice == choice


@pytest.mark.parametrize("lesson", COURSE.values(), ids=list(COURSE))
def test_the_sentence_asks_for_numbers_that_are_measured(lesson: Lesson) -> None:
    values = dict.fromkeys(fields(lesson.measured), 0.25)
    said = sentence(lesson, Found("", values))
    assert "{" not in said and (not values or any(figure in said for figure in "25"))
    assert all(fields(translate(lesson.measured, code)) == set(values) for code in LANGUAGES)


def test_a_run_without_numbers_ends_in_no_verdict_and_in_no_fault() -> None:
    for name in ("induction", "order", "mask", "memory", "collapse", "price"):
        found = COURSE[name].found((made(), made()))
        assert found.choice == "" and isinstance(sentence(COURSE[name], found), str)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("lesson", COURSE.values(), ids=list(COURSE))
def test_a_lesson_finds_what_it_teaches_on_every_seed(lesson: Lesson, seed: int) -> None:
    together = lanes.together(lesson.experiment.but(seed=seed), lesson.beside)
    found = lesson.found([recorded(experiment) for experiment in together])
    assert found.choice == ANSWERS[lesson.name], found
    assert set(found.values) == fields(lesson.measured)


@pytest.fixture(scope="module")
def trained(shared_home: Path) -> Lesson:
    """The lesson without positions, its two runs finished."""
    lesson = COURSE["order"]
    for experiment in lanes.together(lesson.experiment, lesson.beside):
        until_ended(runs().open(experiment), 300)
    return lesson


def lesson_page(**address: str) -> AppTest:
    return visit(PAGES / "lessons.py", address)


def told(app: AppTest) -> str:
    return " ".join(str(part.value) for kind in (app.markdown, app.success, app.info, app.caption) for part in kind)


def test_nothing_is_told_before_the_prediction(trained: Lesson) -> None:
    app = lesson_page(lesson="order")
    assert not app.exception and trained.question in told(app) and trained.why not in told(app)
    assert app.button(key="lesson-order-go").disabled
    app.radio(key="lesson.order.choice.en").set_value("no").run()
    assert not app.button(key="lesson-order-go").disabled and trained.why not in told(app)


@pytest.mark.parametrize(("choice", "verdict"), [("no", "Yes, as you expected."), ("yes", "It came out differently")])
def test_the_prediction_meets_the_measured_answer(trained: Lesson, choice: str, verdict: str) -> None:
    app = lesson_page(lesson="order")
    app.radio(key="lesson.order.choice.en").set_value(choice).run()
    app.button(key="lesson-order-go").click().run()
    assert not app.exception and verdict in told(app) and "With positions" in told(app) and trained.why in told(app)
    app.button(key="lesson-order-again").click().run()
    assert trained.why not in told(app)


def test_whoever_skips_is_not_judged_and_vietnamese_is_spoken(trained: Lesson) -> None:
    app = lesson_page(lesson="order")
    app.session_state["lang"] = "vi"
    app.run()
    app.button(key="lesson-order-skip").click().run()
    assert not app.exception and translate(trained.why, "vi") in told(app) and "Đúng như" not in told(app)


def test_a_run_that_has_not_ended_has_no_answer_yet(trained: Lesson) -> None:
    unfinished = COURSE["vanishing"]
    app = lesson_page(lesson="vanishing")
    app.button(key="lesson-vanishing-skip").click().run()
    for experiment in lanes.together(unfinished.experiment, unfinished.beside):
        runs().open(experiment).stop()
    assert not app.exception and unfinished.why not in told(app)


def frame() -> None:
    """What `menu` does before every page, which a page run alone leaves out."""
    from pages.parts.hidden import hide

    hide()


def test_a_link_that_hides_what_no_page_has_says_so() -> None:
    app = AppTest.from_function(frame)
    app.query_params["hide"] = "menu,controls,tabs"
    assert not app.run().warning and not app.exception
    app.query_params["hide"] = "menu,<script>,everything"
    said = app.run().warning[0].value
    assert "everything" in said and "<script>" not in said and "controls" in said


@pytest.mark.parametrize("name", ["nothing<b>", "x" * 5000, "../gan", "order,mask"])
def test_a_lesson_that_is_not_there_leads_to_all_of_them(name: str) -> None:
    app = lesson_page(lesson=name)
    assert not app.exception and "no lesson of that name" in app.warning[0].value
    assert len([button for button in app.button if str(button.key).startswith("lessons-")]) == len(COURSE)


def test_the_link_for_a_class_opens_this_lesson(trained: Lesson) -> None:
    app = lesson_page(lesson="order")
    (link,) = [code.value for code in app.code if "lesson=order" in code.value]
    assert link.endswith("lesson=order&hide=menu,controls&lang=en")


def test_the_front_page_has_a_card_for_every_page_and_a_way_for_everyone(shared_home: Path) -> None:
    app = visit(PAGES / "home.py")
    assert not app.exception and not app.error
    assert any(f"{len(COURSE)} short lessons" in part.value for part in app.markdown)
