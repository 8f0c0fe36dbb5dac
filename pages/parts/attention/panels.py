"""What is drawn of an attention run: the grid of heads, the chosen head, and the curves beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from models.attention import OWN, AttentionTraining
from models.experiment import Reference
from models.metrics.heads import ROLES
from pages.parts.later import later
from pages.parts.once import once
from pages.parts.words import _

SHOWN = 3
PROBE_KNOBS = ("task", "own", "architecture", "length", "symbols", "digits")


@once
def panels(experiment: AttentionTraining, twin: AttentionTraining | None = None) -> Sequence[Mapping[str, Any]]:
    """The maps, then the curves; the twin decides with the shown run whether there is more than one head to choose."""
    several = any(run.num_layers * run.num_heads > 1 for run in (experiment, twin) if run is not None)
    return [*maps(experiment, several), *curves(experiment)]


def maps(experiment: AttentionTraining, several: bool) -> Sequence[Mapping[str, Any]]:
    """The grid of all heads, left out where there is one alone, and the chosen head."""
    groups = groups_of(experiment)
    demanded = "cross" if experiment.shape == "encoder_decoder" else "self"
    common = {
        "groups": groups,
        "examples": examples(*(getattr(experiment, name) for name in PROBE_KNOBS)),
        "vocabulary": list(experiment.source().vocabulary),
        "roles": {"self": {"array": "roles_self", "names": [_(role.replace("_", " ")) for role in ROLES]}},
        "agreement": {"group": demanded, "array": "agreement"},
    }
    head = {"kind": "head", "title": _("One head"), **common}
    if len(groups) == 1 and not several:
        return [{**head, "title": _("What the head looks at")}]
    return [{"kind": "heads", "title": _("All heads"), **common}, head]


def groups_of(experiment: AttentionTraining) -> list[dict[str, Any]]:
    """The kinds of map that this shape has; the one that the task speaks of comes first and opens."""
    own, reads = {"layers": experiment.num_layers}, {"layers": experiment.encoder_layers}
    encoder, decoder = _("Encoder self-attention"), _("Decoder self-attention")
    match experiment.shape:
        case "encoder":
            found = [{"name": "self", "label": encoder, **own}]
        case "decoder":
            found = [{"name": "self", "label": decoder, **own}]
        case _:
            found = [
                {"name": "cross", "label": _("Cross-attention"), **own},
                {"name": "self", "label": decoder, **own},
                {"name": "encoder", "label": encoder, **reads},
            ]
    return [{**group, "array": f"maps_{group['name']}", "heads": experiment.num_heads} for group in found]


@lru_cache(maxsize=100)
def examples(*knobs: Any) -> list[dict[str, Any]]:
    """The shown examples: their tokens along both sides of each kind of map, the answers, and the demanded cells."""
    experiment = AttentionTraining.of(dict(zip(PROBE_KNOBS, knobs, strict=True)))
    probe, words = experiment.probe(), experiment.source().vocabulary
    found = []
    for row in range(SHOWN):
        own = [words[token] for token in probe.input_BT[row].tolist()]
        targets = [
            words[token] if scored else None
            for token, scored in zip(probe.target_BT[row].tolist(), probe.scored_BT[row].tolist(), strict=True)
        ]
        needs = probe.needs_BTS[row].nonzero().tolist()
        shown: dict[str, Any] = {"self": {"queries": own, "keys": own}, "targets": targets, "demanded": {"self": needs}}
        if probe.encoder_BN is not None:
            read = [words[token] for token in probe.encoder_BN[row].tolist()]
            shown |= {"encoder": {"queries": read, "keys": read}, "cross": {"queries": own, "keys": read}}
            shown["demanded"] = {"cross": needs}
        found.append(shown)
    return found


def curves(experiment: AttentionTraining) -> Sequence[Mapping[str, Any]]:
    """Loss and accuracy first: they stand beside the maps."""
    task = experiment.source()
    floor = task.floor_nats
    known: Mapping[str, Reference] = later(("references", experiment.key), experiment.references, {})
    right = [{"name": "accuracy", "label": _("fresh batch")}, {"name": "held_out", "label": _("held out")}]
    if task.kind == "pairs":
        right.append({"name": "exact", "label": _("whole answer")})
    found: list[Mapping[str, Any]] = [
        {
            "kind": "curves", "title": _("Loss"), "unit": "nats", "log": not floor,
            "columns": [{"name": "loss", "label": _("loss")}],
            "references": [{"label": _("lowest possible"), "value": floor}] if floor else [],
        },
        {
            "kind": "curves", "title": _("Accuracy"), "columns": right,
            "references": [{"label": _("guessing"), "value": task.chance}],
        },
    ]  # fmt: skip
    measured = roles(known, demanded=experiment.task not in OWN)
    if measured["columns"]:
        found.append({"kind": "curves", "title": _("Best head per role"), **measured})
    if experiment.task == "markov":
        found.append(
            {
                "kind": "curves", "title": _("KL from the best predictors to the model"), "unit": "nats", "log": True,
                "columns": [
                    {"name": "kl_unigram", "label": _("counting tokens")},
                    {"name": "kl_bigram", "label": _("counting pairs")},
                ],
            }
        )  # fmt: skip
    gradient = [{"name": "gradient", "label": _("gradient norm")}]
    return [*found, {"kind": "curves", "title": _("Gradient norm"), "log": True, "columns": gradient}]


def roles(known: Mapping[str, Reference], demanded: bool) -> Mapping[str, Any]:
    """One line per measured role, with what a head reaches that looks evenly at everything; nobody knows what the
    visitor's own data demand."""
    names = {"agreement": _("what the task demands"), "previous": _("previous token"), "induction": _("induction")}
    shown = [name for name in names if name in known or (name == "agreement" and not known)]
    shown = [name for name in shown if demanded or name != "agreement"]
    columns = [{"name": name, "label": names[name]} for name in shown]
    null = known.get("agreement") if demanded else None
    return {
        "columns": columns,
        "references": [] if null is None else [{"label": _("looking evenly: demanded share"), "value": null.null}],
    }


def legend(experiment: AttentionTraining) -> str:
    """How to read the picture."""
    if experiment.shape == "encoder_decoder":
        return _(
            "Each row is a token that looks, each column a token that is looked at; the stronger the colour, the more "
            "attention. In the cross-attention the writer's tokens look at the reader's."
        )
    if experiment.task in OWN:
        return _(
            "Each row is a token that looks, each column a token that is looked at; the stronger the colour, the more "
            "attention. Every row sums to one."
        )
    return _(
        "Each row is a token that looks, each column a token that is looked at; the stronger the colour, the more "
        "attention. Every row sums to one. Rings mark where a right answer is to be found."
    )
