"""From a graph to calls of kernels, or a refusal that names what cannot be run."""

from __future__ import annotations

from collections.abc import Callable

from host.engines.aot import convolution, elementwise, reduction
from host.engines.aot.ir import Lowered
from host.engines.aot.quantization import LIMITS
from host.engines.aot.site import INT8_HINT, Site
from host.errors import OperatorError
from host.models.tflite import Graph

MAX_RANK = 6  # kMaxRank of model.h, which is that of the wire
# What inputs and outputs can be; the wire knows no others.
END_TYPES = ("int8", "uint8", "int16", "int32", "float32")

LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    **convolution.LOWERINGS,
    **elementwise.LOWERINGS,
    **reduction.LOWERINGS,
}


def lower(graph: Graph) -> tuple[Lowered, ...]:
    """Lower every operator, in the order of the file, which is that of execution.

    Raises:
        OperatorError: what the kernels cannot do; names the operator, its index and its output
            tensor. Also a model with several subgraphs.
    """
    if graph.subgraphs != 1:
        raise OperatorError(f"the model has {graph.subgraphs} subgraphs; engine aot runs one")
    written = set(graph.inputs)
    lowered = []
    for operator in graph.operators:
        site = Site(graph, operator)
        step = _lower(site)
        _check_order(site, step, written)
        written.update(step.outputs)
        lowered.append(step)
    _check_ends(graph, written)
    return tuple(lowered)


def _lower(site: Site) -> Lowered:
    name = site.operator.name
    if name not in LOWERINGS:
        raise site.refuse(
            "is not among the operators of engine aot",
            f"Engine aot has {', '.join(sorted(LOWERINGS))}. Replace the operator in the model, "
            f"or choose another engine.",
        )
    try:
        return LOWERINGS[name](site)
    except ValueError as error:  # a number that no multiplier can express
        raise site.refuse(str(error)) from error


def _check_ends(graph: Graph, written: set[int]) -> None:
    """Check inputs and outputs; most of what can be wrong, their operators have refused."""
    for role, indices in (("input", graph.inputs), ("output", graph.outputs)):
        for tensor in (graph.tensors[i] for i in indices):
            name = f"the model's {role} {tensor.name!r}"
            if tensor.dtype not in END_TYPES:
                raise OperatorError(f"{name} is {tensor.dtype}, not quantized int8", INT8_HINT)
            if tensor.dtype in LIMITS and tensor.quantization is None:
                raise OperatorError(f"{name} has no scale", INT8_HINT)
            if len(tensor.shape) > MAX_RANK or tensor.size == 0:
                raise OperatorError(f"{name} has shape {tensor.shape}")
            if tensor.index not in written:
                raise OperatorError(f"no operator writes {name}")


def _check_order(site: Site, step: Lowered, written: set[int]) -> None:
    tensors = site.graph.tensors
    for index in step.inputs:
        if index not in written:
            raise site.refuse(f"reads {tensors[index].name!r} before any operator writes it")
    if any(index in written or tensors[index].data is not None for index in step.outputs):
        raise site.refuse("writes a tensor that already has a value")
