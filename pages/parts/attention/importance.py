"""How the ways of telling importance are shown: strips over the same tokens, and their agreement in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from models.metrics.explanation import METHODS
from models.metrics.rankings import Agreement, Comparison
from pages.parts.attention.sheets import Cell, sheet
from pages.parts.controls import sentence_case
from pages.parts.words import _, percent, shown


@dataclass(frozen=True)
class Told:
    """The importances of one question, as shares of all comparable tokens, and how many nats the whole is."""

    tokens: tuple[str, ...]
    shares: Mapping[str, np.ndarray]
    nats: float
    """The largest drop of leave-one-out."""
    predicting: int | None
    """Where among the tokens the predicting position stands, if it is one of them."""


def titles() -> dict[str, str]:
    """What each method is called."""
    return {
        "raw": _("attention, mean of the last layer"),
        "head": _("attention of the chosen head"),
        "rollout": _("attention rollout"),
        "gradient": _("gradient × input"),
        "leave_one_out": _("leave-one-out"),
    }


def strips(said: Told) -> None:
    """One row per method over the same tokens."""
    names = titles()
    rows = [
        (names[name], [Cell(whole(float(share)), float(share), marked=bool(share and share == part.max()))
                       for share in part])
        for name in ("head", *METHODS) if (part := said.shares.get(name)) is not None
    ]  # fmt: skip
    sheet(_("Share of each token, in each way of telling"), said.tokens, rows, said.predicting)
    st.caption(
        _("Outlined: the first of each row. Underlined: the predicting position. Leave-one-out's largest drop is "
          "{nats} nats.", nats=round(said.nats, 3))
    )  # fmt: skip


def whole(share: float) -> str:
    """Whole per cent; nothing where there is less than half of one."""
    return percent(round(share, 2)) if share >= 0.005 else ""


def agreement(over: Comparison) -> None:
    """Every method's ρ with leave-one-out, and one sentence that says no more than the interval allows."""
    if not over.examples:
        st.info(_("No example's answer hangs on some tokens more than on others: there is nothing to compare."))
        return
    names = titles()
    rows = [
        (
            names[each.method],
            [
                Cell(shown(round(each.rho, 2)), each.rho, interval(each)),
                Cell(percent(round(each.top, 2))),
                Cell(shown(round(each.plain, 2))),
            ],
        )
        for each in over.agreements
    ]
    title = _("Agreement with leave-one-out over {count} examples", count=over.examples)
    sheet(title, [_("rank correlation ρ"), _("same first token"), _("ρ without ties")], rows)
    st.markdown(verdict(over, names))
    st.caption(
        _("ρ counts tokens below an even share as equal: where one token of sixteen matters, the order of the others "
          "is noise, as the last column shows. Below ρ: the 95 % interval over examples.")
    )  # fmt: skip


def interval(each: Agreement) -> str:
    return f"{shown(round(each.low, 2))} … {shown(round(each.high, 2))}"


def verdict(over: Comparison, names: Mapping[str, str]) -> str:
    """A winner only where it is ahead of every other by more than the examples leave open."""
    first, *others = sorted(over.agreements, key=lambda each: -each.rho)
    if over.best is not None:
        return _(
            "**{best}** ranks tokens most like leave-one-out: ρ = {rho} ({interval}), ahead of every other by more "
            "than chance.",
            best=sentence_case(names[over.best]), rho=round(first.rho, 2), interval=interval(first),
        )  # fmt: skip
    return _(
        "No winner: {first} has ρ = {rho} and {second} {other}, closer than {count} examples can tell apart.",
        first=names[first.method], rho=round(first.rho, 2), second=names[others[0].method],
        other=round(others[0].rho, 2), count=over.examples,
    )  # fmt: skip
