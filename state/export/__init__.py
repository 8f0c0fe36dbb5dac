"""What leaves the store: a run's numbers, pictures and weights as files that other programs read.

    export(run, "csv").data            one row a step, one column a metric
    export(run, "npz", step=400)       the picture of the newest moment not later than step 400

A run that is training gives what it has recorded so far. Raises `CannotExport`, whose sentence says the way out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from state.export import events, pictures, script, tables, weights
from state.export.refusals import REFUSALS, UNKNOWN_FORMAT, CannotExport
from state.runs import Run

__all__ = ["FORMATS", "REFUSALS", "CannotExport", "File", "Format", "export", "family_of", "named"]

LETTERS = 6


@dataclass(frozen=True)
class Format:
    """One kind of file: how it is made of a run at a step, and what it is called outside."""

    ending: str
    mime: str
    make: Callable[[Run, int | None], bytes]
    whole: bool = True
    """Whether it tells the whole run, so that its name needs no step."""


@dataclass(frozen=True)
class File:
    """A file that was made, not yet written anywhere."""

    name: str
    mime: str
    data: bytes


FORMATS: Mapping[str, Format] = {
    "csv": Format("csv", "text/csv", lambda run, step: tables.csv_of(run)),
    "parquet": Format("parquet", "application/vnd.apache.parquet", lambda run, step: tables.parquet_of(run)),
    "npz": Format("npz", "application/zip", pictures.npz_at, whole=False),
    "npz-all": Format("npz", "application/zip", lambda run, step: pictures.npz_all(run)),
    "safetensors": Format("safetensors", "application/octet-stream", weights.weights_at, whole=False),
    "tensorboard": Format("tfevents", "application/octet-stream", lambda run, step: events.events_of(run)),
    "python": Format("py", "text/x-python", lambda run, step: script.script(run.experiment).encode()),
}


def family_of(run: Run) -> str:
    """The file under `models` that declares the run's experiment; the class where this version has no such file."""
    return (run.name if run.unknown else type(run.experiment).__module__.rsplit(".")[-1]).lower()


def named(run: Run, form: str, step: int | None = None) -> str:
    """`torchlight-<family>-<key6>-<step>.<ext>`; a file of the whole run says the step it has come to."""
    known = FORMATS[form]
    at = step if step is not None and not known.whole else int(run.moments()[-1:].sum())
    stem = f"torchlight-{family_of(run)}-{run.key[:LETTERS]}-{at}"
    # TensorBoard looks for this word inside a file's name.
    return f"{stem}.out.tfevents" if form == "tensorboard" else f"{stem}.{known.ending}"


def export(run: Run, form: str, step: int | None = None) -> File:
    """The run in one of `FORMATS`; without `step`, at its newest moment. Raises `CannotExport`."""
    if form not in FORMATS:
        raise CannotExport(UNKNOWN_FORMAT, form=form, known=", ".join(FORMATS))
    return File(named(run, form, step), FORMATS[form].mime, FORMATS[form].make(run, step))
