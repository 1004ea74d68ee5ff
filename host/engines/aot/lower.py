"""From a graph to calls of kernels, or a refusal that names what cannot be run."""

from __future__ import annotations

from collections.abc import Callable

from host.base.errors import OperatorError
from host.engines.aot.core.ir import Lowered
from host.engines.aot.core.operator_context import INT8_HINT, Site
from host.engines.aot.core.quantization import LIMITS
from host.engines.aot.fold import fold
from host.engines.aot.operators import (
    batch_matmul,
    binary,
    convolution,
    int16,
    joining,
    lookup,
    movement,
    padding,
    quantize,
    recurrent,
    reduction,
    upscaling,
)
from host.models.tflite import Graph

MAX_RANK = 6  # kMaxRank of model.h, which is that of the wire
# What inputs and outputs can be; the wire knows no others.
END_TYPES = ("int8", "uint8", "int16", "int32", "float32")

LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    **batch_matmul.LOWERINGS,
    **binary.LOWERINGS,
    **convolution.LOWERINGS,
    **joining.LOWERINGS,
    **lookup.LOWERINGS,
    **movement.LOWERINGS,
    **padding.LOWERINGS,
    **quantize.LOWERINGS,
    **recurrent.LOWERINGS,
    **reduction.LOWERINGS,
    **upscaling.LOWERINGS,
}

# What to do instead, where there is something better to say than which operators there are.
_CONTROL_FLOW = (
    "Control flow does not run on the device. Make the model's shapes static, batch 1, and unroll "
    "loops (unroll=True in Keras's recurrent layers)."
)
_NEARER_ACTIVATION = "Use HARD_SWISH, LEAKY_RELU, RELU6, LOGISTIC or TANH in its place."
_BEFORE_THE_MODEL = (
    "Do it before the model or after it, where the data set or the outputs are read."
)
_REMEDIES = {
    "BATCH_TO_SPACE_ND": (
        "It is one half of a dilated convolution that the converter could not fuse: give the "
        "model a fixed batch size, and pad before the convolution, not inside it."
    ),
    "CALL_ONCE": "Freeze the model's variables before the conversion.",
    "CAST": _BEFORE_THE_MODEL,
    "DIV": "Multiply by the reciprocal, where the divisor is constant.",
    "ELU": _NEARER_ACTIVATION,
    "EMBEDDING_LOOKUP": _BEFORE_THE_MODEL,
    "EXP": _NEARER_ACTIVATION,
    "ERF": _NEARER_ACTIVATION,
    "GATHER": "Use SLICE, STRIDED_SLICE or SPLIT, where the indices are constant.",
    "GELU": _NEARER_ACTIVATION,
    "IF": _CONTROL_FLOW,
    "L2_NORMALIZATION": _BEFORE_THE_MODEL,
    "LOG": _NEARER_ACTIVATION,
    "LOG_SOFTMAX": "Use SOFTMAX; its largest output is at the same place.",
    "POW": "Use MUL, for a square.",
    "RELU_0_TO_1": _NEARER_ACTIVATION,
    "RELU_N1_TO_1": _NEARER_ACTIVATION,
    "SQUARE": "Use MUL of the tensor with itself.",
    "TOPK_V2": _BEFORE_THE_MODEL,
    "VAR_HANDLE": "Freeze the model's variables before the conversion.",
    "WHILE": _CONTROL_FLOW,
}
_REMEDIES["SPACE_TO_BATCH_ND"] = _REMEDIES["BATCH_TO_SPACE_ND"]


def lower(graph: Graph) -> tuple[Lowered, ...]:
    """Lower what ``fold`` leaves, in the order of the file, which is that of execution.

    Raises:
        OperatorError: what the kernels cannot do; names the operator, its index and its output
            tensor. Also a model with several subgraphs.
    """
    if graph.subgraphs != 1:
        raise OperatorError(
            f"the model has {graph.subgraphs} subgraphs; engine aot runs one", _CONTROL_FLOW
        )
    graph = fold(graph)
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
    lowerings = {**LOWERINGS, **int16.LOWERINGS} if _touches(site, "int16") else LOWERINGS
    if name not in lowerings:
        raise site.refuse("is not among the operators of engine aot", _remedy(site))
    try:
        return lowerings[name](site)
    except ValueError as error:  # a number that no multiplier can express
        raise site.refuse(str(error)) from error


def _touches(site: Site, dtype: str) -> bool:
    """Whether an input or output has this type."""
    indices = (*site.operator.inputs, *site.operator.outputs)
    return any(site.graph.tensors[i].dtype == dtype for i in indices if i != -1)


def _remedy(site: Site) -> str:
    """What may help instead of an operator that there is not."""
    name = site.operator.name
    choice = f"Engine aot has {', '.join(sorted(LOWERINGS))}; another engine may have more."
    if name.startswith("CUSTOM"):
        return f"Convert the model without custom operators. {choice}"
    if name in _REMEDIES:
        return f"{_REMEDIES[name]} {choice}"
    if _touches(site, "float32"):
        return f"{INT8_HINT} What stays float even so must be replaced. {choice}"
    return f"Replace the operator in the model. {choice}"


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
