"""Knock-out: what each head is worth, alone or with others, and heads silenced while the run goes on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from models.metrics.ablation import Drop, Head, How, Matrix, joint, matrix
from pages.parts.attention.sheets import Cell, sheet
from pages.parts.attention.silence import named, read, silence
from pages.parts.attention.weights import Weights, computed, study, weights
from pages.parts.lab import Lab
from pages.parts.table import Table
from pages.parts.words import _, language, shown

TOGETHER = 24
"""Heads that can be silenced at once: their names must fit the knob."""
SURE = 2.0
"""Standard errors from which on a difference is said to be one."""


def draw(lab: Lab, table: Table) -> None:
    """The matrix of all heads, the joint drop of some, and the fork without them."""
    st.caption(
        _("Each head is silenced alone: how much accuracy on held-out examples is lost, and its standard error.")
    )
    found = weights(lab, table)
    if found is None:
        return
    kinds = {"zero": _("nothing"), "mean": _("its mean output")}
    how = st.segmented_control(
        _("A silenced head is replaced by"), list(kinds), default="zero", required=True, format_func=kinds.__getitem__,
        key=f"{lab.family}.ablation.how.{language()}",
    )  # fmt: skip
    chosen: How = "mean" if how == "mean" else "zero"
    key = (found, chosen)
    worth: Matrix | None = computed(lab, "ablation", key, lambda: matrix(study(found), chosen), found.key)
    if worth is None:
        return
    st.markdown(verdict(worth))
    heats(worth)
    together(lab, table, found, worth, chosen)


def heats(worth: Matrix) -> None:
    """One shaded table per kind of map; every table has the same scale."""
    largest = max(0.01, *(float(np.abs(drop).max()) for drop in worth.drop.values()))
    titles = {"encoder": _("Encoder self-attention"), "self": _("Self-attention"), "cross": _("Cross-attention")}
    for kind, drop_LH in worth.drop.items():
        rows = [
            (
                _("Layer {layer}", layer=layer + 1),
                [
                    Cell(shown(round(float(value), 3)), float(value) / largest, f"± {shown(round(float(error), 3))}")
                    for value, error in zip(drop_LH[layer], worth.error[kind][layer], strict=True)
                ],
            )
            for layer in range(len(drop_LH))
        ]
        sheet(titles[kind], [_("Head {head}", head=head + 1) for head in range(drop_LH.shape[1])], rows)
    st.caption(
        _("Accuracy of the whole model on the same {count} examples: {accuracy}.", count=worth.examples,
          accuracy=round(worth.accuracy, 4))
    )  # fmt: skip


def ranked(worth: Matrix) -> list[tuple[Head, Drop]]:
    """Every head with its drop, the dearest first."""
    every = [
        ((kind, int(layer), int(head)), Drop(float(value), float(worth.error[kind][layer, head])))
        for kind, drop_LH in worth.drop.items()
        for (layer, head), value in np.ndenumerate(drop_LH)
    ]
    return sorted(every, key=lambda each: -each[1].value)


def verdict(worth: Matrix) -> str:
    """The dearest head against all others, in numbers."""
    (first, drop), *others = ranked(worth)
    if drop.value <= SURE * drop.error:
        return _("No single head is missed: silencing any one of them costs at most {cost}.", cost=round(drop.value, 3))
    told = _(
        "Silencing {head} costs **{cost}** of accuracy (± {error}).", head=named(first, len(worth.drop) == 1),
        cost=round(drop.value, 3), error=round(drop.error, 3),
    )  # fmt: skip
    if not others:
        return told
    return told + " " + _(
        "The other {count} cost at most {cost} each.", count=len(others), cost=round(max(0.0, others[0][1].value), 3)
    )  # fmt: skip


def together(lab: Lab, table: Table, found: Weights, worth: Matrix, how: How) -> None:
    """Several heads at once, against the sum of their drops; and the run without them from here on."""
    whole = len(worth.drop) == 1
    every = {
        f"{kind}.{layer}.{head}": named((kind, layer, head), whole) for (kind, layer, head), _drop in ranked(worth)
    }
    chosen = st.multiselect(
        _("Silence several heads at once"), list(every), max_selections=TOGETHER, placeholder=_("Choose heads"),
        format_func=every.__getitem__, key=f"{lab.family}.ablation.heads.{found.key}.{language()}",
    )  # fmt: skip
    out = sorted(read(name) for name in chosen)
    if len(out) > 1:
        key = (found, how, tuple(out))
        drop: Drop | None = computed(lab, "joint", key, lambda: joint(study(found), out, how), key)
        if drop is not None:
            st.markdown(compared(drop, [worth.drop[kind][layer, head] for kind, layer, head in out]))
    silence(lab, table, found.step, out, whole)


def compared(drop: Drop, alone: Sequence[float]) -> str:
    """The joint drop against the sum of the single ones, and what that means where the difference is sure."""
    total = float(sum(alone))
    told = _(
        "Together they cost **{joint}** of accuracy (± {error}); their drops alone add up to {total}.",
        joint=round(drop.value, 3), error=round(drop.error, 3), total=round(total, 3),
    )  # fmt: skip
    if drop.value - total > SURE * drop.error:
        return told + " " + _("They stand in for each other: alone, each can be spared.")
    if total - drop.value > SURE * drop.error:
        return told + " " + _("They work on the same thing: the first loss is most of the damage.")
    return told
