"""Builds ARG_MAX and ARG_MIN; see flatbuffer_models."""

from __future__ import annotations

import numpy as np

from tests.aot.flatbuffer_models import ModelBuilder, options


def arg(b: ModelBuilder, name: str, x: int, axis: int) -> int:
    """name: ARG_MAX or ARG_MIN. The output is int32."""
    shape = np.zeros(b.shape(x)).argmax(axis).shape
    y = b.tensor(shape, None, dtype=np.int32)
    kind = {"ARG_MAX": "ArgMaxOptions", "ARG_MIN": "ArgMinOptions"}[name]
    inputs = [x, b.constant(np.array(axis, np.int32))]
    b.operator(name, inputs, [y], options(kind, outputType=b.graph.tensors[y].type))
    return y
