"""A run as a TensorBoard event file, in the two small formats it is made of.

A record is: uint64 length, masked CRC of the length, the bytes, masked CRC of the bytes, all little-endian. The bytes
are an Event message in protobuf's encoding: wall_time = 1 (double), step = 2 (varint), file_version = 3 (string),
summary = 5 (message) whose value = 1 has tag = 1 (string) and simple_value = 2 (float32).

Source: TensorFlow, core/lib/io/record_writer.h, core/util/event.proto and core/framework/summary.proto; CRC-32C is
RFC 3720, appendix B.4. Wall times are made up: the record of a run has steps, so one step counts as one second.
"""

from __future__ import annotations

import struct
from functools import cache

from state.export.tables import table_of
from state.runs import Run

POLYNOMIAL = 0x82F63B78
MASK = 0xA282EAD8
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def events_of(run: Run) -> bytes:
    """Every number of the run, one event a step. Raises `CannotExport`."""
    steps, columns = table_of(run)
    begin = run.row.created
    written = [record(field(1, FIXED64, struct.pack("<d", begin)) + field(3, BYTES, b"brain.Event:2"))]
    for row, step in enumerate(steps.tolist()):
        values = [(name, values[row]) for name, (values, present) in columns.items() if present[row]]
        written.append(record(event(begin + step, step, values)))
    return b"".join(written)


def event(wall_time: float, step: int, values: list[tuple[str, float]]) -> bytes:
    """An Event message with one summary; a value beyond float32 is infinite, as TensorBoard would have it."""
    summary = b"".join(field(1, BYTES, field(1, BYTES, tag.encode()) + single(2, value)) for tag, value in values)
    return field(1, FIXED64, struct.pack("<d", wall_time)) + field(2, VARINT, varint(step)) + field(5, BYTES, summary)


def single(number: int, value: float) -> bytes:
    try:
        return field(number, FIXED32, struct.pack("<f", value))
    except OverflowError:
        return field(number, FIXED32, struct.pack("<f", float("inf") if value > 0 else float("-inf")))


def field(number: int, kind: int, value: bytes) -> bytes:
    """One field of a protobuf message; bytes carry their length."""
    return varint(number << 3 | kind) + (varint(len(value)) if kind == BYTES else b"") + value


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    said = bytearray()
    while number > 127:
        said.append(number & 127 | 128)
        number >>= 7
    return bytes([*said, number])


def record(data: bytes) -> bytes:
    """One record of a TFRecord file."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked(length)) + data + struct.pack("<I", masked(data))


def masked(data: bytes) -> int:
    """The CRC, turned by 15 bits and moved, so that a record of records keeps its checksums apart."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + MASK) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """Castagnoli's CRC of 32 bits, a table look-up a byte."""
    crc, rest = 0xFFFFFFFF, remainders()
    for byte in data:
        crc = crc >> 8 ^ rest[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


@cache
def remainders() -> tuple[int, ...]:
    """What each byte leaves when it is divided by the polynomial."""

    def divided(value: int) -> int:
        for _bit in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        return value

    return tuple(map(divided, range(256)))
