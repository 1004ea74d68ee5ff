"""What goes into a model: one value for each of its inputs, of any type; samples as codes."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from host.base.arrays import Array, CodeArray, FloatArray
from host.base.errors import ModelError
from host.models.dataset import Dataset
from host.models.tflite import Graph, Tensor

# One sample: the value of every input tensor in its full shape, in the order of graph.inputs.
Feed = tuple[Array, ...]


def single(graph: Graph, x: Array) -> list[Feed]:
    """The samples of a model of one input; ``x`` is [n, *its shape but the batch], of its type."""
    rows = np.ascontiguousarray(x)
    return [(row.reshape(graph.input.shape),) for row in rows]


def drawn(graph: Graph, n: int, seed: int) -> list[Feed]:
    """Random samples: integers uniform over their type, floats standard normal.

    For a model with one int8 input these are the samples of the data set ``random``.

    Raises:
        ModelError: an input of a type that cannot be drawn, or without a fixed shape.
    """
    random = np.random.default_rng(seed)
    columns = [_draw(random, n, graph.tensors[index]) for index in graph.inputs]
    return list(zip(*columns, strict=True))


def _draw(random: np.random.Generator, n: int, tensor: Tensor) -> Array:
    kind = tensor.numpy_dtype
    shape = (n, *tensor.shape)
    if math.prod(tensor.shape) == 0:
        raise ModelError(
            f"input {tensor.name!r} has open shape {tensor.shape}",
            "Convert with a fixed input shape.",
        )
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        return random.integers(limits.min, int(limits.max) + 1, shape, dtype=kind)
    if kind.kind == "f":
        return random.standard_normal(shape).astype(kind)
    if kind.kind == "b":
        return random.integers(0, 2, shape).astype(kind)
    raise ModelError(f"input {tensor.name!r} is {tensor.dtype}: no samples can be drawn for it")


def to_bytes(feeds: Sequence[Feed]) -> Iterator[bytes]:
    """Each sample as it travels to the device: the inputs, one after the other."""
    for feed in feeds:
        yield b"".join(np.ascontiguousarray(value).tobytes() for value in feed)


def quantize_samples(dataset: Dataset, graph: Graph) -> Array:
    """The samples as the model's input takes them, [n, …] of its type: codes, or real values.

    These are the very bytes that every executor of the .tflite gets.
    """
    tensor = graph.input
    if tensor.dtype == "float32":
        return real_samples(dataset, graph)
    return _spread(dataset.x, tensor) if dataset.raw else tensor.to_codes(dataset.x)


def real_samples(dataset: Dataset, graph: Graph) -> FloatArray:
    """The samples as float32 [n, …], for Keras; raw ones by the scale of the input's codes."""
    if not dataset.raw:
        return dataset.x.astype(np.float32)
    codes = graph.input_codes
    return codes.to_real(_spread(dataset.x, codes)).astype(np.float32)


def _spread(x: Array, tensor: Tensor) -> CodeArray:
    """Raw samples, int8, as codes of the tensor's type: from its least to its greatest."""
    limits = np.iinfo(tensor.numpy_dtype)
    codes = (x.astype(np.int32) + 128) * ((int(limits.max) - int(limits.min)) // 255)
    return (codes + limits.min).astype(tensor.numpy_dtype)
