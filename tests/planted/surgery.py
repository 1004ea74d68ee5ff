"""Changes to .tflite files, by the schema's objects or by ``host.models.edit``."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from host.base.arrays import Array
from host.models.edit import Change, pack, patch
from host.models.tflite import Graph, Operator, Quantization, Tensor, parse


def quantization(tensor: Tensor) -> Quantization:
    """The tensor's, which it must have."""
    assert tensor.quantization is not None
    return tensor.quantization


def output_of(graph: Graph, operator: int) -> Tensor:
    return graph.tensors[graph.operators[operator].outputs[0]]


def weights_of(graph: Graph, operator: int) -> Tensor:
    return graph.tensors[graph.operators[operator].inputs[1]]


def bias_of(graph: Graph, operator: int) -> Tensor:
    return graph.tensors[graph.operators[operator].inputs[2]]


def real(tensor: Tensor) -> Array:
    """A constant's real values, float32."""
    assert tensor.data is not None
    return tensor.to_real(tensor.data).astype(np.float32)


def with_range(graph: Graph, tensor: Tensor, scale: float, zero_point: int) -> Graph:
    """Another scale and zero point of an activation, and nothing else: what reads it is wrong now
    where it has a bias, whose scale is the product of the old scales."""
    return patch(graph, [Change(tensor.index, Quantization((scale,), (zero_point,), 0))])


def with_consistent_range(graph: Graph, tensor: Tensor, scale: float, zero_point: int) -> Graph:
    """The same, as the converter would have made it: biases that depend on it are adapted."""
    changes = [Change(tensor.index, Quantization((scale,), (zero_point,), 0))]
    factor = scale / quantization(tensor).scale
    for operator in graph.operators:
        if operator.inputs[0] == tensor.index and len(operator.inputs) == 3:
            bias = graph.tensors[operator.inputs[2]]
            q = quantization(bias)
            assert bias.data is not None
            scales = tuple(s * factor for s in q.scales)
            codes = np.round(bias.data / factor).astype(np.int32)
            changes.append(Change(bias.index, replace(q, scales=scales), codes))
    return patch(graph, changes)


def with_constant(graph: Graph, tensor: Tensor, data: Array) -> Graph:
    """Other codes of a constant, the same scales."""
    assert tensor.data is not None
    return patch(graph, [Change(tensor.index, data=data.astype(tensor.data.dtype))])


def with_layer_of(graph: Graph, other: Graph, operator: int) -> Graph:
    """The weights of another model of the same network in one operator; its bias stays."""
    weights, foreign = weights_of(graph, operator), weights_of(other, operator)
    bias = bias_of(graph, operator)
    source = quantization(graph.tensors[graph.operators[operator].inputs[0]]).scale
    scales = tuple(source * s for s in quantization(foreign).scales)
    codes = np.round(real(bias) / np.array(scales)).astype(np.int32)
    return patch(
        graph,
        [
            Change(weights.index, quantization(foreign), foreign.data),
            Change(bias.index, replace(quantization(bias), scales=scales), codes),
        ],
    )


def with_first_scale(graph: Graph) -> Graph:
    """Every dense layer with the scale of its first channel for all of them.

    That is what TFLM from before May 2024 computes: its FULLY_CONNECTED has one multiplier.
    """
    changes = []
    for operator in graph.operators:
        if operator.name == "FULLY_CONNECTED":
            for tensor in (weights_of(graph, operator.index), bias_of(graph, operator.index)):
                q = quantization(tensor)
                changes.append(Change(tensor.index, Quantization(q.scales[:1], (0,), 0)))
    return patch(graph, changes)


def unpacked(graph: Graph) -> Any:
    return schema.ModelT.InitFromPackedBuf(graph.content, 0)


def repacked(model: Any) -> Graph:
    return parse(pack(model))


def renamed(graph: Graph) -> Graph:
    """Names that say nothing, as another tool might give."""
    model = unpacked(graph)
    for index, tensor in enumerate(model.subgraphs[0].tensors):
        tensor.name = f"value_{index * 7919 % 1000}".encode()
    return repacked(model)


