"""Is a .tflite really full int8 (or int16 with int8 weights), and are its ranges sound?

The converter does not raise where it cannot quantize: it leaves float operators between DEQUANTIZE
and QUANTIZE, and takes ranges from whatever data it was given. So the result is looked at.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from host.errors import ModelError
from host.models.tflite import Graph, Operator, Tensor
from host.records import Advice, Dataset

ActivationType = Literal["int8", "int16"]

_FLOAT = ("float32", "float16", "float64", "bfloat16")
_FULL_INT8 = (
    "Convert to full int8: optimizations=[DEFAULT], a non-empty representative_dataset, "
    "supported_ops=[TFLITE_BUILTINS_INT8], inference_input_type and inference_output_type tf.int8; "
    "or give the Keras model, which is then converted here."
)
_QUANTIZE_LAYERS = (
    "Replace these layers by ones that can be quantized, and convert with a non-empty "
    "representative data set; or give the Keras model, which is then converted here."
)
# The code of the advice about dense layers with a scale for each channel.
PER_CHANNEL_DENSE = "per-channel-fully-connected"
# The newest version of an operator whose meaning TFLM's int8 kernels have, from the converter's
# table (tensorflow/compiler/mlir/lite/tools/versioning/op_version.cc). TFLM itself resolves
# operators without looking at the version, so a newer meaning would be ignored silently.
_KNOWN_VERSIONS = {
    "ADD": 2,
    "AVERAGE_POOL_2D": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 6,
    "MAX_POOL_2D": 2,
    "MEAN": 2,
    "PAD": 2,
    "QUANTIZE": 2,
    "RESHAPE": 1,
    "SOFTMAX": 2,
}
# Ranges: the smallest that is believed, the least share of the input's range that data should
# fill, and the largest share of data values that may lie outside it.
_TINY_RANGE = 1e-6
_LEAST_FILLED = 0.25
_MOST_SATURATED = 0.01


def check_graph(
    graph: Graph, dataset: Dataset | None = None, activations: ActivationType = "int8"
) -> tuple[Advice, ...]:
    """Check a .tflite model.

    Args:
        graph: the model.
        dataset: is compared with the input's range where it is real data.
        activations: what input, output and all between must be.

    Raises:
        ModelError: several inputs, outputs or subgraphs; a batch that is not 1 or an open shape;
            float operators or tensors; input or output of another type; an activation without
            usable scale and zero point.
    """
    _check_interface(graph)
    _check_types(graph, activations)
    _check_parameters(graph)
    return (
        *_advise_ranges(graph),
        *_advise_input(graph, dataset),
        *_advise_operators(graph, activations),
    )


def activations(graph: Graph) -> tuple[Tensor, ...]:
    """The graph's input and every tensor that an operator writes, in order of execution."""
    written = [i for operator in graph.operators for i in operator.outputs]
    return tuple(graph.tensors[i] for i in dict.fromkeys([*graph.inputs, *written]))


# --- hard -------------------------------------------------------------------------------------


def _check_interface(graph: Graph) -> None:
    for what, indices in (("input", graph.inputs), ("output", graph.outputs)):
        if len(indices) > 1:
            names = ", ".join(f"{graph.tensors[i].name} {graph.tensors[i].shape}" for i in indices)
            raise ModelError(
                f"the model has {len(indices)} {what}s ({names}); one is supported",
                f"Give a model with one {what}.",
            )
    if graph.subgraphs > 1:
        raise ModelError(
            f"the model has {graph.subgraphs} subgraphs (control flow); one is supported",
            "Unroll loops and conditions before converting.",
        )
    for tensor in activations(graph):
        if 0 in tensor.shape:
            raise ModelError(
                f"tensor {tensor.index} ({tensor.name}) has open shape {tensor.shape}",
                "Convert with a fixed input shape and batch size 1.",
            )
    for what, tensor in (("input", graph.input), ("output", graph.output)):
        if len(tensor.shape) < 2 or tensor.shape[0] != 1:
            raise ModelError(
                f"the model's {what} ({tensor.name}) has shape {tensor.shape}; a batch dimension "
                "of 1 and at least one more are wanted",
                "Convert with batch size 1.",
            )


def _check_types(graph: Graph, wanted: ActivationType) -> None:
    floating = [o for o in graph.operators if _computes_float(graph, o)]
    if floating:
        raise _float_error(graph, floating)
    for what, tensor in (("input", graph.input), ("output", graph.output)):
        if tensor.dtype != wanted:
            raise ModelError(
                f"the model's {what} ({tensor.name}) is {tensor.dtype}, not {wanted}", _FULL_INT8
            )
    produced = {t.index for t in activations(graph)}
    for operator in graph.operators:
        touched = {*operator.outputs, *(i for i in operator.inputs if i in produced)}
        types = {graph.tensors[i].dtype for i in touched} - {wanted}
        if types:
            raise ModelError(
                f"{graph.describe(operator)} works on {', '.join(sorted(types))}, not {wanted}",
                "Convert with every shape fixed, the batch to 1, and activations int8; or give the "
                "Keras model, which is then converted here so.",
            )


def _computes_float(graph: Graph, operator: Operator) -> bool:
    indices = (*operator.outputs, *(i for i in operator.inputs if i != -1))
    return any(graph.tensors[i].dtype in _FLOAT for i in indices)


