"""A Transformer at its task: the weights, the optimizer, the batches, and one training step.

Letters: B batch, T positions that predict, N positions of the encoder, S keys, V vocabulary, L layers, H heads,
D numbers per head, E recorded examples, P parameters.

Batches are a function of seed and step alone, so that twins see the same ones and a resumed run needs no memory of
them. Everything a step touches stays at its address on the device, so that it can be captured as one CUDA graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.data.sequences import Task
from models.data.sequences.arrange import arrange
from models.layers.attention import Looked, Trace
from models.layers.flat import Flat, initialise
from models.layers.later import Pictured
from models.layers.mlp import Adam
from models.layers.rows import Rows, Told, named
from models.layers.transformer import Transformer
from models.metrics.heads import mass, prepared, scored
from models.running import device, stream

if TYPE_CHECKING:
    from models.attention import AttentionTraining

COLUMNS = ("loss", "accuracy", "gradient")
BLOCK = 16
"""Batches drawn at once."""
CLIP = 1.0
"""The longest gradient that is applied: the setting of the measured runs in the page's stories."""
HELD_OUT = 128
"""Examples of an evaluation: few enough to cost little, enough for ±9 % (two standard errors) at the middle."""
SCORED = 8
"""Examples over which a head's roles are averaged; the first few of them are shown."""
SMOOTH = 5
"""Steps over which accuracy is averaged before it can be said to have risen."""
SHOWN_BYTES = 120_000
"""Queries, keys and values of the shown examples, per picture."""
MOST_BYTES = 600_000
"""Beyond this, one example's queries, keys and values are not recorded; they can be had from checkpoints."""


