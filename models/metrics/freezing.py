"""What is measured while strategies race: accuracy on both tasks, and what happened to every layer.

Letters: A strategies, R learning rates, S seeds, V = R·S, L = 6 layers, N pictures, K classes, B bins, P parameters.
Validation pictures steer (curves, choice of a learning rate); test pictures are touched once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.experiment import Snapshot
from models.layers import stack
from models.layers.arms import Arm
from models.layers.pretrained import cross_entropy
from models.layers.stack import HEAD, LAYERS, Features
from models.metrics.cka import linear_cka
from models.metrics.comparison import band
from models.running import power_after

if TYPE_CHECKING:
    from models.layers.freezing import Race

VALIDATED, REMEMBERED, TESTED, PROBED = 300, 200, 1000, 100
"""Pictures of the validation set, of the source task's test set, of the test set, and of the probe for features."""
BINS, WIDEST = 41, 4.0
"""Bins of the weight histograms; they reach four standard deviations of the pretrained weights to both sides."""
RATIO = 1.4
CHUNK = 100
"""Pictures that all nets of a strategy judge at once: few enough for a processor's cache."""
PATIENCE = 3
"""Evaluations without a new lowest validation loss after which early stopping stops a net."""


def evaluation_after(step: int) -> int:
    """The next step, later than `step`, at which all nets are evaluated: 1.4ⁿ from 4 on."""
    return power_after(step, RATIO, 4)


