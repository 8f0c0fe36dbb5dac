"""Made-up runs with attention maps: every head drifts from even attention towards a pattern of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from state.frames import encode
from tests.harness.mock import MockRun

ROLES = ["previous", "current", "first", "mirror", "even"]
WORDS = ["the", "cat", "sat", "on", "a", "remarkably", "comfortable", "mat", "and", "slept"]
HOSTILE = "<img src=x onerror=document.title='broken'>"


@dataclass(frozen=True)
class Shape:
    """Layers and heads of each group, and the lengths: keys of the encoder (N) and queries of the decoder (T)."""

    groups: dict[str, tuple[int, int]]
    queries: int
    keys: int
    examples: int = 2

    def lengths(self, group: str) -> tuple[int, int]:
        return {"encoder": (self.keys, self.keys), "self": (self.queries, self.queries)}.get(
            group, (self.queries, self.keys)
        )


SHAPES = {
    "attend32": Shape({"encoder": (3, 4), "self": (2, 4), "cross": (2, 4)}, 12, 12),
    "attend23": Shape({"encoder": (2, 4), "self": (3, 4), "cross": (3, 4)}, 12, 12),
    "decoder": Shape({"self": (2, 4)}, 24, 24),
    "words": Shape({"self": (2, 4)}, 10, 10, 1),
    "single": Shape({"self": (1, 1)}, 16, 16, 1),
    "grid12": Shape({"self": (12, 12)}, 64, 64, 1),
    "grid6": Shape({"self": (6, 12)}, 128, 128, 1),
}
LABELS = {"encoder": "Encoder self-attention", "self": "Decoder self-attention", "cross": "Cross-attention"}


def shape_of(key: str) -> Shape | None:
    """The shape that a run's key asks for by a word inside it."""
    return next((shape for word, shape in SHAPES.items() if word in key), None)


def goal(role: str, queries: int, keys: int) -> np.ndarray:
    """The map that a head comes to, (queries, keys)."""
    query, key = np.arange(queries)[:, None], np.arange(keys)[None]
    return {
        "previous": key == np.maximum(query - 1, 0),
        "current": key == query,
        "first": (key == 0) & (query >= 0),
        "mirror": key == keys - 1 - query,
        "even": np.zeros((queries, keys), bool),
    }[role]


class AttentionRun(MockRun):
    """A run whose pictures are attention maps (examples, layers, heads, queries, keys)."""

    def __init__(self, key: str, shape: Shape, steps: int = 2000) -> None:
        super().__init__(key, steps=steps)
        self.shape = shape
        random = np.random.default_rng(self.seed)
        self.roles = {name: random.integers(len(ROLES), size=size) for name, size in shape.groups.items()}
        self.pace = {name: random.uniform(60, 700, size=size) for name, size in shape.groups.items()}
        self.taste = {
            name: random.normal(size=(shape.examples, *size, *shape.lengths(name)))
            for name, size in shape.groups.items()
        }

    def maps(self, name: str, step: int) -> np.ndarray:
        queries, keys = self.shape.lengths(name)
        goals = np.stack([goal(role, queries, keys) for role in ROLES])[self.roles[name]]
        sharp = 1 - np.exp(-step / self.pace[name])
        logits = 0.6 * self.taste[name] + (7.0 * sharp[..., None, None] * goals)[None]
        if name == "self":
            logits = np.where(np.tril(np.ones((queries, keys), bool)), logits, -np.inf)
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        return np.asarray(weights / weights.sum(-1, keepdims=True))

    def picture(self, step: int, **header: Any) -> bytes:
        arrays: dict[str, np.ndarray] = {}
        for name in self.shape.groups:
            weights = self.maps(name, step)
            queries, keys = self.shape.lengths(name)
            goals = np.stack([goal(role, queries, keys) for role in ROLES]).astype(float)
            arrays[f"maps_{name}"] = np.rint(255 * weights).astype(np.uint8)
            arrays[f"roles_{name}"] = np.einsum("elhqk,rqk->lhr", weights, goals) / queries / len(weights)
            if name == demanded_group(self.shape):
                arrays["agreement"] = arrays[f"roles_{name}"][..., ROLES.index("mirror")]
        random = np.random.default_rng(step)
        right = random.random((self.shape.examples, self.shape.queries)) < 1 - np.exp(-step / 400)
        truth = np.stack([targets(self.shape, example) for example in range(self.shape.examples)])
        arrays["predicted"] = np.where(right, truth, random.integers(1, len(vocabulary(self.shape)), truth.shape))
        arrays["certainty"] = np.where(right, 0.9, 0.4) + 0.05 * random.random(truth.shape)
        arrays["spread"] = np.sort(random.random(32))[::-1] * np.exp(-step / 900)
        arrays["angles"] = np.sin(np.arange(24)[:, None] / 10000 ** (np.arange(32)[None] / 32) + step / 500)
        return encode({"kind": "snapshot", "step": step, "key": self.key, "sent": time.time(), **header}, arrays)


def vocabulary(shape: Shape) -> list[str]:
    return ["·", *WORDS, HOSTILE] if shape is SHAPES["words"] else ["·", *map(str, range(10))]


def targets(shape: Shape, example: int) -> np.ndarray:
    """Ids of the right answers; the last two places of the second example only pad."""
    random = np.random.default_rng(40 + example)
    ids = random.integers(1, len(vocabulary(shape)), shape.queries)
    if shape is SHAPES["words"]:
        ids = np.arange(1, shape.queries + 1)
        ids[-1] = len(vocabulary(shape)) - 1
    return np.where(np.arange(shape.queries) >= shape.queries - 2 * example, 0, ids)


def demanded_group(shape: Shape) -> str:
    return "cross" if "cross" in shape.groups else "self"


def example_of(shape: Shape, index: int) -> dict[str, Any]:
    """Token texts, targets and what the task demands, as a page gives them."""
    names = vocabulary(shape)
    right = [names[token] for token in targets(shape, index)]
    source = right[::-1] if demanded_group(shape) == "cross" else right
    said: dict[str, Any] = {
        group: {
            "queries": source if group == "encoder" else right,
            "keys": right if group == "self" else source,
        }
        for group in shape.groups
    }
    queries, keys = shape.lengths(demanded_group(shape))
    said["targets"] = [None if text == "·" else text for text in right]
    said["demanded"] = {demanded_group(shape): [[query, keys - 1 - query] for query in range(queries)]}
    return said


def panel(kind: str, shape: Shape) -> dict[str, Any]:
    """A "heads" or "head" panel over runs of this shape."""
    return {
        "kind": kind, "title": "Attention heads" if kind == "heads" else "One head",
        "groups": [
            {"array": f"maps_{name}", "name": name, "label": LABELS[name], "layers": layers, "heads": heads}
            for name, (layers, heads) in shape.groups.items()
        ],
        "examples": [example_of(shape, index) for index in range(shape.examples)],
        "vocabulary": vocabulary(shape),
        "roles": {name: {"array": f"roles_{name}", "names": ROLES} for name in shape.groups},
        "agreement": {"group": demanded_group(shape), "array": "agreement"},
    }  # fmt: skip
