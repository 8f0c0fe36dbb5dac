"""A view as one web page that needs nothing else: the living picture's own scripts, with the record packed inside.

The scripts are unchanged. What they take for a WebSocket is a stand-in that hands over the frames in the page, so the
scrubber, the curves and every switch work as in the app. A policy in the page forbids it to load anything.
"""

from __future__ import annotations

import base64
import html
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.experiment import Experiment
from pages.parts import live as living
from pages.parts import share, twins, watching
from pages.parts.controls import sentence_case
from pages.parts.keyboard import MOVES
from pages.parts.live.module import module
from pages.parts.words import _, language
from state.export.script import script
from state.feed import MOST_ROWS
from state.frames import lost_frames, moments_frame, note_frame, picture, scalars_frames, status_frame
from state.runs import Run

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table

HERE = Path(__file__).parent
MOST_BYTES = 8_000_000
"""Of packed frames in one report; mail passes it on."""
MOST_UNPACKED = 56 * 2**20
"""What a picture keeps in memory of its past (feed.js), less a little."""


@dataclass(frozen=True)
class Words:
    """What a report says, in the language of who asked for it."""

    title: str
    language: str
    body: str
    """HTML under the picture."""
    thinned: str
    """A template over kept and count."""
    data: dict[str, Any]
    """What the living picture is mounted with."""


def told(lab: Lab, table: Table, known: Sequence[tuple[Experiment, Run]], link: str) -> Words:
    """Everything that needs the page: translations, labels, panels."""
    first, run = known[0]
    entries = [
        {"key": run.key, "label": twins.label(each, table), "active": False, "whole": True} for each, run in known
    ]
    data = {
        "runs": entries, "panels": [dict(panel) for panel in lab.panels(first)], "words": watching.spoken(lab),
        "keys": dict(MOVES), "step": table.at, "view": table.view, "autoplay": False, "frames": [],
    }  # fmt: skip
    parts = [
        section(_("Settings"), knobs(lab, [each for each, _run in known], table)),
        section(_("Notes of the run"), notes(run)) if run.notes() else "",
        section(_("How to train it again"), again(first, link)),
    ]
    title = run.row.title or _(type(first).title) or run.name
    thinned = _("To stay small, this report has {kept} of the {count} recorded moments.")
    return Words(title, language(), "".join(parts), thinned, data)


def section(title: str, inner: str) -> str:
    return f"<section><h2>{html.escape(title)}</h2>{inner}</section>"


def knobs(lab: Lab, experiments: Sequence[Experiment], table: Table) -> str:
    """Each knob that matters here, with its value in every run."""
    known = experiments[0].knobs()
    names = [name for name, knob in known.items() if any(each.matters(knob) for each in experiments)]
    heads = [twins.label(each, table) for each in experiments] if len(experiments) > 1 else [_("Value")]
    top = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in [_("Setting"), *heads])
    rows = [
        f'<tr><th scope="row">{html.escape(sentence_case(_(known[name].label)))}</th>'
        + "".join(f"<td>{html.escape(lab.said(name, getattr(each, name)))}</td>" for each in experiments) + "</tr>"
        for name in names
    ]  # fmt: skip
    changed = [
        _("at step {step}: {knob} → {value}", step=step, knob=_(known[name].label), value=lab.said(name, value))
        for step, name, value in experiments[0].changes
    ]
    return f"<table><thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody></table>" + "".join(map(line, changed))


def notes(run: Run) -> str:
    said = [_("Step {step}: {note}", step=note.step, note=_(note.text, **note.values)) for note in run.notes()]
    return f"<ul>{''.join(f'<li>{html.escape(one)}</li>' for one in said)}</ul>"


