"""Heads silenced while a run trains: a fork that goes on without them, and one in which all speak again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from models.attention import AttentionTraining
from models.experiment import BadExperiment, Value
from models.metrics.ablation import Head
from pages.parts.lab import Lab
from pages.parts.table import Table
from pages.parts.twins import said
from pages.parts.words import _

LEAST = 50
"""Steps that a fork at least goes on for: near its run's end there would be little left to watch."""


def named(head: Head, alone: bool) -> str:
    """A head as a visitor calls it; the kind of map is left out where it is `alone`."""
    kind, layer, place = head
    name = _("layer {layer}, head {head}", layer=layer + 1, head=place + 1)
    kinds = {"encoder": _("encoder"), "self": _("decoder"), "cross": _("cross")}
    return name if alone else f"{kinds[kind]}: {name}"


def said_of(name: str, value: Value) -> str:
    """A knob's value in words: heads by the names they have on the page, not as the knob writes them."""
    if name != "knocked_out":
        return said(value)
    heads = [read(head) for head in str(value).split("+") if head]
    return "; ".join(named(head, all(kind == "self" for kind, _layer, _place in heads)) for head in heads) or _("none")


def read(name: str) -> Head:
    """A head from its name in the knob."""
    kind, layer, head = name.split(".")
    return kind, int(layer), int(head)


def silence(lab: Lab, table: Table, step: int, out: Sequence[Head], alone: bool) -> None:
    """The button that forks the run at `step` without the heads of `out`, and the one that gives them their say."""
    label = _("Silence these heads from step {step} on", step=step)
    if st.button(label, key=f"{lab.family}.silence", disabled=not out, icon=":material/volume_off:"):
        fork(lab, table, step, out)
    now = table.shown.at(step)
    if isinstance(now, AttentionTraining) and now.silenced:
        names = "; ".join(named(head, alone) for head in now.silenced)
        st.caption(_("Silent in this run at this step: {heads}.", heads=names))
        again = _("Let all heads speak from step {step} on", step=step)
        if st.button(again, key=f"{lab.family}.speak", icon=":material/volume_up:"):
            fork(lab, table, step, [])


def fork(lab: Lab, table: Table, step: int, out: Iterable[Head]) -> None:
    """Open the run that goes on from `step` with these heads silent, beside those before; with none, all speak."""
    silent, before, most = set(out), table.shown.at(step), int(table.shown.knobs()["steps"].high or 0)
    if silent and isinstance(before, AttentionTraining):
        silent |= set(before.silenced)
    step = min(step, most - 1)
    steps = min(most, max(table.shown.steps, step + max(LEAST, table.shown.steps // 2)))
    names = "+".join(f"{kind}.{layer}.{head}" for kind, layer, head in sorted(silent))
    try:
        wanted = table.shown.fork(step, knocked_out=names, steps=steps)
    except BadExperiment as error:
        st.error(" ".join(map(_, error.faults.values())), icon=":material/error:")
        return
    if lab.open(wanted, resume=True) is not None:
        lab.lay(Table(wanted, wanted, view=table.view))
