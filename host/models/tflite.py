"""Reading a .tflite file into plain frozen values.

The schema comes from LiteRT's own package. `edit.py` changes and writes files.
"""

import hashlib
import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from host.base.arrays import Array, CodeArray, RealArray
from host.base.errors import ModelError
from host.models.flatbuffer import check_extent

_OPERATOR_NAMES: dict[int, str] = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)
}
TYPE_CODES: dict[str, int] = {
    name.lower(): code for name, code in vars(schema.TensorType).items() if isinstance(code, int)
}
_TYPE_NAMES = {code: name for name, code in TYPE_CODES.items()}
# Only these have a fixed-size element that NumPy knows; a constant of another type stays None.
_FIXED = ("int8", "uint8", "int16", "int32", "int64", "bool", "float16", "float32", "float64")
_NUMPY_TYPES: dict[str, np.dtype[Any]] = {name: np.dtype(name) for name in _FIXED}

_AGAIN = "Convert or copy the model again."
# More than microcontrollers have, and little enough for a desktop to allocate by the dozen.
_LARGEST_ACTIVATION = 1 << 25  # bytes
_MOST_DIMENSIONS = 32  # NumPy has twice as many, and arrays of samples have one more


@dataclass(frozen=True)
class Quantization:
    """Affine quantization of a tensor: real = scale · (q − zero_point).

    One scale means per tensor; more mean per channel along dimension ``axis``.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int

    @property
    def scale(self) -> float:
        """The scale of a per-tensor quantized tensor."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a per-tensor quantized tensor."""
        return self.zero_points[0]

    @property
    def per_channel(self) -> bool:
        """True where there is more than one scale."""
        return len(self.scales) > 1

    def along(self, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """Scales and zero points, float64, in shapes that broadcast to a tensor's ``shape``."""
        where = [1] * len(shape)
        if self.per_channel:
            where[self.axis] = -1
        scales = np.array(self.scales, np.float64).reshape(where)
        points = np.array(self.zero_points, np.float64)
        return scales, points.reshape(where) if points.size == scales.size else points[:1]

    def quantize(self, values: Array, dtype: npt.DTypeLike) -> CodeArray:
        """Codes of real values: round(x / scale) + zero point, clipped to the integer type.

        Halves round to even, as NumPy does in TensorFlow's own examples; in float64, so that the
        codes do not depend on the machine. Where there is a scale per channel, ``values`` have the
        tensor's shape.
        """
        scales, points = self.along(values.shape)
        limits = np.iinfo(dtype)
        codes = np.round(values.astype(np.float64) / scales) + points
        return np.asarray(np.clip(codes, limits.min, limits.max), dtype)

    def dequantize(self, codes: Array) -> RealArray:
        """Real values of codes: scale · (code − zero point); shapes as for ``quantize``."""
        scales, points = self.along(codes.shape)
        return np.asarray((codes.astype(np.float64) - points) * scales)


@dataclass(frozen=True)
class Tensor:
    """A tensor of the graph. ``data`` is the constant's value, shaped; None for an activation.

    A ``variable`` keeps its value from one inference to the next, until the interpreter is reset.
    """

    index: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    quantization: Quantization | None
    data: Array | None
    variable: bool = False

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Size in bytes; 0 where the element size is not fixed."""
        kind = _NUMPY_TYPES.get(self.dtype)
        return self.size * kind.itemsize if kind is not None else 0

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The NumPy type of an element; raises ModelError where NumPy has no such type."""
        kind = _NUMPY_TYPES.get(self.dtype)
        if kind is None:
            raise ModelError(f"tensor {self.index} ({self.name}) has type {self.dtype}")
        return kind

    @property
    def scale(self) -> float:
        """The scale of a quantized tensor that has one for all."""
        assert self.quantization is not None
        return self.quantization.scale

    @property
    def zero_point(self) -> int:
        """The zero point of a quantized tensor that has one for all."""
        assert self.quantization is not None
        return self.quantization.zero_point

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the largest real number that a quantized activation's codes stand for."""
        assert self.quantization is not None
        limits = np.iinfo(self.numpy_dtype)
        low, high = self.quantization.dequantize(np.array([limits.min, limits.max]))
        return float(low), float(high)

    def outside(self, values: Array) -> npt.NDArray[np.bool_]:
        """Which real values a quantized activation's codes cannot represent to half a step."""
        limits = np.iinfo(self.numpy_dtype)
        low = (limits.min - self.zero_point - 0.5) * self.scale
        high = (limits.max - self.zero_point + 0.5) * self.scale
        return np.asarray((values < low) | (values > high))

    def to_codes(self, values: Array) -> Array:
        """Codes of real values, of the tensor's type; integers are taken for codes already."""
        if values.dtype.kind != "f" or self.quantization is None:
            return values
        return self.quantization.quantize(values, self.numpy_dtype)

    def to_real(self, values: Array) -> RealArray:
        """Real values of codes; floats, and what has no scale, as they are."""
        if values.dtype.kind == "f" or self.quantization is None:
            return values.astype(np.float64)
        return self.quantization.dequantize(values)


@dataclass(frozen=True)
class Operator:
    """An operator. ``inputs`` holds −1 for an optional tensor that is absent.

    ``options`` are the schema's built-in options by their schema names (``strideH``, ``padding``,
    ``fusedActivationFunction`` …), empty where the operator has none.
    """

    index: int
    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]

    @property
    def channel_axis(self) -> int:
        """The dimension of its weights that counts the output channels."""
        return 3 if self.name == "DEPTHWISE_CONV_2D" else 0

    def by_channel(self, weights: Array) -> Array:
        """An array in the shape of its weights, as [output channels, the rest]."""
        moved = np.moveaxis(weights, self.channel_axis, 0)
        return moved.reshape(len(moved), -1)


