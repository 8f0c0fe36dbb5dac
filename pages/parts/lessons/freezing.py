"""Lessons on transfer: freeze or fine-tune, what is forgotten, and what few labels change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.transfer import FreezeLab
from pages.parts.freezing.panels import panels
from pages.parts.lessons.lesson import Evidence, Found, Lesson, Share, Way
from pages.parts.words import _

STORIES = {story.name: story.experiment for story in FreezeLab.stories()}
HUNDRED = STORIES["A hundred labels"].but(strategies="scratch,head_only,full,top_two")
FAST = STORIES["One rate for all"].but(strategies="head_only,full,discriminative")
FEW = HUNDRED.but(strategies="head_only,full", per_class=1)
HALF = 0.5


def arms(run: Evidence, array: str) -> dict[str, float]:
    """The mean over the seeds of each strategy, at the only rate that was tried."""
    means_A = np.nanmean(run.arrays[array][:, 0], 1)
    return dict(zip(run.experiment.arms, map(float, means_A), strict=True))


def best(runs: Sequence[Evidence]) -> Found:
    """Which of four ways is right most often on the test pictures."""
    test = arms(runs[0], "test_ARS")
    return Found(max(test, key=lambda arm: test[arm]), {arm: Share(value) for arm, value in test.items()})


def forgotten(runs: Sequence[Evidence]) -> Found:
    """What is left of the old task after full fine-tuning at a fast rate, and with slower rates below."""
    kept, learned = arms(runs[0], "source_ARS"), arms(runs[0], "test_ARS")
    choice = "most" if kept["full"] < HALF else "little" if kept["full"] > 0.9 * kept["head_only"] else "some"
    told = {
        "full": kept["full"], "slower": kept["discriminative"], "before": kept["head_only"],
        "learned": learned["discriminative"], "wrecked": learned["full"],
    }  # fmt: skip
    return Found(choice, {name: Share(value) for name, value in told.items()})


def labels(runs: Sequence[Evidence]) -> Found:
    """By how much full fine-tuning leads the head alone, with one label a class and with many."""
    few, many = (test["full"] - test["head_only"] for test in (arms(run, "test_ARS") for run in runs))
    choice = "turns" if few < 0 < many else "full" if min(few, many) > 0 else "head" if max(few, many) < 0 else ""
    return Found(choice, {"few": 100 * few, "many": 100 * many})


def drawn(experiment: FreezeLab) -> Sequence[Mapping[str, Any]]:
    return [panel for panel in panels(experiment) if panel["kind"] in ("bands", "trails")][:2]


def lessons() -> tuple[Lesson, ...]:
    """The lessons of this file, in the order of a course."""
    return (
        Lesson(
            "freeze", "freezing", _("Freeze or fine-tune?"),
            _("A net has learned digits. Now it gets ten labelled pictures of each of ten letters. Four ways: begin "
              "from scratch, train a new head alone, let the two top layers learn, let everything learn. Which is "
              "best?"),
            {"scratch": _("From scratch"), "head_only": _("A new head alone"), "top_two": _("The two top layers"),
             "full": _("Everything")},
            HUNDRED, None, drawn, best,
            _("Right on test pictures, mean of five seeds: from scratch {scratch}, head alone {head_only}, two top "
              "layers {top_two}, everything {full}."),
            _("The lower layers see strokes, and letters are made of strokes too: learning them anew from a hundred "
              "pictures can only make them worse. The upper layers are about digits and must change. How much, "
              "depends on how near the tasks are and on how many labels there are."),
            "Yosinski et al. 2014, arXiv 1411.1792; Howard and Ruder 2018, arXiv 1801.06146",
            (Way(_("All twelve ways side by side"), STORIES["A hundred labels"]),
             Way(_("From digits to clothes: nothing to carry over"), STORIES["Nothing to carry over"])),
        ),
        Lesson(
            "forget", "freezing", _("How much forgetting?"),
            _("The same new task, with a learning rate that suits a new head. When every layer learns at that rate, "
              "what is left of the old task, asked with the old head?"),
            {"most": _("Less than half"), "some": _("Most, but clearly less"), "little": _("Nearly everything")},
            FAST, None, drawn, forgotten,
            _("Of the old digits {before} are right with frozen layers, {full} after full fine-tuning, and {slower} "
              "with a slower rate for each lower layer. On the new task the last two reach {wrecked} and {learned}."),
            _("Nothing in the new loss speaks of the old task. Large steps in the lower layers destroy features that "
              "both tasks need, so that the net forgets and does not even learn the new task well. Slower rates "
              "below, gradual unfreezing, a pull towards the old weights (L2-SP, EWC) or replay keep more."),
            "Howard and Ruder 2018, arXiv 1801.06146, section 3.2; Kirkpatrick et al. 2017, arXiv 1612.00796",
            (Way(_("A pull towards the old weights: EWC"), FAST.but(anchor="ewc")),
             Way(_("Replay of old pictures"), FAST.but(replay=1.0))),
        ),
        Lesson(
            "labels", "freezing", _("Freeze more when labels are few"),
            _("Head alone against full fine-tuning, twice: one label for each letter, then twenty. Who leads?"),
            {"turns": _("With one label the head alone, with twenty full fine-tuning"),
             "full": _("Full fine-tuning both times"), "head": _("The head alone both times")},
            FEW, ("per_class", (20,)), drawn, labels,
            _("Full fine-tuning against the head alone: {few} points with one label a class, {many} points with "
              "twenty (mean of five seeds)."),
            _("Every weight that may move needs examples to say where. With few of them, frozen layers are knowledge "
              "that need not be learned; with many, they are a bound. Where the lines cross depends on the net and "
              "on how near the tasks are; the freeze lab measures it."),
            "Howard and Ruder 2018, arXiv 1801.06146, section 5; Kumar et al. 2022, arXiv 2202.10054",
            (Way(_("Two labels for each letter"), FEW.but(per_class=2)),
             Way(_("One label, and everything from scratch beside it"), FEW.but(strategies="scratch,head_only,full"))),
        ),
    )  # fmt: skip
