"""The wire format of live pictures: one binary frame is a JSON header and the arrays it names.

A frame is: uint32 little-endian length of the header; the header (UTF-8 JSON, padded with spaces so that what
follows is 8-byte aligned); the arrays, each 8-byte aligned. The header's "arrays" lists name, dtype ("u1", "i4",
"f4"), shape and offset from the end of the header; a "u1" array made by `pixels` also carries "low" and "high".
The same bytes travel over the WebSocket and, where a host forwards none, inside a Streamlit component.

Kinds of frame, server to browser:

    status     key, status, step, steps, rate, eta_s, device, place, wait_s, reason
    moments    array "steps": steps at which snapshots exist, new ones only
    scalars    array "steps" and one f4 array per column, new rows only; "reset": true where history begins anew
    snapshot   step, live; the arrays of the picture by the experiment's `wire` rules; "asked" when it answers `at`
    note       step, note ("diverged", "resumed", …), text in the visitor's language

Browser to server, JSON text: {"at": step} asks for the newest snapshot not later than step;
{"live": false} stops live pictures (scalars and moments go on), {"live": true} resumes them.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.experiment import Pixels, Points, Snapshot

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
        data = np.ascontiguousarray(array, dtype=np.dtype(_DTYPES[code]).newbyteorder("<"))
        entry.update(dtype=code, shape=list(data.shape))
        raw = data.tobytes()
        raw += b"\0" * (-len(raw) % _ALIGN)
        listed.append(entry)
        parts.append(raw)
        offset += len(raw)
    text = json.dumps({**header, "arrays": listed}, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-(len(text) + 4) % _ALIGN)
    return struct.pack("<I", len(text)) + text + b"".join(parts)


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
