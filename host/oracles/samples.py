"""Samples as the model's input takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from host.base.arrays import Array, FloatArray
from host.models.dataset import Dataset
from host.models.interface import input_codes
from host.models.tflite import Graph, Tensor

# Quantized values, of the tensor's own type: int8, uint8 or int16.
CodeArray = npt.NDArray[np.integer[Any]]


# --- quantized samples ------------------------------------------------------------------------


def quantize(values: Array, tensor: Tensor) -> CodeArray:
    """Codes of real values: round(x / scale) + zero point, clipped to the tensor's type.

    Halves round to even, as NumPy does in TensorFlow's own examples; in float64, so that the codes
    do not depend on the machine.
    """
    q = tensor.quantization
    assert q is not None  # check_graph has seen to it
    codes = np.round(values.astype(np.float64) / q.scale) + q.zero_point
    limits = np.iinfo(tensor.numpy_dtype)
    return np.clip(codes, limits.min, limits.max).astype(tensor.numpy_dtype)


def dequantize(codes: Array, tensor: Tensor) -> FloatArray:
    """Real values, float32, of codes: scale · (code − zero point)."""
    q = tensor.quantization
    assert q is not None
    return ((codes.astype(np.float64) - q.zero_point) * q.scale).astype(np.float32)


def quantize_samples(dataset: Dataset, graph: Graph) -> Array:
    """The samples as the model's input takes them, [n, …] of its type: codes, or real values.

    These are the very bytes that every executor of the .tflite gets.
    """
    tensor = graph.input
    if tensor.dtype == "float32":
        return real_samples(dataset, graph)
    return _spread(dataset.x, tensor) if dataset.raw else quantize(dataset.x, tensor)


def real_samples(dataset: Dataset, graph: Graph) -> FloatArray:
    """The samples as float32 [n, …], for Keras; raw ones by the scale of the input's codes."""
    if not dataset.raw:
        return dataset.x.astype(np.float32)
    codes = input_codes(graph)
    return dequantize(_spread(dataset.x, codes), codes)


def _spread(x: Array, tensor: Tensor) -> CodeArray:
    """Raw samples, int8, as codes of the tensor's type: from its least to its greatest."""
    limits = np.iinfo(tensor.numpy_dtype)
    codes = (x.astype(np.int32) + 128) * ((int(limits.max) - int(limits.min)) // 255)
    return (codes + limits.min).astype(tensor.numpy_dtype)
