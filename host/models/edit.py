"""Changing the parameters of a .tflite file: scales, zero points, constants; the graph stays."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from host.base.arrays import Array
from host.base.errors import ModelError
from host.models.tflite import TYPE_CODES, Graph, Quantization, parse

# The schema aligns a buffer's bytes to 16; kernels read int32 biases straight from the file.
_BUFFER_ALIGNMENT = 16


@dataclass(frozen=True)
class Change:
    """New parameters of one tensor; None leaves what is there.

    Attributes:
        quantization: new scales, zero points and axis.
        data: the new value of a constant, of the tensor's shape.
        dtype: a new element type, such as "int8"; needed where ``data`` has another type.
    """

    tensor: int
    quantization: Quantization | None = None
    data: Array | None = None
    dtype: str | None = None


def patch(
    graph: Graph, changes: Iterable[Change], operators: Mapping[int, str] | None = None
) -> Graph:
    """The same model with other parameters.

    A buffer that several tensors share is not changed for the others. ``operators`` are new names
    for operators, by index; those lose their built-in options.

    Raises:
        ModelError: new data of another type or shape than the tensor's, or for an activation.
    """
    model = schema.ModelT.InitFromPackedBuf(graph.content, 0)
    for change in changes:
        _apply(model, graph, change)
    for index, name in (operators or {}).items():
        raw = model.subgraphs[0].operators[index]
        raw.opcodeIndex = add_operator_code(model, name, 1)
        raw.builtinOptionsType, raw.builtinOptions = 0, None
    used = {tensor.buffer for sub in model.subgraphs for tensor in sub.tensors}
    used |= {entry.buffer for entry in model.metadata or []}
    for index, buffer in enumerate(model.buffers):
        if index not in used:  # any more
            buffer.data = None
    return parse(pack(model), "the changed model")


@dataclass(frozen=True)
class Addition:
    """A constant that an operator gets as a further input, at ``position`` of its inputs."""

    operator: int
    position: int
    name: str
    quantization: Quantization
    data: Array


def extend(graph: Graph, additions: Iterable[Addition]) -> Graph:
    """The same model with more constants; the indices of the others stay."""
    model = schema.ModelT.InitFromPackedBuf(graph.content, 0)
    sub = model.subgraphs[0]
    for addition in additions:
        data, kind = addition.data, TYPE_CODES[addition.data.dtype.name]
        name, shape = addition.name.encode(), np.array(data.shape, np.int32)
        tensor = new_tensor(name, shape, kind, addition.quantization)
        _set_data(model, tensor, data)
        operator = sub.operators[addition.operator]
        inputs = [int(i) for i in operator.inputs]
        inputs += [-1] * (addition.position + 1 - len(inputs))
        inputs[addition.position] = len(sub.tensors)
        operator.inputs = np.array(inputs, np.int32)
        sub.tensors.append(tensor)
    return parse(pack(model), "the extended model")


def pack(model: Any) -> bytes:
    """The file of a schema ``ModelT``, with its buffers aligned as the schema wants them."""
    builder = _AlignedBuilder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def new_tensor(name: bytes, shape: Any, kind: int, quantization: Quantization) -> Any:
    """A schema ``TensorT`` without a value, in the empty buffer; ``kind`` is of ``TYPE_CODES``."""
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, kind, 0
    _set_quantization(tensor, quantization)
    return tensor


def _set_quantization(tensor: Any, quantization: Quantization) -> None:
    raw = tensor.quantization = tensor.quantization or schema.QuantizationParametersT()
    raw.scale = np.array(quantization.scales, np.float32)
    raw.zeroPoint = np.array(quantization.zero_points, np.int64)
    raw.quantizedDimension = quantization.axis
    raw.min = raw.max = None  # they describe the old range


def add_operator_code(model: Any, name: str, version: int) -> int:
    """Add a built-in operator to those that a schema ``ModelT`` uses; its opcode's index."""
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


class _AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """flatbuffers' Builder, which does not know the schema's ``force_align``."""

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:  # noqa: N802, N803
        """Align vectors of bytes; see ``flatbuffers.Builder.StartVector``."""
        least = _BUFFER_ALIGNMENT if elemSize == 1 else alignment
        return super().StartVector(elemSize, numElems, max(alignment, least))


def _apply(model: Any, graph: Graph, change: Change) -> None:
    tensor = graph.tensors[change.tensor]
    raw = model.subgraphs[0].tensors[change.tensor]
    dtype = change.dtype or tensor.dtype
    raw.type = TYPE_CODES[dtype]
    if change.quantization is not None:
        _set_quantization(raw, change.quantization)
    if change.data is None:
        return
    if tensor.data is None:
        raise ModelError(f"tensor {tensor.index} ({tensor.name}) is not a constant")
    if change.data.dtype.name != dtype or change.data.shape != tensor.shape:
        raise ModelError(
            f"tensor {tensor.index} ({tensor.name}) is {dtype} {tensor.shape}, the new "
            f"value {change.data.dtype} {change.data.shape}"
        )
    _set_data(model, raw, change.data)


def _set_data(model: Any, raw: Any, data: Array) -> None:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
    raw.buffer = len(model.buffers)
    model.buffers.append(buffer)
