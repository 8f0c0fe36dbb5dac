"""Is attention an explanation? Four importances of the same tokens for one answer, and how well they agree."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import streamlit as st

from models.attention import AttentionTraining
from models.metrics.explanation import Question, candidates, explain
from models.metrics.rankings import EXAMPLES, Comparison, against_leave_one_out, questions_of, reach
from pages.parts.attention.importance import Told, agreement, strips
from pages.parts.attention.selection import Selection
from pages.parts.attention.weights import Weights, computed, study, weights
from pages.parts.lab import Lab
from pages.parts.table import Table
from pages.parts.words import _, language


def draw(lab: Lab, table: Table) -> None:
    """One example, one answer, four rows of importance; below, all methods over many examples."""
    st.caption(
        _("Attention says where a head looks, not what the answer hangs on. Leave-one-out tries it: each token is "
          "replaced by others, and the drop in the right answer's log-probability is measured.")
    )  # fmt: skip
    found = weights(lab, table)
    if found is None:
        return
    asked = st.columns([1, 2, 2], vertical_alignment="bottom")
    with asked[0]:
        example = int(st.number_input(_("Example"), 1, EXAMPLES, 1, key=f"{lab.family}.explain.example")) - 1
    with asked[1]:
        position = answered(lab, found, example)
    with asked[2]:
        head = one_head(lab, table, found)
    if position is None:
        st.info(_("This example has no answer to explain. Choose another."), icon=":material/help:")
        return
    key = (found, example, position, head)
    said: Told | None = computed(lab, "explain", key, lambda: tell(found, example, position, head), found.key)
    if said is not None:
        strips(said)
    over: Comparison | None = computed(
        lab, "agreement", (found, head), lambda: against_leave_one_out(study(found), head), found.key
    )
    if over is not None:
        agreement(over)


@lru_cache(maxsize=32)
def asked_of(experiment: AttentionTraining) -> list[list[Question]]:
    """Every question that can be asked of each example of this run."""
    return questions_of(experiment)


def answered(lab: Lab, found: Weights, example: int) -> int | None:
    """Which of the example's answers is to be explained; None where it has none."""
    asked, words = asked_of(found.experiment.at(found.step))[example], found.experiment.source().vocabulary
    if not asked:
        return None
    names = {
        each.position: _("position {position}: “{answer}”", position=each.position + 1, answer=words[each.answer])
        for each in asked
    }
    picked: int | None = st.selectbox(
        _("Answer to explain"), list(names), index=len(names) // 2, filter_mode=None, format_func=names.__getitem__,
        key=f"{lab.family}.explain.position.{found.key}.{example}.{language()}",
    )  # fmt: skip
    return picked


def one_head(lab: Lab, table: Table, found: Weights) -> tuple[int, int] | None:
    """A head to look at beside the mean, first the one that is chosen in the picture."""
    experiment = found.experiment
    kind = "cross" if experiment.shape == "encoder_decoder" else "self"
    heads = [(layer, head) for layer in range(experiment.num_layers) for head in range(experiment.num_heads)]
    chosen = Selection.read(table.view, kind)
    usual = heads.index(here) if chosen.kind == kind and (here := (chosen.layer, chosen.head)) in heads else 0
    names = {(layer, head): _("layer {layer}, head {head}", layer=layer + 1, head=head + 1) for layer, head in heads}
    picked: tuple[int, int] = st.selectbox(
        _("One head beside the mean"), heads, index=usual, filter_mode=None, format_func=names.__getitem__,
        key=f"{lab.family}.explain.head.{found.key}.{usual}.{language()}",
    )  # fmt: skip
    return picked if len(heads) > 1 else None


def tell(found: Weights, example: int, position: int, head: tuple[int, int] | None) -> Told:
    """The importances, in the thread that computes."""
    model = study(found)
    asked = asked_of(found.experiment.at(found.step))[example]
    question = next(each for each in asked if each.position == position).to(model.where)
    kept_S = candidates(model, question).cpu().numpy()
    parts = {name: part.numpy()[kept_S] for name, part in explain(model, question, head, reach(model)[1]).items()}
    shares = {
        name: np.clip(part, 0, None) / max(float(np.clip(part, 0, None).sum()), 1e-30) for name, part in parts.items()
    }
    places = np.flatnonzero(kept_S).tolist()
    own = position if question.example.encoder_BN is None and position in places else None
    return Told(
        tuple(model.task.vocabulary[token] for token in question.source[kept_S].tolist()), shares,
        max(0.0, float(parts["leave_one_out"].max(initial=0.0))), None if own is None else places.index(own),
    )  # fmt: skip
