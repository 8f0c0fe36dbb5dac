"""Long memory: five symbols, a long silence, and then they must be repeated. Who can still say them?

A network with attention looks back at where they stood, in one jump, however long the silence was. A recurrent one
has to carry them through every single step of it; so has the gradient that could teach it to, on its way back.

Letters: B batch, T positions, M symbols to keep. Loss in nats per slot; accuracy is the share of slots that are right.

Source: Hochreiter and Schmidhuber 1997, Neural Computation 9, 1735; Arjovsky et al. 2016, arXiv 1511.06464; Bai et
al. 2018, arXiv 1803.01271; vanishing gradients: Bengio et al. 1994, IEEE Trans. Neural Networks 5, 157.
Where it stops being true: gated nets of this size learn far longer delays with thousands of steps and care; this is a
race at equal parameters and few steps, not a bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from models.experiment import Checkpoint, Event, Experiment, Pixels, Points, Scalars, Story, knob
from models.layers.contestants import ATTENTION, RECURRENT, Plan
from models.layers.copying import PROBED, Copying, copy_batch
from models.layers.divergence import DIVERGED, divergence, finite
from models.layers.resumable import ENGINES
from models.running import Moments, stream

FIFTY = (
    "Five symbols, fifty blanks, then repeat them. The Transformer is right 99 times in 100 before step 200; at that "
    "step the LSTM, with as many parameters, is still wrong more than half of the time."
)
NEAR = (
    "Only five blanks: now every recurrent net learns it as well, the plain RNN sooner than the Transformer; LSTM and "
    "GRU are right nine times in ten only after hundreds of steps."
)
KINDS = (
    "Four kinds of attention, fifty blanks. A window of 16 sees 30 tokens back through two layers and stays at chance; "
    "dilated and linear attention reach the symbols."
)


class CopyMemory(Experiment):
    """One contestant at the copy task."""

    title: ClassVar[str] = "Long memory"
    wire: ClassVar[Mapping[str, Pixels | Points]] = {
        "gradient_by_distance": Points(1000),
        "gradient_share": Points(1000),
        "maps_self": Points(1),
        "predicted": Points(1),
        "certainty": Points(1),
    }
    columns: ClassVar[Mapping[str, str]] = {
        "accuracy": "accuracy at the slots",
        "loss": "loss",
        "gradient": "gradient norm",
        "milliseconds": "milliseconds per step",
    }
    clocked: ClassVar[frozenset[str]] = frozenset({"milliseconds"})
    note_templates: ClassVar[tuple[str, ...]] = (DIVERGED, *ENGINES)

    model: Literal["transformer", "window", "dilated", "linear", "lstm", "gru", "rnn"] = knob(
        "transformer", help="Who has to remember: a kind of attention, or a recurrent net of about as many parameters."
    )
    delay: int = knob(50, low=5, high=200, log=True, help="Blanks between the symbols and the sign to repeat them.")
    length: int = knob(
        5, low=1, high=10, label="symbols to keep", help="How many symbols have to be remembered, and then repeated."
    )
    symbols: int = knob(
        8, low=2, high=26, label="different symbols", advanced=True,
        help="How many there are to choose from; who guesses is right once in so many.",
    )  # fmt: skip
    width: int = knob(
        64, low=16, high=128, step=16, label="width of the Transformer",
        help="Numbers per token. Recurrent nets become as wide as the same number of parameters allows.",
    )  # fmt: skip
    layers: int = knob(
        2, low=1, high=3, label="layers of attention", advanced=True,
        help="Layers of attention; recurrent nets keep one layer and use the parameters for its width.",
    )  # fmt: skip
    window: int = knob(
        16, low=2, high=64, label="keys per query", when={"model": ("window", "dilated", "transformer")},
        help="How many tokens windowed and dilated attention may look at from each position.",
    )  # fmt: skip
    lr: float = knob(
        0.002, low=1e-5, high=0.1, log=True, live=True, label="learning rate",
        help="How far AdamW moves in each step; the same for all.",
    )  # fmt: skip
    batch_size: int = knob(32, low=4, high=128, step=4, live=True, advanced=True, help="Sequences per update.")
    steps: int = knob(400, low=1, high=20_000, log=True, help="Training steps.")

    @classmethod
    def stories(cls) -> tuple[Story, ...]:
        """Each sentence is held against ten seeds by `tests/test_memory.py`."""
        recurrent, kinds = ("model", RECURRENT), ("model", ATTENTION[1:])
        return (
            Story("A jump of fifty", FIFTY, cls(), recurrent),
            Story("Within reach", NEAR, cls(delay=5, steps=1500), recurrent),
            Story("What a window cannot see", KINDS, cls(steps=300), kinds),
        )

    @property
    def positions(self) -> int:
        """Tokens in a sequence."""
        return 2 * self.length + self.delay + 1

    @property
    def distance(self) -> int:
        """How many tokens lie between a slot and the symbol that belongs there."""
        return self.length + self.delay + 1

    @property
    def plan(self) -> Plan:
        """The network, its size included."""
        tokens = self.symbols + 2
        return Plan(self.model, tokens, self.symbols, self.positions, self.width, self.layers, self.window)

    def example(self) -> tuple[list[int], list[int]]:
        """The sequence that is shown, as token ids (T), and the symbols to be said at its slots (M)."""
        ids_BT, kept_BM = copy_batch(PROBED, self.symbols, self.length, self.delay, stream(self.seed, "probe"))
        return ids_BT[0].tolist(), kept_BM[0].tolist()

    def train(self, start: Checkpoint | None = None, moments: Moments | None = None) -> Iterator[Event]:
        """See `Experiment.train`. On one machine class the CPU's stream is the same bit for bit, but for the clock."""
        moments = moments or Moments()
        copying = Copying(self.at(start.step if start else 0), moments.block)
        step = copying.load(start) if start else 0
        if start is None:
            yield copying.snapshot(0)
            yield copying.checkpoint(0)
        while step < self.steps:
            copying.play_by(self.at(step))
            good, begin = copying.state(), step
            stop = min([moments.after(step), self.steps, *(when for when, *_ in self.changes if when > step)])
            while step < stop:
                copying.iterate(step)
                step += 1
                if moments.asked:
                    break
            columns = copying.told()
            if not finite(columns):
                yield from divergence(copying, good, begin, columns)
                return
            yield Scalars(step, begin + 1, columns)
            yield from copying.engines(step)
            due = moments.due(step)
            if due.snapshot or step == self.steps:
                yield copying.snapshot(step)
            if due.checkpoint or step == self.steps:
                yield copying.checkpoint(step)
