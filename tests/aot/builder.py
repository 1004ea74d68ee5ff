"""Builds .tflite files from numbers, without TensorFlow.

The modules named after operator families add one operator each and return the index of its output.
They compute the output's shape themselves, and independently of what they test.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from host.models.tflite import Graph, parse

Array = npt.NDArray[Any]

SAME, VALID = 0, 1

_TYPES: dict[np.dtype[Any], int] = {
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int64): schema.TensorType.INT64,
}


@dataclass(frozen=True)
class Q:
    """Quantization parameters: one scale, or one for each index of ``axis``."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0

    @staticmethod
    def tensor(scale: float, zero_point: int = 0) -> "Q":
        return Q((float(np.float32(scale)),), (zero_point,))

    @staticmethod
    def symmetric(scales: Sequence[float], axis: int) -> "Q":
        return Q(tuple(float(np.float32(s)) for s in scales), (0,) * len(scales), axis)


@dataclass
class ModelBuilder:
    """Collects tensors and operators; ``build`` packs them into a .tflite file."""

    model: Any = field(default_factory=schema.ModelT)

    def __post_init__(self) -> None:
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = [], []
        graph.name = b"main"
        empty = schema.BufferT()
        self.model.version = 3
        self.model.buffers = [empty]
        self.model.operatorCodes = []
        self.model.subgraphs = [graph]

    @property
    def graph(self) -> Any:
        return self.model.subgraphs[0]

    def tensor(
        self,
        shape: Sequence[int],
        q: Q | None,
        data: Array | None = None,
        dtype: type[np.generic] = np.int8,
        name: str = "",
    ) -> int:
        tensor = schema.TensorT()
        index = len(self.graph.tensors)
        tensor.name = (name or f"t{index}").encode()
        tensor.shape = list(shape)
        tensor.type = _TYPES[np.dtype(data.dtype if data is not None else dtype)]
        if q is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = list(q.scales)
            tensor.quantization.zeroPoint = list(q.zero_points)
            tensor.quantization.quantizedDimension = q.axis
        tensor.buffer = 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return index

    def constant(self, data: Array, q: Q | None = None, name: str = "") -> int:
        return self.tensor(data.shape, q, data, name=name)

    def operator(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Any = None,
        version: int = 1,
    ) -> int:
        """Add an operator; returns its first output."""
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes)
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = options
        self.model.operatorCodes.append(code)
        self.graph.operators.append(operator)
        return int(outputs[0])

    def shape(self, index: int) -> tuple[int, ...]:
        return tuple(self.graph.tensors[index].shape)

    def dtype(self, index: int) -> np.dtype[Any]:
        kind = self.graph.tensors[index].type
        return next(dtype for dtype, code in _TYPES.items() if code == kind)

    def q(self, index: int) -> "Q":
        quantization = self.graph.tensors[index].quantization
        return Q.tensor(quantization.scale[0], quantization.zeroPoint[0])

    def build(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def parsed(self, inputs: Sequence[int], outputs: Sequence[int]) -> Graph:
        return parse(self.build(inputs, outputs))


def started(
    shape: Sequence[int], q: Q | None, dtype: type[np.generic] = np.int8, name: str = ""
) -> tuple[ModelBuilder, int]:
    """A model that has an input so far, and the input."""
    b = ModelBuilder()
    return b, b.tensor(shape, q, dtype=dtype, name=name)


def options(kind: str, **values: Any) -> Any:
    """A built-in options object: ``options("Pool2DOptions", strideH=1, …)``."""
    result = getattr(schema, kind + "T")()
    for name, value in values.items():
        assert hasattr(result, name), name
        setattr(result, name, value)
    return result


@dataclass(frozen=True)
class Windowed:
    """Height and width of everything that a sliding window has."""

    filter: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: int = SAME
    activation: int = 0

    def options(self, kind: str, **values: Any) -> Any:
        """A built-in options object that has these, and other values."""
        return options(
            kind,
            padding=self.padding,
            strideH=self.stride[0],
            strideW=self.stride[1],
            fusedActivationFunction=self.activation,
            **values,
        )

    def output(self, size: Sequence[int]) -> tuple[int, int]:
        result = []
        for n, k, s, d in zip(size, self.filter, self.stride, self.dilation, strict=True):
            # Positions at which the window starts inside the image, or fits into it.
            starts = range(0, n, s) if self.padding == SAME else range(0, n - (k - 1) * d, s)
            result.append(len(starts))
        return result[0], result[1]


def weighted_inputs(
    b: ModelBuilder, x: int, weights: Array, wq: Q, bias: Array | None
) -> list[int]:
    """The input, and as constants the weights and the bias, if there is one."""
    inputs = [x, b.constant(weights, wq)]
    if bias is not None:
        scale = b.q(x).scales[0]
        inputs.append(b.constant(bias, Q.symmetric([scale * s for s in wq.scales], 0)))
    return inputs
