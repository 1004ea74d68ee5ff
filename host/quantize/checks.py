"""Is a .tflite really full int8 (or int16 with int8 weights), and are its ranges sound?

Its input and output may be float32 or uint8, where one operator converts them to and from codes.

The converter does not raise where it cannot quantize: it leaves float operators between DEQUANTIZE
and QUANTIZE, and takes ranges from whatever data it was given. So the result is checked.
"""

import math
from dataclasses import dataclass

from host.base.errors import ModelError
from host.models.dataset import Dataset
from host.models.tflite import Graph, Operator
from host.quantize.advice import Advice, advise
from host.quantize.routes import ActivationType


@dataclass(frozen=True)
class QuantizedModel:
    """A full-int8 .tflite model that has passed the checks."""

    graph: Graph
    route: str
    warnings: tuple[Advice, ...]


_FLOAT = ("float32", "float16", "float64", "bfloat16")
# What else input and output may be, where one operator converts them to or from codes.
_ENDS: dict[ActivationType, tuple[str, ...]] = {"int8": ("float32", "uint8"), "int16": ("float32",)}
_ZERO_POINTS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (0, 0)}
_FULL_INT8 = (
    "Convert to full int8: optimizations=[DEFAULT], a non-empty representative_dataset, "
    "supported_ops=[TFLITE_BUILTINS_INT8], inference_input_type and inference_output_type tf.int8; "
    "or give the Keras model, which is then converted here."
)
_QUANTIZE_LAYERS = (
    "Replace these layers with ones that can be quantized, and convert with a non-empty "
    "representative data set; or give the Keras model, which is then converted here."
)


def check_graph(
    graph: Graph, dataset: Dataset | None = None, activations: ActivationType = "int8"
) -> tuple[Advice, ...]:
    """Check a .tflite model.

    Args:
        dataset: is compared with the input's range where it is real data.
        activations: what all between input and output must be, and these two where they are
            neither float32 nor uint8.

    Raises:
        ModelError: several inputs, outputs or subgraphs; a batch that is not 1 or an open shape;
            float operators or tensors; input or output of another type; an activation without
            usable scale and zero point.
    """
    _check_interface(graph)
    _check_types(graph, activations)
    _check_parameters(graph)
    return advise(graph, dataset, activations)


def activation_type(graph: Graph) -> ActivationType:
    """What the model computes in, by its input."""
    return "int16" if graph.input_codes.dtype == "int16" else "int8"


def _check_interface(graph: Graph) -> None:
    for what, indices in (("input", graph.inputs), ("output", graph.outputs)):
        if len(indices) > 1:
            names = ", ".join(f"{graph.tensors[i].name} {graph.tensors[i].shape}" for i in indices)
            raise ModelError(
                f"the model has {len(indices)} {what}s ({names}); one is supported",
                f"Give a model with one {what}; `profile` and `trace` take such models.",
            )
    if graph.subgraphs > 1:
        raise ModelError(
            f"the model has {graph.subgraphs} subgraphs (control flow); one is supported",
            "Unroll loops and conditions before converting.",
        )
    for tensor in graph.activations:
        if 0 in tensor.shape:
            raise ModelError(
                f"tensor {tensor.index} ({tensor.name}) has open shape {tensor.shape}",
                "Convert with a fixed input shape and batch size 1.",
            )
    for what, tensor in (("input", graph.input), ("output", graph.output)):
        if len(tensor.shape) < 2 or tensor.shape[0] != 1:
            raise ModelError(
                f"the model's {what} ({tensor.name}) has shape {tensor.shape}; it needs a "
                "batch dimension of 1 and at least one more",
                "Convert with batch size 1.",
            )