class Referee:
    """Holds what strategies are judged on, and what the pretrained layers make of it."""

    def __init__(self, race: Race) -> None:
        self.race = race
        data, where = race.data, race.where
        source = race.source.blocks
        pictures, self.labels_N = race.pictures(data.validation, VALIDATED)
        self.validation = Features(source, pictures)
        pictures, self.source_labels_N = race.pictures(data.source_test, REMEMBERED)
        self.remembered = Features(source, pictures)
        self.probe_NHW = race.pictures(data.validation, PROBED)[0]
        self.pretrained = list(seen(source, self.probe_NHW, race.classes))
        self.old_head_1P = None if data.related else source[HEAD]
        self.edges_LB1 = torch.stack([edges(block) for block in source]).to(where)
        start = [histogram(block[0], edges_B1) for block, edges_B1 in zip(source, self.edges_LB1, strict=True)]
        self.fixed = {
            "histogram_start_LB": np.stack(start), "edges_LB": self.edges_LB1.cpu().numpy(),
            "source": np.array([race.source.accuracy], np.float32),
        }  # fmt: skip

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, np.ndarray]:
        """Everything of this moment, by array name; the columns follow from it."""
        race, knobs = self.race, self.race.knobs
        found = {"accuracy_ARS": [], "loss_ARS": [], "train_loss_ARS": [], "source_ARS": []}  # type: ignore[var-annotated]
        for place, arm in enumerate(race.arms):
            logits_VNK = answers(arm, self.validation)
            found["accuracy_ARS"].append((logits_VNK.argmax(-1) == self.labels_N).double().mean(1))
            found["loss_ARS"].append(cross_entropy(logits_VNK, self.labels_N.expand(len(logits_VNK), -1)))
            found["train_loss_ARS"].append(race.rows[-1][place] if race.rows else torch.full_like(arm.lr_V, np.nan))
            found["source_ARS"].append(self.kept(arm))
        shape = (len(race.arms), len(knobs.rates), knobs.seeds)
        arrays = {name: torch.stack([part.float() for part in parts]).view(shape).cpu().numpy()
                  for name, parts in found.items()}  # fmt: skip
        arrays |= self.patience(arrays["loss_ARS"])
        best_A = best_rates(arrays["accuracy_ARS"])
        cka_AL = np.stack(
            [self.similarity(arm, int(best) * knobs.seeds) for arm, best in zip(race.arms, best_A, strict=True)]
        )
        counts_ALB = np.stack(
            [self.counts(arm, int(best) * knobs.seeds) for arm, best in zip(race.arms, best_A, strict=True)]
        )
        return {
            **arrays, "evaluated": np.array([step], np.int32), "best_A": best_A.astype(np.int32),
            "cka_AL": cka_AL, "histogram_ALB": counts_ALB,
            "diverged_ARS": (~np.isfinite(arrays["loss_ARS"])).astype(np.uint8),
        }  # fmt: skip

    def patience(self, loss_ARS: np.ndarray) -> dict[str, np.ndarray]:
        """Each net's lowest validation loss so far, and for how many evaluations it was not reached again.

        Where early stopping is asked for, a net that has waited too long learns no more.
        """
        before = self.race.found
        least_ARS = before.get("least_loss_ARS", np.full_like(loss_ARS, np.inf))
        better_ARS = loss_ARS < least_ARS
        waited_ARS = np.where(better_ARS, 0, before.get("waited_ARS", np.zeros_like(loss_ARS)) + 1).astype(np.float32)
        if self.race.knobs.early_stopping:
            for arm, waited_RS in zip(self.race.arms, waited_ARS, strict=True):
                arm.running_V[torch.from_numpy(waited_RS.ravel() >= PATIENCE)] = 0
        return {"least_loss_ARS": np.where(better_ARS, loss_ARS, least_ARS), "waited_ARS": waited_ARS}

    def kept(self, arm: Arm) -> Tensor:
        """Accuracy on the source task with the old head, (V,); NaN for nets that never knew it."""
        if not arm.pretrained:
            return torch.full_like(arm.lr_V, float("nan"))
        logits_VNK = answers(arm, self.remembered, self.old_head_1P)
        return (logits_VNK.argmax(-1) == self.source_labels_N).double().mean(1)

    def similarity(self, arm: Arm, net: int) -> np.ndarray:
        """Linear CKA of one net's features with the pretrained ones after each layer, (L,); NaN where undefined."""
        blocks = [block[net : net + 1] for block in arm.blocks]
        each = zip(seen(blocks, self.probe_NHW, arm.classes), self.pretrained, strict=True)
        found = [float(linear_cka(mine_NF, theirs_NF)) for mine_NF, theirs_NF in each]
        return np.array([*found, np.nan], np.float32)

    def counts(self, arm: Arm, net: int) -> np.ndarray:
        """How many weights of one net lie in each bin, (L, B), outliers in the outer bins."""
        return np.stack([histogram(arm.blocks[layer][net], self.edges_LB1[layer]) for layer in range(len(LAYERS))])

    def columns(self, arrays: dict[str, np.ndarray]) -> dict[str, float]:
        """The curves' numbers: mean over the seeds at each strategy's best rate on validation, with its interval."""
        found: dict[str, float] = {}
        for place, arm in enumerate(self.race.arms):
            best, name = int(arrays["best_A"][place]), arm.strategy
            alive_S = arrays["diverged_ARS"][place, best] == 0
            spread = band(np.where(alive_S, arrays["accuracy_ARS"][place, best].astype(float), np.nan))
            found |= spread.columns(f"accuracy_{name}")
            kept_S = arrays["source_ARS"][place, best][alive_S]
            found[f"source_{name}"] = float(np.mean(kept_S)) if len(kept_S) else np.nan
        return found

    @torch.no_grad()
    def final(self, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The test, taken once: accuracy of every net, each one's answers at its best rate, ensemble and more views."""
        race, seeds = self.race, self.race.knobs.seeds
        pictures, labels_N = race.pictures(race.data.test, TESTED)
        test = Features(race.source.blocks, pictures)
        tests, predicted, probability, together = [], [], [], []
        for arm, best in zip(race.arms, arrays["best_A"], strict=True):
            logits_VNK = answers(arm, test)
            tests.append((logits_VNK.argmax(-1) == labels_N).double().mean(1).view(-1, seeds))
            p_SNK = logits_VNK.view(-1, seeds, *logits_VNK.shape[1:])[int(best)].softmax(-1)
            predicted.append(p_SNK.argmax(-1).to(torch.uint8))
            probability.append(p_SNK.gather(-1, labels_N.expand(seeds, -1)[..., None])[..., 0])
            together.append((p_SNK.mean(0).argmax(-1) == labels_N).double().mean())
        stacked = {
            "test_ARS": tests,
            "predicted_ASN": predicted,
            "probability_ASN": probability,
            "ensemble_A": together,
        }
        held = {name: torch.stack(parts).cpu().numpy() for name, parts in stacked.items()}
        return {name: part if part.dtype == np.uint8 else part.astype(np.float32) for name, part in held.items()}

    def snapshot(self, step: int, last: bool = False) -> Snapshot:
        """The picture of this moment: the newest evaluation, and every layer of every strategy."""
        race, arrays = self.race, dict(self.race.found)
        seeds, rows = race.knobs.seeds, {name: [] for name in ("gradient", "update", "moved", "drift", "rate")}  # type: ignore[var-annotated]
        for arm, best in zip(race.arms, arrays["best_A"], strict=True):
            chosen = slice(int(best) * seeds, (int(best) + 1) * seeds)
            measured = race.measured.get(arm.strategy)
            nothing = torch.full((len(LAYERS),), float("nan"))
            rows["gradient"].append(nothing if measured is None else measured.gradient_VL[chosen].mean(0))
            rows["update"].append(nothing if measured is None else measured.update_VL[chosen].mean(0))
            rows["moved"].append(nothing if measured is None else measured.moved_VL[chosen].amax(0))
            rows["drift"].append(arm.drift()[chosen].mean(0))
            now = torch.from_numpy(arm.table_TL[min(step, len(arm.table_TL) - 1)]).float()
            rows["rate"].append(now * arm.lr_V[chosen].mean().cpu() * extra(arm, chosen))
        layers = {f"{name}_AL": torch.stack([row.float().cpu() for row in part]).numpy() for name, part in rows.items()}
        arrays.update(self.final(arrays) if last else {})
        return Snapshot(step, {name: np.array(part) for name, part in {**arrays, **layers, **self.fixed}.items()})


def extra(arm: Arm, chosen: slice) -> Tensor:
    """The factor that surgical fine-tuning puts on each layer's rate, (L,); 1 for the others."""
    if arm.strategy != "surgical":
        return torch.ones(len(LAYERS))
    return arm.relative_VL[chosen].mean(0).cpu().float()


@torch.no_grad()
def answers(arm: Arm, features: Features, head_1P: Tensor | None = None) -> Tensor:
    """Logits of all nets of an arm for a set of pictures, (V, N, K); with another head where one is given."""
    nets = len(arm.lr_V)
    blocks = arm.blocks if head_1P is None else [*arm.blocks[:HEAD], head_1P.expand(nets, -1)]
    parts = []
    for part in torch.split(features.before(arm.touched), CHUNK):
        wide = (
            part.expand(nets, -1, -1)
            if arm.touched == HEAD
            else part[:, None].expand(-1, nets, -1, -1, -1).flatten(1, 2)
        )
        parts.append(stack.forward(blocks, wide, start=arm.touched))
    return torch.cat(parts, 1)


def seen(blocks: Sequence[Tensor], pictures_NHW: Tensor, classes: int) -> Iterator[Tensor]:
    """What each layer below the head of one net makes of the pictures, (N, F), float64."""
    x = pictures_NHW[:, None]
    for index in range(HEAD):
        x = stack.layer(index, blocks[index], x, classes)
        yield (x.flatten(1) if index < HEAD - 1 else x[0]).double()


def best_rates(accuracy_ARS: np.ndarray) -> np.ndarray:
    """The rate at which each strategy does best on validation, the mean over its seeds, (A,)."""
    return np.asarray(np.nan_to_num(accuracy_ARS, nan=-1.0).mean(-1).argmax(-1))


def edges(block_1P: Tensor) -> Tensor:
    """Bins about the middle of a layer's pretrained weights, (B + 1,)."""
    middle, spread = float(block_1P.mean()), float(block_1P.std())
    return torch.linspace(middle - WIDEST * spread, middle + WIDEST * spread, BINS + 1)


def histogram(weights_P: Tensor, edges_B1: Tensor) -> np.ndarray:
    """Counts in each bin, (B,) float32; what lies outside counts in the outer bins."""
    low, high = float(edges_B1[0]), float(edges_B1[-1])
    counts = torch.histc(weights_P.nan_to_num(high).clamp(low, high).cpu(), BINS, low, high)
    return counts.numpy().astype(np.float32)