@dataclass(frozen=True)
class Graph:
    """The first subgraph of a .tflite file, and the file itself."""

    content: bytes
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file, in hex."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def input(self) -> Tensor:
        """The first input tensor."""
        return self.tensors[self.inputs[0]]

    @property
    def output(self) -> Tensor:
        """The first output tensor."""
        return self.tensors[self.outputs[0]]

    @property
    def activations(self) -> tuple[Tensor, ...]:
        """The inputs and every tensor that an operator writes, in order of execution."""
        written = [i for operator in self.operators for i in operator.outputs]
        return tuple(self.tensors[i] for i in dict.fromkeys([*self.inputs, *written]))

    # The converter leaves both ends float32 unless it is told otherwise: QUANTIZE comes first,
    # DEQUANTIZE last, and all between is in codes. Either end may be uint8, too.

    def enters(self, operator: Operator) -> bool:
        """Whether an operator only makes codes of the model's input."""
        return operator.name == "QUANTIZE" and operator.inputs[:1] == self.inputs[:1]

    def leaves(self, operator: Operator) -> bool:
        """Whether an operator only converts codes into the model's output."""
        converts = operator.name in ("QUANTIZE", "DEQUANTIZE")
        return converts and operator.outputs[:1] == self.outputs[:1]

    @property
    def input_codes(self) -> Tensor:
        """The codes that the input holds or becomes: itself, or what QUANTIZE makes of floats."""
        entering = [o.outputs[0] for o in self.operators if self.enters(o)]
        floats = self.input.dtype == "float32" and entering
        return self.tensors[entering[0]] if floats else self.input

    @property
    def output_codes(self) -> Tensor:
        """The codes that the output holds or comes from: itself, or what DEQUANTIZE reads."""
        leaving = [o.inputs[0] for o in self.operators if self.leaves(o)]
        floats = self.output.dtype == "float32" and leaving
        return self.tensors[leaving[0]] if floats else self.output

    def describe(self, operator: Operator) -> str:
        """``operator 3 CONV_2D (tensor 'a/b')``, for messages."""
        name = self.tensors[operator.outputs[0]].name if operator.outputs else ""
        return f"operator {operator.index} {operator.name} (output tensor {name!r})"

    def is_per_channel_dense(self, operator: Operator) -> bool:
        """Whether the operator is a dense layer whose weights have a scale per channel."""
        if operator.name != "FULLY_CONNECTED" or len(operator.inputs) < 2:
            return False
        weights = self.tensors[operator.inputs[1]].quantization
        return weights is not None and weights.per_channel


def load(path: Path) -> Graph:
    """Read and check a .tflite file.

    Raises:
        ModelError: the file is missing, is not a .tflite file, is truncated or inconsistent.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    return parse(content, str(path))


def parse(content: bytes, origin: str = "the model") -> Graph:
    """Read a .tflite file's bytes; ``origin`` names them in messages.

    Raises:
        ModelError: not a .tflite file, truncated or inconsistent.
    """
    if len(content) < 8 or content[4:8] != b"TFL3":
        raise ModelError(f"{origin} is not a .tflite file (no TFL3 identifier)")
    try:
        check_extent(content)
        return _graph(content, schema.ModelT.InitFromPackedBuf(content, 0))
    except _UnusableError as error:
        raise ModelError(f"{origin} {error}", error.hint) from error
    except Exception as error:  # the flatbuffers reader raises whatever the bytes lead it to
        raise ModelError(
            f"{origin} is damaged or truncated: {type(error).__name__}: {error}", _AGAIN
        ) from error


class _UnusableError(Exception):
    """What is wrong with a file, to be said after its name."""

    def __init__(self, message: str, hint: str = _AGAIN) -> None:
        super().__init__(message)
        self.hint = hint


def as_array(content: bytes) -> npt.NDArray[np.uint8]:
    """A file's bytes as an array."""
    return np.frombuffer(content, np.uint8)


