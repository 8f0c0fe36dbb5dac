"""What of the standings the visitor has chosen, as tokens of the link beside those of the picture.

base.<strategy>    the strategy that the others are compared with
same.<index>       one learning rate for all, by its place among those tried; without it, each at its own best
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from models.transfer import FreezeLab

TOKEN = re.compile(r"(base|same)\.([a-z0-9_]{1,24})")


@dataclass(frozen=True)
class View:
    """The baseline, and the one rate for all (None: each strategy at its own best)."""

    baseline: str
    rate: int | None = None

    @classmethod
    def read(cls, view: str, experiment: FreezeLab) -> View:
        """What a link says, as far as the experiment has it; a stranger may write anything."""
        said = {found[1]: found[2] for token in view.split(",") if (found := TOKEN.fullmatch(token))}
        arms = experiment.arms
        usual = "full" if "full" in arms else arms[0]
        base, same = said.get("base", ""), said.get("same", "")
        rate = int(same) if same.isdecimal() and int(same) < len(experiment.rates) else None
        return cls(base if base in arms else usual, rate)

    def written(self, view: str, experiment: FreezeLab) -> str:
        """The link's view with this choice in it, and all else as it was."""
        kept = [token for token in view.split(",") if token and not TOKEN.fullmatch(token)]
        if self.baseline != View.read("", experiment).baseline:
            kept.append(f"base.{self.baseline}")
        if self.rate is not None:
            kept.append(f"same.{self.rate}")
        return ",".join(kept)

    def places(self, best_A: np.ndarray) -> np.ndarray:
        """The place (A,) of the rate at which each strategy is shown."""
        return best_A if self.rate is None else np.full_like(best_A, self.rate)


def at_rate(array_ARS: np.ndarray, place_A: np.ndarray) -> np.ndarray:
    """Each strategy's values (A, S) at its rate."""
    return np.asarray(array_ARS[np.arange(len(place_A)), place_A])
