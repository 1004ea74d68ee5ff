"""What a quantized model's input and output stand for, where they are floats or uint8.

The converter leaves both ends float32 unless it is told otherwise: QUANTIZE comes first, DEQUANTIZE
last, and all between is in codes.
"""

from __future__ import annotations

from host.models.tflite import Graph, Operator, Tensor


def input_codes(graph: Graph) -> Tensor:
    """The codes that the input holds or becomes: itself, or what QUANTIZE makes of floats."""
    tensor = graph.input
    if tensor.dtype == "float32":
        for operator in graph.operators:
            if enters(graph, operator):
                return graph.tensors[operator.outputs[0]]
    return tensor


def output_codes(graph: Graph) -> Tensor:
    """The codes that the output holds or comes from: itself, or what DEQUANTIZE made floats of."""
    tensor = graph.output
    if tensor.dtype == "float32":
        for operator in graph.operators:
            if leaves(graph, operator):
                return graph.tensors[operator.inputs[0]]
    return tensor


def enters(graph: Graph, operator: Operator) -> bool:
    """Whether an operator only makes codes of the model's input."""
    return operator.name == "QUANTIZE" and operator.inputs[:1] == graph.inputs[:1]


def leaves(graph: Graph, operator: Operator) -> bool:
    """Whether an operator only converts codes into the model's output."""
    return operator.name in ("QUANTIZE", "DEQUANTIZE") and operator.outputs[:1] == graph.outputs[:1]


def activations_of(graph: Graph) -> tuple[Tensor, ...]:
    """The graph's input and every tensor that an operator writes, in order of execution."""
    written = [i for operator in graph.operators for i in operator.outputs]
    return tuple(graph.tensors[i] for i in dict.fromkeys([*graph.inputs, *written]))
