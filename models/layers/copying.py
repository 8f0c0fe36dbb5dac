"""The copy task, and a contestant at it: weights, optimizer, batches, and one training step.

    3 1 4 1 5 · · · · · · · ▸ _ _ _ _ _        symbols, `delay` blanks, a go sign, slots
                              3 1 4 1 5        what is to be said at the slots, and only that counts

Letters: B batch, T = 2M + delay + 1 positions, M symbols to keep, S different symbols, L layers, H heads, C columns.

Batches are a function of seed and step alone: every contestant sees the same ones.

Source: Hochreiter and Schmidhuber 1997, Neural Computation 9, 1735 (the idea of a delay); Arjovsky et al. 2016, arXiv
1511.06464, section 4.1, and Bai et al. 2018, arXiv 1803.01271, section 4.1 (this task; theirs also counts the blanks).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.experiment import Snapshot
from models.layers.contestants import Attentive, Contestant, Plan, contestant
from models.layers.flat import Flat
from models.layers.metering import clock
from models.layers.mlp import Adam
from models.layers.resumable import Capturable
from models.layers.rows import Rows
from models.running import device, stream

if TYPE_CHECKING:
    from models.memory import CopyMemory

COLUMNS = ("loss", "accuracy", "gradient", "milliseconds")
CLIP = 1.0
DECAY = 0.01
PROBED = 32
"""Sequences over which the gradient by distance is averaged; the first of them is the one shown."""
FINEST = 128
"""Attention maps of longer sequences are shrunk: each pixel is then the largest weight of its square."""
FAINTEST = 1e-6
"""The share of the strongest gradient below which a gradient is drawn as gone."""


def copy_batch(count: int, symbols: int, length: int, delay: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Token ids (B, T) and the symbols (B, M) to be said at the slots. Ids: the symbols, then blank, then go."""
    kept_BM = torch.randint(symbols, (count, length), generator=random)
    ids_BT = torch.full((count, 2 * length + delay + 1), symbols)
    ids_BT[:, :length] = kept_BM
    ids_BT[:, length + delay] = symbols + 1
    return ids_BT, kept_BM