def _graph(content: bytes, model: Any) -> Graph:
    if not model.subgraphs:
        raise _UnusableError("has no subgraph")
    for entry in model.metadata or []:
        _at(model.buffers, entry.buffer, "buffer")
    sub = model.subgraphs[0]
    graph = Graph(
        content=content,
        tensors=tuple(
            _tensor(index, raw, _at(model.buffers, raw.buffer, "buffer"), content)
            for index, raw in enumerate(sub.tensors or [])
        ),
        operators=tuple(
            _operator(index, raw, _at(model.operatorCodes, raw.opcodeIndex, "operator code"))
            for index, raw in enumerate(sub.operators or [])
        ),
        inputs=_indices(sub.inputs),
        outputs=_indices(sub.outputs),
        subgraphs=len(model.subgraphs),
    )
    for what in ("inputs", "outputs", "operators"):
        if not getattr(graph, what):
            raise _UnusableError(f"has no {what}")
    used = {*graph.inputs, *graph.outputs}
    for operator in graph.operators:
        used |= {*operator.inputs} - {-1} | {*operator.outputs}
    if not used <= set(range(len(graph.tensors))):
        raise _UnusableError("is damaged: it refers to tensors that it does not have")
    return graph


def _tensor(index: int, raw: Any, buffer: Any, content: bytes) -> Tensor:
    tensor = Tensor(
        index,
        (raw.name or b"").decode("utf-8", "replace"),
        _TYPE_NAMES.get(raw.type, f"type {raw.type}"),
        _indices(raw.shape),
        _quantization(raw.quantization),
        None,
        bool(raw.isVariable),
    )
    what, shape = f"has a tensor {index} ({tensor.name})", tensor.shape
    if any(d < 0 for d in shape):
        raise _UnusableError(f"{what} with a negative dimension: {shape}")
    if len(shape) > _MOST_DIMENSIONS:
        raise _UnusableError(f"{what} with {len(shape)} dimensions")
    # Files over 2 GB keep constants behind the flatbuffer; offset 0 and 1 mean "not so".
    if buffer.offset and buffer.offset > 1:
        data = as_array(content)[buffer.offset : buffer.offset + buffer.size]
    elif buffer.data is not None and len(buffer.data):
        data = buffer.data  # a view: many tensors may share one buffer
    else:
        if tensor.nbytes > _LARGEST_ACTIVATION:
            raise _UnusableError(
                f"{what} of shape {shape}, which would take {tensor.nbytes:,} bytes of memory",
                "Convert with small fixed shapes, batch 1; where they are, copy the model again.",
            )
        return tensor
    kind = _NUMPY_TYPES.get(tensor.dtype)
    if kind is None:
        return tensor
    if len(data) != tensor.nbytes:
        raise _UnusableError(
            f"is damaged: tensor {index} ({tensor.name}) of shape {shape} needs {tensor.nbytes} "
            f"bytes, its buffer has {len(data)}"
        )
    array = np.frombuffer(data, dtype=kind).reshape(shape)
    array.flags.writeable = False
    return replace(tensor, data=array)


def _quantization(raw: Any) -> Quantization | None:
    if raw is None or raw.scale is None or len(raw.scale) == 0:
        return None
    scales = tuple(map(float, raw.scale))
    points = _indices(raw.zeroPoint) or (0,) * len(scales)
    return Quantization(scales, points, int(raw.quantizedDimension or 0))


def _operator(index: int, raw: Any, code: Any) -> Operator:
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = _OPERATOR_NAMES.get(builtin, f"builtin {builtin}")
    if name == "CUSTOM" and code.customCode:
        name = f"CUSTOM:{code.customCode.decode('utf-8', 'replace')}"
    options = {} if raw.builtinOptions is None else dict(vars(raw.builtinOptions))
    inputs, outputs = _indices(raw.inputs), _indices(raw.outputs)
    return Operator(index, name, int(code.version), inputs, outputs, options)


def _at(values: list[Any] | None, index: int, what: str) -> Any:
    if index >= len(values or []):
        raise _UnusableError(f"is damaged: it has no {what} {index}")
    return (values or [])[index]


def _indices(values: Any) -> tuple[int, ...]:
    return () if values is None else tuple(map(int, values))
