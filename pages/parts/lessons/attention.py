"""Lessons on attention: how many layers a repetition takes, what the mask forbids, and whether order is free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.attention import AttentionTraining
from models.memory import CopyMemory
from pages.parts.attention.panels import panels
from pages.parts.lessons.lesson import Evidence, Found, Lesson, Share, Way, decisive
from pages.parts.memory.panels import panels as memory_panels
from pages.parts.words import _

GOOD, POOR = 0.9, 0.5
REVERSE, INDUCTION, SORT = (story.experiment for story in AttentionTraining.stories()[:3])
JUMP = CopyMemory.stories()[0].experiment
LOOKED_AT = 200
"""The step at which the two memories are compared: the Transformer has learned it, others are on their way."""


def drawn(experiment: AttentionTraining) -> Sequence[Mapping[str, Any]]:
    return decisive(panels(experiment), "accuracy", "held_out", "exact")


def layers(runs: Sequence[Evidence]) -> Found:
    """Who continues repetitions that it has never seen: two layers, one, or both."""
    two, one = (run.last("held_out") for run in runs)
    known = {(True, False): "two", (True, True): "both", (False, False): "neither"}
    return Found(known.get((two >= GOOD, one >= POOR), ""), {"two": Share(two), "one": Share(one)})


def mask(runs: Sequence[Evidence]) -> Found:
    """Whether the model without a mask is right when it sees the answer, and when it must write it alone."""
    honest, cheat = runs
    seen, alone = cheat.last("held_out"), cheat.last("exact")
    choice = {(True, False): "cheats", (True, True): "fine"}.get((seen >= GOOD, alone >= GOOD), "fails")
    return Found(choice, {"seen": Share(seen), "alone": Share(alone), "honest": Share(honest.last("exact"))})


def order(runs: Sequence[Evidence]) -> Found:
    """Whether attention can write a sequence backwards without being told the positions."""
    told, untold = (run.last("held_out") for run in runs)
    choice = "no" if untold < POOR <= told else "yes" if untold >= GOOD else "slower" if untold >= POOR else ""
    return Found(choice, {"told": Share(told), "untold": Share(untold)})


def memory(runs: Sequence[Evidence]) -> Found:
    """Who has bridged the silence at step 200."""
    attends, recurs = (run.at("accuracy", LOOKED_AT) for run in runs)
    known = {(True, False): "attention", (False, True): "recurrent", (True, True): "both"}
    return Found(known.get((attends >= GOOD, recurs >= GOOD), ""), {"attends": Share(attends), "recurs": Share(recurs)})


def lessons() -> tuple[Lesson, ...]:
    """The lessons of this file, in the order of a course."""
    return (
        Lesson(
            "induction", "attention", _("Attention is born"),
            _("A sequence of random symbols begins to repeat itself; where, changes every time. To continue it, a "
              "model must find the earlier copy. How many layers of attention does that take?"),
            {"two": _("Two: one alone cannot do it"), "both": _("One is enough"), "neither": _("More than two")},
            INDUCTION, ("num_layers", (1,)), drawn, layers,
            _("On sequences it never saw, the model with two layers continues {two} of the symbols rightly, the one "
              "with a single layer {one}."),
            _("The task is done by two heads in a row. A head of the first layer writes beside every symbol which "
              "one stood before it; a head of the second layer can then look for “where did my own symbol stand "
              "before, and what came next?” (an induction head). One layer cannot look for something that another "
              "has yet to write."),
            "Olsson et al. 2022, arXiv 2209.11895",
            (Way(_("Watch both heads form, step by step"), INDUCTION),
             Way(_("Only one head per layer"), INDUCTION.but(num_heads=1))),
        ),
        Lesson(
            "mask", "attention", _("Break the mask"),
            _("A small GPT learns to write six symbols in order. Its twin has no causal mask: while it learns, it "
              "may look at the symbols that it is to predict. What becomes of the twin?"),
            {"cheats": _("Perfect while it learns, poor when it must write alone"),
             "fine": _("It learns faster, and writes as well"),
             "fails": _("It does not even learn with the answer before its eyes")},
            SORT, ("causal", (False,)), drawn, mask,
            _("Without the mask {seen} of the symbols are right as long as the answer is in sight. Written alone, "
              "{alone} of whole answers are right; with the mask {honest}."),
            _("The mask hides what comes later. Without it, copying the next symbol is the shortest way to a low "
              "loss, and nothing is learned about sorting. A loss near zero says nothing by itself: it matters what "
              "the model was allowed to see."),
            "Vaswani et al. 2017, arXiv 1706.03762, section 3.2.3",
            (Way(_("The run with the mask"), SORT), Way(_("Longer answers"), SORT.but(length=8))),
        ),
        Lesson(
            "order", "attention", _("Does attention know order?"),
            _("Write sixteen digits backwards. One run is told the position of each digit, its twin is not. Can the "
              "twin learn it from the digits alone?"),
            {"no": _("No, it stays near guessing"), "slower": _("Half of it"),
             "yes": _("Yes, attention sees the order")},
            REVERSE, ("positions", ("none",)), drawn, order,
            _("With positions {told} of the digits are right, without them {untold}; guessing gives a tenth."),
            _("Attention compares contents. Shuffle the digits, and every query finds the same keys with the same "
              "weights: self-attention alone treats a sequence as a set. Positions must be added, as sines, as "
              "learned vectors, or by turning queries and keys (RoPE)."),
            "Vaswani et al. 2017, arXiv 1706.03762, section 3.5",
            (Way(_("Rotary positions instead"), REVERSE.but(positions="rope")),
             Way(_("Learned positions instead"), REVERSE.but(positions="learned"))),
        ),
        Lesson(
            "memory", "memory", _("A long silence"),
            _("Read five symbols, wait for fifty blanks, then repeat the symbols. A Transformer and an LSTM with as "
              "many parameters train side by side. Who can do it after {step} steps?", step=LOOKED_AT),
            {"attention": _("The Transformer alone"), "recurrent": _("The LSTM alone"), "both": _("Both")},
            JUMP, ("model", ("lstm",)),
            lambda experiment: decisive(memory_panels(experiment, False), "accuracy"), memory,
            _("At step 200 the Transformer says {attends} of the symbols rightly, the LSTM {recurs}."),
            _("Attention reaches any earlier token in one step. What an LSTM read must survive fifty updates of its "
              "memory, and the gradient that should teach it must come back the same way."),
            "Hochreiter and Schmidhuber 1997; Bai et al. 2018, arXiv 1803.01271",
            (Way(_("Only five blanks: both learn it"), JUMP.but(delay=5, steps=1500), ("model", ("lstm",))),
             Way(_("GRU and plain RNN beside it"), JUMP, ("model", ("lstm", "gru", "rnn")))),
        ),
    )  # fmt: skip