def tensors_reordered(graph: Graph, seed: int) -> Graph:
    """The same tensors in another order, and their buffers too."""
    model = unpacked(graph)
    sub = model.subgraphs[0]
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sub.tensors))
    new = {int(old): place for place, old in enumerate(order)}
    sub.tensors = [sub.tensors[old] for old in order]
    sub.inputs = [new[i] for i in sub.inputs]
    sub.outputs = [new[i] for i in sub.outputs]
    for operator in sub.operators:
        operator.inputs = [new.get(int(i), -1) for i in operator.inputs]
        operator.outputs = [new[int(i)] for i in operator.outputs]
    model.signatureDefs = None  # they name tensors by index; TFLM does not read them
    places = np.concatenate([[0], 1 + rng.permutation(len(model.buffers) - 1)])  # 0 stays empty
    where = {int(old): place for place, old in enumerate(places)}
    model.buffers = [model.buffers[old] for old in places]
    for tensor in sub.tensors:
        tensor.buffer = where[tensor.buffer]
    for entry in model.metadata or []:
        entry.buffer = where[entry.buffer]
    return repacked(model)


def operators_in_order(graph: Graph, order: Sequence[int]) -> Graph:
    """The operators in another order, which must respect what they need of each other."""
    model = unpacked(graph)
    sub = model.subgraphs[0]
    sub.operators = [sub.operators[i] for i in order]
    return repacked(model)


def without_interface(graph: Graph) -> Graph:
    """Without the QUANTIZE at the beginning and the DEQUANTIZE at the end: int8 in and out."""
    model = unpacked(graph)
    sub = model.subgraphs[0]
    first, last = graph.operators[0], graph.operators[-1]
    assert (first.name, last.name) == ("QUANTIZE", "DEQUANTIZE")
    sub.operators = sub.operators[1:-1]
    sub.inputs, sub.outputs = [first.outputs[0]], [last.inputs[0]]
    model.signatureDefs = None
    return repacked(model)


def with_int8_input(graph: Graph, q: Quantization) -> Graph:
    """An int8 input and a DEQUANTIZE before a model that takes float."""
    model = unpacked(graph)
    sub = model.subgraphs[0]
    old = sub.inputs[0]
    sub.inputs = [_add_tensor(sub, graph.tensors[old], "int8_input", schema.TensorType.INT8, q)]
    code = _operator_code(model, schema.BuiltinOperator.DEQUANTIZE, 2)
    sub.operators = [_operator(code, [sub.inputs[0]], [old]), *sub.operators]
    model.signatureDefs = None
    return repacked(model)


def with_float_operators(graph: Graph, first: int, last: int) -> Graph:
    """A chain of operators computes in float, between DEQUANTIZE and QUANTIZE.

    Their weights are the int8 ones; only the roundings between them are gone.
    """
    model = unpacked(graph)
    sub = model.subgraphs[0]
    dequantize = _operator_code(model, schema.BuiltinOperator.DEQUANTIZE, 2)
    quantize = _operator_code(model, schema.BuiltinOperator.QUANTIZE, 1)
    copies: dict[int, int] = {}
    island = []

    def copied(index: int, *, produced: bool) -> int:
        tensor = graph.tensors[index]
        if tensor.quantization is None:  # the axes of a MEAN
            return index
        if index not in copies:
            name, kind = f"{tensor.name}_float", schema.TensorType.FLOAT32
            copies[index] = _add_tensor(sub, tensor, name, kind, None)
            if tensor.data is not None:
                sub.tensors[copies[index]].buffer = len(model.buffers)
                model.buffers.append(schema.BufferT())
                model.buffers[-1].data = np.frombuffer(real(tensor).tobytes(), np.uint8)
            elif not produced:
                island.append(_operator(dequantize, [index], [copies[index]]))
        return copies[index]

    for operator in sub.operators[first : last + 1]:
        operator.inputs = [copied(int(i), produced=False) for i in operator.inputs]
        result = int(operator.outputs[0])
        operator.outputs = [copied(result, produced=True)]
        island.append(operator)
    island.append(_operator(quantize, [copies[result]], [result]))
    sub.operators = [*sub.operators[:first], *island, *sub.operators[last + 1 :]]
    return repacked(model)


def find(graph: Graph, name: str, dtype: str = "int8") -> Operator:
    """The first operator of that name whose output is of that type."""
    return next(
        o for o in graph.operators if o.name == name and output_of(graph, o.index).dtype == dtype
    )


def _add_tensor(sub: Any, like: Tensor, name: str, kind: int, q: Quantization | None) -> int:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name.encode(), list(like.shape), kind
    tensor.buffer = 0
    if q is not None:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.array(q.scales, np.float32)
        tensor.quantization.zeroPoint = np.array(q.zero_points, np.int64)
    sub.tensors.append(tensor)
    return len(sub.tensors) - 1


def _operator_code(model: Any, builtin: int, version: int) -> int:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _operator(code: int, inputs: list[int], outputs: list[int]) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, outputs
    return operator
