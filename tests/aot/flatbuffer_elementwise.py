"""Adds element-wise operators to a model under construction, as in ``flatbuffer_models``."""

from __future__ import annotations

import numpy as np

from tests.aot.flatbuffer_models import ModelBuilder, Q, options

_OPTIONS = {
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
}


def binary(
    b: ModelBuilder, name: str, x: int, other: int, q: Q, activation: int | None = None
) -> int:
    """An activation only where the operator has one."""
    shape = np.broadcast_shapes(b.shape(x), b.shape(other))
    y = b.tensor(shape, q, dtype=b.dtype(x).type)
    values = {} if activation is None else {"fusedActivationFunction": activation}
    settings = options(_OPTIONS[name], **values) if name in _OPTIONS else None
    b.operator(name, [x, other], [y], settings, 2)
    return y


def unary(b: ModelBuilder, name: str, x: int, q: Q) -> int:
    y = b.tensor(b.shape(x), q)
    b.operator(name, [x], [y], None, 2)
    return y


def leaky_relu(b: ModelBuilder, x: int, alpha: float, q: Q) -> int:
    y = b.tensor(b.shape(x), q)
    b.operator("LEAKY_RELU", [x], [y], options("LeakyReluOptions", alpha=alpha), 2)
    return y
