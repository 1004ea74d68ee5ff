"""Multiply-accumulates of a model's operators, from their shapes.

One is a product that is added to a sum. A window at the image's edge counts whole, as is usual;
operators that only add, compare or move count none.
"""

from collections.abc import Callable, Mapping
from math import prod

from host.models.tflite import Graph, Operator, Tensor

# Inputs of UNIDIRECTIONAL_SEQUENCE_LSTM that are matrices: four from the input and four from the
# state to the gates, and the projection; those of a variant without them are absent.
_LSTM_MATRICES = (*range(1, 9), 16)


def count(graph: Graph, operator: Operator) -> int:
    """Multiply-accumulates of one inference; 0 for an operator that has none."""
    rule = _RULES.get(operator.name)
    return 0 if rule is None else rule(graph, operator)


def _tensor(graph: Graph, operator: Operator, position: int) -> Tensor | None:
    """The operator's input, None where it is absent."""
    if position >= len(operator.inputs) or operator.inputs[position] == -1:
        return None
    return graph.tensors[operator.inputs[position]]


def _shape(graph: Graph, operator: Operator, position: int) -> tuple[int, ...]:
    tensor = _tensor(graph, operator, position)
    return () if tensor is None else tensor.shape


def _output(graph: Graph, operator: Operator) -> int:
    return graph.tensors[operator.outputs[0]].size


def _conv_2d(graph: Graph, operator: Operator) -> int:
    """Every output value sums over a filter, [out, height, width, depth]."""
    return _output(graph, operator) * prod(_shape(graph, operator, 1)[1:])


def _depthwise_conv_2d(graph: Graph, operator: Operator) -> int:
    """Every output value sums over one channel of the filter, [1, height, width, out]."""
    return _output(graph, operator) * prod(_shape(graph, operator, 1)[1:3])


def _fully_connected(graph: Graph, operator: Operator) -> int:
    """Every output value sums over a row of the weights, [out, in]."""
    return _output(graph, operator) * prod(_shape(graph, operator, 1)[-1:])


def _transpose_conv(graph: Graph, operator: Operator) -> int:
    """Every input value goes into a window of every output channel, [out, height, width, in]."""
    return prod(_shape(graph, operator, 2)) * prod(_shape(graph, operator, 1)[:3])


def _batch_matmul(graph: Graph, operator: Operator) -> int:
    """Every output value sums over what rows of one and columns of the other have in common."""
    left = _shape(graph, operator, 0)
    return _output(graph, operator) * left[-2 if operator.options.get("adjX") else -1]


def _lstm(graph: Graph, operator: Operator) -> int:
    """Every step of every sequence takes each matrix once."""
    matrices = sum(prod(s) for p in _LSTM_MATRICES if (s := _shape(graph, operator, p)))
    return prod(_shape(graph, operator, 0)[:-1]) * matrices


def _svdf(graph: Graph, operator: Operator) -> int:
    """The features' matrix [filters, in], then the time's [filters, memory], once a sample."""
    matrices = prod(_shape(graph, operator, 1)) + prod(_shape(graph, operator, 2))
    return _shape(graph, operator, 0)[0] * matrices


_RULES: Mapping[str, Callable[[Graph, Operator], int]] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "FULLY_CONNECTED": _fully_connected,
    "TRANSPOSE_CONV": _transpose_conv,
    "BATCH_MATMUL": _batch_matmul,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
    "SVDF": _svdf,
}
