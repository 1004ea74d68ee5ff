"""Multiply-accumulates of a model's operators, from their shapes.

One is a product that is added to a sum. A window at the image's edge counts whole, as is usual;
operators that only add, compare or move count none.
"""

from math import prod

from host.models.tflite import Graph, Operator

# Inputs of UNIDIRECTIONAL_SEQUENCE_LSTM that are matrices: four from the input and four from the
# state to the gates, and the projection; those of a variant without them are absent.
_LSTM_MATRICES = (*range(1, 9), 16)


def count(graph: Graph, operator: Operator) -> int:
    """Multiply-accumulates of one inference; 0 for an operator that has none."""
    values = graph.tensors[operator.outputs[0]].size

    def shape(position: int) -> tuple[int, ...]:
        """An input's; () where it is absent."""
        index = operator.inputs[position] if position < len(operator.inputs) else -1
        return () if index == -1 else graph.tensors[index].shape

    match operator.name:
        case "CONV_2D":  # every output value sums over a filter, [out, height, width, depth]
            return values * prod(shape(1)[1:])
        case "DEPTHWISE_CONV_2D":  # over one channel of the filter, [1, height, width, out]
            return values * prod(shape(1)[1:3])
        case "FULLY_CONNECTED":  # over a row of the weights, [out, in]
            return values * prod(shape(1)[-1:])
        case "TRANSPOSE_CONV":  # each input value goes into a window of [out, height, width, in]
            return prod(shape(2)) * prod(shape(1)[:3])
        case "BATCH_MATMUL":  # over what rows of one and columns of the other have in common
            return values * shape(0)[-2 if operator.options.get("adjX") else -1]
        case "UNIDIRECTIONAL_SEQUENCE_LSTM":  # each matrix, at every step of every sequence
            return prod(shape(0)[:-1]) * sum(prod(s) for p in _LSTM_MATRICES if (s := shape(p)))
        case "SVDF":  # the features' matrix [filters, in], then the time's, [filters, memory]
            return shape(0)[0] * (prod(shape(1)) + prod(shape(2)))
    return 0
