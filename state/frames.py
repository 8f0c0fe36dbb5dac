"""The wire format of live pictures: one binary frame is a JSON header and the arrays it names.

A frame is: uint32 little-endian length of the header; the header (UTF-8 JSON, padded with spaces so that what
follows is 8-byte aligned); the arrays, each 8-byte aligned. The header's "arrays" lists name, dtype ("u1", "i4",
"f4"), shape and offset from the end of the header; a "u1" array made by `pixels` also carries "low" and "high".
The same bytes travel over the WebSocket and, where a host forwards none, inside a Streamlit component.

Kinds of frame, server to browser:

    status     key, status, step, steps, rate, eta_s, device, place, wait_s, reason
    moments    array "steps": steps at which snapshots exist, new ones only; "lost": true where they cannot be read
    scalars    array "steps" and one f4 array per column, new rows only; "reset": true where history begins anew,
               "thinned": true where rows were left out: each bucket of steps then has its extremes only
    snapshot   step, live; the arrays of the picture by the experiment's `wire` rules; "asked" when it answers `at`
    note       step, note ("diverged", "resumed", …), text in the visitor's language; "lost": true where it tells what
               of the record cannot be read, instead of any that told so before: "holes" has then, per column, the
               first and last steps whose values are missing

Browser to server, JSON text: {"at": step} asks for the newest snapshot not later than step;
{"live": false} stops live pictures (scalars and moments go on), {"live": true} resumes them.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models.experiment import Note, Pixels, Points, Snapshot
from state.columns import Column, thin_columns
from state.damage import Damage
from state.growing import grouped
from state.runs import Status

SHOWN_AS = {"running": "training", "starting": "queued"}
"""States as visitors know them: a run that starts is at most some tenths of a second from training."""
_ALIGN = 8
_DTYPES = {"u1": np.uint8, "i4": np.int32, "f4": np.float32}


@dataclass(frozen=True)
class Quantised:
    """uint8 pixels and the values that 0 and 255 stand for; the error is at most (high - low) / 510."""

    pixels: np.ndarray
    low: float
    high: float


def quantise(array: np.ndarray, low: float | None = None, high: float | None = None) -> Quantised:
    """`array` as uint8 between `low` and `high`, or its own range; non-finite values become the low end."""
    finite = array[np.isfinite(array)]
    low = low if low is not None else float(finite.min(initial=0.0) if finite.size == 0 else finite.min())
    high = high if high is not None else float(finite.max(initial=0.0) if finite.size == 0 else finite.max())
    span = high - low or 1.0
    scaled = np.nan_to_num((array - low) / span, nan=0.0, posinf=1.0, neginf=0.0)
    return Quantised(np.rint(np.clip(scaled, 0.0, 1.0) * 255).astype(np.uint8), low, high)


def encode(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray | Quantised] | None = None) -> bytes:
    """One frame. Floats become float32, integers int32, bytes stay bytes."""
    listed: list[dict[str, Any]] = []
    parts: list[bytes] = []
    offset = 0
    for name, array in (arrays or {}).items():
        entry: dict[str, Any] = {"name": name, "offset": offset}
        if isinstance(array, Quantised):
            entry.update(low=array.low, high=array.high)
            array = array.pixels
        code = {"u": "u1", "b": "u1", "i": "i4"}.get(array.dtype.kind, "f4")
        with np.errstate(over="ignore"):  # beyond float32 a value is as good as infinite
            data = np.ascontiguousarray(array, dtype=np.dtype(_DTYPES[code]).newbyteorder("<"))
        entry.update(dtype=code, shape=list(data.shape))
        raw = data.tobytes()
        raw += b"\0" * (-len(raw) % _ALIGN)
        listed.append(entry)
        parts.append(raw)
        offset += len(raw)
    return _sealed({**header, "arrays": listed}, b"".join(parts))


def _sealed(header: Mapping[str, Any], body: bytes) -> bytes:
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-(len(text) + 4) % _ALIGN)
    return struct.pack("<I", len(text)) + text + body


def stamped(frame: bytes, **more: Any) -> bytes:
    """The frame with more fields in its header; its arrays are not touched."""
    (length,) = struct.unpack_from("<I", frame)
    return _sealed({**json.loads(frame[4 : 4 + length]), **more}, frame[4 + length :])


def decode(frame: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The inverse of `encode`, for tests and other readers; quantised arrays come back as their uint8 pixels."""
    (length,) = struct.unpack_from("<I", frame)
    header = json.loads(frame[4 : 4 + length])
    body = frame[4 + length :]
    arrays = {
        entry["name"]: np.frombuffer(
            body, _DTYPES[entry["dtype"]], count=int(np.prod(entry["shape"], dtype=int)), offset=entry["offset"]
        ).reshape(entry["shape"])
        for entry in header["arrays"]
    }
    return header, arrays


def picture(snapshot: Snapshot, wire: Mapping[str, Pixels | Points], **header: Any) -> bytes:
    """The snapshot as a frame, each array by its wire rule; arrays without a rule stay on the server."""
    arrays: dict[str, np.ndarray | Quantised] = {}
    for name, rule in wire.items():
        if name not in snapshot.arrays:
            continue
        array = snapshot.arrays[name]
        arrays[name] = quantise(array, rule.low, rule.high) if isinstance(rule, Pixels) else array[: rule.count]
    return encode({"kind": "snapshot", "step": snapshot.step, **header}, arrays)


def status_frame(status: Status, key: str) -> bytes:
    """The run's state, progress and place in line."""
    said = {name: value for name, value in asdict(status).items() if isinstance(value, int | float | str | None)}
    said["reason"] = str(status.reason) if status.reason else None
    return encode(
        {"kind": "status", "key": key, "sent": time.time(), **said, "status": SHOWN_AS.get(status.state, status.state)}
    )


def scalars_frames(columns: Mapping[str, Column], reset: bool = False, most: int | None = None) -> list[bytes]:
    """One frame per group of columns that share their steps; with `most`, columns of more rows are thinned."""
    long = {name: column for name, column in columns.items() if most is not None and len(column[0]) > most}
    groups = [
        (group, False) for group in grouped({name: column for name, column in columns.items() if name not in long})
    ]
    if most is not None:
        groups += [(group, True) for group in grouped(thin_columns(long, most))]
    if reset and not groups:
        groups = [((np.zeros(0, np.int64), {}), False)]
    return [
        encode({"kind": "scalars", "reset": reset and first == 0, "thinned": thinned}, {"steps": steps, **values})
        for first, ((steps, values), thinned) in enumerate(groups)
    ]


def moments_frame(moments: np.ndarray, **header: Any) -> bytes:
    """Steps at which pictures exist."""
    return encode({"kind": "moments", **header}, {"steps": moments})


def note_frame(note: Note, **header: Any) -> bytes:
    """A note, with its template and values, so that the browser can say it in the visitor's language."""
    said = {"kind": "note", "step": note.step, "note": note.kind, "text": str(note), "template": note.text}
    return encode({**said, **header, "values": dict(note.values)})


def lost_frames(damage: Damage) -> list[bytes]:
    """What of the record cannot be read: pictures that no scrubber stops at any more, and the sentence on all of it."""
    note = damage.note()
    gone = [moments_frame(np.array(damage.moments, np.int64), lost=True)] if damage.moments else []
    return [*gone, note_frame(note, lost=True, holes=damage.holes)] if note else []
