"""The chosen head in words: what it does at the step that is looked at, for those who see the map and who do not."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st
import torch

from models.attention import AttentionTraining
from models.experiment import Snapshot
from models.metrics.heads import ROLES, distance, entropy
from pages.parts.attention.selection import Selection
from pages.parts.words import _

TELLING = 0.3
"""A role is named from this score on."""


def head_in_words(snapshot: Snapshot, experiment: AttentionTraining, chosen: Selection) -> None:
    """One line: the head's strongest role, how many keys it spreads over, how far it looks."""
    maps = snapshot.arrays.get(f"maps_{chosen.kind}")
    if maps is None or not (chosen.layer < maps.shape[1] and chosen.head < maps.shape[2]):
        return
    example = min(chosen.example, len(maps) - 1)
    weight_TS = torch.from_numpy(maps[example, chosen.layer, chosen.head]).double()
    weight_1HTS = (weight_TS / weight_TS.sum(-1, keepdim=True).clamp(min=1))[None, None]
    spread = float(entropy(weight_1HTS)[0])
    values: dict[str, Any] = {
        "layer": chosen.layer + 1, "head": chosen.head + 1, "step": snapshot.step, "keys": round(math.exp(spread), 1),
        "entropy": round(spread, 2), "far": round(float(distance(weight_1HTS)[0]), 1),
    }  # fmt: skip
    said = _(
        "Layer {layer}, head {head} at step {step}: each query spreads its attention as if over {keys} keys (entropy "
        "{entropy} nats) and looks {far} positions away on average.",
        **values,
    )
    st.caption(" ".join([said, *role_in_words(snapshot, chosen)]))


def role_in_words(snapshot: Snapshot, chosen: Selection) -> list[str]:
    """The strongest role of a self-attention head, where it has one."""
    roles = snapshot.arrays.get("roles_self")
    if chosen.kind != "self" or roles is None:
        return []
    scores = roles[chosen.layer, chosen.head]
    best = int(scores.argmax())
    if scores[best] < TELLING:
        return [_("None of the known roles describes it.")]
    role = _(ROLES[best].replace("_", " "))
    return [_("Its strongest role: {role}, {score}.", role=role, score=round(float(scores[best]), 2))]
