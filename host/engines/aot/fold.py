"""Computes, before lowering, what does not depend on the model's inputs.

Converters leave chains of operators that work out shapes (SHAPE, STRIDED_SLICE, PACK and a RESHAPE
that reads them). All shapes are known here, so such operators become constants; and those that
nobody needs are dropped.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from host.base.arrays import Array
from host.engines.aot.operators.movement import strided_index
from host.models.tflite import Graph, Operator, Tensor

Arrays = list[Array]
Tensors = Sequence[Tensor]
Options = dict[str, Any]
# What an operator makes of its inputs.
Fold = Callable[[Options, Arrays, Tensors], Arrays]

_TYPES = {"int32": np.int32, "int64": np.int64}
# Inputs that only tell an output's shape, which the file tells as well.
_SHAPE_INPUTS = {"RESHAPE": (1,), "SPLIT_V": (1,)}


def fold(graph: Graph) -> Graph:
    """The graph with constants in place of the operators that can be computed now.

    Operators keep their indices, tensors too. What writes an output of the model stays.
    """
    tensors = list(graph.tensors)
    left = []
    for operator in graph.operators:
        values = None
        if not set(operator.outputs) & set(graph.outputs):
            values = _values(operator, tensors)
        if values is None:
            left.append(operator)
            continue
        for index, value in zip(operator.outputs, values, strict=True):
            tensors[index] = replace(tensors[index], data=value)
    return replace(graph, tensors=tuple(tensors), operators=_needed(graph, left))


def _needed(graph: Graph, operators: Sequence[Operator]) -> tuple[Operator, ...]:
    """The operators whose outputs are read."""
    read = set(graph.outputs)
    kept = []
    for operator in reversed(operators):
        if not read.isdisjoint(operator.outputs):
            kept.append(operator)
            ignored = _SHAPE_INPUTS.get(operator.name, ())
            read.update(i for n, i in enumerate(operator.inputs) if n not in ignored)
    return tuple(reversed(kept))


def _values(operator: Operator, tensors: Tensors) -> Arrays | None:
    """The outputs' values; None where they depend on the inputs, or cannot be computed here."""
    outputs = [tensors[i] for i in operator.outputs]
    inputs = [tensors[i] for i in operator.inputs if i != -1]
    if operator.name == "SHAPE":
        return _fitting([np.array(t.shape, _TYPES.get(outputs[0].dtype)) for t in inputs], outputs)
    arrays = [t.data for t in inputs if t.data is not None]
    whole = operator.name not in _WHOLE or all(t.dtype in _TYPES for t in inputs)
    activated = operator.options.get("fusedActivationFunction")
    if operator.name not in _FOLDS or len(arrays) < len(inputs) or activated or not whole:
        return None
    try:
        return _fitting(_FOLDS[operator.name](operator.options, arrays, outputs), outputs)
    except (ValueError, IndexError, KeyError, TypeError):
        # What makes no sense is left to the lowering, which says so.
        return None


def _fitting(values: Arrays, outputs: Tensors) -> Arrays | None:
    """The values, if they are what the file says that these tensors hold."""
    if len(values) != len(outputs) or any(t.data is not None for t in outputs):
        return None
    for value, tensor in zip(values, outputs, strict=True):
        if value.shape != tensor.shape or value.dtype.name != tensor.dtype:
            return None
    return values


def _strided_slice(options: Options, inputs: Arrays, outputs: Tensors) -> Arrays:
    x, *bounds = inputs
    return [x[strided_index(options, [b.tolist() for b in bounds])]]


def _slice(options: Options, inputs: Arrays, outputs: Tensors) -> Arrays:
    x, begins, sizes = inputs
    pairs = zip(begins.tolist(), sizes.tolist(), strict=True)
    return [x[tuple(slice(b, None if n == -1 else b + n) for b, n in pairs)]]


def _split_v(options: Options, inputs: Arrays, outputs: Tensors) -> Arrays:
    axis = int(inputs[2].item())
    return np.split(inputs[0], np.cumsum([t.shape[axis] for t in outputs])[:-1], axis)


def _tile(options: Options, inputs: Arrays, outputs: Tensors) -> Arrays:
    x, times = inputs
    return [np.tile(x, times)] if x.size * math.prod(times.tolist()) == outputs[0].size else []


def _range(options: Options, inputs: Arrays, outputs: Tensors) -> Arrays:
    values = range(*(int(x.item()) for x in inputs))
    return [np.array(values, inputs[0].dtype)] if len(values) == outputs[0].size else []


def _reduce_prod(options: Options, inputs: Arrays, outputs: Tensors) -> Arrays:
    x, axes = inputs[0], tuple(inputs[1].reshape(-1).tolist())
    return [np.asarray(np.prod(x, axes, x.dtype, keepdims=bool(options["keepDims"])))]


def _reshape(options: Options, inputs: Arrays, outputs: Tensors) -> Arrays:
    return [inputs[0].reshape(outputs[0].shape)]


def _arithmetic(function: Callable[[Array, Array], Array]) -> Fold:
    def compute(options: Options, inputs: Arrays, outputs: Tensors) -> Arrays:
        left, right = inputs
        return [np.asarray(function(left, right))]

    return compute


# Those that compute with integers as they are, and not with quantized numbers.
_WHOLE = ("ADD", "MAXIMUM", "MINIMUM", "MUL", "RANGE", "REDUCE_PROD", "SUB")
# None of the values counts where they are not as many, and as large, as the outputs.
_FOLDS: dict[str, Fold] = {
    "ADD": _arithmetic(np.add),
    "BROADCAST_TO": lambda options, x, y: [np.broadcast_to(x[0], x[1].tolist())],
    "CAST": lambda options, x, y: (
        [x[0].astype(_TYPES[y[0].dtype])] if x[0].dtype.kind in "iub" else []
    ),
    "CONCATENATION": lambda options, x, y: [np.concatenate(x, options["axis"])],
    "EXPAND_DIMS": _reshape,
    "FILL": lambda options, x, y: [np.broadcast_to(x[1], x[0].tolist())],
    "GATHER": lambda options, x, y: (
        [np.take(x[0], x[1], options["axis"])] if not options.get("batchDims") else []
    ),
    "MAXIMUM": _arithmetic(np.maximum),
    "MINIMUM": _arithmetic(np.minimum),
    "MUL": _arithmetic(np.multiply),
    "PACK": lambda options, x, y: [np.stack(x, options["axis"])],
    "RANGE": _range,
    "REDUCE_PROD": _reduce_prod,
    "RESHAPE": _reshape,
    "SLICE": _slice,
    "SPLIT": lambda options, x, y: np.split(x[1], len(y), int(x[0].item())),
    "SPLIT_V": _split_v,
    "SQUEEZE": _reshape,
    "STRIDED_SLICE": _strided_slice,
    "SUB": _arithmetic(np.subtract),
    "TILE": _tile,
    "TRANSPOSE": lambda options, x, y: [x[0].transpose(x[1].tolist())],
    "UNPACK": lambda options, x, y: list(np.moveaxis(x[0], options["axis"], 0)),
}
