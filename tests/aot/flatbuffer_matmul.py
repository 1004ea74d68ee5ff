"""Builds BATCH_MATMUL; see flatbuffer_models."""

from __future__ import annotations

import numpy as np

from tests.aot.flatbuffer_models import Array, ModelBuilder, Q, options


def batch_matmul(
    b: ModelBuilder, left: int, right: int, q: Q, adj_x: bool = False, adj_y: bool = False
) -> int:
    def seen(index: int, transposed: bool) -> Array:
        zeros = np.zeros(b.shape(index))
        return zeros.swapaxes(-1, -2) if transposed else zeros

    shape = (seen(left, adj_x) @ seen(right, adj_y)).shape
    y = b.tensor(shape, q, dtype=b.dtype(left).type)
    settings = options("BatchMatMulOptions", adjX=adj_x, adjY=adj_y)
    b.operator("BATCH_MATMUL", [left, right], [y], settings, 4)
    return y
