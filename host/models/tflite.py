"""Reading a .tflite file into plain frozen values.

The schema comes from LiteRT's own package; nothing else in the program touches flatbuffers.
"""

from __future__ import annotations

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

OPERATOR_NAMES: dict[int, str] = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)
}
TYPE_NAMES: dict[int, str] = {
    code: name.lower() for name, code in vars(schema.TensorType).items() if isinstance(code, int)
}
TYPE_CODES: dict[str, int] = {name: code for code, name in TYPE_NAMES.items()}
# Only these have a fixed-size element that NumPy knows; a constant of another type stays None.
_NUMPY_TYPES: dict[str, type[np.generic]] = {
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
    "bool": np.bool_,
}


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
        return self.size * np.dtype(kind).itemsize if kind is not None else 0

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The NumPy type of an element.

        Raises:
            ModelError: NumPy has no such type.
        """
        kind = _NUMPY_TYPES.get(self.dtype)
        if kind is None:
            raise ModelError(f"tensor {self.index} ({self.name}) has type {self.dtype}")
        return np.dtype(kind)

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the largest real number that a quantized activation's codes stand for."""
        assert self.quantization is not None
        limits = np.iinfo(self.numpy_dtype)
        low, high = self.quantization.dequantize(np.array([limits.min, limits.max]))
        return float(low), float(high)

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
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        return _graph(content, model, origin)
    except ModelError:
        raise
    except Exception as error:  # the flatbuffers reader raises whatever the bytes lead it to
        raise ModelError(
            f"{origin} is damaged or truncated: {type(error).__name__}: {error}", _AGAIN
        ) from error


def as_array(content: bytes) -> npt.NDArray[np.uint8]:
    """A file's bytes as an array."""
    return np.frombuffer(content, np.uint8)


def _graph(content: bytes, model: Any, origin: str) -> Graph:
    if not model.subgraphs:
        raise ModelError(f"{origin} has no subgraph", _AGAIN)
    for entry in model.metadata or []:
        _at(model.buffers, entry.buffer, "buffer", origin)
    sub = model.subgraphs[0]
    tensors = tuple(
        _tensor(index, raw, model.buffers, content, origin)
        for index, raw in enumerate(sub.tensors or [])
    )
    operators = tuple(
        _operator(index, raw, model.operatorCodes, origin)
        for index, raw in enumerate(_list(sub.operators))
    )
    graph = Graph(
        content=content,
        tensors=tensors,
        operators=operators,
        inputs=_indices(sub.inputs),
        outputs=_indices(sub.outputs),
        subgraphs=len(model.subgraphs),
    )
    _check_indices(graph, origin)
    return graph


def _check_indices(graph: Graph, origin: str) -> None:
    if not graph.inputs or not graph.outputs:
        raise ModelError(f"{origin} has no inputs or no outputs")
    if not graph.operators:
        raise ModelError(f"{origin} has no operators")
    count = len(graph.tensors)
    used = [*graph.inputs, *graph.outputs]
    for operator in graph.operators:
        used += [i for i in operator.inputs if i != -1]
        used += operator.outputs
    if any(not 0 <= index < count for index in used):
        raise ModelError(f"{origin} is damaged: it refers to tensors that it does not have", _AGAIN)


def _tensor(index: int, raw: Any, buffers: list[Any] | None, content: bytes, origin: str) -> Tensor:
    name = (raw.name or b"").decode("utf-8", "replace")
    shape = _indices(raw.shape)
    dtype = TYPE_NAMES.get(raw.type, f"type {raw.type}")
    if any(d < 0 for d in shape):
        raise ModelError(
            f"{origin}: tensor {index} ({name}) has a negative dimension: {shape}", _AGAIN
        )
    if len(shape) > _MOST_DIMENSIONS:
        raise ModelError(f"{origin}: tensor {index} ({name}) has {len(shape)} dimensions", _AGAIN)
    quantization = _quantization(raw.quantization)
    bare = Tensor(index, name, dtype, shape, quantization, None, bool(raw.isVariable))
    buffer = _at(buffers, raw.buffer, "buffer", origin)
    tensor = replace(bare, data=_constant(bare, buffer, content, origin))
    if tensor.data is None and tensor.nbytes > _LARGEST_ACTIVATION:
        raise ModelError(
            f"{origin}: tensor {index} ({name}) of shape {shape} would take {tensor.nbytes:,} "
            "bytes of memory",
            "Convert with small fixed shapes, batch 1; where they are, copy the model again.",
        )
    return tensor


def _constant(tensor: Tensor, buffer: Any, content: bytes, origin: str) -> Array | None:
    kind = _NUMPY_TYPES.get(tensor.dtype)
    # Files over 2 GB keep constants behind the flatbuffer; offset 0 and 1 mean "not so".
    if buffer.offset and buffer.offset > 1:
        payload = as_array(content)[buffer.offset : buffer.offset + buffer.size]
    elif buffer.data is None or len(buffer.data) == 0:
        return None
    else:
        payload = buffer.data  # a view: many tensors may share one buffer
    if kind is None:
        return None
    if len(payload) != tensor.nbytes:
        raise ModelError(
            f"{origin} is damaged: tensor {tensor.index} ({tensor.name}) of shape "
            f"{tensor.shape} needs {tensor.nbytes} bytes, its buffer has {len(payload)}",
            _AGAIN,
        )
    array = np.frombuffer(payload, dtype=kind).reshape(tensor.shape)
    array.flags.writeable = False
    return array


def _quantization(raw: Any) -> Quantization | None:
    if raw is None or raw.scale is None or len(raw.scale) == 0:
        return None
    scales = tuple(float(s) for s in raw.scale)
    points = tuple(int(z) for z in _list(raw.zeroPoint)) or (0,) * len(scales)
    return Quantization(scales, points, int(raw.quantizedDimension or 0))


def _operator(index: int, raw: Any, codes: list[Any] | None, origin: str) -> Operator:
    code = _at(codes, raw.opcodeIndex, "operator code", origin)
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = OPERATOR_NAMES.get(builtin, f"builtin {builtin}")
    if name == "CUSTOM" and code.customCode:
        name = f"CUSTOM:{code.customCode.decode('utf-8', 'replace')}"
    options = vars(raw.builtinOptions) if raw.builtinOptions is not None else {}
    return Operator(
        index, name, int(code.version), _indices(raw.inputs), _indices(raw.outputs), dict(options)
    )


def _at(values: list[Any] | None, index: int, what: str, origin: str) -> Any:
    if index >= len(values or []):
        raise ModelError(f"{origin} is damaged: it has no {what} {index}", _AGAIN)
    return (values or [])[index]


def _list(values: Any) -> list[Any]:
    return [] if values is None else list(values)


def _indices(values: Any) -> tuple[int, ...]:
    return tuple(int(v) for v in _list(values))
