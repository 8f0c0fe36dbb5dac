"""The tab that takes a run away: figures and films of the picture, its data as files, a report, and Python.

Figures and films are made in the browser by the very painters of the living picture (`figure.js`, `ink.js`,
`reel.js`); files of the record are made by `state.export` when their button is pressed, and not before.
GIFs are encoded by gifenc (MIT, `gifenc/LICENSE.md`), taken over unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from models.experiment import Experiment
from pages.parts import twins, watching
from pages.parts.component import component
from pages.parts.export import report
from pages.parts.live.module import module
from pages.parts.share import address
from pages.parts.words import _, language, told, translated
from state.export import FORMATS, LETTERS, CannotExport, export, family_of, named, pictures
from state.export.script import script
from state.export.weights import missing
from state.runs import Run

if TYPE_CHECKING:
    from pages.parts.lab import Lab
    from pages.parts.table import Table

HERE = Path(__file__).parent

WORDS: Mapping[str, str] = {
    "panel": "Which panel",
    "all": "The whole picture",
    "png": "PNG",
    "svg": "SVG",
    "first": "From step",
    "last": "To step",
    "gif": "GIF",
    "mp4": "MP4",
    "webm": "WebM",
    "cancel": "Cancel",
    "progress": "Progress of the film",
    "hint": "Figures show the step that the picture shows. A film replays the picture while it is made.",
    "waiting": "There is no picture yet. Wait for its first step, then try again.",
    "failed": "This could not be made: {error}",
    "large": "This picture is too large for the browser. Choose one panel.",
    "few": "A film needs at least two recorded moments: choose steps that lie further apart.",
    "filming": "Moment {done} of {whole}",
    "cancelled": "Cancelled: no file was made.",
    "filmed": "Done: {frames} moments, {size} MB.",
    "thinned": "Done: {frames} of the {all} recorded moments, evenly chosen, {size} MB.",
    "cut": "The film ends at step {step}: with {frames} moments it has reached its largest size, {size} MB.",
    "given": "Saved as {name}.",
}
"""Every word the desk shows or speaks, in English; translations fill in the same {fields}."""


def encoder() -> str:
    """gifenc as one constant: its names are short, and would meet those of the other files."""
    text = (HERE / "gifenc" / "gifenc.esm.js").read_text(encoding="utf-8")
    body, names = text.rsplit("export{", 1)
    given = re.sub(r"(\w+) as (\w+)", r"\2:\1", names.split("}")[0])
    return f"const gifenc=(()=>{{{body}return{{{given}}}}})();\n"


_desk = component(
    "export",
    html='<div class="te-root"></div>',
    css=(HERE / "export.css").read_text(encoding="utf-8"),
    js=encoder() + module(HERE, ("ink", "figure", "reel", "desk")),
)


def draw(lab: Lab, table: Table) -> None:
    """Everything that leaves, for the runs on the table and at the step that the picture shows."""
    known = watching.stored(table)
    if not known:
        st.info(_("Nobody has trained these settings yet. Press Train."), icon=":material/play_circle:")
        return
    heading(_("Figures and films of the picture"))
    first = known[0][1]
    data = {
        "runs": [run.key for _e, run in known],
        "stem": f"torchlight-{family_of(first)}-{first.key[:LETTERS]}",
        "words": translated(WORDS),
    }
    _desk(key=f"{lab.family}.export", data=data)
    for experiment, run in known:
        heading(_("Data of the run"), twins.label(experiment, table) if len(known) > 1 else "")
        with st.container(horizontal=True, gap="small"):
            files(lab, run, table.at)
    heading(_("A report in one file"))
    whole_report(lab, table, known)
    heading(_("Copy as Python"))
    st.caption(
        _("It trains the same run in a plain notebook that has the folder `models` beside it, and nothing else.")
    )
    st.code(script(known[0][0]), language="python", wrap_lines=True, height=220)


def heading(text: str, more: str = "") -> None:
    st.markdown(f"**{text}** {more}")


def labels() -> dict[str, tuple[str, str]]:
    """What each kind of file is called, and what is in it."""
    return {
        "csv": ("CSV", _("All numbers, one row a step; exact when read back.")),
        "parquet": ("Parquet", _("The same table in columns, for pandas, Polars or DuckDB.")),
        "npz": (_("NPZ, this step"), _("The arrays of the shown picture, for `numpy.load`.")),
        "npz-all": (_("NPZ, all steps"), _("The arrays of all recorded moments, for `numpy.load`.")),
        "safetensors": (_("Weights"), _("The model's weights (safetensors) of the newest checkpoint up to this step.")),
        "tensorboard": ("TensorBoard", _("An event file: put it in a folder, and point TensorBoard at that.")),
        "python": ("Python", _("A script that trains this run again.")),
    }


def files(lab: Lab, run: Run, at: int | None) -> None:
    """One button per kind of file. Nothing is computed before a press, and a press does not run the page again."""
    empty = not len(run.moments())
    barred: dict[str, CannotExport | None] = {"safetensors": missing(run, at), "npz-all": pictures.barred(run)}
    for form, (label, about) in labels().items():
        why = barred.get(form)
        help_text = about if why is None else told(why)
        if empty and form != "python":
            help_text = _("This run has recorded nothing yet. Wait for its first steps.")
        st.download_button(
            label, data=partial(made, run, form, at), file_name=named(run, form, at), mime=FORMATS[form].mime,
            key=f"{lab.family}.export.{run.key}.{form}", help=help_text, on_click="ignore",
            disabled=why is not None or (empty and form != "python"),
        )  # fmt: skip


def made(run: Run, form: str, at: int | None) -> bytes:
    """The file's bytes, in the thread of a download."""
    return export(run, form, at).data


def whole_report(lab: Lab, table: Table, known: Sequence[tuple[Experiment, Run]]) -> None:
    """The report's button; its words are said here, where the visitor's language is known."""
    link = address({**table.link(), "lang": language()})
    said = report.told(lab, table, known, link)
    st.caption(
        _("One web page that opens from the disk, without a server and without the network: the picture with its "
          "scrubber, the settings, the notes, and how to train it again. Above {most} MB, moments are left out.",
          most=report.MOST_BYTES // 10**6)
    )  # fmt: skip
    first = known[0][1]
    at = table.at if table.at is not None else int(first.moments()[-1:].sum())
    st.download_button(
        _("Report (HTML)"), data=partial(report.page, said, [run for _e, run in known]), mime="text/html",
        file_name=f"torchlight-{family_of(first)}-{first.key[:LETTERS]}-{at}.html",
        key=f"{lab.family}.export.report", on_click="ignore", icon=":material/article:",
        disabled=not len(first.moments()),
    )  # fmt: skip
