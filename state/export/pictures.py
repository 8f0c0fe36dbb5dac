"""Pictures as NPZ: the named arrays of one recorded moment, or of all of them; read with `numpy.load`.

One moment: its arrays and `step`. All moments: `steps`, and each array with one more axis in front, a row a moment.
An array that is missing at some moments, or changes its shape, is kept as `<name>@<step>`. Moments whose checksum
fails are left out and listed in `damaged`. Nothing in such a file needs `allow_pickle`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from models.experiment import Snapshot
from state.export.refusals import NO_PICTURE, TOO_LARGE, CannotExport
from state.runs import Run

MOST_BYTES = 256_000_000
FAR = 2**62


def npz_at(run: Run, step: int | None = None) -> bytes:
    """The newest readable moment not later than `step`. Raises `CannotExport`."""
    snapshot = run.snapshot(FAR if step is None else step)
    if snapshot is None:
        raise CannotExport(NO_PICTURE, step=step or 0)
    return packed({"step": np.array(snapshot.step, np.int64), **snapshot.arrays})


def npz_all(run: Run, most_bytes: int = MOST_BYTES) -> bytes:
    """Every readable moment. Raises `CannotExport`, also where they would take more than `most_bytes` unpacked."""
    if (why := barred(run, most_bytes)) is not None:
        raise why
    moments = run.moments().tolist()
    read = [(step, run.snapshot(step)) for step in moments]
    good = [snapshot for step, snapshot in read if snapshot is not None and snapshot.step == step]
    damaged = [step for step, snapshot in read if snapshot is None or snapshot.step != step]
    steps = [snapshot.step for snapshot in good]
    return packed({"steps": np.array(steps, np.int64), "damaged": np.array(damaged, np.int64), **stacked(good)})


def barred(run: Run, most_bytes: int = MOST_BYTES) -> CannotExport | None:
    """Why all moments cannot be exported, told from the newest one."""
    newest = run.snapshot(FAR)
    if newest is None:
        return CannotExport(NO_PICTURE, step=0)
    size = len(run.moments()) * sum(array.nbytes for array in newest.arrays.values())
    return CannotExport(TOO_LARGE, size=size // 10**6, most=most_bytes // 10**6) if size > most_bytes else None


def stacked(moments: list[Snapshot]) -> dict[str, np.ndarray]:
    """Arrays that all moments have alike, stacked; others singly."""
    found: dict[str, np.ndarray] = {}
    for name in dict.fromkeys(name for moment in moments for name in moment.arrays):
        each = [(moment.step, moment.arrays[name]) for moment in moments if name in moment.arrays]
        if len(each) == len(moments) and len({(array.shape, array.dtype) for _, array in each}) == 1:
            found[name] = np.stack([array for _, array in each])
        else:
            found |= {f"{name}@{step}": array for step, array in each}
    return found


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    sink = io.BytesIO()
    np.savez_compressed(sink, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    return sink.getvalue()
