"""The neuron view: a cell that was clicked, from q and k to the weight and on to the output, with every number real."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from models.attention import AttentionTraining
from models.experiment import Snapshot
from models.metrics.cell import Row, row
from pages.parts.attention.selection import Selection
from pages.parts.attention.words import head_in_words
from pages.parts.component import component
from pages.parts.lab import Lab
from pages.parts.lanes import ACTIVE
from pages.parts.table import Table
from pages.parts.words import _, language, translated
from state.runs import runs

HERE = Path(__file__).parent
LIVE_S = 0.5

WORDS: Mapping[str, str] = {
    "step_score": "How well does the key fit the query?",
    "step_share": "What share of the attention is that?",
    "step_take": "What is taken home?",
    "key": "key",
    "raw": "q·k",
    "scaled": "÷√d",
    "bias": "+ position",
    "weight": "softmax",
    "masked": "masked",
    "weighted": "w × v",
    "out": "output",
    "table": "All keys of this query",
}

_neuron = component(
    "neuron",
    html='<div class="tn-root"></div>',
    css=(HERE / "neuron.css").read_text(encoding="utf-8"),
    js=(HERE / "neuron.js").read_text(encoding="utf-8"),
)


def neuron(
    found: Row, tokens: tuple[str, list[str]], cell: tuple[int, int], scaled: bool, title: str, key: str
) -> None:
    """Draw one cell: `tokens` are the query's text and all keys' texts, `cell` the query's and the key's place."""
    _query, place = cell
    weight = float(found.weight_S[place])
    product_D, weighted_D = found.q_D * found.k_SD[place], found.v_SD[place] * weight
    divisor = len(found.q_D) ** 0.5 if scaled else 1.0
    keys = [
        {
            "place": at, "token": token, "raw": float(found.raw_S[at]), "scaled": float(found.raw_S[at]) / divisor,
            "bias": float(found.bias_S[at]), "visible": bool(found.visible_S[at]), "weight": float(found.weight_S[at]),
        }
        for at, token in enumerate(tokens[1])
    ]  # fmt: skip
    _neuron(
        key=key,
        data={
            "title": title, "q": found.q_D.tolist(), "k": found.k_SD[place].tolist(), "product": product_D.tolist(),
            "v": found.v_SD[place].tolist(), "weighted": weighted_D.tolist(), "out": found.out_D.tolist(),
            "raw": float(found.raw_S[place]), "keys": keys, "key": place, "lines": lines(found, place, scaled),
            "words": {**translated(WORDS), "locale": language()},
        },
    )  # fmt: skip


def lines(found: Row, place: int, scaled: bool) -> dict[str, str]:
    """The same arithmetic as sentences."""
    width, raw, score = len(found.q_D), float(found.raw_S[place]), float(found.score_S[place])
    weight, seen = float(found.weight_S[place]), int(found.visible_S.sum())
    if not scaled:
        first = _("The score is the sum, {raw}: this model does not divide by √d.", raw=raw)
    else:
        first = _("{raw} ÷ √{width} = {scaled}", raw=raw, width=width, scaled=raw / width**0.5)
    if float(found.bias_S[place]):
        first += _("; with the position's {bias} that is {score}", bias=float(found.bias_S[place]), score=score)
    if not bool(found.visible_S[place]):
        second = _("This key is masked: it gets nothing, whatever its score.")
    else:
        highest = float(found.score_S[found.visible_S].max())
        total = float((found.score_S[found.visible_S] - highest).exp().sum())
        second = _(
            "e^({score} − {highest}) ÷ {total} = {weight}, over {seen} visible keys; all weights of the row sum to "
            "one.",
            score=score, highest=highest, total=total, weight=weight, seen=seen,
        )  # fmt: skip
    effective = math.exp(float(-(found.weight_S * found.weight_S.clamp(min=1e-300).log()).sum()))
    third = _(
        "The output is the sum of w × v over all keys. This query spreads its attention as if over {effective} keys.",
        effective=effective,
    )
    return {"score": first, "share": second, "take": third}


def draw(lab: Lab, table: Table) -> None:
    """The chosen head in words and its chosen cell in numbers, at the step that is looked at."""
    run = runs().find(table.shown.key)
    experiment = table.shown
    if run is None or not isinstance(experiment, AttentionTraining):
        return
    chosen = Selection.read(table.view, "cross" if experiment.shape == "encoder_decoder" else "self")
    follows = table.at is None and run.status().state in ACTIVE

    @st.fragment(run_every=LIVE_S if follows else None)
    def cell() -> None:
        moments = run.moments()
        snapshot = run.snapshot(int(moments[-1]) if table.at is None else table.at) if len(moments) else None
        if snapshot is None:
            return
        head_in_words(snapshot, experiment, chosen)
        if chosen.cell is None:
            st.caption(_("Click a cell of the large map to see how its weight comes about."))
        else:
            show(lab, snapshot, experiment, chosen, chosen.cell)

    cell()


def show(lab: Lab, snapshot: Snapshot, experiment: AttentionTraining, chosen: Selection, cell: tuple[int, int]) -> None:
    """One cell of one picture, or why it cannot be shown."""
    probe, words = experiment.probe(), experiment.source().vocabulary
    own_T, read_N = probe.input_BT, probe.encoder_BN
    example = min(chosen.example, len(own_T) - 1)
    queries = read_N[example] if chosen.kind == "encoder" and read_N is not None else own_T[example]
    keys = read_N[example] if chosen.kind in ("encoder", "cross") and read_N is not None else own_T[example]
    query, place = cell
    plan = experiment.at(snapshot.step).plan()
    where = (chosen.kind, example, chosen.layer, chosen.head)
    found = row(snapshot, plan, (queries, keys), where, query)
    if found is None or place >= len(keys):
        st.caption(
            _("This cell's queries and keys were not recorded: the model is too large, or there is no such cell.")
        )
        return
    texts = [words[token] for token in keys.tolist()]
    title = _(
        "Layer {layer}, head {head} at step {step}: “{query}” (position {q}) looks at “{key}” (position {k})",
        layer=chosen.layer + 1, head=chosen.head + 1, step=snapshot.step, query=words[int(queries[query])], q=query + 1,
        key=texts[place], k=place + 1,
    )  # fmt: skip
    neuron(found, (words[int(queries[query])], texts), (query, place), plan.scaled, title, f"{lab.family}.neuron")