class Study(Pictured["AttentionTraining"]):
    """Model, task, optimizer and batches: all that a training step touches."""

    chance = "dropout"

    def __init__(self, knobs: AttentionTraining, block: int = 1, learns: bool = True) -> None:
        """With `learns` False the step is not captured: a model that is only asked needs none."""
        self.where = device()
        self.knobs = knobs
        self.task: Task = knobs.source()
        self.shape = knobs.shape
        self.model = Transformer(knobs.plan())
        initialise(self.model, stream(knobs.seed, "weights"))
        self.flat = Flat(self.model.to(self.where), self.where)
        self.optimizer = Adam(self.flat.weights_P, knobs.lr, 0.9, 0.98, decay=knobs.weight_decay)
        self.random = stream(knobs.seed, "dropout", self.where)
        self.loaded = 0
        self.batches = self._drawn(0)
        self.cursor = torch.zeros(1, dtype=torch.int64, device=self.where)
        self.rows = Rows(block, len(COLUMNS), where=self.where)
        self.probe = knobs.probe().to(self.where)
        self.wanted = prepared(self.probe.input_BT)
        self.held = knobs.arranged(HELD_OUT, "held out").to(self.where)
        self.model.knock_out(knobs.silenced)
        self.recent = torch.zeros(SMOOTH, dtype=torch.float64)
        self.risen = torch.zeros((), dtype=torch.bool)
        self.capturing = learns
        self._capture()

    def _capture(self) -> None:
        self.advance = self.launch(self._advance, self.cursor)

    def _drawn(self, block: int) -> dict[str, Tensor]:
        """The batches of `BLOCK` steps: each tensor (BLOCK, B, …), on the device."""
        count = BLOCK * self.knobs.batch_size
        drawn = self.task.draw(count, stream(self.knobs.seed, f"batches {block}"))
        arranged = arrange(drawn, self.task, self.shape).to(self.where)
        found = {
            name: getattr(arranged, name) for name in ("encoder_BN", "input_BT", "target_BT", "weight_BT", "scored_BT")
        }
        return {name: part.unflatten(0, (BLOCK, -1)) for name, part in found.items() if part is not None}

    def prepare(self, step: int) -> None:
        """Have the batch ready for the update that leads from `step` to `step + 1`."""
        if step // BLOCK != self.loaded:
            self.loaded = step // BLOCK
            for name, part in self._drawn(self.loaded).items():
                self.batches[name].copy_(part)
        self.cursor.fill_(step % BLOCK)

    def iterate(self, step: int) -> None:
        """One training step, from `step` to `step + 1`."""
        self.prepare(step)
        self.advance()

    def _advance(self) -> None:
        batch = {name: part.index_select(0, self.cursor)[0] for name, part in self.batches.items()}
        random = self.random if self.knobs.dropout > 0 else None
        logits_BTV = self.model(batch["input_BT"], batch.get("encoder_BN"), random=random)
        loss = nats(logits_BTV, batch["target_BT"], batch["weight_BT"])
        self.flat.differentiate(loss)
        with torch.no_grad():
            norm = self.flat.clip(CLIP)
            self.optimizer.step(self.flat.gradient_P)
            row = torch.stack((loss.detach(), accuracy(logits_BTV, batch["target_BT"], batch["scored_BT"]), norm))
            self.rows.write(row)

    def play_by(self, knobs: AttentionTraining) -> None:
        """Take over knobs that changed during training."""
        if knobs == self.knobs:
            return
        self.knobs = knobs
        self.optimizer.lr, self.optimizer.decay = knobs.lr, knobs.weight_decay
        self.model.knock_out(knobs.silenced)
        self._capture()

    def non_finite(self) -> str | None:
        """The first weight or gradient, by name, that holds a NaN or an infinity."""
        return self.flat.non_finite()

    def told(self) -> Told:
        """The numbers of the steps since the last call, column by column; empties the rows."""
        return self.rows.told(partial(named, COLUMNS))

    def rise(self, columns: Mapping[str, np.ndarray], begin: int) -> int | None:
        """The step after `begin` at which smoothed accuracy first passes the middle between chance and perfect."""
        if self.risen:
            return None
        recent, found = self.recent.tolist(), None
        for place, value in enumerate(columns["accuracy"]):
            recent = [*recent[1:], float(value)]
            if sum(recent) / SMOOTH > (1 + self.task.chance) / 2:
                self.risen.fill_(True)
                found = begin + place + 1
                break
        self.recent.copy_(torch.tensor(recent, dtype=torch.float64))
        return found

    def _seen(self) -> tuple[Tensor, ...]:
        return (self.flat.weights_P,)

    def _part(self, double: Study) -> None:
        double.model = deepcopy(self.model)
        double.flat = Flat(double.model)

    def look_by(self, knobs: AttentionTraining) -> None:
        """See `Pictured.look_by`."""
        if knobs.silenced != self.knobs.silenced:
            self.model.knock_out(knobs.silenced)
        self.knobs = knobs

    @torch.no_grad()
    def arrays(self) -> dict[str, np.ndarray]:
        """Attention maps, answers and head roles for the probe; see `AttentionTraining.wire`."""
        trace, probe = Trace(), self.probe
        logits_BTV = self.model(probe.input_BT, probe.encoder_BN, trace)
        found: dict[str, Tensor] = {}
        shown = self.shown(trace)
        for kind in ("encoder", "self", "cross"):
            looks: list[Looked] = getattr(trace, kind)
            if looks:
                weight_ELHTS = torch.stack([look.weight_BHTS[:shown] for look in looks], 1)
                found[f"maps_{kind}"] = weight_ELHTS.mul(255).round_().to(torch.uint8)
                found.update(qkv(looks, kind, shown))
        weight_LBHTT = torch.stack([look.weight_BHTS for look in trace.self])
        found["roles_self"] = scored(weight_LBHTT, *self.wanted)
        looks = trace.cross or trace.self
        found["agreement"] = torch.stack([mass(look.weight_BHTS, probe.needs_BTS) for look in looks])
        certainty_BT, predicted_BT = logits_BTV.softmax(-1).max(-1)
        found["certainty"], found["predicted"] = certainty_BT[:shown], predicted_BT[:shown].to(torch.int32)
        if self.model.places is not None:
            places_TX = F.normalize(self.model.places.weight[: probe.input_BT.shape[1]], dim=-1)
            found["similarity"] = ((places_TX @ places_TX.T).clamp(-1, 1) + 1).mul(127.5).round_().to(torch.uint8)
        return {name: part.cpu().numpy() for name, part in found.items()}

    def shown(self, trace: Trace) -> int:
        """How many examples a picture carries: three, or fewer where their arrays are large."""
        each = sum(part[0].nbytes for look in (*trace.encoder, *trace.self, *trace.cross)
                   for part in (look.q_BHTD, look.k_BHSD, look.v_BHSD))  # fmt: skip
        return int(np.clip(SHOWN_BYTES // max(each, 1), 1, 3))

    def _tensors(self) -> dict[str, Tensor]:
        state = {f"optimizer.{part}": tensor for part, tensor in self.optimizer.state().items()}
        return {"weights": self.flat.weights_P, **state, "recent": self.recent, "risen": self.risen}


def qkv(looks: list[Looked], kind: str, shown: int) -> dict[str, Tensor]:
    """Queries, keys and values (E, L, H, T, D) of the shown examples; nothing where they would fill the disk."""
    if sum(part[:shown].nbytes for look in looks for part in (look.q_BHTD, look.k_BHSD, look.v_BHSD)) > MOST_BYTES:
        return {}
    return {
        f"q_{kind}": torch.stack([look.q_BHTD[:shown] for look in looks], 1),
        f"k_{kind}": torch.stack([look.k_BHSD[:shown] for look in looks], 1),
        f"v_{kind}": torch.stack([look.v_BHSD[:shown] for look in looks], 1),
    }


def nats(logits_BTV: Tensor, target_BT: Tensor, weight_BT: Tensor) -> Tensor:
    """Mean cross-entropy per counted token, in nats."""
    loss_BT = F.cross_entropy(logits_BTV.flatten(0, -2), target_BT.flatten(), reduction="none").view_as(weight_BT)
    return (loss_BT * weight_BT).sum() / weight_BT.sum().clamp(min=1)


def accuracy(logits_BTV: Tensor, target_BT: Tensor, scored_BT: Tensor) -> Tensor:
    """Share of scored tokens whose most probable prediction is right."""
    right_BT = (logits_BTV.argmax(-1) == target_BT) & scored_BT
    return right_BT.sum() / scored_BT.sum().clamp(min=1)
