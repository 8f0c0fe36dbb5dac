"""Tensors out of a file that `torch.save` wrote in its old form, without running what the file says.

Such a file is a pickle: a program that builds objects, and may call anything. Here the program is read as text, word by
word, and only what describes a tensor (name, type, shape, which stored numbers) is understood; nothing is imported or
called. A word that describes no tensor ends the reading with an error.

Source: the opcodes, Python's pickletools; the layout, PyTorch's serialization before version 1.6: a magic number, the
protocol, the machine, the described tensors, the keys of the storages, then each storage as a count and raw numbers.
"""

from __future__ import annotations

import math
import pickletools
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

MAGIC = 0x1950A86A20F9469CFC6C
KINDS: dict[str, np.dtype[Any]] = {"torch FloatStorage": np.dtype("<f4"), "torch LongStorage": np.dtype("<i8")}
PUSHED = ("BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "GLOBAL")
PLAIN = {"NONE": None, "NEWFALSE": False, "NEWTRUE": True, "EMPTY_TUPLE": ()}
MARK = object()


@dataclass(frozen=True)
class Described:
    """A tensor as the file describes it."""

    key: str
    kind: str
    numbers: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of the file by name; raises ValueError where it holds anything else, OSError without a file."""
    with path.open("rb") as file:
        try:
            return _read(file)
        except (LookupError, AttributeError, TypeError, struct.error) as error:
            raise ValueError("The file is damaged, or no file of torch.save's old form.") from error


def _read(file: BinaryIO) -> dict[str, Tensor]:
    if _said(file) != MAGIC:
        raise ValueError("This is no file of torch.save's old form.")
    _protocol, _machine = _said(file), _said(file)
    described, keys = _said(file), _said(file)
    if not isinstance(described, dict) or not all(isinstance(one, Described) for one in described.values()):
        raise ValueError("The file holds more than named tensors.")
    kinds = {one.key: one.kind for one in described.values()}
    stored = {key: _numbers(file, KINDS[kinds[key]]) for key in keys}
    return {name: stored[one.key].as_strided(one.shape, one.strides).contiguous() for name, one in described.items()}


def _numbers(file: BinaryIO, kind: np.dtype[Any]) -> Tensor:
    """One storage: a count, then as many numbers."""
    (count,) = struct.unpack("<q", file.read(8))
    raw = bytearray(file.read(count * kind.itemsize))
    if len(raw) != count * kind.itemsize:
        raise ValueError("The file ends before its numbers do.")
    return torch.from_numpy(np.frombuffer(raw, dtype=kind))


def _said(file: BinaryIO) -> Any:
    """What the next pickle of the file describes: numbers, text, lists, tables, tensors."""
    stack: list[Any] = []
    memory: dict[int, Any] = {}
    argument: Any
    for opcode, argument, _place in pickletools.genops(file):
        name = opcode.name
        if name in PUSHED:
            stack.append(argument)
        elif name in PLAIN:
            stack.append(PLAIN[name])
        elif name in ("BINPUT", "LONG_BINPUT"):
            memory[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memory[argument])
        elif name == "STOP":
            return stack[-1]
        elif name != "PROTO":
            _act(name, stack)
    raise ValueError("The file ends in the middle of a description.")


def _act(name: str, stack: list[Any]) -> None:
    """An opcode that takes from the stack."""
    match name:
        case "MARK":
            stack.append(MARK)
        case "EMPTY_DICT":
            stack.append({})
        case "EMPTY_LIST":
            stack.append([])
        case "TUPLE":
            stack.append(tuple(_since_mark(stack)))
        case "TUPLE1" | "TUPLE2" | "TUPLE3":
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        case "SETITEM" | "SETITEMS":
            said = _since_mark(stack) if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            stack[-1].update(zip(said[::2], said[1::2], strict=True))
        case "APPEND" | "APPENDS":
            said = _since_mark(stack) if name == "APPENDS" else [stack.pop()]
            stack[-1].extend(said)
        case "BUILD":
            stack.pop()  # Attributes of the table, of no use here.
        case "BINPERSID":
            _word, kind, key, _where, numbers, *_rest = stack.pop()
            stack.append(Described(key, kind, numbers, (), ()))
        case "REDUCE":
            said = stack.pop()
            stack.append(_made(stack.pop(), said))
        case _:
            raise ValueError(f"The file holds more than named tensors: {name}.")


def _since_mark(stack: list[Any]) -> list[Any]:
    place = len(stack) - 1 - stack[::-1].index(MARK)
    said = stack[place + 1 :]
    del stack[place:]
    return said


def _made(what: str, said: tuple[Any, ...]) -> Any:
    """A call, as the two that a file of tensors holds; raises ValueError for any other."""
    if what == "collections OrderedDict" and not said:
        return {}
    if what == "torch._utils _rebuild_tensor_v2":
        stored, offset, shape, strides, *_rest = said
        last = sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
        # All of its storage and no part of another's, in whichever order of axes.
        whole = offset == 0 and stored.numbers == math.prod(shape) and last < max(stored.numbers, 1)
        if isinstance(stored, Described) and stored.kind in KINDS and whole and min(strides, default=1) > 0:
            return Described(stored.key, stored.kind, stored.numbers, shape, strides)
    raise ValueError(f"The file holds more than named tensors: {what}.")
