"""A training step compiled in the background, by a process of its own at the lowest priority.

    python -m models.layers.compiling PLACE     compiles what is wished for in PLACE, the newest wish first, and ends

Small networks spend their time between operations, not in them. Compiled, a step is one call: operations that stand
beside each other become one loop in C++, the rest follows without Python between. What is compiled is a `Tape`, so no
model is written twice, and steps that do the same share one package: its key is a hash of the list of operations with
their shapes and constants, of PyTorch's version, the processor's instructions and this very file.

It is asked for by `TORCHLIGHT_COMPILE=1`, because rounding is not that of plain operations, and needs a C++ compiler.
`TORCHLIGHT_COMPILED` names the place where packages are kept.

Source: Ansel et al. 2024, "PyTorch 2", ASPLOS, section 4 (Inductor, and packages compiled ahead of time).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensorMode

from models.layers.tape import Tape, named, operation_named
from models.running import COMPILE

PLACE = "TORCHLIGHT_COMPILED"
LONGEST_S = 900
"""A compiler that takes longer has failed."""
REFUSED_S = 3600
"""So long a failure counts: a compiler may be installed meanwhile."""
MOST_BYTES = 200_000_000
SMALL = 16
"""Products over so few terms are written out as loops, which calls of a library for products take longer than."""

_ATEN = torch.ops.aten
_started: list[subprocess.Popen[bytes]] = []
"""Compilers at work: whoever starts one has to take notice of its end."""


def place() -> Path | None:
    """Where compiled steps are kept; None where steps are not to be compiled."""
    if os.environ.get(COMPILE, "") != "1" or not os.environ.get(PLACE, ""):
        return None
    return Path(os.environ[PLACE])


def key_of(text: str) -> str:
    """What a compiled step is filed under: all that its machine code depends on."""
    recipe = Path(__file__).read_bytes()
    said = [torch.__version__, torch.backends.cpu.get_cpu_capability(), str(torch.get_num_threads())]
    return hashlib.sha256(b"\0".join([text.encode(), recipe, *(one.encode() for one in said)])).hexdigest()[:32]


def wishes(where: Path) -> list[str]:
    """Keys of the steps that wait to be compiled there, or are being compiled, the newest first."""
    found = []
    for file in where.glob("*.json"):
        with contextlib.suppress(FileNotFoundError):
            found.append((file.stat().st_mtime, file.stem))
    return [key for _time, key in sorted(found, reverse=True)]


class Package:
    """One step at its place on disk: wished for, being compiled, there, or refused."""

    def __init__(self, where: Path, key: str) -> None:
        self.where, self.key, self.asked = where, key, False
        self.wish, self.file, self.refusal, self.verdict = (
            where / f"{key}{end}" for end in (".json", ".pt2", ".refused", ".slow")
        )

    @property
    def there(self) -> bool:
        return self.file.exists()

    @property
    def refused(self) -> bool:
        """Whether it failed lately."""
        with contextlib.suppress(FileNotFoundError):
            return time.time() - self.refusal.stat().st_mtime < REFUSED_S
        return False

    @property
    def slow(self) -> bool:
        """Whether it was compiled once and brought nothing: that does not change, and nobody compiles it again."""
        return self.verdict.exists()

    def ask(self, text: str) -> None:
        """Have a process of its own compile the step, unless that is done or under way."""
        self.asked = True
        if self.there or self.refused or self.slow:
            return
        self.where.mkdir(parents=True, exist_ok=True)
        self.wish.write_text(f'{{"threads": {torch.get_num_threads()}, "step": {text}}}')
        with _alone(self.where) as alone:
            pass
        if not alone:  # a compiler is at work: it finds the wish before it ends
            return
        with (self.where / "log").open("a") as log:
            _started[:] = [one for one in _started if one.poll() is None]
            compiler = subprocess.Popen(
                [sys.executable, "-m", "models.layers.compiling", str(self.where)],
                cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
            _started.append(compiler)

    def load(self) -> Any:
        """The step as a callable object: `boxed_run(inputs)`. Raises `RuntimeError` for a damaged file."""
        self.file.touch()  # the time of last use, by which packages are thrown out
        return torch._C._aoti.AOTIModelPackageLoader(str(self.file), "model", False, 1, -1)  # type: ignore[attr-defined]

    def refuse(self, why: str) -> None:
        self.file.unlink(missing_ok=True)
        self.refusal.write_text(why[:2000])

    def dismiss(self, why: str) -> None:
        """Keep the verdict instead of the package."""
        self.verdict.write_text(why)
        self.file.unlink(missing_ok=True)


def package_of(tape: Tape) -> Package | None:
    """Where the compiled form of a recorded step is or will be; None where steps are not compiled."""
    where = place()
    return None if where is None else Package(where, key_of(tape.text))


def graph_of(said: dict[str, Any]) -> fx.GraphModule:
    """The step as a function of its pieces of memory, which it changes in place, of random numbers and of constants."""
    graph = fx.Graph()
    memory = [graph.placeholder(f"memory_{place}") for place in range(len(said["inputs"]))]
    draws = [graph.placeholder(f"draw_{place}") for place in range(len(said["draws"]))]
    numbers = [graph.placeholder(f"number_{place}") for place in range(len(said["numbers"]))]
    views = [_view(graph, memory[whole], said["inputs"][whole][1], *rest) for whole, *rest in said["views"]]
    results: list[tuple[fx.Node, bool]] = []

    def tensor(place: list[Any]) -> fx.Node:
        kind, number, *part = place
        if kind != "op":
            given: fx.Node = {"view": views, "draw": draws, "number": numbers}[kind][number]
            return given
        node, several = results[number]
        return graph.call_function(operator.getitem, (node, part[0])) if several else node

    for name, args, kwargs in said["operations"]:
        operation = operation_named(name)
        given = tuple(named(args, tensor)), {key: named(value, tensor) for key, value in kwargs.items()}
        if isinstance(given[1].get("alpha"), fx.Node):
            multiple = graph.call_function(_ATEN.mul.Tensor, (given[0][1], given[1].pop("alpha")))
            given = (given[0][0], multiple), given[1]
        returns = operation._schema.returns
        several = len(returns) > 1 or (len(returns) == 1 and str(returns[0].type) != "Tensor")
        results.append((graph.call_function(operation, *given), several))
    graph.output(tuple(_single_numbers(graph, examples(said))))
    return fx.GraphModule(torch.nn.Module(), graph)


def _single_numbers(graph: fx.Graph, inputs: tuple[Tensor, ...]) -> list[fx.Node]:
    """Numbers that are computed once and used with every element of a tensor, such as Adam's correction.

    As results of the whole step they are; otherwise the compiler computes each anew for every few elements.
    """
    dims: dict[fx.Node, int] = {}

    class Shapes(fx.Interpreter):
        def run_node(self, node: fx.Node) -> Any:
            found = super().run_node(node)
            dims[node] = found.dim() if isinstance(found, Tensor) else -1
            return found

    probe, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    probe.graph_copy(graph, copies)
    probe.output(())
    with FakeTensorMode() as fake:
        Shapes(fx.GraphModule(torch.nn.Module(), probe)).run(*(fake.from_tensor(one) for one in inputs))
    return [
        node
        for node in graph.nodes
        if isinstance(node.target, OpOverload)
        and dims[copies[node]] == 0
        and all(returned.alias_info is None for returned in node.target._schema.returns)
        and any(dims[copies[user]] > 0 for user in node.users)
    ]


def _view(
    graph: fx.Graph, whole: fx.Node, length: int, shape: list[int], stride: list[int], offset: int, contiguous: bool
) -> fx.Node:
    """A part of a piece of memory; where it can be, a slice, which the compiler sees through best."""
    size = torch.Size(shape).numel()
    if not contiguous:
        return graph.call_function(_ATEN.as_strided.default, (whole, shape, stride, offset))
    part = whole
    if size != length:
        part = graph.call_function(_ATEN.slice.Tensor, (whole, 0, offset, offset + size))
    return part if shape == [size] else graph.call_function(_ATEN.view.default, (part, shape))


def examples(said: dict[str, Any]) -> tuple[Tensor, ...]:
    """Inputs of the right shape and kind."""
    memory = [torch.zeros(length, dtype=getattr(torch, kind.removeprefix("torch."))) for kind, length in said["inputs"]]
    draws = [
        torch.empty_strided(shape, stride, dtype=getattr(torch, kind.removeprefix("torch."))).zero_()
        for kind, shape, stride in said["draws"]
    ]
    numbers = [torch.ones((), dtype=getattr(torch, kind.removeprefix("torch."))) for kind in said["numbers"]]
    return (*memory, *draws, *numbers)


@torch.no_grad()
def compile_step(said: dict[str, Any], file: Path) -> None:
    """Write the package of a recorded step. Raises whatever the compiler raises, of which there is no list."""
    table = torch.export.default_decompositions()
    # Taken apart it would lie differently in memory than its gradient, an operation of its own, expects.
    table.pop(_ATEN._scaled_dot_product_flash_attention_for_cpu.default, None)  # type: ignore[no-untyped-call]
    program = torch.export.export(graph_of(said), examples(said), strict=False).run_decompositions(table)
    _write_out_small_products(program.graph_module)
    torch._inductor.aoti_compile_and_package(
        program, package_path=str(file), inductor_configs={"cpp.threads": torch.get_num_threads()}
    )


def _write_out_small_products(module: fx.GraphModule) -> None:
    """x W + b with few terms to each sum, as multiplications and a sum: fused with what stands around them."""
    graph = module.graph
    for node in list(graph.nodes):
        if node.target not in (_ATEN.mm.default, _ATEN.addmm.default) or node.kwargs:
            continue
        *added, one, other = node.args
        if other.meta["val"].shape[0] > SMALL:
            continue
        with graph.inserting_before(node):
            raised = (
                graph.call_function(_ATEN.unsqueeze.default, (one, 2)),
                graph.call_function(_ATEN.unsqueeze.default, (other, 0)),
            )
            found = graph.call_function(_ATEN.sum.dim_IntList, (graph.call_function(_ATEN.mul.Tensor, raised), [1]))
            if added:
                found = graph.call_function(_ATEN.add.Tensor, (found, added[0]))
        found.meta.update(node.meta)
        node.replace_all_uses_with(found)
        graph.erase_node(node)
    module.recompile()


@contextlib.contextmanager
def _alone(where: Path) -> Iterator[bool]:
    """Whether no other process compiles here; none begins to as long as this lasts."""
    import fcntl

    with (where / "lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def _throw_out(where: Path) -> None:
    """Keep the packages that were used last, up to a size."""
    files = sorted(where.glob("*.pt2"), key=lambda file: -file.stat().st_mtime)
    used = 0
    for file in files:
        used += file.stat().st_size
        if used > MOST_BYTES:
            file.unlink(missing_ok=True)


def main(where: Path) -> None:
    """Compile everything that is wished for; a failure is written down as well."""
    if hasattr(os, "nice"):
        os.nice(19)
    torch.use_deterministic_algorithms(True, warn_only=True)
    while wishes(where):  # looked at once more after others could have taken the lock for a compiler at work
        with _alone(where) as alone:
            if not alone:
                return
            while waiting := wishes(where):
                _compile(Package(where, waiting[0]))
            _throw_out(where)


def _compile(package: Package) -> None:
    from torch._inductor.utils import fresh_cache

    if hasattr(signal, "alarm"):
        signal.alarm(LONGEST_S)
    made = package.where / f"{package.key}.{os.getpid()}.part.pt2"
    try:
        wish = json.loads(package.wish.read_text())
        torch.set_num_threads(wish["threads"])
        with fresh_cache():  # nothing compiled by others is trusted, nothing is left behind
            compile_step(wish["step"], made)
        made.replace(package.file)
    except Exception as error:  # the compiler's errors have no common kind
        logging.getLogger(__name__).warning("A training step is not compiled.", exc_info=True)
        package.refuse(f"{type(error).__name__}: {error}")
    finally:
        made.unlink(missing_ok=True)
        package.wish.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
