"""A Transformer learns a task whose right answer is known, and its attention maps are watched while they sharpen.

Letters: B batch, T positions that predict, N positions of the encoder, L layers, H heads, E shown examples, R roles.

Source: the architecture: Vaswani et al. 2017, arXiv 1706.03762; the tasks and their settings: reverse as in the UvA
deep learning tutorial 6, sort as in minGPT's demonstration, induction as in Olsson et al. 2022, arXiv 2209.11895, with
periods drawn anew for every sequence (a fixed period needs no induction), in-context Markov chains as in Edelman et al.
2024, arXiv 2402.11004. Training: AdamW with β = (0.9, 0.98), gradients clipped to norm 1, constant learning rate, fresh
examples in every batch where the task has enough of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, Self

from pydantic import ValidationInfo, field_validator, model_validator

from models.data.sequences import Pairs, Sequences, Task, task
from models.data.sequences.arrange import Arranged, arrange, vocabulary_size
from models.experiment import (
    Checkpoint,
    Event,
    Experiment,
    Knob,
    Note,
    Pixels,
    Points,
    Reference,
    Scalars,
    Snapshot,
    Story,
    knob,
)
from models.layers.divergence import DIVERGED, divergence, finite
from models.layers.resumable import ENGINES
from models.layers.study import SCORED, Study
from models.layers.transformer import Plan, Shape
from models.metrics.evaluation import evaluate, evaluation_after, null_scores
from models.metrics.heads import ROLES
from models.running import Moments, stream

PHASE = "Phase change: accuracy passes the middle between guessing and perfect at step {step}."

REVERSE = (
    "Write sixteen digits backwards. The one head of this encoder finds the anti-diagonal within a hundred steps, and "
    "nearly every digit is right."
)
INDUCTION = (
    "Random blocks that repeat, with a period drawn anew each time. Two layers learn to find the earlier copy: first a "
    "previous-token head, right behind it an induction head, then accuracy jumps above 95 %."
)
SORT = (
    "A small GPT writes six symbols in order, one after the other. Its twin without the causal mask cheats in training "
    "and fails when it has to write alone."
)
ADDITION = (
    "Two-digit sums, the last digit first, as people carry. More than nine of ten sums that it has never seen come out "
    "right."
)
DATES = (
    "Dates in seven spellings become ISO dates, by an encoder and a decoder. The cross-attention shows which letters "
    "each digit was read from."
)
MARKOV = (
    "Every sequence comes from a Markov chain of its own. In context, the model learns to count which token follows "
    "which, and comes within 0.03 nats of the best possible predictor."
)

PAIR_TASKS = (
    "copy", "reverse", "sort", "histogram", "addition", "addition_reversed", "dates", "number_words", "own_pairs",
)  # fmt: skip
WITH_LENGTH = ("copy", "reverse", "sort", "histogram", "recall", "induction", "markov", "brackets", "own_text")
WITH_SYMBOLS = ("copy", "reverse", "sort", "histogram", "recall", "induction", "markov")
OWN = ("own_pairs", "own_text")
READING = ("task", "architecture", "length", "symbols", "digits")
"""Knobs that decide what an example looks like."""
HEAD = re.compile(r"(encoder|self|cross)\.(\d{1,2})\.(\d{1,2})")


class AttentionTraining(Experiment):
    """A Transformer of any of the three shapes on a task with a known right answer."""

    title: ClassVar[str] = "Attention"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {
        "maps_encoder": Points(3),
        "maps_self": Points(3),
        "maps_cross": Points(3),
        "predicted": Points(3),
        "certainty": Points(3),
        "roles_self": Points(12),
        "agreement": Points(12),
        "similarity": Points(200),
    }
    columns: ClassVar[Mapping[str, str]] = {
        "exact": "answers written alone that are right throughout",
        "held_out": "accuracy on held-out examples",
        "loss": "loss",
        "agreement": "attention where the task demands it, best head",
        "previous": "best previous-token score",
        "induction": "best induction score",
        "kl_bigram": "KL to the best in-context predictor",
        "kl_unigram": "KL to a predictor that only counts tokens",
        "accuracy": "accuracy on the fresh batch",
        "gradient": "gradient norm",
    }
    note_templates: ClassVar[tuple[str, ...]] = (DIVERGED, PHASE, *ENGINES)

    task: Literal[
        "reverse", "copy", "sort", "histogram", "addition", "addition_reversed", "recall", "induction", "markov",
        "brackets", "dates", "number_words", "own_pairs", "own_text",
    ] = knob(
        "reverse", group="task", help="What the Transformer is to learn; each has a known right answer."
    )  # fmt: skip
    own: str = knob("", group="task", max_length=3000, when={"task": OWN}, help="Your own pairs or text.")
    architecture: Literal["encoder", "decoder", "encoder_decoder"] = knob(
        "encoder", group="model", when={"task": PAIR_TASKS},
        help="Encoder: sees everything, answers at once (BERT). Decoder: writes token by token (GPT). Encoder–decoder: "
        "one reads, the other writes and looks across (T5).",
    )  # fmt: skip
    length: int = knob(
        16, low=6, high=64, group="task", when={"task": WITH_LENGTH}, help="Tokens in each sequence."
    )  # fmt: skip
    symbols: int = knob(
        10, low=2, high=32, group="task", when={"task": WITH_SYMBOLS}, help="Different tokens to choose from."
    )
    digits: int = knob(
        2, low=1, high=4, group="task", label="digits per number", when={"task": ("addition", "addition_reversed")},
        help="Digits of each summand.",
    )  # fmt: skip
    num_layers: int = knob(1, low=1, high=12, group="model", label="layers", help="Layers of the stack that answers.")
    encoder_layers: int = knob(
        1, low=1, high=12, group="model", label="encoder layers", when={"architecture": ("encoder_decoder",)},
        help="Layers of the encoder; it may be deeper or shallower than the decoder.",
    )  # fmt: skip
    num_heads: int = knob(1, low=1, high=12, group="model", label="heads", help="Attention heads in each layer.")
    d_model: int = knob(
        32, low=8, high=192, step=8, group="model", label="width (d_model)",
        help="Numbers that describe each token; every head works with an even share of them.",
    )  # fmt: skip
    positions: Literal["none", "sinusoidal", "learned", "rope", "alibi"] = knob(
        "learned", group="model", help="How the model is told where a token stands; without it, order is invisible."
    )
    feed_forward: int = knob(
        4, low=0, high=4, group="model", advanced=True, label="feed-forward (× width)",
        help="Hidden width of the feed-forward network, as a multiple of the width; 0 leaves attention alone.",
    )  # fmt: skip
    norm: Literal["pre", "post", "none"] = knob(
        "pre", group="model", advanced=True, label="LayerNorm", help="Before each part, after the sum, or nowhere."
    )
    causal: bool = knob(
        True, group="model", advanced=True, label="causal mask",
        help="Forbids the decoder to look ahead. Without it, it can read the answer it is asked for.",
    )  # fmt: skip
    scaled: bool = knob(
        True, group="model", advanced=True, label="scores divided by √d",
        help="Keeps the softmax from saturating: without it, scores grow with the width of a head.",
    )  # fmt: skip
    residual: bool = knob(
        True, group="model", advanced=True, label="residual connections",
        help="Each part adds to the stream; without, it replaces it.",
    )  # fmt: skip
    dropout: float = knob(
        0.0, low=0.0, high=0.5, step=0.05, group="training", advanced=True,
        help="Share of numbers that are set to zero in training.",
    )  # fmt: skip
    lr: float = knob(
        2e-3, low=1e-5, high=1e-1, log=True, group="training", live=True, label="learning rate",
        help="How far AdamW moves the weights in each step.",
    )  # fmt: skip
    weight_decay: float = knob(
        0.0, low=0.0, high=1.0, step=0.01, group="training", live=True, advanced=True,
        help="Pulls all weights towards zero, beside the gradient (AdamW).",
    )  # fmt: skip
    batch_size: int = knob(64, low=2, high=256, group="training", advanced=True, help="Sequences per step.")
    knocked_out: str = knob(
        "", group="training", live=True, advanced=True, max_length=400,
        pattern=r"^((encoder|self|cross)\.\d{1,2}\.\d{1,2}(\+(encoder|self|cross)\.\d{1,2}\.\d{1,2})*)?$",
        label="silenced heads", help="Heads whose output is set to zero, also in training.",
    )  # fmt: skip
    steps: int = knob(200, low=1, high=20_000, log=True, help="Training steps.")

    @field_validator("own")
    @classmethod
    def _own_is_readable(cls, text: str, info: ValidationInfo) -> str:
        if text and info.data.get("task") in OWN:
            task(info.data["task"], own=text)
        return text

    @model_validator(mode="after")
    def _own_is_long_enough(self) -> Self:
        if self.task == "own_text" and self.own:
            self.source()
        return self

    @classmethod
    def stories(cls) -> tuple[Story, ...]:
        """Each sentence is held against ten seeds by `tests/test_stories_attention.py`."""
        gpt = cls(architecture="decoder", num_layers=2, num_heads=4, d_model=64)
        repeats = gpt.but(positions="rope", feed_forward=0, lr=3e-3)
        return (
            Story("Reverse", REVERSE, cls()),
            Story("Induction", INDUCTION, repeats.but(task="induction", length=48, symbols=32, steps=500)),
            Story(
                "Sort, written alone", SORT,
                gpt.but(task="sort", length=6, symbols=3, num_layers=3, num_heads=3, d_model=48, lr=1e-3, steps=400),
            ),
            Story(
                "Carrying digits", ADDITION,
                gpt.but(task="addition_reversed", lr=3e-3, batch_size=128, steps=800),
            ),
            Story("Dates", DATES, gpt.but(architecture="encoder_decoder", task="dates", encoder_layers=2, steps=600)),
            Story(
                "In-context Markov chains", MARKOV,
                repeats.but(task="markov", length=64, symbols=3, num_heads=2, d_model=32, steps=600),
            ),
        )  # fmt: skip

    @property
    def shape(self) -> Shape:
        """The shape in force: to continue a sequence is a decoder's work."""
        return self.architecture if self.task in PAIR_TASKS else "decoder"

    @property
    def silenced(self) -> tuple[tuple[str, int, int], ...]:
        """The silenced heads as (kind of map, layer, head)."""
        return tuple((kind, int(layer), int(head)) for kind, layer, head in HEAD.findall(self.knocked_out))

    def source(self) -> Task:
        """The task itself; raises `ValueError` with a sentence for the visitor where their own text is no task."""
        own = self.own if self.task in OWN else ""
        return task(self.task, length=self.length, symbols=self.symbols, digits=self.digits, own=own)

    def drawn(self, count: int, name: str) -> Pairs | Sequences:
        """`count` held-out examples, the same ones for every seed: runs are judged by one test."""
        return self.source().held_out(count, stream(0, name))

    def arranged(self, count: int, name: str) -> Arranged:
        """The same examples as this shape of model reads them."""
        return arrange(self.drawn(count, name), self.source(), self.shape)

    def probe(self) -> Arranged:
        """The examples whose maps are recorded: `SCORED` of them, of which the first few are shown."""
        return self.arranged(SCORED, "probe")

    def plan(self) -> Plan:
        """What the Transformer is made of."""
        found = self.source()
        source, target = found.longest
        together = source if self.shape == "encoder" and found.equal else source + target + 1
        return Plan(
            shape=self.shape, vocabulary=vocabulary_size(found), width=self.d_model, heads=self.num_heads,
            layers=self.num_layers, longest=3 * together, encoder_layers=self.encoder_layers,
            feed_forward=self.feed_forward, norm=self.norm, positions=self.positions, causal=self.causal,
            scaled=self.scaled, residual=self.residual, dropout=self.dropout,
        )  # fmt: skip

    def twin_knobs(self) -> tuple[str, ...]:
        """Twins look at the same examples: what decides them, and how they are read, stays."""
        return tuple(name for name in super().twin_knobs() if name not in READING)

    def matters(self, knob: Knob) -> bool:
        """The causal mask is a decoder's; the encoder's depth matters where there is one."""
        if knob.name == "causal":
            return self.shape != "encoder"
        if knob.name == "encoder_layers":
            return self.shape == "encoder_decoder"
        return super().matters(knob)

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`. On one machine class the CPU's stream is the same bit for bit, every time."""
        moments = moments or Moments()
        study = Study(self.at(start.step if start else 0), moments.block)
        step = study.load(start) if start else 0
        if start is None:
            yield study.snapshot(0)
            yield study.checkpoint(0)
        while step < self.steps:
            study.play_by(self.at(step))
            good, begin = study.state(), step
            told = evaluation_after(step)
            stop = min([moments.after(step), told, self.steps, *(when for when, *_ in self.changes if when > step)])
            while step < stop:
                study.iterate(step)
                step += 1
                if moments.asked:
                    break
            columns = study.told()
            if not finite(columns):
                yield from divergence(study, good, begin, columns)
                return
            yield Scalars(step, begin + 1, columns)
            yield from study.engines(step)
            if (risen := study.rise(columns, begin)) is not None:
                yield Note(step, "phase", PHASE, {"step": risen})
            due = moments.due(step)
            if step in (told, self.steps):
                yield Scalars(step, step, study.later(evaluate))
            if due.snapshot or step == self.steps:
                yield study.snapshot(step)
            if due.checkpoint or step == self.steps:
                yield study.checkpoint(step)

    def revive(self, checkpoint: Checkpoint) -> Study:
        """Model and task as they were after `checkpoint.step` steps."""
        study = Study(self.at(checkpoint.step), learns=False)
        study.load(checkpoint)
        return study

    def sitter(self) -> Study:
        """See `Experiment.sitter`."""
        return Study(self.at(0), learns=False)

    def measure(self, snapshot: Snapshot) -> Mapping[str, float]:
        """The best head's agreement with what the task demands, and the best scores of the roles that matter here."""
        best = {"agreement": float(snapshot.arrays["agreement"].max())}
        for name in self._roles():
            best[name] = float(snapshot.arrays["roles_self"][..., ROLES.index(name)].max())
        return best

    def _roles(self) -> tuple[str, ...]:
        return ("previous", "induction") if self.task in ("induction", "markov", "recall") else ()

    def references(self) -> Mapping[str, Reference]:
        """A head that does nothing else scores 1; the null is a head that looks evenly at all it may see."""
        null = null_scores(self)
        return {name: Reference(1.0, 1.0, 1.0, null[name]) for name in ("agreement", *self._roles())}
