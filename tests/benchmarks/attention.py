"""Ours against the same Transformer written plainly with torch's own modules: `python -m tests.benchmarks.attention`.

Same shapes, same batches, one thread, rounds taken in turn; what is printed are medians of CPU time and their range.
The last lines say what recording costs: maps, roles and answers at the log-spaced moments of a real run, evaluations.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.attention import AttentionTraining
from models.experiment import Scalars, Snapshot
from models.layers.study import Study
from models.layers.transformer import Plan
from models.metrics import evaluation
from models.running import Moments

ROUNDS = 3


class Plain(nn.Module):
    """Embeddings, torch's own encoder layers under a mask, and a linear head: what a tutorial would write."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.embedding, self.places = nn.Embedding(plan.vocabulary, plan.width), nn.Embedding(plan.longest, plan.width)
        layer = nn.TransformerEncoderLayer(
            plan.width, plan.heads, plan.feed_forward * plan.width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, plan.layers, nn.LayerNorm(plan.width), enable_nested_tensor=False)
        self.head = nn.Linear(plan.width, plan.vocabulary)
        self.causal = plan.shape == "decoder"

    def forward(self, tokens_BT: Tensor) -> Tensor:
        length = tokens_BT.shape[1]
        x_BTX = self.embedding(tokens_BT) + self.places(torch.arange(length, device=tokens_BT.device))
        mask = nn.Transformer.generate_square_subsequent_mask(length, device=tokens_BT.device) if self.causal else None
        logits_BTV: Tensor = self.head(self.layers(x_BTX, mask=mask, is_causal=self.causal))
        return logits_BTV


def plain(experiment: AttentionTraining) -> None:
    """The training loop of a tutorial, with its `.item()` per step."""
    model, task = Plain(experiment.plan()), Study(experiment)
    optimizer = torch.optim.AdamW(model.parameters(), experiment.lr, betas=(0.9, 0.98), weight_decay=0.0)
    loss_of = nn.CrossEntropyLoss(reduction="none")
    for step in range(experiment.steps):
        task.prepare(step)
        batch = {name: part[step % 16] for name, part in task.batches.items()}
        logits_BTV = model(batch["input_BT"])
        loss_BT = loss_of(logits_BTV.flatten(0, 1), batch["target_BT"].flatten()).view_as(batch["weight_BT"])
        loss = (loss_BT * batch["weight_BT"]).sum() / batch["weight_BT"].sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()


def ours(experiment: AttentionTraining) -> None:
    study = Study(experiment, experiment.steps)
    for step in range(experiment.steps):
        study.iterate(step)
    study.told()


def recorded(experiment: AttentionTraining) -> None:
    for event in experiment.train(moments=Moments()):
        if isinstance(event, Scalars | Snapshot):  # computed by whoever looks first
            dict(event.arrays if isinstance(event, Snapshot) else event.values)


def unevaluated(experiment: AttentionTraining) -> None:
    """Recording alone: the evaluations on held-out examples left out."""
    kept = evaluation.FIRST_POWER
    evaluation.FIRST_POWER = 100
    try:
        recorded(experiment)
    finally:
        evaluation.FIRST_POWER = kept


def seconds(run: Callable[[AttentionTraining], None], experiment: AttentionTraining) -> float:
    began = time.process_time()
    run(experiment)
    return time.process_time() - began


def main() -> None:
    torch.set_num_threads(1)
    reverse, induction, *_ = (story.experiment for story in AttentionTraining.stories())
    works = {
        "reverse, encoder 1L 1H d32": reverse.but(steps=400),
        "induction, decoder 2L 4H d64 + FFN": induction.but(steps=200, positions="learned", feed_forward=4),
    }
    ways = {"plain": plain, "ours": ours, "recorded": unevaluated, "recorded and evaluated": recorded}
    for name, experiment in works.items():
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _round in range(ROUNDS):
            for way, run in ways.items():
                times[way].append(seconds(run, experiment))
        base = statistics.median(times["plain"])
        print(f"{name}, {experiment.steps} steps, {ROUNDS} rounds")
        for way, found in times.items():
            middle = statistics.median(found)
            rate = experiment.steps / middle
            print(f"  {way:24} {rate:8.0f} steps/s   {base / middle:5.2f} ×   ({min(found):.2f}–{max(found):.2f} s)")
        bare = statistics.median(times["ours"])
        for way in ("recorded", "recorded and evaluated"):
            print(f"  {way} costs {100 * (statistics.median(times[way]) / bare - 1):.1f} % of training")


if __name__ == "__main__":
    main()