class Copying(Capturable["CopyMemory"]):
    """Everything that a training step touches."""

    def __init__(self, knobs: CopyMemory, block: int = 1) -> None:
        self.where = device()
        self.knobs = knobs
        self.plan: Plan = knobs.plan
        self.network: Contestant = contestant(self.plan, stream(knobs.seed, "weights")).to(self.where)
        self.flat = Flat(self.network, self.where)
        self.optimizer = Adam(self.flat.weights_P, knobs.lr, 0.9, 0.98, decay=DECAY)
        self.rows = Rows(block, len(COLUMNS) - 1, where=self.where)
        self.times: list[float] = []
        self.advance: Callable[[], None] | None = None
        """The step, captured where it can be: made when first wanted."""
        self.began = 0.0
        self.probe_BT, self.probe_BM = (part.to(self.where) for part in self._drawn(PROBED, "probe"))

    def _drawn(self, count: int, name: str) -> tuple[Tensor, Tensor]:
        knobs = self.knobs
        return copy_batch(count, knobs.symbols, knobs.length, knobs.delay, stream(knobs.seed, name))

    def play_by(self, knobs: CopyMemory) -> None:
        """Take over a learning rate or a batch size that changed during training."""
        if knobs == self.knobs:
            return
        self.knobs, self.advance = knobs, None
        self.optimizer.lr = knobs.lr

    def iterate(self, step: int) -> None:
        """The update that leads from `step` to `step + 1`; its numbers, taken before it, wait for `told`."""
        drawn = self._drawn(self.knobs.batch_size, f"batch {step}")
        if self.advance is None:
            self.ids_BT, self.kept_BM = (part.to(self.where) for part in drawn)
            self.advance = self.launch(self._advance)
            self.began = clock(self.where)
        for place, part in zip((self.ids_BT, self.kept_BM), drawn, strict=True):
            place.copy_(part)
        # A GPU that is asked the time each step is never ahead: there the mean over a stretch must do.
        began = clock(self.where) if self.where.type != "cuda" else 0.0
        self.advance()
        self.times.append(1000 * (clock(self.where) - began) if self.where.type != "cuda" else 0.0)

    def _advance(self) -> None:
        ids_BT, kept_BM = self.ids_BT, self.kept_BM
        logits_BMS = self.answers(self.network.think(self.network.embed(ids_BT)))
        loss = F.cross_entropy(logits_BMS.flatten(0, 1), kept_BM.flatten())
        self.flat.differentiate(loss)
        with torch.no_grad():
            norm = self.flat.clip(CLIP)
            self.optimizer.step(self.flat.gradient_P)
            accuracy = (logits_BMS.argmax(-1) == kept_BM).float().mean()
            self.rows.write(torch.stack((loss.detach(), accuracy, norm)))

    def answers(self, x_BTW: Tensor) -> Tensor:
        """Logits (B, M, S) at the slots, the last M positions."""
        return self.network.say(x_BTW[:, -self.knobs.length :])

    def non_finite(self) -> str | None:
        """The first weight or gradient, by name, that holds a NaN or an infinity."""
        return self.flat.non_finite()

    def told(self) -> dict[str, np.ndarray]:
        """The numbers of the steps since the last call, column by column."""
        rows = self.rows.read()
        if self.where.type == "cuda" and self.times:
            now = clock(self.where)
            self.times, self.began = [1000 * (now - self.began) / len(self.times)] * len(self.times), now
        columns = (*rows.T, np.array(self.times))
        self.times = []
        return {name: column.copy() for name, column in zip(COLUMNS, columns, strict=True)}

    def gradient_by_distance(self) -> Tensor:
        """(T,): how strongly the loss at the last slot pulls at the embedding `d` positions before it, mean norm."""
        with torch.enable_grad():
            x_BTW = self.network.embed(self.probe_BT).detach().requires_grad_()
            logits_BS = self.network.say(self.network.think(x_BTW)[:, -1])
            loss = F.cross_entropy(logits_BS, self.probe_BM[:, -1], reduction="sum")
            (gradient_BTW,) = torch.autograd.grad(loss, x_BTW)
        norm_BT: Tensor = torch.linalg.vector_norm(gradient_BTW, dim=-1)
        return norm_BT.mean(0).flip(0)

    @torch.no_grad()
    def snapshot(self, step: int) -> Snapshot:
        """What is said at every position of the shown sequence, where it looks, and how far gradients reach."""
        shown_BT = self.probe_BT[:1]
        certainty_BT, predicted_BT = self.network(shown_BT).softmax(-1).max(-1)
        gradient_T = self.gradient_by_distance()
        arrays = {
            "predicted": predicted_BT.to(torch.int32),
            "certainty": certainty_BT,
            "gradient_by_distance": gradient_T,
            "gradient_share": (gradient_T / gradient_T.max().clamp(min=1e-30)).clamp(min=FAINTEST),
        }
        if isinstance(self.network, Attentive):
            arrays["maps_self"] = pixels(self.network.maps(shown_BT))
        return Snapshot(step, {name: part.cpu().numpy() for name, part in arrays.items()})

    def _tensors(self) -> dict[str, Tensor]:
        optimizer = {f"optimizer.{part}": tensor for part, tensor in self.optimizer.state().items()}
        return {"weights": self.flat.weights_P, **optimizer}


def shrink(positions: int) -> int:
    """How many positions stand behind one pixel's side of a recorded map."""
    return -(-positions // FINEST)


def pixels(maps_ELHTT: Tensor) -> Tensor:
    """Weights in 0 … 1 as uint8 (E, L, H, T', T'), max-pooled where sequences are long: a lone peak stays visible."""
    size = shrink(maps_ELHTT.shape[-1])
    pooled: Tensor = F.max_pool2d(maps_ELHTT.flatten(0, 1), size, ceil_mode=True)
    side = pooled.shape[-1]
    return pooled.view(*maps_ELHTT.shape[:-2], side, side).mul(255).round().to(torch.uint8)