def line(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"


def code(text: str) -> str:
    """A block that scrolls, for the keyboard too."""
    return f'<pre tabindex="0">{html.escape(text)}</pre>'


def again(experiment: Experiment, link: str) -> str:
    """A link, a command and a script."""
    address = html.escape(link)
    return "".join([
        line(_("The same view, where Torchlight runs:")), f'<p><a href="{address}">{address}</a></p>',
        line(_("The same run without a browser:")), code(share.command(experiment)),
        line(_("The same training in a notebook that has the folder `models`:")), code(script(experiment)),
    ])  # fmt: skip


def page(words: Words, runs: Sequence[Run], most_bytes: int = MOST_BYTES) -> bytes:
    """The page itself; in any thread, for it asks for no translation."""
    frames: dict[str, list[str]] = {}
    said = ""
    for run in runs:
        frames[run.key], kept, count = packed(run, words.data["step"], most_bytes // len(runs), len(runs))
        if kept < count:
            said = f"<p class='thinned'>{html.escape(words.thinned.format(kept=kept, count=count))}</p>"
    parts = {
        "LANGUAGE": words.language, "TITLE": html.escape(words.title), "THINNED": said, "BODY": words.body,
        "STYLE": "\n".join((living.HERE / f"{sheet}.css").read_text(encoding="utf-8") for sheet in living.SHEETS),
        "FRAMES": safe(frames), "DATA": safe(words.data), "LIVE": module(living.HERE, living.PARTS),
    }  # fmt: skip
    text = (HERE / "report.html").read_text(encoding="utf-8")
    pieces = text.split("%%")  # every other piece is the name of a part; a part may hold anything
    return "".join(parts[piece] if at % 2 else piece for at, piece in enumerate(pieces)).encode()


def safe(value: Any) -> str:
    """JSON inside a script: nothing in it can end the script."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def packed(run: Run, shown: int | None, most_bytes: int, share: int) -> tuple[list[str], int, int]:
    """The run's frames, as many moments of it as have room, and how many of how many these are."""
    status = replace(run.status(), rate=0.0, eta_s=None)
    rows = scalars_frames(run.columns(), reset=True, most=MOST_ROWS)
    lost, notes = run.lost(), map(note_frame, run.notes())
    base = [deflated(frame) for frame in (status_frame(status, run.key), *rows, *notes, *lost_frames(lost))]
    moments = np.setdiff1d(run.moments(), lost.moments)
    room = most_bytes - sum(map(len, base))
    newest = run.snapshot(2**62)
    if newest is None or not len(moments):
        return base, 0, 0
    # A first look at some moments tells how many fit; what is then taken is counted to the byte.
    wire = run.experiment.wire
    tried = [(len(frame), len(deflated(frame))) for frame in drawn(run, wire, spread(moments, 8, shown))]
    raw, small = (float(np.mean(sizes)) for sizes in zip(*tried, strict=True))
    most = max(2, int(min(room / small, MOST_UNPACKED / share / raw)))
    while True:
        steps = spread(moments, most, shown)
        pictures = [deflated(frame) for frame in drawn(run, wire, steps)]
        if sum(map(len, pictures)) <= room or most <= 2:
            return [*base, deflated(moments_frame(steps)), *pictures], len(steps), len(moments)
        most = max(2, int(0.9 * most))


def drawn(run: Run, wire: Any, steps: np.ndarray) -> list[bytes]:
    """The readable pictures of these steps, as frames."""
    found = [run.snapshot(step) for step in steps.tolist()]
    return [picture(one, wire, key=run.key, live=False) for one in found if one is not None]


def spread(moments: np.ndarray, most: int, shown: int | None) -> np.ndarray:
    """At most so many of the moments, evenly chosen: the ends among them, and the shown one."""
    if len(moments) <= most:
        return moments
    places = np.linspace(0, len(moments) - 1, max(2, most)).round().astype(int)
    if shown is not None and len(places) > 2:
        at = max(0, int(np.searchsorted(moments, shown, side="right")) - 1)
        places[1 + int(np.abs(places[1:-1] - at).argmin())] = at
    return np.asarray(moments[np.unique(places)])


def deflated(frame: bytes) -> str:
    return base64.b64encode(zlib.compress(frame, 9)).decode()
