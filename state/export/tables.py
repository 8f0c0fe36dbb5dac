"""Metrics as a table: one row a step at which anything was recorded, one column a metric.

Numbers are exact: CSV writes the shortest text that reads back as the same float64, and a hole (nothing recorded at
this step) is an empty cell, whereas a recorded NaN is `nan`. Parquet keeps int64 and float64, and a hole is null.
"""

from __future__ import annotations

import csv
import io

import numpy as np

from state.export.refusals import NO_NUMBERS, CannotExport
from state.runs import Run


def table_of(run: Run) -> tuple[np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """The steps of all columns together, and per column (values, present), each one entry a step.

    Raises `CannotExport` where nothing is recorded yet.
    """
    columns = run.columns()
    if not columns:
        raise CannotExport(NO_NUMBERS)
    steps = np.unique(np.concatenate([own for own, _ in columns.values()]))
    laid: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name, (own, values) in columns.items():
        place = np.searchsorted(steps, own)
        whole, present = np.full(len(steps), np.nan), np.zeros(len(steps), bool)
        whole[place], present[place] = values, True
        laid[name] = whole, present
    return steps, laid


def csv_of(run: Run) -> bytes:
    """RFC 4180, UTF-8, first row the names. Raises `CannotExport`."""
    steps, columns = table_of(run)
    cells = [
        [repr(float(value)) if there else "" for value, there in zip(values, present, strict=True)]
        for values, present in columns.values()
    ]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["step", *columns])
    writer.writerows(zip(steps.tolist(), *cells, strict=True))
    return text.getvalue().encode()


def parquet_of(run: Run) -> bytes:
    """The same table; the experiment and its key are in the schema's metadata. Raises `CannotExport`."""
    # Streamlit brings it, and it takes half a second to load: only who asks for this file waits for it.
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    steps, columns = table_of(run)
    arrays = {name: pa.array(values, mask=~present) for name, (values, present) in columns.items()}
    table = pa.table({"step": pa.array(steps), **arrays})
    said = {"torchlight.key": run.key, "torchlight.experiment": run.name if run.unknown else repr(run.experiment)}
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(said), sink)
    return sink.getvalue()