def _check_types(graph: Graph, wanted: ActivationType) -> None:
    inside = [o for o in graph.operators if not _converts(graph, o, wanted)]
    floating = [o for o in inside if _computes_float(graph, o)]
    if floating:
        computing = [o for o in floating if o.name not in ("QUANTIZE", "DEQUANTIZE")]
        kind, hint = _float_kind(graph, computing)
        listed = computing or floating
        some = "; ".join(graph.describe(o) for o in listed[:3])
        more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
        raise ModelError(f"the model is not full int8: {kind}: {some}{more}", hint)
    used = {i for operator in inside for i in (*operator.inputs, *operator.outputs)}
    for what, tensor in (("input", graph.input), ("output", graph.output)):
        if tensor.dtype != wanted and (tensor.index in used or tensor.dtype not in _ENDS[wanted]):
            raise ModelError(
                f"the model's {what} ({tensor.name}) is {tensor.dtype}, not {wanted}", _FULL_INT8
            )
    produced = {t.index for t in graph.activations} - _static(graph)
    for operator in inside:
        touched = produced & {*operator.outputs, *operator.inputs}
        types = {graph.tensors[i].dtype for i in touched} - {wanted}
        if types:
            raise ModelError(
                f"{graph.describe(operator)} works on {', '.join(sorted(types))}, not {wanted}",
                "Convert with every shape fixed, the batch to 1, and int8 activations; or give the "
                "Keras model, which is then converted here.",
            )


def _converts(graph: Graph, operator: Operator, wanted: ActivationType) -> bool:
    """Whether an operator only converts the input to codes, or codes to the output."""
    ends = _ENDS[wanted]
    types = [graph.tensors[i].dtype for i in (operator.inputs[:1] + operator.outputs[:1])]
    if graph.enters(operator) and types[0] in ends and types[1] == wanted:
        return True
    return graph.leaves(operator) and types[0] == wanted and types[1] in ends


def _static(graph: Graph) -> set[int]:
    """Tensors that are computed from shapes and constants alone: the converter's reshaping."""
    static: set[int] = set()
    for operator in graph.operators:
        inputs = [i for i in operator.inputs if i != -1]
        known = all(i in static or graph.tensors[i].data is not None for i in inputs)
        if operator.name == "SHAPE" or known:
            static.update(operator.outputs)
    return static


def _computes_float(graph: Graph, operator: Operator) -> bool:
    indices = (*operator.outputs, *(i for i in operator.inputs if i != -1))
    return any(graph.tensors[i].dtype in _FLOAT for i in indices)


def _float_kind(graph: Graph, computing: list[Operator]) -> tuple[str, str]:
    """What a model with float tensors is, and what to do about it."""
    interface = f"its interface is {graph.input.dtype} to {graph.output.dtype}"
    types = {t.dtype for t in graph.activations}
    if not computing:
        inside = "int16" if "int16" in types else "int8"
        return f"it is {inside} inside, but {interface}", _FULL_INT8
    quantized = [o for o in graph.operators if not _computes_float(graph, o)]
    if any(graph.tensors[i].dtype == "int8" for o in quantized for i in o.outputs):
        return "float operators stand between DEQUANTIZE and QUANTIZE", _QUANTIZE_LAYERS
    if graph.input.dtype == "int8" or graph.output.dtype == "int8":
        return (
            f"{interface}, but it computes in float (was the representative data set empty?)",
            _FULL_INT8,
        )
    constants = {t.dtype for t in graph.tensors if t.data is not None}
    if "float16" in constants:
        return "it is a float16 model", _FULL_INT8
    if "int8" in constants:
        return "it is a dynamic-range model (int8 weights, float activations)", _FULL_INT8
    return "it is a float model", _FULL_INT8


def _check_parameters(graph: Graph) -> None:
    static = _static(graph)
    for tensor in graph.activations:
        if tensor.index in static or tensor.dtype in _FLOAT:
            continue
        q = tensor.quantization
        where = f"tensor {tensor.index} ({tensor.name})"
        if q is None:
            raise ModelError(
                f"{where} is {tensor.dtype}, but has no scale and zero point", _FULL_INT8
            )
        if q.per_channel:
            raise ModelError(f"{where} is an activation with {len(q.scales)} scales", _FULL_INT8)
        low, high = _ZERO_POINTS[tensor.dtype]
        if not (math.isfinite(q.scale) and q.scale > 0 and low <= q.zero_point <= high):
            raise ModelError(
                f"{where} is impossible: it has scale {q.scale:g} and zero point {q.zero_point}",
                "Check the representative data for NaN and constant values, and convert again.",
            )
