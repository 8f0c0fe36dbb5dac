"""A training step written down: the operations that it did, in order, as text that another process can compile.

Whatever a step is made of (a forward pass, backpropagation, an optimizer), to PyTorch's dispatcher it is a list of
operations on tensors. A `Tape` is held under one step while that runs as ever, and keeps the list. Tensors that were
there before the step are its inputs, one for each piece of memory, and views into it; random numbers are inputs as
well: they are drawn by the same calls, from the same stream, before whatever runs in the step's place. So are the
factors of products and the terms of sums, a learning rate or the weight of a loss: steps that differ only in these are
one step, wherever a slider stands. So a tape is true as long as the step takes no other way through the code, and what
it reads and writes stays where it is: what a CUDA graph asks for too (`models.running.captured`).

Source: tracing below autograd is PyTorch's `__torch_dispatch__`; the idea of a list of operations on which a program is
differentiated or compiled is Wengert's: 1964, "A simple automatic derivative evaluation program", CACM 7(8).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

Draw = Callable[[], Tensor]
NUMBERED = {f"aten.{name}{place}.Tensor" for name in ("add", "sub", "mul", "div") for place in ("", "_")}
"""Operations whose constants are inputs of the step: a number in the place of a tensor, a multiple of what is added."""


class NotRecordable(RuntimeError):  # noqa: N818  (an answer, of which `fault` is made)
    """A step does something that a list of operations cannot repeat, such as to branch on a number it computed."""


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Everything that a step does while this is held: `with Tape() as tape: step()`.

    The step itself runs as ever. Where a list cannot repeat it, `fault` says why.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.fault: str | None = None
        self.operations: list[list[Any]] = []
        self.memory: list[Tensor] = []
        """Each piece of memory that was there before, whole, as a vector."""
        self.written: set[int] = set()
        """Places in `memory` of what the step changes."""
        self.draws: list[Draw] = []
        """One call for each input of random numbers, in the order of the step."""
        self.numbers: list[Tensor] = []
        """Constants that are inputs, in the order of the step."""
        self.generators: list[torch.Generator] = []
        self._drawn: list[list[Any]] = []
        self._views: list[list[Any]] = []
        self._places: dict[int, list[Any]] = {}
        self._whole: dict[int, int] = {}
        self._held: list[Tensor] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing compiles under a tape: guarded against it, the first one in a process would wait a second for it."""
        return False

    def __torch_dispatch__(
        self, operation: OpOverload, _types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if self.fault is None:
            try:
                return self._record(operation, args, kwargs)
            except NotRecordable as fault:
                self.fault = str(fault)
        return operation(*args, **kwargs)

    def _record(self, operation: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Do the operation and write it down; raises `NotRecordable` before it is done."""
        if torch.Tag.nondeterministic_seeded in operation.tags and not _drops_nothing(operation, args, kwargs):
            return self._draw(operation, args, kwargs)
        if {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(operation.tags):
            raise NotRecordable(f"{operation}: what comes next depends on a number")
        say = self._said
        if str(operation) in NUMBERED and isinstance(args[0], Tensor) and args[0].is_floating_point():
            say = partial(self._number, args[0].dtype)
        said = [str(operation), [say(one) for one in args], {name: say(value) for name, value in kwargs.items()}]
        self._note_writes(operation, args, kwargs)
        found = operation(*args, **kwargs)
        self.operations.append(said)
        for place, one in enumerate(found if isinstance(found, tuple | list) else (found,)):
            if isinstance(one, Tensor):
                self._remember(one, ["op", len(self.operations) - 1, place])
        return found

    @property
    def text(self) -> str:
        """The step as JSON: equal texts are equal steps."""
        inputs = [[str(whole.dtype), len(whole)] for whole in self.memory]
        said = {
            "inputs": inputs, "draws": self._drawn, "numbers": [str(one.dtype) for one in self.numbers],
            "views": self._views, "operations": self.operations,
        }  # fmt: skip
        return json.dumps(said, separators=(",", ":"))

    def close(self) -> None:
        """Let go of what only writing needed: the numbers between beginning and end of the step."""
        self.operations, self._places, self._held = [], {}, []

    def _draw(self, operation: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """Random numbers of which only shape and kind are known beforehand: an input of the step."""
        if any(isinstance(value, Tensor) for value in (*args, *kwargs.values())):
            raise NotRecordable(f"{operation}: chance that depends on a tensor")
        generator = kwargs.get("generator") or torch.default_generator
        if all(generator is not known for known in self.generators):
            self.generators.append(generator)
        found: Tensor = operation(*args, **kwargs)
        self.draws.append(partial(getattr(torch, operation.overloadpacket.__name__), *args, **kwargs))
        self._remember(found, ["draw", len(self.draws) - 1])
        self._drawn.append([str(found.dtype), list(found.shape), list(found.stride())])
        return found

    def _note_writes(self, operation: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        for place, declared in enumerate(operation._schema.arguments):
            if declared.alias_info is None or not declared.alias_info.is_write:
                continue
            value = args[place] if place < len(args) else kwargs.get(declared.name)
            for one in value if isinstance(value, list | tuple) else (value,):
                if isinstance(one, Tensor) and one.untyped_storage().data_ptr() in self._whole:
                    self.written.add(self._whole[one.untyped_storage().data_ptr()])

    def _remember(self, tensor: Tensor, place: list[Any]) -> None:
        self._held.append(tensor)  # a number like this one's id is used again once it is gone
        self._places.setdefault(id(tensor), place)

    def _number(self, kind: torch.dtype, value: Any) -> Any:
        """As `_said`, but a fraction is an input."""
        if not isinstance(value, float):
            return self._said(value)
        self.numbers.append(torch.tensor(value, dtype=kind))
        return {"tensor": ["number", len(self.numbers) - 1]}

    def _said(self, value: Any) -> Any:
        """An argument as JSON; raises `NotRecordable` for what has no place in it."""
        match value:
            case Tensor():
                if id(value) not in self._places:
                    self._enter(value)
                return {"tensor": self._places[id(value)]}
            case None | bool() | int() | float() | str():
                return value
            case list() | tuple():
                return [self._said(one) for one in value]
            case torch.dtype() | torch.memory_format() | torch.layout():
                return {"torch": str(value).removeprefix("torch.")}
            case torch.device():
                return {"device": str(value)}
        raise NotRecordable(f"an argument of kind {type(value).__name__}")

    def _enter(self, tensor: Tensor) -> None:
        """A tensor that was there before the step: a view of a piece of memory, which is an input."""
        memory = tensor.untyped_storage()
        if memory.data_ptr() not in self._whole:
            self._whole[memory.data_ptr()] = len(self.memory)
            size = memory.nbytes() // tensor.element_size()
            self.memory.append(tensor.detach().as_strided((size,), (1,), 0))
        whole = self._whole[memory.data_ptr()]
        if self.memory[whole].dtype != tensor.dtype:
            raise NotRecordable("one piece of memory as numbers of two kinds")
        shape, stride = list(tensor.shape), list(tensor.stride())
        self._views.append([whole, shape, stride, tensor.storage_offset(), tensor.is_contiguous()])
        self._remember(tensor, ["view", len(self._views) - 1])


def _drops_nothing(operation: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether an operation that could leave something to chance does not: attention without dropout."""
    for place, declared in enumerate(operation._schema.arguments):
        if declared.name == "dropout_p":
            given = args[place] if place < len(args) else kwargs.get(declared.name, declared.default_value)
            return bool(given == 0)
    return False


def named(said: Any, tensor: Callable[[list[Any]], Any]) -> Any:
    """The inverse of what a tape makes of an argument; `tensor` finds the tensor at a place."""
    match said:
        case {"tensor": place}:
            return tensor(place)
        case {"torch": name}:
            return getattr(torch, name)
        case {"device": name}:
            return torch.device(name)
        case list():
            return [named(one, tensor) for one in said]
    return said


def operation_named(name: str) -> OpOverload:
    """The operation that a tape calls by this name; raises `NotRecordable` for one that is not PyTorch's own."""
    space, _, rest = name.partition(".")
    packet, _, overload = rest.partition(".")
    if space != "aten":
        raise NotRecordable(f"{name}: no operation of PyTorch's own")
    found: OpOverload = getattr(getattr(torch.ops.aten, packet), overload)
    return found
