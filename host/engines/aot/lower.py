"""From a graph to calls of kernels, or a refusal that names what cannot be run."""

from __future__ import annotations

from collections.abc import Callable

from host.engines.aot import convolution, elementwise, reduction
from host.engines.aot.ir import Lowered
from host.engines.aot.site import INT8_HINT, Site
from host.errors import OperatorError
from host.models.tflite import Graph

MAX_RANK = 6  # kMaxRank of model.h, which is that of the wire

LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "ADD": elementwise.add,
    "AVERAGE_POOL_2D": reduction.average_pool_2d,
    "CONV_2D": convolution.conv_2d,
    "DEPTHWISE_CONV_2D": convolution.depthwise_conv_2d,
    "FULLY_CONNECTED": convolution.fully_connected,
    "MAX_POOL_2D": reduction.max_pool_2d,
    "MEAN": reduction.mean,
    "PAD": elementwise.pad,
    "QUANTIZE": elementwise.quantize,
    "RESHAPE": elementwise.reshape,
    "SOFTMAX": reduction.softmax,
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
        written.add(step.output)
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
            if tensor.dtype != "int8" or tensor.quantization is None:
                raise OperatorError(f"{name} is {tensor.dtype}, not quantized int8", INT8_HINT)
            if len(tensor.shape) > MAX_RANK or tensor.size == 0:
                raise OperatorError(f"{name} has shape {tensor.shape}")
            if tensor.index not in written:
                raise OperatorError(f"no operator writes {name}")


def _check_order(site: Site, step: Lowered, written: set[int]) -> None:
    tensors = site.graph.tensors
    for index in step.inputs:
        if index not in written:
            raise site.refuse(f"reads {tensors[index].name!r} before any operator writes it")
    if step.output in written or tensors[step.output].data is not None:
        raise site.refuse("writes a tensor that already has a value")
