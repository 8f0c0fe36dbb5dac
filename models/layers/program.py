"""A recorded step as a program: from the list of operations on a `Tape` to a package of machine code.

The step becomes a function of the pieces of memory that it changes, of its random numbers and of its constants, and
PyTorch's compiler takes that. Three things are arranged for it, because the nets here are small: numbers that hold for
a whole tensor are computed once, small products are written out, and rows of few numbers are not spread over registers
that hold more.

Source: Ansel et al. 2024, "PyTorch 2", ASPLOS, section 4 (Inductor, and packages compiled ahead of time).
"""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensorMode

from models.layers.tape import named, operation_named

SMALL, SHORT = 16, 20_000
"""Products over so few terms, or of so few multiplications, are written out as loops, which calls of a library for
products take longer than."""
NARROW = 8
"""Numbers in a register of 256 bits: where rows are no longer, one of 512 bits would be half empty."""

_ATEN = torch.ops.aten


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
    configs: dict[str, Any] = {"cpp.threads": torch.get_num_threads()}
    if _narrow(program.graph_module):
        # Where all is written out and fits, what lies between operations stands on the stack: to ask for its memory
        # took a third of a step. A tanh that is not 2σ(2x) - 1 would be a call for each number of such a row.
        configs |= {"aot_inductor.allow_stack_allocation": True, "cpp.use_decompose_tanh": True}
        if torch.backends.cpu.get_cpu_capability() == "AVX512":
            configs["cpp.simdlen"] = 256
    torch._inductor.aoti_compile_and_package(program, package_path=str(file), inductor_configs=configs)


def _narrow(module: fx.GraphModule) -> bool:
    """Whether most numbers of the step stand in rows that a short register holds."""
    found = [node.meta.get("val") for node in module.graph.nodes if node.op == "call_function"]
    tables = [one.shape for one in found if isinstance(one, Tensor) and one.dim() > 1]
    return 2 * sum(shape.numel() for shape in tables if shape[-1] <= NARROW) > sum(shape.numel() for shape in tables)


def _write_out_small_products(module: fx.GraphModule) -> None:
    """x W + b, where it is small, as multiplications and a sum: fused with what stands around them."""
    graph = module.graph
    for node in list(graph.nodes):
        if node.target not in (_ATEN.mm.default, _ATEN.addmm.default) or node.kwargs:
            continue
        *added, one, other = node.args
        (rows, terms), (_, columns) = one.meta["val"].shape, other.meta["val"].shape
        if terms > SMALL and rows * terms * columns > SHORT:
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
