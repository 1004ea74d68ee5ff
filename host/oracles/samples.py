"""Samples as the model's input takes them."""

from __future__ import annotations

import numpy as np

from host.base.arrays import Array, CodeArray, FloatArray
from host.models.dataset import Dataset
from host.models.interface import input_codes
from host.models.tflite import Graph, Tensor


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
    codes = input_codes(graph)
    return codes.to_real(_spread(dataset.x, codes)).astype(np.float32)


def _spread(x: Array, tensor: Tensor) -> CodeArray:
    """Raw samples, int8, as codes of the tensor's type: from its least to its greatest."""
    limits = np.iinfo(tensor.numpy_dtype)
    codes = (x.astype(np.int32) + 128) * ((int(limits.max) - int(limits.min)) // 255)
    return (codes + limits.min).astype(tensor.numpy_dtype)
