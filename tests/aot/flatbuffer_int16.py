"""Operators that ``flatbuffer_models`` lacks: int16's own, and the way to and from floats."""

from __future__ import annotations

import numpy as np

from tests.aot.flatbuffer_models import ModelBuilder, Q, options

Q15 = Q.tensor(2.0**-15)


def softmax(b: ModelBuilder, x: int, beta: float = 1.0) -> int:
    y = b.tensor(b.shape(x), Q15, dtype=np.int16)
    b.operator("SOFTMAX", [x], [y], options("SoftmaxOptions", beta=beta), 3)
    return y


def sigmoid(b: ModelBuilder, name: str, x: int) -> int:
    """name: LOGISTIC or TANH."""
    y = b.tensor(b.shape(x), Q15, dtype=np.int16)
    b.operator(name, [x], [y], version=3)
    return y


def dequantize(b: ModelBuilder, x: int) -> int:
    y = b.tensor(b.shape(x), None, dtype=np.float32)
    b.operator("DEQUANTIZE", [x], [y], options("DequantizeOptions"), 2)
    return y


def note_bias_type(b: ModelBuilder, dtype: type[np.generic]) -> None:
    """What the converter notes in the last operator where it made no bias."""
    code = {np.int32: 2, np.int64: 4}[dtype]
    b.graph.operators[-1].builtinOptions.quantizedBiasType = code