def _float_error(graph: Graph, floating: list[Operator]) -> ModelError:
    computing = [o for o in floating if o.name not in ("QUANTIZE", "DEQUANTIZE")]
    listed = computing or floating
    some = "; ".join(graph.describe(o) for o in listed[:3])
    more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    kind, hint = _float_kind(graph, computing)
    return ModelError(f"the model is not full int8: {kind}: {some}{more}", hint)


def _float_kind(graph: Graph, computing: list[Operator]) -> tuple[str, str]:
    """What a model with float tensors is, and what to do about it."""
    interface = f"its interface is {graph.input.dtype} to {graph.output.dtype}"
    types = {t.dtype for t in activations(graph)}
    if not computing:
        inside = "int16" if "int16" in types else "int8"
        return f"it is {inside} inside, but {interface}", _FULL_INT8
    if any(_computes_int8(graph, o) for o in graph.operators):
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


def _computes_int8(graph: Graph, operator: Operator) -> bool:
    return not _computes_float(graph, operator) and any(
        graph.tensors[i].dtype == "int8" for i in operator.outputs
    )


def _check_parameters(graph: Graph) -> None:
    for tensor in activations(graph):
        q = tensor.quantization
        where = f"tensor {tensor.index} ({tensor.name})"
        if q is None:
            raise ModelError(
                f"{where} is {tensor.dtype}, but has no scale and zero point", _FULL_INT8
            )
        if q.per_channel:
            raise ModelError(f"{where} is an activation with {len(q.scales)} scales", _FULL_INT8)
        # Of int16 the specification wants a zero point of 0.
        low, high = (-128, 127) if tensor.dtype == "int8" else (0, 0)
        if not (math.isfinite(q.scale) and q.scale > 0 and low <= q.zero_point <= high):
            raise ModelError(
                f"{where} has scale {q.scale:g} and zero point {q.zero_point}, which cannot be",
                "Check the representative data for NaN and constant values, and convert again.",
            )


# --- soft -------------------------------------------------------------------------------------


def _advise_ranges(graph: Graph) -> list[Advice]:
    tiny = [t for t in activations(graph) if t.quantization and t.quantization.scale < _TINY_RANGE]
    if not tiny:
        return []
    names = ", ".join(f"{t.name} (scale {t.quantization.scale:g})" for t in tiny if t.quantization)
    return [
        Advice(
            "degenerate-range",
            f"Activations hardly vary on the representative data: {names}.",
            "Calibrate with real training samples; look for dead layers.",
        )
    ]


def _advise_input(graph: Graph, dataset: Dataset | None) -> list[Advice]:
    q = graph.input.quantization
    if dataset is None or dataset.raw or q is None:
        return []
    limits = np.iinfo(graph.input.numpy_dtype)
    low, high = (q.scale * (int(code) - q.zero_point) for code in (limits.min, limits.max))
    least, most = float(dataset.x.min()), float(dataset.x.max())
    outside = (dataset.x < low - q.scale / 2) | (dataset.x > high + q.scale / 2)
    share = float(np.count_nonzero(outside)) / dataset.x.size
    data = f"the data's values go from {least:g} to {most:g}"
    range_ = f"the model's {graph.input.dtype} input covers {low:g} to {high:g}"
    if share > _MOST_SATURATED:
        return [
            Advice(
                "input-saturated",
                f"{100 * share:.1f} % of the input values are clipped: {data}, {range_}.",
                "Scale the samples and the representative data alike, as in training.",
            )
        ]
    if most - least < _LEAST_FILLED * (high - low):
        return [
            Advice(
                "input-range-unused",
                f"Most of the input's codes are unused: {data}, {range_}.",
                "Scale the representative data as the samples are, as in training (0 to 255 "
                "against 0 to 1?).",
            )
        ]
    return []


def _advise_operators(graph: Graph, activations: ActivationType) -> list[Advice]:
    advice = []
    per_channel = [o for o in graph.operators if _per_channel_dense(graph, o)]
    if per_channel:
        advice.append(
            Advice(
                PER_CHANNEL_DENSE,
                f"{graph.describe(per_channel[0])} has one scale per channel: TFLM from before "
                "May 2024 computes it wrongly, without an error.",
                "Use the engine aot or a newer TFLM; or convert with "
                "_experimental_disable_per_channel_quantization_for_dense_layers = True.",
            )
        )
    # The table is of int8 operators; those of int16 have versions of their own.
    known = _KNOWN_VERSIONS if activations == "int8" else {}
    newer = [o for o in graph.operators if o.version > known.get(o.name, o.version)]
    if newer:
        names = "; ".join(f"{graph.describe(o)} version {o.version}" for o in newer[:3])
        advice.append(
            Advice(
                "operator-version",
                f"Operators are newer than what TFLM's int8 kernels are known to do: {names}.",
                "Trust the bit-for-bit comparison, not the version; or convert with an older "
                "TensorFlow.",
            )
        )
    return advice


def _per_channel_dense(graph: Graph, operator: Operator) -> bool:
    if operator.name != "FULLY_CONNECTED" or len(operator.inputs) < 2:
        return False
    weights = graph.tensors[operator.inputs[1]].quantization
    return weights is not None and weights.per_channel
