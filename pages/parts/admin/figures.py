"""The figures of the operator's view; every two seconds anew, as long as the page is open."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from typing import Any

import streamlit as st
import torch

from models.catalogue import experiments
from pages.parts.admin.deeds import deeds
from pages.parts.gallery.names import state
from pages.parts.words import _, fixed, language, shown
from state.health import STATES
from state.home import fingerprint
from state.hub import Hub
from state.latency import PICTURES, RERUNS, Histogram
from state.overview import Overview, overview, resident_bytes
from state.row import Row
from state.runs import runs
from state.serving import Guard

LOOK_S = 2.0
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@st.fragment(run_every=LOOK_S)
def figures() -> None:
    """All figures, and what can be done to the runs that they name."""
    now = overview(runs())
    _now(now)
    st.subheader(_("How long visitors wait"), anchor=False)
    _latencies()
    st.subheader(_("Training"), anchor=False)
    _training(now)
    st.subheader(_("Waiting"), anchor=False)
    _waiting(now)
    st.subheader(_("Failed"), anchor=False)
    _failed(now)
    deeds(now)
    st.caption(_versions())


def _now(now: Overview) -> None:
    busy, memory = len(now.busy), sum(one.memory_bytes for one in now.busy)
    with st.container(horizontal=True, gap="small"):
        for name, value in (
            (_("Sessions"), shown(Guard.visitors())),
            (_("Live pictures watched"), shown(Hub.watchers())),
            (_("Training, of {slots} slots", slots=now.slots), shown(busy)),
            (_("Waiting"), shown(len(now.waiting))),
            (_("Memory of the server"), _megabytes(resident_bytes())),
            (_("Memory of training"), _megabytes(memory)),
            (_("Stored, of {most}", most=_megabytes(now.most_bytes)), _megabytes(now.stored_bytes)),
            (_("Free on the disk"), _megabytes(now.free_bytes)),
        ):
            st.metric(name, value, border=True, width="content")
    st.caption(" · ".join(f"{state(name)}: {shown(now.states.get(name, 0))}" for name in STATES))


def _latencies() -> None:
    names = {_("Drawing a page"): RERUNS, _("Delivering a picture"): PICTURES}
    _table([{_("What"): name, **_quantiles(one)} for name, one in names.items()])


def _quantiles(one: Histogram) -> dict[str, str]:
    told = {name: one.quantile(share) for name, share in SHARES.items()}
    said = {name: "–" if value is None else f"{fixed(value * 1000, 0)} ms" for name, value in told.items()}
    return {**said, _("count"): shown(one.count)}


def _training(now: Overview) -> None:
    _table([
        {
            _("Run"): named(one.row), _("Step"): f"{shown(one.step)} / {shown(one.row.steps)}",
            _("Steps per second"): shown(round(one.rate)), _("Visitor"): one.row.owner or "–",
            _("Watched"): _("yes") if one.watched else _("no"), _("Memory"): _megabytes(one.memory_bytes),
            _("Attempt"): shown(one.row.attempt),
        }
        for one in now.busy
    ])  # fmt: skip


def _waiting(now: Overview) -> None:
    _table([
        {
            _("Place"): shown(place), _("Run"): named(row), _("Steps"): shown(row.steps),
            _("Visitor"): row.owner or "–", _("Waits for"): _duration(time.time() - row.queued),
        }
        for place, row in enumerate(now.waiting, 1)
    ])  # fmt: skip


def _failed(now: Overview) -> None:
    _table([
        {
            _("Ended"): _("{time} ago", time=_duration(time.time() - (row.ended or 0.0))), _("Run"): named(row),
            _("Reason"): _(reason.text, **dict(reason.values)) if reason else "–",
        }
        for row, reason in now.failed
    ])  # fmt: skip


def named(row: Row) -> str:
    """A run in few words: its title or family, and the beginning of its key."""
    known = experiments().get(row.name)
    return f"{row.title or (_(known.title) if known else row.name)} · {row.key[:6]}"


def _table(rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        st.dataframe(rows, hide_index=True, width="stretch")
    else:
        st.caption(_("None."))


def _megabytes(size: float) -> str:
    return f"{fixed(size / 1e9, 1)} GB" if size >= 1e9 else f"{fixed(size / 1e6, 0)} MB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _versions() -> str:
    said = {"Python": platform.python_version(), "PyTorch": torch.__version__, "Streamlit": st.__version__}
    listed = ", ".join(f"{name} {version}" for name, version in said.items())
    return _("Code {code}; {versions}; language {language}.", code=fingerprint(), versions=listed, language=language())
