"""A story of the latent space ships only when it does what it says. One seed each here; all ten with `-m slow`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from models.autoencoder import LatentSpace
from models.experiment import Checkpoint, Experiment, Scalars, Snapshot
from models.metrics.bounds import evaluate, importance
from models.metrics.digits import digit_classes, digit_quality

TWO, COLLAPSE, FREE, FALLS, READS, WARM, WITHIN, REVIVED, STYLE, PULLED = LatentSpace.stories()


def ending(experiment: Experiment) -> tuple[dict[str, float], Snapshot]:
    """The last value of every number, those of the samples included, and the last picture."""
    numbers: dict[str, float] = {}
    last = None
    for event in experiment.train():
        if isinstance(event, Scalars):
            numbers |= {name: float(values[-1]) for name, values in event.values.items()}
        elif isinstance(event, Snapshot):
            last = event
    assert last is not None and last.step == experiment.steps
    return {**numbers, **experiment.measure(last)}, last


def check_two(seed: int) -> None:
    """A place on the map says its class: of a code's ten nearest neighbours most are of its own."""
    numbers, last = ending(TWO.experiment.but(seed=seed))
    codes, labels = torch.from_numpy(last.arrays["codes"]), torch.from_numpy(last.arrays["labels"])
    near = torch.cdist(codes, codes).topk(11, largest=False).indices[:, 1:]
    own = (labels[near] == labels[:, None]).float().mean()
    assert float(own) > 0.5 and numbers["classes_covered"] >= 9
    sheet = torch.from_numpy(last.arrays["manifold"]).float() / 127.5 - 1
    assert digit_quality(sheet)["classes_covered"] >= 8


def check_collapse(seed: int) -> None:
    numbers, _last = ending(COLLAPSE.experiment.but(seed=seed))
    assert numbers["active_units"] == 0 and numbers["held_out_kl"] < 0.05 and numbers["classes_covered"] <= 1


def check_free(seed: int) -> None:
    numbers, _last = ending(FREE.experiment.but(seed=seed))
    assert numbers["active_units"] == 10 and numbers["classes_covered"] == 10


def check_falls(seed: int) -> None:
    """Dead just before β comes down, alive at the end."""
    experiment = FALLS.experiment.but(seed=seed)
    before, after = ending(experiment.but(steps=500, changes=()))[0], ending(experiment)[0]
    assert before["active_units"] == 0 and before["held_out_kl"] < 0.05
    assert after["active_units"] >= 3 and after["held_out_kl"] > 2


def check_reads(seed: int) -> None:
    experiment = READS.experiment.but(seed=seed)
    reads, relies = ending(experiment)[0], ending(experiment.but(decoder="independent"))[0]
    assert reads["active_units"] == 0 and reads["held_out_kl"] < 0.05
    assert relies["active_units"] >= 2 and reads["held_out_bound"] < relies["held_out_bound"]


def check_warm(seed: int) -> None:
    numbers, _last = ending(WARM.experiment.but(seed=seed))
    assert numbers["active_units"] >= 7 and numbers["held_out_kl"] > 3


def check_within(seed: int) -> None:
    """As its last checkpoint is, over as many pictures as the page shows the importance samples for, and over more."""
    *_events, last = (event for event in WITHIN.experiment.but(seed=seed).train() if isinstance(event, Checkpoint))
    study = WITHIN.experiment.revive(last)
    numbers = evaluate(study)
    assert last.step == WITHIN.experiment.steps
    assert numbers["held_out_bound"].item() < 104 and numbers["active_units"].item() == 20
    assert all(importance(study, 200, images).nats < 100 for images in (200, 500))


def check_revived(seed: int) -> None:
    experiment = REVIVED.experiment.but(seed=seed)
    alive, dead = ending(experiment)[0], ending(experiment.but(revival=False))[0]
    assert alive["used_codes"] > 0.98 * 256 and dead["used_codes"] < 0.25 * 256
    assert alive["perplexity"] > 5 * dead["perplexity"]


def check_style(seed: int) -> None:
    """New pictures are of the class that was asked for: nine of ten at least."""
    _numbers, last = ending(STYLE.experiment.but(seed=seed))
    samples = torch.from_numpy(last.arrays["samples"]).float() / 127.5 - 1
    asked = torch.arange(len(samples)) % 10
    assert float((digit_classes(samples) == asked).float().mean()) > 0.9


def check_pulled(seed: int) -> None:
    experiment = PULLED.experiment.but(seed=seed)
    assert ending(experiment)[0]["energy_distance"] < ending(experiment.but(model="vae"))[0]["energy_distance"]


CHECKS: dict[str, Callable[[int], None]] = {
    "two numbers": check_two, "collapse": check_collapse, "free bits": check_free, "style": check_style,
    "pulled": check_pulled, "within": check_within, "revived": check_revived, "falls": check_falls,
    "reads": check_reads, "warm": check_warm,
}  # fmt: skip
LONG = ("within", "revived")


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in LONG])
def test_a_story_does_what_it_says(name: str) -> None:
    CHECKS[name](4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", CHECKS)
def test_a_story_does_what_it_says_on_every_seed(name: str, seed: int) -> None:
    CHECKS[name](seed)
